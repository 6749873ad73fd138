//! How each server of a lab is started and how it says that it is well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cluster_api::managers;
use crate::control_plane::ControlPlane;
use crate::process::Recipe;
use crate::programs::Program;
use crate::state::{Ports, Running, Server, State};
use crate::{aws, dns, interrupt, kubernetes};

/// How long a server may take to answer; a busy machine is slow, not broken.
const READY: Duration = Duration::from_secs(120);
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

    /// The lab's own Kubernetes.
    pub fn control_plane(&self, ports: Ports) -> ControlPlane {
        ControlPlane {
            pki: self.pki(),
            kubeconfig: self.kubeconfig(),
            apiserver_data: self.data(Server::Apiserver),
            controllers_data: self.data(Server::Controllers),
            etcd: ports.etcd,
            // The default of kube-apiserver.
            etcd_prefix: "/registry".to_owned(),
            apiserver: ports.apiserver,
            controllers: ports.controllers,
        }
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
    /// The lab's own command, which holds the stand-ins.
    pub lab: PathBuf,
    /// The Python that has moto, for a lab with AWS.
    pub moto: Option<PathBuf>,
    /// Cluster API's controllers, for a lab that has them.
    pub cluster_api: Option<managers::Programs>,
    /// pebble, cert-manager and external-dns, for a lab with DNS.
    pub dns: Option<dns::Programs>,
}

/// What a lab has beyond the servers that every one has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras {
    /// Cluster API.
    pub cluster_api: bool,
    /// AWS.
    pub aws: bool,
    /// Names and certificates.
    pub dns: bool,
}

impl Ingredients {
    /// Builds what is missing; the lab's own command may be given.
    ///
    /// # Errors
    /// When a program cannot be built.
    pub fn gather(lab: Option<PathBuf>, extras: Extras) -> Result<Self> {
        Ok(Self {
            etcd: Program::Etcd.executable()?,
            apiserver: Program::KubeApiserver.executable()?,
            controllers: Program::KubeControllerManager.executable()?,
            cluster_api: if extras.cluster_api { Some(managers::Programs::gather()?) } else { None },
            moto: if extras.aws { Some(aws::moto::python()?) } else { None },
            dns: if extras.dns { Some(dns::Programs::gather()?) } else { None },
            lab: lab.map_or_else(crate::own_binary::lab, Ok)?,
        })
    }

    /// How `server` is started.
    ///
    /// # Errors
    /// When it is one of Cluster API's or of AWS and the lab has none.
    pub fn recipe(&self, server: Server, layout: &Layout, state: &State) -> Result<Recipe> {
        let control_plane = layout.control_plane(state.ports);
        let mut env = BTreeMap::new();
        let (program, args) = match server {
            Server::Etcd => (&self.etcd, etcd(layout, state.ports)),
            Server::Apiserver => (&self.apiserver, control_plane.apiserver_args()),
            Server::Controllers => (&self.controllers, control_plane.controllers_args()),
            Server::Moto => {
                env = aws::moto::environment();
                (self.moto.as_ref().context("find moto")?, aws::moto::args(state.aws.context("find the port of moto")?.moto))
            }
            Server::AwsEks => (&self.lab, self.aws_eks(layout, state)?),
            Server::Dns => (&self.lab, dns_server(layout)),
            Server::Pebble => {
                env = dns::pebble::environment();
                let ports = state.dns.context("find the ports of pebble")?;
                (&self.dns.as_ref().context("find pebble")?.pebble, dns::pebble::args(layout, ports))
            }
            Server::ClusterApi | Server::KubeadmBootstrap | Server::KubeadmControlPlane | Server::ClusterApiAws => {
                let programs = self.cluster_api.as_ref().context("find the programs of Cluster API")?;
                let ports = state.cluster_api.context("find the ports of Cluster API")?;
                env = match state.aws {
                    Some(aws) if server == Server::ClusterApiAws => aws::Aws::open(aws.door, &layout.0)?.cluster_api_environment()?,
                    _ => managers::environment(server),
                };
                (programs.of(server)?, managers::args(server, layout, ports, state.aws.is_some())?)
            }
            Server::ProcessProvider => (&self.lab, self.process_provider(layout, state)),
            Server::LoadBalancerStandIn => (&self.lab, load_balancer_stand_in(layout)),
            Server::StrimziStandIn => (&self.lab, strimzi_stand_in(layout, state.pretend_ready)),
            Server::FluxStandIn => {
                let settings = state.dns.map(|_| dns::Settings::file(layout));
                let data = layout.data(Server::FluxStandIn);
                (&self.lab, crate::flux::arguments(&layout.kubeconfig(), &data, state.pretend_ready, true, settings.as_deref()))
            }
        };
        Ok(Recipe { program: program.clone(), args, env, log: layout.log(server) })
    }

