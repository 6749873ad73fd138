//! A lab: its servers brought up, looked at and taken down. Everything lives under one folder; nothing is left when it is down.

mod ending;
mod options;
mod temporary;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::aws::Aws;
use crate::custom_resources::{Crd, Family};
use crate::dns::{self, Dns};
use crate::lock::FileLock;
use crate::output::note;
use crate::process::{self, Handle};
use crate::servers::{self, Extras, Ingredients, Layout};
use crate::state::{AwsPorts, DnsPorts, Ports, Running, Server, State};
use crate::{cluster_api, kubernetes, pki, ports, strimzi_api};

pub use ending::down;
use ending::{all_processes, grace, take_down};
pub use options::Options;
pub use temporary::TemporaryLab;

/// How long one lab command waits for another on the same lab.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often the start is repeated when another process took one of the ports.
const PORT_TRIES: u32 = 3;

/// A lab that is up.
#[derive(Clone, Debug)]
pub struct Lab {
    layout: Layout,
    state: State,
}

/// What `up` found to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The lab was down, or broken and cleaned up.
    Up,
    /// It ran already.
    WasUp,
}

impl Lab {
    /// Brings a lab up: builds what is missing, cleans up what a crash left, starts all servers and waits until they are well.
    /// A failure or Ctrl-C leaves nothing behind.
    ///
    /// # Errors
    /// When a program cannot be built or a server does not come up.
    pub fn up(options: &Options) -> Result<(Self, Came)> {
        let folder = options.folder()?;
        anyhow::ensure!(options.aws || !options.dns, "a lab with DNS needs AWS, whose Route 53 it answers from");
        let extras = Extras { cluster_api: options.cluster_api, aws: options.aws, dns: options.dns };
        let ingredients = Ingredients::gather(options.lab_binary.clone(), extras)?;
        let mut crds = strimzi_api::crds()?;
        if options.cluster_api {
            crds.extend(cluster_api::crds()?);
        }
        if options.dns {
            crds.extend(Family::CertManager.crds()?);
        }
        let _lock = lock(&folder)?;
        match State::read(&folder) {
            Ok(Some(state)) => {
                let lab = Self { layout: Layout(folder.clone()), state };
                anyhow::ensure!(
                    lab.state.cluster_api.is_some() || !options.cluster_api,
                    "the lab {} runs without Cluster API: take it down first",
                    options.name
                );
                anyhow::ensure!(lab.state.aws.is_some() || !options.aws, "the lab {} runs without AWS: take it down first", options.name);
                anyhow::ensure!(lab.state.dns.is_some() || !options.dns, "the lab {} runs without DNS: take it down first", options.name);
                if lab.is_well() {
                    return Ok((lab, Came::WasUp));
                }
                note(format!("the lab {} was left unfinished or broken: cleaning up first", options.name));
                take_down(&folder)?;
            }
            Ok(None) if has_entries(&folder) => bail!("{} is not empty and not a lab's folder", folder.display()),
            Ok(None) => {}
            Err(error) => {
                note(format!("{error:#}: cleaning up first"));
                take_down(&folder)?;
            }
        }
        let mut tries = 1;
        loop {
            let error = match Self::start(&folder, options, &ingredients, &crds) {
                Ok(lab) => return Ok((lab, Came::Up)),
                Err(error) => error,
            };
            take_down(&folder).with_context(|| format!("clean up after: {error:#}"))?;
            if tries == PORT_TRIES || !format!("{error:#}").contains("address already in use") {
                return Err(error);
            }
            tries += 1;
            note("another process took one of the ports: trying others");
        }
    }

