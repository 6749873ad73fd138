//! A client that keeps producing whatever happens to brokers, and knows what was confirmed to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use kaas_lab::kafka::{Client, Error};
use tokio::task::JoinHandle;

use super::world::World;

/// How long one message may take: as long as a client with default settings tries (`delivery.timeout.ms`).
const DELIVERY: Duration = Duration::from_secs(120);

/// A running producer of the numbers 0, 1, 2 … into partitions in turn.
pub struct Producer {
    stop: Arc<AtomicBool>,
    confirmed: Arc<AtomicU64>,
    work: JoinHandle<Result<()>>,
}

impl Producer {
    /// Starts it. A message whose confirmation is lost with its connection is sent again: it may be there twice, and never not.
    pub fn start(world: &Arc<World>, roots: &str, topic: &'static str, partitions: u64) -> Self {
        let (stop, confirmed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (world, roots, stopped, count) = (world.clone(), roots.to_owned(), stop.clone(), confirmed.clone());
        let work = tokio::spawn(async move {
            let mut client = None;
            while !stopped.load(Ordering::SeqCst) {
                let number = count.load(Ordering::SeqCst);
                let partition = i32::try_from(number % partitions)?;
                deliver(&world, &roots, &mut client, topic, partition, number).await?;
                count.store(number + 1, Ordering::SeqCst);
            }
            Ok(())
        });
        Self { stop, confirmed, work }
    }

    /// How many are confirmed.
    pub fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::SeqCst)
    }

    /// Waits for `more` to be confirmed.
    pub async fn go_on(&self, more: u64) -> Result<()> {
        let (until, started) = (self.confirmed() + more, Instant::now());
        while self.confirmed() < until {
            if self.work.is_finished() || started.elapsed() > DELIVERY {
                bail!("the producer stands at {} instead of {until}", self.confirmed());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends it and says how many were confirmed.
    pub async fn end(self) -> Result<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.work.await??;
        Ok(self.confirmed.load(Ordering::SeqCst))
    }
}

async fn deliver(world: &World, roots: &str, client: &mut Option<Client>, topic: &str, partition: i32, number: u64) -> Result<()> {
    let started = Instant::now();
    loop {
        let sent = send(world, roots, client, topic, partition, number).await;
        match sent {
            Ok(()) => return Ok(()),
            // 5 and 6 no leader or another, 7 request timed out, 19 and 20 not enough replicas.
            Err(error) if (error.passing() || matches!(error.code(), Some(5 | 6 | 7 | 19 | 20))) && started.elapsed() < DELIVERY => {
                *client = None
            }
            Err(error) => return Err(error).with_context(|| format!("produce {number}")),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn send(world: &World, roots: &str, client: &mut Option<Client>, topic: &str, partition: i32, number: u64) -> Result<(), Error> {
    if client.is_none() {
        *client = Some(world.client(roots).await?);
    }
    if let Some(client) = client {
        client.produce(topic, partition, &[Bytes::from(number.to_string())]).await?;
    }
    Ok(())
}