    fn aws_eks(&self, layout: &Layout, state: &State) -> Result<Vec<String>> {
        let ports = state.aws.context("find the ports of AWS")?;
        let mut args = vec![Server::AwsEks.name().to_owned()];
        let options = [
            ("--port", ports.door.to_string()),
            ("--moto", ports.moto.to_string()),
            ("--data-dir", layout.data(Server::AwsEks).display().to_string()),
            ("--etcd", state.ports.etcd.to_string()),
            ("--apiserver", self.apiserver.display().to_string()),
            ("--controllers", self.controllers.display().to_string()),
        ];
        args.extend(options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        if state.pretend_ready {
            args.push("--pretend-ready".to_owned());
        }
        Ok(args)
    }

    fn process_provider(&self, layout: &Layout, state: &State) -> Vec<String> {
        let mut args = vec![Server::ProcessProvider.name().to_owned()];
        let options = [
            ("--kubeconfig", layout.kubeconfig().display().to_string()),
            ("--data-dir", layout.data(Server::ProcessProvider).display().to_string()),
            ("--etcd", state.ports.etcd.to_string()),
            ("--apiserver", self.apiserver.display().to_string()),
            ("--controllers", self.controllers.display().to_string()),
        ];
        args.extend(options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        args
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

fn load_balancer_stand_in(layout: &Layout) -> Vec<String> {
    let path = |path: &Path| path.display().to_string();
    let (name, data) = (Server::LoadBalancerStandIn.name(), layout.data(Server::LoadBalancerStandIn));
    vec![name.to_owned(), "--cluster-dir".to_owned(), path(&layout.0), "--data-dir".to_owned(), path(&data)]
}

fn dns_server(layout: &Layout) -> Vec<String> {
    let mut args = vec![Server::Dns.name().to_owned()];
    let options =
        [("--settings", dns::Settings::file(layout)), ("--data-dir", layout.data(Server::Dns)), ("--kubeconfig", layout.kubeconfig())];
    args.extend(options.into_iter().flat_map(|(name, value)| [name.to_owned(), value.display().to_string()]));
    args
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

/// Asks `server` whether it is well. The stand-ins have no port: they are well while they run.
///
/// # Errors
/// When it is not, with the reason.
pub fn health(server: Server, layout: &Layout, state: &State) -> Result<()> {
    let control_plane = layout.control_plane(state.ports);
    match server {
        Server::Etcd => {
            // It answers 200 with a body that tells.
            let answer = kubernetes::ask(&format!("http://127.0.0.1:{}/health", state.ports.etcd), None)?;
            if answer.contains("\"health\":\"true\"") { Ok(()) } else { bail!("answered {answer}") }
        }
        Server::Apiserver => control_plane.apiserver_health(),
        Server::Controllers => control_plane.controllers_health(),
        Server::Moto | Server::AwsEks => {
            let ports = state.aws.context("find the ports of AWS")?;
            let (port, path) = if server == Server::Moto { (ports.moto, "/moto-api/") } else { (ports.door, "/_lab/health") };
            kubernetes::ask(&format!("http://127.0.0.1:{port}{path}"), None).map(|_| ())
        }
        Server::Dns => {
            let port = state.dns.context("find the ports of the DNS server")?.control;
            kubernetes::ask(&format!("http://127.0.0.1:{port}/health"), None).map(|_| ())
        }
        Server::Pebble => dns::pebble::health(layout, state.dns.context("find the ports of pebble")?),
        Server::ClusterApi | Server::KubeadmBootstrap | Server::KubeadmControlPlane | Server::ClusterApiAws => {
            managers::health(server, state.cluster_api.context("find the ports of Cluster API")?)
        }
        Server::ProcessProvider | Server::LoadBalancerStandIn | Server::StrimziStandIn | Server::FluxStandIn => Ok(()),
    }
}

/// Waits until `running` is well.
///
/// # Errors
/// When it ends, or is not well in time: with the end of its log.
pub fn wait_ready(running: &Running, layout: &Layout, state: &State) -> Result<()> {
    let started = Instant::now();
    let name = running.server.name();
    loop {
        interrupt::check()?;
        if !running.handle.alive() {
            bail!("{name} ended right after its start; the end of its log:\n{}", running.recipe.log_tail());
        }
        let Err(last) = health(running.server, layout, state) else { return Ok(()) };
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
    let config = layout.control_plane(state.ports).kubeconfig_text(&context(&state.name), admin);
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
pub fn make_folders(layout: &Layout, state: &State) -> Result<()> {
    let folders: Vec<PathBuf> = state.servers().map(|server| layout.data(server)).collect();
    for folder in folders.iter().map(PathBuf::as_path).chain([layout.0.join("logs").as_path()] as [&Path; 1]) {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    Ok(())
}
