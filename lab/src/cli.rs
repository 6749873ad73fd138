//! The command line of the lab.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::environment::{self, Came, Lab, Options};
use crate::output::{note, say, seconds};
use crate::state::{self, Server};
use crate::terraform::Engine;
use crate::{aws, bench, demo, doctor, interrupt, own_binary, package, tests_run};

/// Real servers on this machine for trying and testing the kaas provider.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct Which {
    /// Name of the lab: several can run at once
    #[arg(long, default_value = "default")]
    name: String,
    /// Folder of the lab [default: kaas-lab/NAME in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Which {
    fn options(&self) -> Options {
        Options { dir: self.dir.clone(), ..Options::named(&self.name) }
    }

    fn lab(&self) -> Result<Lab> {
        let folder = self.options().folder()?;
        let which = self.dir.as_ref().map_or_else(|| format!("--name {}", self.name), |dir| format!("--dir {}", dir.display()));
        Lab::open(&folder)?.with_context(|| format!("find a lab in {}: start one with cargo lab up {which}", folder.display()))
    }
}

#[derive(Args)]
struct Bench {
    /// How often each apply and destroy is repeated; plans five times as often
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// How often the provider is started to measure the handshake
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// Numbers of tenants
    #[arg(long, value_delimiter = ',', default_value = "1,100,300")]
    tenants: Vec<u32>,
    /// Number of tenants with a Kubernetes cluster of their own; 0 measures none
    #[arg(long, default_value_t = 20)]
    own_clusters: u32,
    /// Another provider to measure beside: its executable, called terraform-provider-NAME (source address kaas/NAME)
    #[arg(long, requires = "provider_config")]
    provider: Option<PathBuf>,
    /// A configuration for that provider that makes var.n resources
    #[arg(long, requires = "provider")]
    provider_config: Option<PathBuf>,
    /// Write the tables into docs/benchmarks.md too
    #[arg(long)]
    write: bool,
}

impl From<Bench> for bench::Choices {
    fn from(given: Bench) -> Self {
        let Bench { repeats, starts, tenants, own_clusters, provider, provider_config, write } = given;
        Self { repeats, starts, tenants, own_clusters, other: provider.zip(provider_config), write }
    }
}

