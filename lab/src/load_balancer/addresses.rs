//! Which Service has which address: drawn once, kept in a file, and claimed while it is in use, so that labs that run at once do not meet.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::forward::{Forward, Rules};
use crate::record;

/// The first address and the number of bits that are drawn: 127.64.0.0/10.
const FIRST: u32 = Ipv4Addr::new(127, 64, 0, 0).to_bits();
const DRAWN_BITS: u32 = 22;
/// The UDP port by which an address is claimed as a whole. Services are TCP and cannot meet it.
const CLAIM_PORT: u16 = 18_473;
const DRAWS: u32 = 100;

/// What is kept of a Service.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    /// The kubeconfig of its cluster.
    cluster: PathBuf,
    address: Ipv4Addr,
}

/// By the uid of the Service.
type Record = BTreeMap<String, Kept>;

/// All load balancers of this process.
pub struct Balancers {
    file: PathBuf,
    work: Mutex<Work>,
}

struct Work {
    record: Record,
    forwards: HashMap<String, Forward>,
}

impl Balancers {
    /// Those of the file; none listens yet.
    pub fn open(file: PathBuf) -> Result<Arc<Self>> {
        let record = record::read(&file)?.unwrap_or_default();
        Ok(Arc::new(Self { file, work: Mutex::new(Work { record, forwards: HashMap::new() }) }))
    }

    /// Gives the Service an address, unless it has one, and listens there as told.
    ///
    /// # Errors
    /// When no address is free, or one that is kept or its port is taken by another.
    pub async fn serve(&self, cluster: &Path, uid: &str, ports: &BTreeSet<u16>, rules: Rules) -> Result<Ipv4Addr> {
        let mut work = self.work.lock().await;
        let Work { record, forwards } = &mut *work;
        if !forwards.contains_key(uid) {
            let forward = if let Some(kept) = record.get(uid) {
                Forward::new(kept.address, claim(kept.address).with_context(|| format!("take the address {} again", kept.address))?)
            } else {
                let forward = draw()?;
                record.insert(uid.to_owned(), Kept { cluster: cluster.to_owned(), address: forward.address() });
                record::write(&self.file, record)?;
                forward
            };
            forwards.insert(uid.to_owned(), forward);
        }
        let forward = forwards.get_mut(uid).context("find the load balancer just made")?;
        forward.set(ports, rules).await?;
        Ok(forward.address())
    }

    /// Ends the load balancer of a Service and frees its address.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub async fn end(&self, uid: &str) -> Result<()> {
        self.retain(|other, _| other != uid).await
    }

    /// Ends all load balancers of a cluster but those of the Services that are there.
    ///
    /// # Errors
    /// As [`Balancers::end`].
    pub async fn keep_services(&self, cluster: &Path, there: &HashSet<String>) -> Result<()> {
        self.retain(|uid, kept| kept.cluster != cluster || there.contains(uid)).await
    }

    /// Ends all load balancers but those of clusters that are there.
    ///
    /// # Errors
    /// As [`Balancers::end`].
    pub async fn keep_clusters(&self, there: &BTreeSet<PathBuf>) -> Result<()> {
        self.retain(|_, kept| there.contains(&kept.cluster)).await
    }

    async fn retain(&self, keep: impl Fn(&str, &Kept) -> bool) -> Result<()> {
        let mut work = self.work.lock().await;
        let Work { record, forwards } = &mut *work;
        let before = record.len();
        record.retain(|uid, kept| {
            let stays = keep(uid, kept);
            if !stays {
                tracing::info!("{} is free again", kept.address);
            }
            stays
        });
        forwards.retain(|uid, _| record.contains_key(uid));
        if record.len() < before { record::write(&self.file, record) } else { Ok(()) }
    }
}

fn claim(address: Ipv4Addr) -> std::io::Result<UdpSocket> {
    UdpSocket::bind((address, CLAIM_PORT))
}

fn draw() -> Result<Forward> {
    let mut last = None;
    for _ in 0..DRAWS {
        let mut bytes = [0; 4];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("draw an address"))?;
        let address = Ipv4Addr::from_bits(FIRST | (u32::from_be_bytes(bytes) >> (32 - DRAWN_BITS)));
        // They look like the address of a network and of everybody in it.
        if matches!(address.octets()[3], 0 | 255) {
            continue;
        }
        match claim(address) {
            Ok(claim) => return Ok(Forward::new(address, claim)),
            Err(error) => last = Some(error),
        }
    }
    bail!("find a free address in 127.64.0.0/10: {last:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_kept_over_a_restart_and_is_no_others_while_it_is_in_use() {
        let place = tempfile::tempdir().unwrap();
        let (file, cluster, none) = (place.path().join("addresses.json"), PathBuf::from("c"), BTreeSet::new());
        let first = Balancers::open(file.clone()).unwrap();
        let address = first.serve(&cluster, "a", &none, Rules::default()).await.unwrap();
        assert_eq!(address.to_bits() >> DRAWN_BITS, FIRST >> DRAWN_BITS, "{address}");
        assert!(claim(address).is_err(), "another may take {address}");
        let again = Balancers::open(file.clone()).unwrap();
        assert!(again.serve(&cluster, "a", &none, Rules::default()).await.is_err());
        drop(first);
        assert_eq!(again.serve(&cluster, "a", &none, Rules::default()).await.unwrap(), address);
        assert_ne!(again.serve(&cluster, "b", &none, Rules::default()).await.unwrap(), address);
        again.keep_services(&cluster, &HashSet::from(["b".to_owned()])).await.unwrap();
        assert!(claim(address).is_ok());
        again.keep_clusters(&BTreeSet::new()).await.unwrap();
        assert!(record::read::<Record>(&file).unwrap().unwrap().is_empty());
    }
}
