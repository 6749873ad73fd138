//! The servers of one tenant's Kubernetes: made, started, found again and stopped. What is known of them stands in a file beside their keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Options;
use super::objects::Owner;
use crate::control_plane::ControlPlane;
use crate::process::{self, Handle, Recipe};
use crate::{pki, ports, record};

const RECORD: &str = "tenant.json";
const APISERVER: &str = "kube-apiserver";
const CONTROLLERS: &str = "kube-controller-manager";
/// How long a server may take to end by itself. What it has is in etcd.
const GRACE: Duration = Duration::from_secs(5);

/// What is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    /// Of the Cluster.
    uid: String,
    apiserver_port: u16,
    controllers_port: u16,
    apiserver: Option<Handle>,
    controllers: Option<Handle>,
}

/// A tenant's servers.
pub struct Tenant {
    folder: PathBuf,
    record: Record,
    control_plane: ControlPlane,
    programs: [PathBuf; 2],
}

impl Tenant {
    /// The servers of `owner`, with keys and ports; made if there are none. None is started.
    pub fn open(options: &Options, owner: &Owner) -> Result<Self> {
        let folder = options.data_dir.join(owner.folder());
        let record = match record::read::<Record>(&folder.join(RECORD))? {
            Some(record) if record.uid == owner.uid => record,
            // Of an earlier cluster of the name whose end nobody saw, or of a beginning that broke off.
            _ => {
                process::clear(&folder, GRACE)?;
                Self::make(options, owner, &folder)?
            }
        };
        let control_plane = place(&folder, options.etcd, owner, record.apiserver_port, record.controllers_port);
        Ok(Self { folder, record, control_plane, programs: [options.apiserver.clone(), options.controllers.clone()] })
    }

    fn make(options: &Options, owner: &Owner, folder: &Path) -> Result<Record> {
        let [apiserver_port, controllers_port] = ports::free()?;
        let control_plane = place(folder, options.etcd, owner, apiserver_port, controllers_port);
        for folder in [&control_plane.apiserver_data, &control_plane.controllers_data] {
            std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        let admin = pki::make(&control_plane.pki)?;
        let kubeconfig = control_plane.kubeconfig_text(&owner.name, &admin);
        pki::write_private(&control_plane.kubeconfig, &serde_norway::to_string(&kubeconfig)?)?;
        let record = Record { uid: owner.uid.clone(), apiserver_port, controllers_port, apiserver: None, controllers: None };
        record::write(&folder.join(RECORD), &record)?;
        Ok(record)
    }

    /// The port of its API on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.record.apiserver_port
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> Result<String> {
        let file = &self.control_plane.kubeconfig;
        std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))
    }

    /// Certificate and key of its authority.
    pub fn authority(&self) -> Result<[String; 2]> {
        let read = |name: &str| {
            let file = self.control_plane.pki.join(name);
            std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
        };
        Ok([read("ca.crt")?, read("ca.key")?])
    }

    /// Starts what does not run: the API server, and once that answers its controllers.
    ///
    /// # Errors
    /// When a server cannot be started or does not answer yet, with the reason.
    pub fn run(&mut self) -> Result<()> {
        self.stop_strangers()?;
        if !self.record.apiserver.is_some_and(Handle::alive) {
            self.record.apiserver = Some(self.start(APISERVER)?);
            record::write(&self.folder.join(RECORD), &self.record)?;
        }
        self.control_plane.apiserver_health().context("wait for the tenant's kube-apiserver")?;
        if !self.record.controllers.is_some_and(Handle::alive) {
            self.record.controllers = Some(self.start(CONTROLLERS)?);
            record::write(&self.folder.join(RECORD), &self.record)?;
        }
        Ok(())
    }

    /// Stops the servers and keeps their keys and data.
    pub fn stop(&mut self) -> Result<()> {
        let controllers: Vec<Handle> = self.record.controllers.take().into_iter().collect();
        process::stop(&controllers, GRACE)?;
        process::stop_marked(&self.folder, GRACE)?;
        self.record.apiserver = None;
        record::write(&self.folder.join(RECORD), &self.record)
    }

    fn start(&self, server: &str) -> Result<Handle> {
        let (program, args) = if server == APISERVER {
            (&self.programs[0], self.control_plane.apiserver_args())
        } else {
            (&self.programs[1], self.control_plane.controllers_args())
        };
        let log = self.folder.join(format!("{server}.log"));
        tracing::info!("starting {server} in {}", self.folder.display());
        Recipe { program: program.clone(), args, env: BTreeMap::new(), log }.start(&self.folder)
    }

    /// Processes that were started and not written down, by a stand-in that was killed in between.
    fn stop_strangers(&self) -> Result<()> {
        let known = [self.record.apiserver, self.record.controllers];
        let strangers: Vec<Handle> = process::marked(&self.folder).into_iter().filter(|p| !known.contains(&Some(*p))).collect();
        process::stop(&strangers, GRACE)
    }
}

/// Whether anything of the cluster `owner` is left on this machine.
pub fn is_there(options: &Options, owner: &Owner) -> Result<bool> {
    let folder = options.data_dir.join(owner.folder());
    Ok(record::read::<Record>(&folder.join(RECORD))?.is_some_and(|record| record.uid == owner.uid))
}

/// Stops the servers of `owner` and removes all that is theirs but their data in etcd.
pub fn end(options: &Options, owner: &Owner) -> Result<()> {
    let folder = options.data_dir.join(owner.folder());
    match record::read::<Record>(&folder.join(RECORD))? {
        Some(record) if record.uid != owner.uid => Ok(()),
        _ => process::clear(&folder, GRACE),
    }
}

fn place(folder: &Path, etcd: u16, owner: &Owner, apiserver: u16, controllers: u16) -> ControlPlane {
    ControlPlane::in_folder(folder, etcd, owner.etcd_prefix(), [apiserver, controllers])
}