#[derive(Subcommand)]
enum Verb {
    /// Look for the tools the lab builds and runs with, and say what to install
    Doctor,
    /// Build what is missing and start a lab
    Up {
        #[command(flatten)]
        which: Which,
        /// Let the Strimzi stand-in report Ready without running Kafka
        #[arg(long)]
        pretend_ready: bool,
        /// Run Cluster API too, for tenants with a Kubernetes of their own
        #[arg(long)]
        cluster_api: bool,
        /// Run AWS too: moto, with EKS made true
        #[arg(long)]
        aws: bool,
        /// Run DNS for a hosted zone, an ACME server, cert-manager and external-dns too (implies --aws)
        #[arg(long)]
        dns: bool,
    },
    /// Stop a lab and remove its folder
    Down {
        #[command(flatten)]
        which: Which,
        /// All labs in the default place but those of running tests
        #[arg(long, conflicts_with_all = ["name", "dir"])]
        all: bool,
    },
    /// Show the processes of a lab, their health, ports and memory
    Status {
        #[command(flatten)]
        which: Which,
        /// All labs in the default place
        #[arg(long, conflicts_with_all = ["name", "dir"])]
        all: bool,
    },
    /// Live the whole life of tenants on this machine: apply, messages, drift, destroy
    Demo {
        /// Name of the lab it makes and takes down
        #[arg(long, default_value = "demo")]
        name: String,
        /// Use the machine's terraform instead of OpenTofu
        #[arg(long)]
        terraform: bool,
        /// How many tenants with a Kubernetes cluster of their own there are, beside one in a namespace
        #[arg(long, default_value_t = 1)]
        tenants: usize,
        /// Stop after the first messages and leave the lab and the tenants
        #[arg(long)]
        keep: bool,
    },
    /// Build what is missing and run every test
    Test {
        /// Arguments of cargo test, such as the name of a test
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        filter: Vec<String>,
    },
    /// Measure the provider beside what does nothing, with release builds (about 25 minutes on an idle machine)
    Bench(Bench),
    /// Make the files of a release for this machine's platform: the zip, the registry's manifest and the checksums
    Package {
        /// Folder they are written to
        #[arg(long, default_value = "dist")]
        out: PathBuf,
        /// How the provider is built
        #[arg(long, value_parser = ["release", "dev"], default_value = "release")]
        profile: String,
    },
    /// Print the path of a lab's kubeconfig
    Kubeconfig {
        #[command(flatten)]
        which: Which,
        /// Print the file itself
        #[arg(long)]
        print: bool,
    },
    /// The AWS of a lab: its variables, faults, delays
    Aws {
        #[command(flatten)]
        which: Which,
        #[command(subcommand)]
        verb: aws::command::Verb,
    },
    /// The names and certificates of a lab: ask, order faults
    Dns {
        #[command(flatten)]
        which: Which,
        #[command(subcommand)]
        verb: crate::dns::Verb,
    },
    /// Answer DNS from the lab's Route 53: `up --dns` starts it
    #[command(hide = true)]
    DnsServer(crate::dns::Options),
    /// Stand in for the Strimzi operator: `up` starts it
    #[command(hide = true)]
    StrimziOperatorStandIn(crate::strimzi::Options),
    /// Stand in for the load balancers of a cloud
    #[command(hide = true)]
    LoadBalancerStandIn(crate::load_balancer::Options),
    /// Stand in for AWS, with moto behind: `up --aws` starts it
    #[command(hide = true)]
    AwsEksStandIn(aws::Options),
    /// Stand in for Flux's helm-controller and source-controller
    #[command(hide = true)]
    FluxStandIn(crate::flux::Options),
    /// Stand in for an infrastructure provider of Cluster API: `up --cluster-api` starts it
    #[command(hide = true)]
    ProcessProviderStandIn(crate::cluster_api::provider::Options),
}

