//! The Kafka nodes of one cluster as processes of this machine: one folder per cluster with keys, data, logs and a record of what
//! runs, so that a new stand-in finds the processes of the last one again.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::format::is_formatted;
use super::properties::{CONTROL, REPLICATION};
use crate::process::{self, Handle};

/// What is kept of a cluster over a restart of the stand-in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Record {
    pub uid: String,
    pub cluster_id: String,
    pub nodes: BTreeMap<i32, NodeRecord>,
}

/// What is kept of a node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NodeRecord {
    pub pod: String,
    pub controller: bool,
    /// Ports on 127.0.0.1 by Kafka's listener name; kept for the node's life.
    pub ports: BTreeMap<String, u16>,
    pub process: Option<Handle>,
    /// Version the process runs.
    pub version: String,
    /// Its configuration, dynamic changes included.
    pub properties: BTreeMap<String, String>,
    /// A fingerprint of its certificates.
    pub keys: String,
}

impl NodeRecord {
    pub fn alive(&self) -> bool {
        self.process.is_some_and(Handle::alive)
    }
}

/// One cluster's folder and record.
#[derive(Debug)]
pub struct Nodes {
    pub folder: PathBuf,
    record: Mutex<Record>,
    /// Held by whoever changes what runs.
    pub work: tokio::sync::Mutex<()>,
    /// Set when the Kafka is gone: from then on nothing is started.
    closed: AtomicBool,
    /// Set when the brokers have been seen to serve.
    pub serves: AtomicBool,
}

impl Nodes {
    /// Opens or makes the folder of a Kafka. What another Kafka of the same name left (`uid` differs) is stopped and removed.
    pub fn open(folder: PathBuf, uid: &str) -> Result<Self> {
        let mut record = read(&folder)?.unwrap_or_default();
        if record.uid != uid {
            stop_all(record.nodes.values(), Duration::ZERO)?;
            if folder.exists() {
                std::fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
            }
            record = Record { uid: uid.to_owned(), ..Record::default() };
        }
        std::fs::create_dir_all(folder.join("pki")).with_context(|| format!("make {}", folder.display()))?;
        Ok(Self { folder, record: Mutex::new(record), work: tokio::sync::Mutex::default(), closed: false.into(), serves: false.into() })
    }

    /// Whether the Kafka is gone.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Runs `change` on the record and writes it.
    pub fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> Result<T> {
        let mut record = self.record.lock().map_err(|_| anyhow::anyhow!("lock the record of {}", self.folder.display()))?;
        let result = change(&mut record);
        if !self.is_closed() {
            let text = serde_json::to_vec_pretty(&*record)?;
            crate::pki::write_private(&self.folder.join("record.json.new"), &String::from_utf8_lossy(&text))?;
            std::fs::rename(self.folder.join("record.json.new"), self.folder.join("record.json")).context("put the record in place")?;
        }
        Ok(result)
    }

    pub fn record(&self) -> Record {
        self.record.lock().map(|r| r.clone()).unwrap_or_default()
    }

    /// Ports for a node's listeners: those it has, and free ones for the rest.
    pub fn ports(&self, id: i32, pod: &str, controller: bool, broker: bool, listeners: &[String]) -> Result<BTreeMap<String, u16>> {
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        if controller {
            wanted.insert(CONTROL.to_owned());
        }
        if broker {
            wanted.insert(REPLICATION.to_owned());
            wanted.extend(listeners.iter().cloned());
        }
        let mut ports = self.record().nodes.get(&id).map(|n| n.ports.clone()).unwrap_or_default();
        ports.retain(|name, _| wanted.contains(name));
        for name in wanted {
            if let Entry::Vacant(missing) = ports.entry(name) {
                missing.insert(free_port()?);
            }
        }
        self.change(|record| {
            let node = record.nodes.entry(id).or_default();
            (node.pod, node.controller, node.ports) = (pod.to_owned(), controller, ports.clone());
        })?;
        Ok(ports)
    }

    /// Writes a key or certificate under `pki/<secret>/<key>`, where the configuration looks for it.
    pub fn write_secret(&self, secret: &str, values: &BTreeMap<String, String>) -> Result<()> {
        let folder = self.folder.join("pki").join(secret);
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        values.iter().try_for_each(|(key, text)| crate::pki::write_private(&folder.join(key), text))
    }

