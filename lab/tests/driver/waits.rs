//! Waits: done, at the deadline, stopped, across a restart of the server, and what holds a deletion.

use std::time::Duration;

use kaas::domain::object::ObjectRef;
use kaas::drivers::kubernetes::{Cluster, Error, Probe, Propagation, Waited};
use kaas_lab::{Server, TemporaryLab, block_on};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{config_map, connect};

/// Waits until `data.state` is `wanted`.
async fn state(
    cluster: &Cluster,
    object: &ObjectRef,
    wanted: &str,
    limit: Duration,
    stop: &CancellationToken,
) -> Result<Waited<()>, Error> {
    cluster
        .wait(object, Instant::now() + limit, stop, |found| match found.map(|found| &found["data"]["state"]) {
            None => Probe::Pending("it does not exist".to_owned()),
            Some(state) if state == wanted => Probe::Done(()),
            Some(state) => Probe::Pending(format!("it is {state}")),
        })
        .await
}

#[test]
fn a_wait_ends_when_done_at_its_deadline_or_when_the_user_stops() {
    let lab = TemporaryLab::up("waits", true).unwrap();
    let cluster = connect(&lab);
    let manifest = config_map("watched", json!({ "state": "new" }));
    let object = &manifest.object;
    block_on(async {
        let never = CancellationToken::new();
        let short = Duration::from_millis(800);
        assert_eq!(
            state(&cluster, object, "ready", short, &never).await?,
            Waited::DeadlinePassed { last_seen: "it does not exist".into() }
        );
        cluster.apply(&manifest).await?;
        assert_eq!(state(&cluster, object, "ready", short, &never).await?, Waited::DeadlinePassed { last_seen: "it is \"new\"".into() });

        let stop = CancellationToken::new();
        let (waited, ()) = tokio::join!(state(&cluster, object, "ready", Duration::from_secs(60), &stop), async {
            tokio::time::sleep(short).await;
            stop.cancel();
        });
        assert_eq!(waited?, Waited::Stopped { last_seen: "it is \"new\"".into() });

        let begun = Instant::now();
        let (waited, changed) = tokio::join!(state(&cluster, object, "ready", Duration::from_secs(60), &never), async {
            tokio::time::sleep(short).await;
            cluster.apply(&config_map("watched", json!({ "state": "ready" }))).await
        });
        changed?;
        assert_eq!(waited?, Waited::Done(()));
        assert!(begun.elapsed() < short + Duration::from_secs(5), "told by the watch, not by asking again");
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}

#[test]
fn a_wait_goes_on_after_the_server_restarted() {
    let lab = TemporaryLab::up("restart", true).unwrap();
    let cluster = connect(&lab);
    let manifest = config_map("watched", json!({ "state": "new" }));
    block_on(async { Ok(cluster.apply(&manifest).await?) }).unwrap();
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            block_on(async {
                Ok(state(&connect(&lab), &manifest.object, "ready", Duration::from_secs(120), &CancellationToken::new()).await?)
            })
        });
        std::thread::sleep(Duration::from_secs(1));
        let mut same = kaas_lab::Lab::open(lab.folder()).unwrap().unwrap();
        same.restart(Server::Apiserver).unwrap();
        assert!(!waiting.is_finished(), "the wait did not survive the restart");
        block_on(async { Ok(connect(&lab).apply(&config_map("watched", json!({ "state": "ready" }))).await?) }).unwrap();
        waiting.join().unwrap()
    });
    assert_eq!(waited.unwrap(), Waited::Done(()));
    // The guard knows the folder, by which it finds the restarted server too.
    lab.down().unwrap();
}

#[test]
fn what_holds_a_deletion_is_named() {
    let lab = TemporaryLab::up("finalizer", true).unwrap();
    let cluster = connect(&lab);
    let mut manifest = config_map("held", json!({}));
    manifest.body["metadata"]["finalizers"] = json!(["example.com/holds-it"]);
    block_on(async {
        let stop = CancellationToken::new();
        let gone = |limit: Duration| cluster.wait_gone(&manifest.object, Instant::now() + limit, &stop);
        cluster.apply(&manifest).await?;
        assert_eq!(gone(Duration::from_millis(500)).await?, Waited::DeadlinePassed { last_seen: "it is not being deleted".into() });
        assert!(cluster.delete(&manifest.object, Propagation::Background).await?);
        let Waited::DeadlinePassed { last_seen } = gone(Duration::from_millis(500)).await? else {
            panic!("gone in spite of its finalizer")
        };
        assert!(last_seen.contains("example.com/holds-it"), "{last_seen}");
        cluster.patch(&manifest.object, &json!({ "metadata": { "finalizers": null } })).await?;
        assert_eq!(gone(Duration::from_secs(20)).await?, Waited::Done(()));
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}