    fn start(folder: &Path, options: &Options, ingredients: &Ingredients, crds: &[Crd]) -> Result<Self> {
        // All at once, so that they differ.
        let [etcd, etcd_peer, apiserver, controllers, door, moto, dns, validation, control, acme, pebble, pebble_management, rest @ ..] =
            ports::free::<{ 12 + cluster_api::managers::PORTS }>()?;
        let state = State {
            name: options.name.clone(),
            ports: Ports { etcd, etcd_peer, apiserver, controllers },
            pretend_ready: options.pretend_ready,
            cluster_api: options.cluster_api.then(|| cluster_api::managers::dealt(rest)),
            aws: options.aws.then_some(AwsPorts { door, moto }),
            dns: options.dns.then_some(DnsPorts { dns, validation, control, acme, pebble, pebble_management }),
            owner: if options.owned { Handle::own() } else { None },
            running: Vec::new(),
        };
        let mut lab = Self { layout: Layout(folder.to_owned()), state };
        make_private(folder)?;
        // From here on the folder is known for a lab's, whatever happens.
        lab.state.write(folder)?;
        servers::make_folders(&lab.layout, &lab.state)?;
        let admin = pki::make(&lab.layout.pki())?;
        servers::write_kubeconfig(&lab.layout, &lab.state, &admin)?;
        lab.launch(Server::Etcd, ingredients)?;
        lab.launch(Server::Apiserver, ingredients)?;
        lab.wait_for(Server::Etcd)?;
        lab.wait_for(Server::Apiserver)?;
        lab.launch(Server::Controllers, ingredients)?;
        kubernetes::apply_crds(&lab.kubeconfig(), crds)?;
        lab.launch(Server::LoadBalancerStandIn, ingredients)?;
        lab.launch(Server::StrimziStandIn, ingredients)?;
        lab.start_aws(ingredients)?;
        lab.start_dns(ingredients, options.short_lived_s)?;
        lab.start_cluster_api(ingredients)?;
        lab.wait_for(Server::Controllers)?;
        lab.wait_for(Server::LoadBalancerStandIn)?;
        lab.wait_for(Server::StrimziStandIn)?;
        Ok(lab)
    }

    /// Starts moto and the door before it, and makes the lab's users.
    fn start_aws(&mut self, ingredients: &Ingredients) -> Result<()> {
        let Some(ports) = self.state.aws else { return Ok(()) };
        for server in [Server::Moto, Server::AwsEks] {
            self.launch(server, ingredients)?;
        }
        for server in [Server::Moto, Server::AwsEks] {
            self.wait_for(server)?;
        }
        Aws::found(ports.door, self.folder()).map(|_| ())
    }

    /// Makes the hosted zone and the users of cert-manager and external-dns, then starts DNS, the ACME server and these two.
    fn start_dns(&mut self, ingredients: &Ingredients, short_lived_s: u32) -> Result<()> {
        let (Some(ports), Some(aws_ports), Some(programs)) = (self.state.dns, self.state.aws, &ingredients.dns) else { return Ok(()) };
        let secrets = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cert-manager"}});
        kubernetes::apply(&self.kubeconfig(), &[secrets])?;
        dns::Settings::found(&self.layout, &self.aws()?, ports, aws_ports, programs.clone())?;
        dns::pebble::configure(&self.layout, ports, short_lived_s)?;
        for server in [Server::Dns, Server::Pebble] {
            self.launch(server, ingredients)?;
        }
        [Server::Dns, Server::Pebble].into_iter().try_for_each(|server| self.wait_for(server))
    }

    /// Starts Cluster API's controllers, then lets the API server call their webhooks, then installs the class of tenants' clusters, which these check.
    fn start_cluster_api(&mut self, ingredients: &Ingredients) -> Result<()> {
        let Some(ports) = self.state.cluster_api else { return Ok(()) };
        let servers: Vec<Server> = self.state.servers().filter(|server| server.of_cluster_api()).collect();
        cluster_api::managers::prepare(&self.layout)?;
        if self.state.aws.is_some() {
            self.aws()?.found_cluster_api()?;
        }
        for &server in &servers {
            self.launch(server, ingredients)?;
        }
        for &server in &servers {
            self.wait_for(server)?;
        }
        cluster_api::install(&self.layout, ports)
    }

