//! The servers of one EKS cluster: a real kube-apiserver with its controllers on the lab's etcd, which asks this process who a token belongs to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Options, platform};
use crate::control_plane::ControlPlane;
use crate::process::{self, Handle, Recipe};
use crate::{etcd, pki, ports, record};

const RECORD: &str = "servers.json";
/// How long a server may take to end by itself. What it has is in etcd.
const GRACE: Duration = Duration::from_secs(5);
/// How long the API server relies on what it was told of a token.
const TOKEN_CACHE: &str = "1s";

/// Which cluster.
#[derive(Clone, Debug)]
pub struct Place {
    /// `region/name`.
    pub key: String,
    pub uid: String,
    pub service_cidr: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    uid: String,
    apiserver_port: u16,
    controllers_port: u16,
    apiserver: Option<Handle>,
    controllers: Option<Handle>,
}

/// The servers of a cluster.
pub struct Servers {
    folder: PathBuf,
    record: Record,
    control_plane: ControlPlane,
    service_cidr: String,
}

/// The folder of a cluster's keys and logs; its kubeconfig of the administrator lies in it.
pub fn folder(data_dir: &Path, key: &str) -> PathBuf {
    clusters(data_dir).join(key.replace('/', "."))
}

/// Where the folders of all clusters are, each with its kubeconfig.
pub fn clusters(data_dir: &Path) -> PathBuf {
    data_dir.join("clusters")
}

impl Servers {
    /// Those of the cluster at `place`, with keys and ports; made if there are none. None is started.
    pub fn open(options: &Options, place: &Place) -> Result<Self> {
        let folder = folder(&options.data_dir, &place.key);
        let record = match record::read::<Record>(&folder.join(RECORD))? {
            Some(record) if record.uid == place.uid => record,
            // Of an earlier cluster of the name, or of a beginning that broke off.
            _ => {
                remove(&folder)?;
                make(options, place, &folder)?
            }
        };
        let control_plane = control_plane(options, place, &folder, [record.apiserver_port, record.controllers_port]);
        Ok(Self { folder, record, control_plane, service_cidr: place.service_cidr.clone() })
    }

    /// Where its things lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of its API.
    pub fn url(&self) -> String {
        self.control_plane.url()
    }

    /// The authority of its certificate, PEM.
    pub fn authority(&self) -> Result<String> {
        let file = self.control_plane.pki.join("ca.crt");
        std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.control_plane.kubeconfig
    }

    /// Starts what does not run: the API server, and once that answers its controllers.
    ///
    /// # Errors
    /// When a server cannot be started or does not answer yet, with the reason.
    pub fn run(&mut self, options: &Options) -> Result<()> {
        if !self.record.apiserver.is_some_and(Handle::alive) {
            // One that was started and not written down holds the port. What runs in the cluster has folders of its own, and goes on.
            let own = |process: &Handle| process.folder().as_deref() == Some(&self.folder);
            process::stop(&process::marked(&self.folder).into_iter().filter(own).collect::<Vec<_>>(), GRACE)?;
            let mut args = self.control_plane.apiserver_args();
            args.extend([
                // The last one given counts.
                format!("--service-cluster-ip-range={}", self.service_cidr),
                format!("--authentication-token-webhook-config-file={}", self.folder.join("authenticate.json").display()),
                "--authentication-token-webhook-version=v1".to_owned(),
                format!("--authentication-token-webhook-cache-ttl={TOKEN_CACHE}"),
            ]);
            self.record.apiserver = Some(self.start("kube-apiserver", &options.apiserver, args)?);
            record::write(&self.folder.join(RECORD), &self.record)?;
        }
        self.control_plane.apiserver_health().context("wait for the cluster's kube-apiserver")?;
        if !self.record.controllers.is_some_and(Handle::alive) {
            self.record.controllers =
                Some(self.start("kube-controller-manager", &options.controllers, self.control_plane.controllers_args())?);
            record::write(&self.folder.join(RECORD), &self.record)?;
        }
        Ok(())
    }

    fn start(&self, name: &str, program: &Path, args: Vec<String>) -> Result<Handle> {
        tracing::info!("starting {name} in {}", self.folder.display());
        let log = self.folder.join(format!("{name}.log"));
        Recipe { program: program.to_owned(), args, env: BTreeMap::new(), log }.start(&self.folder)
    }
}

/// Stops the servers of the cluster at `place` and removes all that is theirs, their data in etcd included.
pub fn end(options: &Options, place: &Place) -> Result<()> {
    remove(&folder(&options.data_dir, &place.key))?;
    etcd::remove(options.etcd, &format!("{}/", prefix(place)))?;
    Ok(())
}

fn prefix(place: &Place) -> String {
    format!("/eks/{}", place.uid)
}

fn make(options: &Options, place: &Place, folder: &Path) -> Result<Record> {
    let [apiserver_port, controllers_port] = ports::free()?;
    let control_plane = control_plane(options, place, folder, [apiserver_port, controllers_port]);
    for folder in [&control_plane.apiserver_data, &control_plane.controllers_data] {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let admin = pki::make(&control_plane.pki)?;
    let kubeconfig = control_plane.kubeconfig_text(&place.key, &admin);
    pki::write_private(&control_plane.kubeconfig, &serde_json::to_string_pretty(&kubeconfig)?)?;
    let webhook = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "eks",
        "clusters": [{"name": "eks", "cluster": {"server": format!("http://127.0.0.1:{}{}{}", options.port, super::front::AUTHENTICATE, place.uid)}}],
        "users": [{"name": "apiserver", "user": {}}],
        "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "apiserver"}}],
    });
    pki::write_private(&folder.join("authenticate.json"), &serde_json::to_string_pretty(&webhook)?)?;
    let record = Record { uid: place.uid.clone(), apiserver_port, controllers_port, apiserver: None, controllers: None };
    record::write(&folder.join(RECORD), &record)?;
    Ok(record)
}

fn control_plane(options: &Options, place: &Place, folder: &Path, [apiserver, controllers]: [u16; 2]) -> ControlPlane {
    ControlPlane::in_folder(folder, options.etcd, prefix(place), [apiserver, controllers])
}

fn remove(folder: &Path) -> Result<()> {
    platform::end(folder)?;
    process::clear(folder, GRACE)
}
