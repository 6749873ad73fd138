//! A lab: its servers brought up, looked at and taken down. Everything lives under one folder; nothing is left when it is down.

mod ending;
mod temporary;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::aws::Aws;
use crate::custom_resources::Crd;
use crate::lock::FileLock;
use crate::output::note;
use crate::process::{self, Handle};
use crate::servers::{self, Ingredients, Layout};
use crate::state::{self, AwsPorts, Ports, Running, Server, State};
use crate::{cluster_api, kubernetes, pki, ports, strimzi_api};

pub use ending::down;
use ending::{all_processes, grace, take_down};
pub use temporary::TemporaryLab;

/// How long one lab command waits for another on the same lab.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often the start is repeated when another process took one of the ports.
const PORT_TRIES: u32 = 3;

/// How a lab is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name: letters, digits and dashes.
    pub name: String,
    /// Its folder; by default one named like it below [`state::root`].
    pub dir: Option<PathBuf>,
    /// Let the Strimzi stand-in report Ready without running Kafka.
    pub pretend_ready: bool,
    /// Run Cluster API and the stand-in that makes tenants' clusters.
    pub cluster_api: bool,
    /// Run AWS: moto, with EKS made true.
    pub aws: bool,
    /// Tie the lab to this process: once it is gone, the next such lab takes this one down.
    pub owned: bool,
    /// The `kaas-lab` executable; by default found by [`crate::own_binary::lab`].
    pub lab_binary: Option<PathBuf>,
}

impl Options {
    /// A lab called `name`, with real Kafka.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), dir: None, pretend_ready: false, cluster_api: false, aws: false, owned: false, lab_binary: None }
    }

    /// The lab's folder.
    ///
    /// # Errors
    /// When the name cannot be a folder's or there is no home.
    pub fn folder(&self) -> Result<PathBuf> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(plain) {
            bail!("name a lab \"{}\": take 1 to 40 letters, digits and dashes", self.name);
        }
        match &self.dir {
            Some(dir) => std::path::absolute(dir).with_context(|| format!("make {} absolute", dir.display())),
            None => Ok(state::root()?.join(&self.name)),
        }
    }
}

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
        let ingredients = Ingredients::gather(options.lab_binary.clone(), options.cluster_api, options.aws)?;
        let mut crds = strimzi_api::crds()?;
        if options.cluster_api {
            crds.extend(cluster_api::crds()?);
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
        let [etcd, etcd_peer, apiserver, controllers, door, moto, rest @ ..] = ports::free::<{ 6 + cluster_api::managers::PORTS }>()?;
        let state = State {
            name: options.name.clone(),
            ports: Ports { etcd, etcd_peer, apiserver, controllers },
            pretend_ready: options.pretend_ready,
            cluster_api: options.cluster_api.then(|| cluster_api::managers::dealt(rest)),
            aws: options.aws.then_some(AwsPorts { door, moto }),
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

    /// Starts Cluster API's controllers, then lets the API server call their webhooks, then installs the class of tenants' clusters, which these check.
    fn start_cluster_api(&mut self, ingredients: &Ingredients) -> Result<()> {
        let Some(ports) = self.state.cluster_api else { return Ok(()) };
        let servers: Vec<Server> = self.state.servers().filter(|server| server.of_cluster_api()).collect();
        cluster_api::managers::prepare(&self.layout)?;
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
