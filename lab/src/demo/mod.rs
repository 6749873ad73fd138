//! `demo`: the whole life of a tenant's Kafka on this machine, from nothing to nothing, each step with its time.

mod messages;
mod names;
mod steps;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cluster_api::tenants;
use crate::dns::Dns;
use crate::dns::controllers::Controller;
use crate::environment::{Lab, Options};
use crate::output::{note, say, seconds};
use crate::programs::Program;
use crate::terraform::{Engine, Install, Planned, Workspace};
use crate::{cluster_api, doctor, interrupt, objects, own_binary, process, strimzi_api};
use messages::{Drift, Reach};
use steps::Steps;

const QUICKSTART: &str = include_str!("../../../examples/quickstart/main.tf");
/// As the quickstart names its tenant, which lives in a namespace.
const TENANT: &str = "payments";
const CLUSTERS: &str = include_str!("clusters.tf");
/// What tenants with a cluster of their own are called, before numbers are.
const TENANTS: [&str; 3] = ["orders", "invoices", "shipments"];

/// How the demo is to go.
#[derive(Clone, Debug)]
pub struct Choices {
    /// The lab it makes and takes down.
    pub lab: Options,
    /// Which CLI applies the configuration.
    pub engine: Engine,
    /// How many tenants with a cluster of their own there are beside the quickstart's.
    pub own_clusters: usize,
    /// Leave the lab and the tenant there: stop after the first apply and its messages.
    pub keep: bool,
}

/// Runs the demo. Whatever happens, nothing is left, unless it was asked to keep the lab.
///
/// # Errors
/// At the first step that does not come out as it should.
pub fn run(choices: &Choices) -> Result<()> {
    let started = Instant::now();
    let mut steps = Steps::default();
    let mut choices = choices.clone();
    steps.step("tools of this machine", || tools(&mut choices.lab))?;
    let choices = &choices;
    let provider = steps.step("programs", || build(choices.lab.cluster_api))?;
    let (lab, came) = steps.step("lab up", || {
        let (lab, came) = Lab::up(&choices.lab)?;
        let url = lab.url();
        Ok(((lab, came), format!("Kubernetes at {url}")))
    })?;
    if came == crate::Came::WasUp {
        note(format!("the lab {} was up: the demo uses it and takes it down", lab.name()));
    }
    let outcome =
        Tour::prepare(&lab, choices, provider).and_then(|tour| if choices.keep { tour.begin(&mut steps) } else { tour.whole(&mut steps) });
    if choices.keep {
        say(format!("the lab stays: export KUBECONFIG={}, configuration in {}", lab.kubeconfig().display(), workspace_dir(&lab).display()));
        say(format!("cargo lab down --name {} takes it down", lab.name()));
        return outcome;
    }
    let name = lab.name().to_owned();
    let down = steps.last_step("lab down", || {
        lab.down()?;
        Ok(((), format!("no process and no file of the lab {name} is left")))
    });
    outcome?;
    down?;
    say(format!("the demo took {}", seconds(started.elapsed())));
    Ok(())
}

/// Looks for the tools. Without Python there is no AWS, and so no zone for public names: the demo does without.
fn tools(lab: &mut Options) -> Result<((), String)> {
    if let Some(missing) = doctor::complaints(doctor::needed()) {
        anyhow::bail!(missing);
    }
    let Some(missing) = doctor::complaints(doctor::for_aws()).filter(|_| lab.dns) else { return Ok(((), "all found".to_owned())) };
    (lab.aws, lab.dns) = (false, false);
    Ok(((), format!("found, but for public names; the tenants go without. {missing}")))
}

fn build(cluster_api: bool) -> Result<(PathBuf, String)> {
    let programs: &[Program] = if cluster_api { &Program::ALL } else { &Program::NAMESPACES };
    for program in programs {
        interrupt::check()?;
        program.executable()?;
    }
    strimzi_api::crds()?;
    if cluster_api {
        cluster_api::crds()?;
    }
    let provider = own_binary::provider()?;
    let text = format!(
        "Kubernetes {}, OpenTofu {}, Strimzi's CRDs {}",
        Program::KubeApiserver.version()?,
        Program::Tofu.version()?,
        strimzi_api::version()?
    );
    let text = if cluster_api { format!("{text}, Cluster API {}", Program::ClusterApi.version()?) } else { text };
    Ok((provider, text))
}