/// Runs the command and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match interrupt::listen().and_then(|()| run(cli.verb)) {
        Ok(code) => code,
        Err(error) => {
            note(format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    match verb {
        Verb::Doctor => return examine(),
        Verb::Up { which, pretend_ready, cluster_api, aws, dns } => {
            up(&Options { pretend_ready, cluster_api, aws: aws || dns, dns, ..which.options() })?;
        }
        Verb::Down { which, all: false } => down(&which.options().folder()?)?,
        Verb::Down { all: true, .. } => down_all()?,
        Verb::Status { which, all: false } => return status(&which.lab()?),
        Verb::Status { all: true, .. } => {
            for folder in state::folders()? {
                if let Some(lab) = Lab::open(&folder)? {
                    status(&lab)?;
                }
            }
        }
        Verb::Demo { name, terraform, tenants, keep } => {
            let engine = if terraform { Engine::Terraform } else { Engine::OpenTofu };
            let lab = Options { cluster_api: tenants > 0, aws: true, dns: true, ..Options::named(&name) };
            demo::run(&demo::Choices { lab, engine, own_clusters: tenants, keep })?;
        }
        Verb::Test { filter } => tests_run::run(&filter)?,
        Verb::Bench(choices) => bench::run(&choices.into())?,
        Verb::Package { out, profile } => package(&out, &profile)?,
        Verb::Kubeconfig { which, print } => {
            let file = which.lab()?.kubeconfig();
            let text = if print { std::fs::read_to_string(&file)? } else { file.display().to_string() };
            say(text);
        }
        Verb::Aws { which, verb } => aws::command::run(&which.lab()?.aws()?, &verb)?,
        Verb::Dns { which, verb } => crate::dns::command::run(&which.lab()?.dns()?, &verb)?,
        Verb::DnsServer(options) => crate::dns::run(&options)?,
        Verb::AwsEksStandIn(options) => aws::run(&options)?,
        Verb::StrimziOperatorStandIn(options) => crate::strimzi::run(&options)?,
        Verb::LoadBalancerStandIn(options) => crate::load_balancer::run(&options)?,
        Verb::FluxStandIn(options) => crate::flux::run(&options)?,
        Verb::ProcessProviderStandIn(options) => crate::cluster_api::provider::run(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn package(out: &std::path::Path, profile: &str) -> Result<()> {
    let (package, name) = ("kaas", "terraform-provider-kaas");
    let provider = if profile == "release" { own_binary::released(package, name)? } else { own_binary::provider()? };
    let made = package::write(&provider, out)?;
    [made.archive, made.manifest, made.checksums].iter().for_each(|file| say(file.display().to_string()));
    Ok(())
}

fn examine() -> Result<ExitCode> {
    let mut missing = false;
    for finding in doctor::examine() {
        match finding.found {
            Ok(found) => say(format!("ok       {:<36} {found}", finding.what)),
            Err(reason) => {
                missing = true;
                say(format!("missing  {:<36} {reason}\n         {:<36} {}", finding.what, "", finding.remedy));
            }
        }
    }
    doctor::inventory()?.iter().for_each(say);
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn up(options: &Options) -> Result<()> {
    let started = Instant::now();
    let (lab, came) = Lab::up(options)?;
    match came {
        Came::Up => say(format!("the lab {} is up after {}", lab.name(), seconds(started.elapsed()))),
        Came::WasUp => say(format!("the lab {} is up already", lab.name())),
    }
    say(format!("  export KUBECONFIG={}", lab.kubeconfig().display()));
    say(format!("  context {}, {}", lab.context(), lab.url()));
    if let Ok(aws) = lab.aws() {
        if let Ok(dns) = lab.dns() {
            say(format!("  DNS at {} for {} ({}), ACME at {}", dns.server(), dns.zone_name(), dns.zone_id(), dns.acme_directory()));
        }
        say(format!("  AWS at {}: eval \"$(cargo lab aws --name {} environment)\"", aws.url(), lab.name()));
    }
    Ok(())
}

fn down(folder: &std::path::Path) -> Result<()> {
    let started = Instant::now();
    let name = folder.display();
    if environment::down(folder)? {
        say(format!("the lab in {name} is down after {}: no process and no file is left", seconds(started.elapsed())));
    } else {
        say(format!("there is no lab in {name}"));
    }
    Ok(())
}

fn down_all() -> Result<()> {
    for folder in state::folders()? {
        match Lab::open(&folder).ok().flatten().and_then(|lab| lab.living_owner()) {
            Some(owner) => say(format!("the lab in {} stays: it belongs to process {}, which runs", folder.display(), owner.pid)),
            None => down(&folder)?,
        }
    }
    Ok(())
}

fn status(lab: &Lab) -> Result<ExitCode> {
    let mut well = true;
    say(format!("lab {} in {}", lab.name(), lab.folder().display()));
    for server in Server::ALL.into_iter().filter(|server| lab.has(*server)) {
        let health = lab.health(server);
        well &= health.is_ok();
        let health = health.map_or_else(|error| format!("not well: {error:#}"), |()| "well".to_owned());
        let handle = lab.servers().iter().find(|running| running.server == server).map(|running| running.handle);
        let port = lab.port(server).map_or_else(|| "-".to_owned(), |port| port.to_string());
        let (pid, memory) = handle.map_or_else(Default::default, |handle| (handle.pid.to_string(), memory(handle.resident_mib())));
        say(format!("  {:<34} pid {pid:<8} port {port:<6} {memory:>8}  {health}", server.name()));
    }
    let servers: Vec<_> = lab.servers().iter().map(|running| running.handle).collect();
    for other in lab.processes().into_iter().filter(|process| !servers.contains(process)) {
        // Of a Kafka node the folder is named like its pod.
        let folder = other.folder().filter(|folder| folder != lab.folder());
        let name = folder.as_deref().and_then(|folder| folder.file_name()?.to_str()).unwrap_or("started by a server");
        say(format!("  {name:<34} pid {:<8} port {:<6} {:>8}", other.pid, "-", memory(other.resident_mib())));
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn memory(mib: Option<u64>) -> String {
    mib.map_or_else(|| "-".to_owned(), |mib| format!("{mib} MiB"))
}
