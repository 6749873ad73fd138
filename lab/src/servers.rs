//! How each server of a lab is started and how it says that it is well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::Recipe;
use crate::programs::Program;
use crate::state::{Ports, Running, Server, State};
use crate::{interrupt, kubernetes};

/// How long a server may take to answer; a busy machine is slow, not broken.
const READY: Duration = Duration::from_secs(120);
/// The controllers that a lab without nodes has work for. Quotas are counted by one, claims and volume attributes classes lose their finalizers by others,
/// roles for custom resources come together by one more.
const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,serviceaccount-controller,clusterrole-aggregation-controller,\
resourcequota-controller,persistentvolumeclaim-protection-controller,root-ca-certificate-publisher-controller,\
volumeattributesclass-protection-controller";
const SERVICE_ADDRESSES: &str = "10.96.0.0/16";

/// The places in a lab's folder.
#[derive(Clone, Debug)]
pub struct Layout(pub PathBuf);

impl Layout {
    /// Keys and certificates.
    pub fn pki(&self) -> PathBuf {
        self.0.join("pki")
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    /// The log of `server`.
    pub fn log(&self, server: Server) -> PathBuf {
        self.0.join("logs").join(format!("{}.log", server.name()))
    }

    /// The data of `server`.
    pub fn data(&self, server: Server) -> PathBuf {
        self.0.join(server.name())
    }
}

/// Programs and choices a lab is started with.
pub struct Ingredients {
    /// etcd.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub apiserver: PathBuf,
    /// kube-controller-manager.
    pub controllers: PathBuf,
    /// The lab's own command, which holds the stand-in.
    pub lab: PathBuf,
}

impl Ingredients {
    /// Builds what is missing; the lab's own command may be given.
    ///
    /// # Errors
    /// When a program cannot be built.
    pub fn gather(lab: Option<PathBuf>) -> Result<Self> {
        Ok(Self {
            etcd: Program::Etcd.executable()?,
            apiserver: Program::KubeApiserver.executable()?,
            controllers: Program::KubeControllerManager.executable()?,
            lab: lab.map_or_else(crate::own_binary::lab, Ok)?,
        })
    }