    /// The lab in `folder`, whether or not its servers run; none if there is no lab.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub fn open(folder: &Path) -> Result<Option<Self>> {
        Ok(State::read(folder)?.map(|state| Self { layout: Layout(folder.to_owned()), state }))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.layout.0
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// The file with the administrator's credentials.
    pub fn kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig()
    }

    /// The context in [`Lab::kubeconfig`].
    pub fn context(&self) -> String {
        servers::context(&self.state.name)
    }

    /// The URL of its Kubernetes.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.state.ports.apiserver)
    }

    /// Its ports.
    pub fn ports(&self) -> Ports {
        self.state.ports
    }

    /// The port `server` is reached by, if it has one.
    pub fn port(&self, server: Server) -> Option<u16> {
        self.state.port(server)
    }

    /// Its AWS.
    ///
    /// # Errors
    /// When it runs none.
    pub fn aws(&self) -> Result<Aws> {
        let ports = self.state.aws.with_context(|| format!("find AWS in the lab {}: start it with --aws", self.state.name))?;
        Aws::open(ports.door, self.folder())
    }

    /// Its names and certificates.
    ///
    /// # Errors
    /// When it has none.
    pub fn dns(&self) -> Result<Dns> {
        let file = self.dns_settings().with_context(|| format!("find DNS in the lab {}: start it with --dns", self.state.name))?;
        Ok(Dns::new(dns::Settings::read(&file)?, self.aws()?))
    }

    pub(crate) fn dns_settings(&self) -> Option<PathBuf> {
        self.state.dns.map(|_| dns::Settings::file(&self.layout))
    }

    /// Whether it has `server`.
    pub fn has(&self, server: Server) -> bool {
        self.state.servers().any(|had| had == server)
    }

    /// Whether it runs Cluster API.
    pub fn has_cluster_api(&self) -> bool {
        self.state.cluster_api.is_some()
    }

    /// The test this lab belongs to, if that runs.
    pub fn living_owner(&self) -> Option<Handle> {
        self.state.owner.filter(|owner| owner.alive())
    }

    /// The file `server` logs to.
    pub fn log(&self, server: Server) -> PathBuf {
        self.layout.log(server)
    }

    /// Its servers with their processes.
    pub fn servers(&self) -> &[Running] {
        &self.state.running
    }

    /// Every process of the lab that lives, those that its servers started included.
    pub fn processes(&self) -> Vec<Handle> {
        all_processes(self.folder(), Some(&self.state))
    }

    /// Whether `server` runs and says it is well.
    ///
    /// # Errors
    /// When it is not, with the reason.
    pub fn health(&self, server: Server) -> Result<()> {
        let running = self.running(server)?;
        anyhow::ensure!(running.handle.alive(), "it does not run");
        servers::health(server, &self.layout, &self.state)
    }

    /// Stops `server` and only it; what the stand-in runs stops with it.
    ///
    /// # Errors
    /// When it was never started or does not end.
    pub fn stop(&mut self, server: Server) -> Result<()> {
        let handle = self.running(server)?.handle;
        process::stop(&[handle], grace(server))
    }

    /// Starts `server` again after [`Lab::stop`] or its death, and waits until it is well.
    ///
    /// # Errors
    /// When it was never started, or does not come up.
    pub fn restart(&mut self, server: Server) -> Result<()> {
        let recipe = self.running(server)?.recipe.clone();
        self.stop(server)?;
        let handle = recipe.start(self.folder())?;
        self.record(Running { server, handle, recipe })?;
        self.wait_for(server)
    }

    /// Stops all servers in the right order, removes the folder and makes sure that no process is left.
    ///
    /// # Errors
    /// When a process does not end or the folder cannot be removed.
    pub fn down(self) -> Result<()> {
        down(self.folder()).map(|_| ())
    }

    fn is_well(&self) -> bool {
        self.state.servers().all(|server| self.health(server).is_ok())
    }

    fn running(&self, server: Server) -> Result<&Running> {
        self.state
            .running
            .iter()
            .find(|r| r.server == server)
            .with_context(|| format!("find {} in the lab {}", server.name(), self.state.name))
    }

    fn launch(&mut self, server: Server, ingredients: &Ingredients) -> Result<()> {
        crate::interrupt::check()?;
        let recipe = ingredients.recipe(server, &self.layout, &self.state)?;
        let handle = recipe.start(self.folder())?;
        self.record(Running { server, handle, recipe })
    }

    fn record(&mut self, running: Running) -> Result<()> {
        self.state.running.retain(|r| r.server != running.server);
        self.state.running.push(running);
        self.state.write(self.folder())
    }

    fn wait_for(&self, server: Server) -> Result<()> {
        servers::wait_ready(self.running(server)?, &self.layout, &self.state)
    }
}

fn lock(folder: &Path) -> Result<FileLock> {
    let name = folder.file_name().with_context(|| format!("take {} for a lab's folder", folder.display()))?;
    FileLock::acquire(&folder.with_file_name(format!(".{}.lock", name.to_string_lossy())), PATIENCE)
}

/// Makes a folder only its owner may look into: it holds keys.
fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("make {}", folder.display()))
}

fn has_entries(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