fn workspace_dir(lab: &Lab) -> PathBuf {
    lab.folder().join("workspace")
}

/// Where an application finds a tenant's Kafka, and what it trusts. What else it needs are its credentials.
struct Access {
    name: String,
    bootstrap: String,
    reach: Reach,
}

/// A lab with the quickstart's configuration in a workspace.
struct Tour<'a> {
    lab: &'a Lab,
    /// Of the tenants' public names, where they have any.
    dns: Option<Dns>,
    /// The tenants with a cluster of their own.
    own_clusters: Vec<String>,
    workspace: Workspace,
    before: BTreeSet<String>,
}

impl<'a> Tour<'a> {
    fn prepare(lab: &'a Lab, choices: &Choices, provider: PathBuf) -> Result<Self> {
        let mut workspace = Workspace::new(choices.engine, &workspace_dir(lab), &provider, Install::Mirror)?;
        workspace.write("main.tf", QUICKSTART)?;
        workspace.set_variable("kubeconfig", lab.kubeconfig());
        workspace.set_variable("context", lab.context());
        let dns = choices.lab.dns.then(|| lab.dns()).transpose()?;
        let number = |at: usize| TENANTS.get(at).map_or_else(|| format!("tenant-{}", at + 1), |name| (*name).to_owned());
        let own_clusters: Vec<String> = (0..choices.own_clusters).map(number).collect();
        if !own_clusters.is_empty() {
            workspace.write("clusters.tf", CLUSTERS)?;
            workspace.set_variable("own_clusters", serde_json::to_string(&own_clusters)?);
        }
        if let Some(dns) = &dns {
            names::give(&mut workspace, dns, !own_clusters.is_empty())?;
        }
        Ok(Self { lab, dns, own_clusters, workspace, before: objects::settled(&lab.kubeconfig())? })
    }

    fn whole(&self, steps: &mut Steps) -> Result<()> {
        self.begin(steps)?;
        steps.step("plan again", || self.plan_is_empty())?;
        let drifts = steps.step("change Kafka behind Terraform's back", || self.change_kafkas())?;
        steps.step("plan shows the drift", || self.plan_shows(&drifts))?;
        steps.step("apply mends it", || {
            self.workspace.apply(&[])?.succeeded()?;
            let mended: Vec<String> = drifts.iter().map(Drift::check_mended).collect::<Result<_>>()?;
            Ok(((), mended.join("; ")))
        })?;
        steps.step("plan again", || self.plan_is_empty())?;
        steps.step("destroy", || {
            self.workspace.destroy(&[])?.succeeded()?;
            Ok(((), "the tenants are gone".to_owned()))
        })?;
        steps.step("nothing is left", || self.nothing_is_left())
    }

    fn begin(&self, steps: &mut Steps) -> Result<()> {
        steps.step("init", || {
            self.workspace.init()?.succeeded()?;
            Ok(((), "the provider is installed from a mirror".to_owned()))
        })?;
        let access = steps.step("apply", || {
            self.workspace.apply(&[])?.succeeded()?;
            let access = self.access()?;
            let places: Vec<String> = access.iter().map(|tenant| format!("{} at {}", tenant.name, tenant.bootstrap)).collect();
            Ok((access, format!("Kafka of {}", places.join(", of "))))
        })?;
        let (step, trusting) = match self.dns {
            Some(_) => ("messages by public name", "trusting the ACME server's root alone"),
            None => ("messages", "trusting the tenants' own CAs"),
        };
        steps.step(step, || {
            let back: Vec<String> = access.iter().map(|tenant| self.pass(tenant)).collect::<Result<_>>()?;
            Ok(((), format!("{trusting}, over mutual TLS: {}; a client without a certificate is refused", back.join(", "))))
        })
    }

    fn pass(&self, tenant: &Access) -> Result<String> {
        let back = messages::pass(&self.kubeconfig(&tenant.name)?, &tenant.name, &tenant.bootstrap, &tenant.reach)?;
        Ok(format!("{back} of {}", tenant.name))
    }

