//! Processes that die come back, and none outlives the lab.

use std::time::Duration;

use anyhow::{Result, ensure};
use kaas_lab::dns::controllers::Controller;
use kaas_lab::{Server, process};
use serde_json::json;

use super::world::{World, until, verify};

#[tokio::test]
async fn controllers_come_back_and_servers_are_started_anew() -> Result<()> {
    let mut world = World::up("dns-restart").await?;
    for controller in Controller::ALL {
        let folder = world.dns.folder(controller);
        let running = async || {
            let found = process::marked(&folder);
            Ok(if found.is_empty() { Err("none".to_owned()) } else { Ok(found) })
        };
        let before = until(controller.name(), running).await?;
        ensure!(before.len() == 1, "{before:?}");
        process::stop(&before, Duration::from_secs(10))?;
        let after = until(&format!("{} again", controller.name()), running).await?;
        ensure!(after != before);
    }

    // They outlive the server that keeps them, which finds them again.
    world.lab.stop(Server::Dns)?;
    let kept: Vec<_> = Controller::ALL.iter().flat_map(|controller| process::marked(&world.dns.folder(*controller))).collect();
    ensure!(kept.len() == 2, "{kept:?}");
    world.lab.restart(Server::Dns)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(kept.iter().all(|process| process.alive()), "both go on");

    // A new ACME server knows no account and signs by another root.
    let before = world.dns.acme_root()?;
    world.lab.restart(Server::Pebble)?;
    ensure!(world.dns.acme_root()? != before);

    let name = world.name("bootstrap.pay");
    world.cluster.load_balancer("bootstrap", &name, json!({"ip": "127.64.0.7"})).await?;
    world.resolves(&name, &["127.64.0.7"]).await?;
    world.cluster.issuer(&world.dns, "kaas-pay", json!({})).await?;
    world.cluster.certificate("pay-tls", "kaas-pay", &world.name("pay")).await?;
    verify(&world.cluster.ready("pay-tls").await?, &world.dns.acme_root()?, &name)?;

    let folder = world.lab.folder().to_owned();
    world.lab.down()?;
    ensure!(process::marked(&folder).is_empty() && !folder.exists(), "nothing is left");
    Ok(())
}