    /// How `server` is started.
    pub fn recipe(&self, server: Server, layout: &Layout, state: &State) -> Recipe {
        let (program, args) = match server {
            Server::Etcd => (&self.etcd, etcd(layout, state.ports)),
            Server::Apiserver => (&self.apiserver, apiserver(layout, state.ports)),
            Server::Controllers => (&self.controllers, controllers(layout, state.ports)),
            Server::StrimziStandIn => (&self.lab, strimzi_stand_in(layout, state.pretend_ready)),
        };
        Recipe { program: program.clone(), args, env: BTreeMap::new(), log: layout.log(server) }
    }
}

fn etcd(layout: &Layout, ports: Ports) -> Vec<String> {
    let clients = format!("http://127.0.0.1:{}", ports.etcd);
    let peers = format!("http://127.0.0.1:{}", ports.etcd_peer);
    vec![
        format!("--data-dir={}", layout.data(Server::Etcd).display()),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        // A lab's data does not outlive its machine.
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn apiserver(layout: &Layout, ports: Ports) -> Vec<String> {
    let pki = |file: &str| layout.pki().join(file).display().to_string();
    vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        format!("--secure-port={}", ports.apiserver),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", layout.data(Server::Apiserver).display()),
        format!("--tls-cert-file={}", pki("server.crt")),
        format!("--tls-private-key-file={}", pki("server.key")),
        format!("--client-ca-file={}", pki("ca.crt")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", pki("sa.pub")),
        format!("--service-account-signing-key-file={}", pki("sa.key")),
        "--authorization-mode=RBAC".to_owned(),
        format!("--service-cluster-ip-range={SERVICE_ADDRESSES}"),
        // Pods that nothing runs need no tokens.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
    ]
}

fn controllers(layout: &Layout, ports: Ports) -> Vec<String> {
    let pki = |file: &str| layout.pki().join(file).display().to_string();
    vec![
        format!("--kubeconfig={}", layout.kubeconfig().display()),
        format!("--controllers={CONTROLLERS}"),
        "--leader-elect=false".to_owned(),
        format!("--secure-port={}", ports.controllers),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", layout.data(Server::Controllers).display()),
        format!("--tls-cert-file={}", pki("server.crt")),
        format!("--tls-private-key-file={}", pki("server.key")),
        format!("--service-account-private-key-file={}", pki("sa.key")),
        format!("--root-ca-file={}", pki("ca.crt")),
        // The client's own limit of 20 requests per second is for clusters shared with others.
        "--kube-api-qps=200".to_owned(),
        "--kube-api-burst=400".to_owned(),
    ]
}

fn strimzi_stand_in(layout: &Layout, pretend_ready: bool) -> Vec<String> {
    let mut args = vec![
        Server::StrimziStandIn.name().to_owned(),
        "--kubeconfig".to_owned(),
        layout.kubeconfig().display().to_string(),
        "--data-dir".to_owned(),
        layout.data(Server::StrimziStandIn).display().to_string(),
    ];
    if pretend_ready {
        args.push("--pretend-ready".to_owned());
    }
    args
}

/// Asks `server` whether it is well. The stand-in has no port: it is well while it runs.
///
/// # Errors
/// When it is not, with the reason.
pub fn health(server: Server, layout: &Layout, ports: Ports) -> Result<()> {
    let ca = layout.pki().join("ca.crt");
    let answer = match server {
        Server::Etcd => kubernetes::ask(&format!("http://127.0.0.1:{}/health", ports.etcd), None)?,
        Server::Apiserver => kubernetes::ask(&format!("https://127.0.0.1:{}/readyz", ports.apiserver), Some(&ca))?,
        Server::Controllers => kubernetes::ask(&format!("https://127.0.0.1:{}/healthz", ports.controllers), Some(&ca))?,
        Server::StrimziStandIn => return Ok(()),
    };
    // etcd answers 200 with a body that tells.
    if answer.starts_with("ok") || answer.contains("\"health\":\"true\"") { Ok(()) } else { bail!("answered {answer}") }
}

/// Waits until `running` is well.
///
/// # Errors
/// When it ends, or is not well in time: with the end of its log.
pub fn wait_ready(running: &Running, layout: &Layout, ports: Ports) -> Result<()> {
    let started = Instant::now();
    let name = running.server.name();
    loop {
        interrupt::check()?;
        if !running.handle.alive() {
            bail!("{name} ended right after its start; the end of its log:\n{}", running.recipe.log_tail());
        }
        let Err(last) = health(running.server, layout, ports) else { return Ok(()) };
        if started.elapsed() > READY {
            let log = running.recipe.log_tail();
            return Err(last).with_context(|| format!("{name} is not ready after {} s; the end of its log:\n{log}", READY.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The administrator's kubeconfig, as JSON, which is YAML too.
///
/// # Errors
/// When it cannot be written.
pub fn write_kubeconfig(layout: &Layout, state: &State, admin: &crate::pki::Admin) -> Result<()> {
    use base64::Engine;
    let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
    let context = context(&state.name);
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {
            "server": format!("https://127.0.0.1:{}", state.ports.apiserver),
            "certificate-authority-data": encode(&admin.ca),
        }}],
        "users": [{"name": context, "user": {
            "client-certificate-data": encode(&admin.certificate),
            "client-key-data": encode(&admin.key),
        }}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    });
    crate::pki::write_private(&layout.kubeconfig(), &serde_json::to_string_pretty(&config)?)
}

/// The context of the lab `name` in its kubeconfig.
pub fn context(name: &str) -> String {
    format!("lab-{name}")
}

/// Makes the folders servers write to.
///
/// # Errors
/// When one cannot be made.
pub fn make_folders(layout: &Layout) -> Result<()> {
    let folders = Server::ALL.map(|server| layout.data(server));
    for folder in folders.iter().map(PathBuf::as_path).chain([layout.0.join("logs").as_path()] as [&Path; 1]) {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    Ok(())
}