    /// Where each tenant's Kafka is, by the outputs of the configuration.
    fn access(&self) -> Result<Vec<Access>> {
        let text = |value: &Value, name: &str| {
            value.as_str().map(str::to_owned).with_context(|| format!("read the output {name} as text: it is {value}"))
        };
        let output = |name: &str| text(&self.workspace.output(name)?, name);
        // A tenant whose certificate is the ACME server's has no CA of its own.
        let reach = |ca: &dyn Fn() -> Result<String>| match &self.dns {
            Some(dns) => Reach::by_public_name(dns),
            None => Ok(Reach::by_own_ca(ca()?)),
        };
        let mut all =
            vec![Access { name: TENANT.to_owned(), bootstrap: output("bootstrap_servers")?, reach: reach(&|| output("ca_certificate"))? }];
        if !self.own_clusters.is_empty() {
            let outputs = self.workspace.output("own_clusters")?;
            for name in &self.own_clusters {
                let of = |field: &str| text(&outputs[name][field], field);
                all.push(Access { name: name.clone(), bootstrap: of("bootstrap_servers")?, reach: reach(&|| of("ca_certificate"))? });
            }
        }
        Ok(all)
    }

    /// The kubeconfig of the cluster that a tenant's Kafka is on.
    fn kubeconfig(&self, tenant: &str) -> Result<PathBuf> {
        if tenant == TENANT {
            return Ok(self.lab.kubeconfig());
        }
        tenants::kubeconfig_file(&self.lab.kubeconfig(), &format!("kaas-{tenant}"), tenant, &workspace_dir(self.lab))
    }

    fn change_kafkas(&self) -> Result<(Vec<Drift>, String)> {
        let names = std::iter::once(TENANT).chain(self.own_clusters.iter().map(String::as_str));
        let changes: Vec<(Drift, String)> =
            names.map(|name| messages::change_kafka(&self.kubeconfig(name)?, name)).collect::<Result<_>>()?;
        let (drifts, said): (Vec<Drift>, Vec<String>) = changes.into_iter().unzip();
        Ok((drifts, said.join("; ")))
    }

    fn plan_is_empty(&self) -> Result<((), String)> {
        let (planned, ran) = self.workspace.plan(&[])?;
        ensure!(planned == Planned::Nothing, "the plan is not empty ({planned:?}):\n{}{}", ran.stdout, ran.stderr);
        Ok(((), "no changes".to_owned()))
    }

    fn plan_shows(&self, drifts: &[Drift]) -> Result<((), String)> {
        let (planned, ran) = self.workspace.plan(&[])?;
        ensure!(planned == Planned::Changes, "the plan does not show the drift ({planned:?}):\n{}{}", ran.stdout, ran.stderr);
        let lines: Vec<&str> = ran.stdout.lines().map(str::trim).filter(|line| line.contains("log.retention")).collect();
        for drift in drifts {
            ensure!(
                lines.iter().any(|line| drift.is_told_by(line)),
                "the plan does not show what changed in {}:\n{}",
                drift.field(),
                ran.stdout
            );
        }
        Ok(((), lines.join("; ")))
    }

    fn nothing_is_left(&self) -> Result<((), String)> {
        let after = objects::all(&self.lab.kubeconfig())?;
        let left: Vec<&String> = after.difference(&self.before).collect();
        ensure!(left.is_empty(), "objects are left in the cluster: {left:?}");
        let mut servers: Vec<_> = self.lab.servers().iter().map(|running| running.handle).collect();
        // Those of the management cluster; of tenants' clusters none may be left.
        let folders = self.dns.iter().flat_map(|dns| Controller::ALL.map(|controller| dns.folder(controller)));
        servers.extend(folders.flat_map(|folder| process::marked(&folder)));
        let others: Vec<_> = self.lab.processes().into_iter().filter(|process| !servers.contains(process)).collect();
        ensure!(others.is_empty(), "processes are left: {others:?}");
        Ok(((), format!("the cluster holds the {} objects it held before, and no Kafka runs", after.len())))
    }
}
