//! Over how many connections a server is reached, and what comes of one that falls silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use kaas::domain::object::{Kind, ObjectRef};
use kaas::drivers::kubernetes::{Cluster, KubernetesConfig, Probe, Propagation, Waited};
use kaas_lab::{Lab, TemporaryLab, block_on};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{config_map, connect};

/// Stands before an API server, counts the connections, and can fall silent as a firewall does that forgot them: neither side is told.
#[derive(Clone, Default)]
struct Door {
    opened: Arc<AtomicUsize>,
    /// The first so many connections carry nothing.
    silent: Arc<AtomicUsize>,
}

impl Door {
    /// A client that goes through a new door.
    async fn before(lab: &Lab) -> Result<(Self, Cluster)> {
        let (door, url) = (Self::default(), lab.url());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let file = lab.folder().join("door.kubeconfig");
        let kubeconfig = std::fs::read_to_string(lab.kubeconfig())?;
        anyhow::ensure!(kubeconfig.contains(&url), "{url} is not in the kubeconfig");
        std::fs::write(&file, kubeconfig.replace(&url, &format!("https://{}", listener.local_addr()?)))?;
        tokio::spawn(door.clone().serve(listener, url.trim_start_matches("https://").to_owned()));
        let config_path = Some(file.display().to_string());
        Ok((door, Cluster::connect(&KubernetesConfig { config_path, ..KubernetesConfig::default() })?))
    }

    async fn serve(self, listener: TcpListener, server: String) -> Result<()> {
        loop {
            let (client, _) = listener.accept().await?;
            let number = self.opened.fetch_add(1, Ordering::SeqCst);
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = TcpStream::connect(&server).await?.into_split();
            tokio::spawn(self.clone().carry(number, from_client, to_server));
            tokio::spawn(self.clone().carry(number, from_server, to_client));
        }
    }

    async fn carry(self, number: usize, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut bytes).await?;
            if read == 0 {
                return Ok(to.shutdown().await?);
            }
            if number >= self.silent.load(Ordering::SeqCst) {
                to.write_all(&bytes[..read]).await?;
            }
        }
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

#[test]
fn everything_goes_over_one_connection_and_over_another_once_that_falls_silent() {
    let lab = TemporaryLab::up("connections", true).unwrap();
    block_on(async {
        let (door, cluster) = Door::before(&lab).await?;
        let names: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
        let object = |name: &String| ObjectRef::namespaced(Kind::ConfigMap, "default", name);
        // On a busy machine the first answer may take longer than the others wait for its connection.
        cluster.version().await?;
        try_join_all(names.iter().map(|name| {
            let (cluster, object) = (cluster.clone(), object(name));
            async move { cluster.get(&object).await }
        }))
        .await?;
        let watched = config_map("watched", json!({ "state": "new" }));
        cluster.apply(&watched).await?;
        let never = CancellationToken::new();
        let waiting = cluster.wait(&watched.object, Instant::now() + Duration::from_secs(90), &never, |found| {
            if found.is_some_and(|found| found["data"]["state"] == "ready") { Probe::Done(()) } else { Probe::Pending("new".into()) }
        });
        let mut waiting = std::pin::pin!(waiting);
        assert!(timeout(Duration::from_secs(2), &mut waiting).await.is_err(), "it cannot be ready yet");
        cluster.list(Kind::ConfigMap, None, None).await?;
        assert_eq!(door.opened(), 1, "40 reads at once, a write, a watch and a list take one connection");

        door.silent.store(1, Ordering::SeqCst);
        connect(&lab).apply(&config_map("watched", json!({ "state": "ready" }))).await?;
        let (waited, read) = tokio::join!(waiting, cluster.get(&watched.object));
        assert_eq!(waited?, Waited::Done(()));
        assert_eq!(read?.map(|found| found["data"]["state"].clone()), Some(json!("ready")));
        // Who asks at the same moment opens one each; the first of them carries the rest.
        assert!((2..=3).contains(&door.opened()), "{} connections", door.opened());
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}

/// An API server answers a hundred requests at once on a connection, and a wait takes as long as it takes.
#[test]
fn many_who_wait_leave_room_for_others_on_the_connection() {
    let lab = TemporaryLab::up("many", true).unwrap();
    block_on(async {
        let (door, cluster) = Door::before(&lab).await?;
        let names: Vec<String> = (0..150).map(|number| format!("w{number}")).collect();
        let manifests: Vec<_> = names.iter().map(|name| config_map(name, json!({}))).collect();
        for manifest in &manifests {
            cluster.apply(manifest).await?;
        }
        let never = CancellationToken::new();
        let deadline = Instant::now() + Duration::from_secs(120);
        let waits = try_join_all(manifests.iter().map(|manifest| cluster.wait_gone(&manifest.object, deadline, &never)));
        let others = async {
            // Until all of them wait.
            tokio::time::sleep(Duration::from_secs(5)).await;
            let begun = Instant::now();
            for manifest in &manifests {
                cluster.delete(&manifest.object, Propagation::Background).await?;
            }
            Ok::<_, kaas::drivers::kubernetes::Error>(begun.elapsed())
        };
        let (waited, took) = tokio::join!(waits, others);
        assert!(waited?.iter().all(|waited| *waited == Waited::Done(())));
        assert!(took? < Duration::from_secs(30), "requests waited behind the watches");
        assert_eq!(door.opened(), 1);
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}