    /// Writes the configuration of a node and has Kafka's tool make its folders ready, where they are not. Where the configuration is.
    pub fn format(&self, start: &Start) -> Result<PathBuf> {
        let folder = self.folder_of(start);
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let config = folder.join("server.properties");
        crate::pki::write_private(&config, &super::properties::to_text(&start.properties))?;
        if !is_formatted(start) {
            let mut format = start.distribution.format(&config, &self.record().cluster_id, start.metadata.as_deref());
            crate::command::run(&mut format, &format!("format the folders of {}", start.pod), || {})?;
        }
        Ok(config)
    }

    fn folder_of(&self, start: &Start) -> PathBuf {
        self.folder.join("nodes").join(&start.pod)
    }

    /// Formats (when needed) and starts a node.
    pub fn start(&self, id: i32, start: &Start) -> Result<()> {
        let config = self.format(start)?;
        let folder = self.folder_of(start);
        ensure!(!self.is_closed(), "start {}: the Kafka is gone", start.pod);
        let recipe = start.distribution.recipe(&config, folder.join("log"));
        tracing::info!("start {}", start.pod);
        self.change(|record| -> Result<()> {
            let node = record.nodes.entry(id).or_default();
            node.process = Some(recipe.start(&folder)?);
            node.version.clone_from(&start.version);
            node.properties.clone_from(&start.properties);
            node.keys.clone_from(&start.keys);
            Ok(())
        })?
    }

    /// Stops one node in order.
    pub fn stop(&self, id: i32) -> Result<()> {
        let Some(process) = self.record().nodes.get(&id).and_then(|n| n.process) else { return Ok(()) };
        process::stop(&[process], Duration::from_secs(30))
    }

    /// Stops a node for good and removes its data.
    pub fn remove(&self, id: i32) -> Result<()> {
        self.stop(id)?;
        let Some(node) = self.change(|record| record.nodes.remove(&id))? else { return Ok(()) };
        remove_if_there(&self.folder.join("nodes").join(node.pod))
    }

    /// The last lines a node wrote.
    pub fn log_tail(&self, pod: &str) -> String {
        let text = std::fs::read(self.folder.join("nodes").join(pod).join("log")).unwrap_or_default();
        crate::command::tail(&String::from_utf8_lossy(&text), 8)
    }

    /// Stops all nodes at once: brokers first, as they hand over their partitions to the controllers' knowledge.
    pub fn shut_down(&self) -> Result<()> {
        self.closed.store(true, Ordering::SeqCst);
        let record = self.record();
        let (controllers, brokers): (Vec<_>, Vec<_>) = record.nodes.values().partition(|n| n.controller);
        stop_all(brokers.into_iter(), Duration::from_secs(5))?;
        stop_all(controllers.into_iter(), Duration::from_secs(2))
    }

    /// Ends all nodes without ceremony and removes the folder: the Kafka is gone.
    pub fn destroy(&self) -> Result<()> {
        self.closed.store(true, Ordering::SeqCst);
        stop_all(self.record().nodes.values(), Duration::ZERO)?;
        remove_if_there(&self.folder)
    }
}

/// What a node is started with.
#[derive(Debug, Clone)]
pub struct Start {
    pub pod: String,
    pub version: String,
    pub distribution: Distribution,
    pub properties: BTreeMap<String, String>,
    pub metadata: Option<String>,
    pub keys: String,
}

/// The record in a folder, if there is one.
pub fn read(folder: &Path) -> Result<Option<Record>> {
    match std::fs::read(folder.join("record.json")) {
        Ok(text) => serde_json::from_slice(&text).map(Some).with_context(|| format!("read the record in {}", folder.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("read the record in {}", folder.display())),
    }
}

fn stop_all<'a>(nodes: impl Iterator<Item = &'a NodeRecord>, grace: Duration) -> Result<()> {
    let processes: Vec<Handle> = nodes.filter_map(|n| n.process).filter(|p| p.alive()).collect();
    process::stop(&processes, grace)
}

fn remove_if_there(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).with_context(|| format!("remove {}", folder.display())),
        _ => Ok(()),
    }
}

/// A port nobody listens on, below those of outgoing connections, not given out before by this process.
fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let started = Instant::now();
    if NEXT.load(Ordering::SeqCst) == 0 {
        // Another operator, in another process, looks at other ports.
        let hash = RandomState::new().hash_one(std::process::id()) % 12_000;
        let seed = u16::try_from(hash).unwrap_or_default();
        NEXT.store(20_000 + seed, Ordering::SeqCst);
    }
    while started.elapsed() < Duration::from_secs(5) {
        let port = NEXT.fetch_add(1, Ordering::SeqCst);
        if port >= 32_000 {
            NEXT.store(20_000, Ordering::SeqCst);
            continue;
        }
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("find a free port between 20000 and 32000 on 127.0.0.1")
}
