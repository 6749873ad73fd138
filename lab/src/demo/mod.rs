//! `demo`: the whole life of a tenant's Kafka on this machine, from nothing to nothing, each step with its time.

mod messages;
mod steps;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::environment::{Lab, Options};
use crate::output::{note, say, seconds};
use crate::programs::Program;
use crate::terraform::{Engine, Install, Planned, Workspace};
use crate::{doctor, interrupt, objects, own_binary, strimzi_api};
use steps::Steps;

const QUICKSTART: &str = include_str!("../../../examples/quickstart/main.tf");
/// As the quickstart names its tenant.
const TENANT: &str = "payments";

/// How the demo is to go.
#[derive(Clone, Debug)]
pub struct Choices {
    /// The lab it makes and takes down.
    pub lab: Options,
    /// Which CLI applies the configuration.
    pub engine: Engine,
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
    steps.step("tools of this machine", || {
        doctor::complaints().map_or(Ok(((), "all found".to_owned())), |missing| Err(anyhow::anyhow!(missing)))
    })?;
    let provider = steps.step("programs", build)?;
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

fn build() -> Result<(PathBuf, String)> {
    for program in Program::NAMESPACES {
        interrupt::check()?;
        program.executable()?;
    }
    strimzi_api::crds()?;
    let provider = own_binary::provider()?;
    let text = format!(
        "Kubernetes {}, OpenTofu {}, Strimzi's CRDs {}",
        Program::KubeApiserver.version()?,
        Program::Tofu.version()?,
        strimzi_api::version()?
    );
    Ok((provider, text))
}

fn workspace_dir(lab: &Lab) -> PathBuf {
    lab.folder().join("workspace")
}

/// A lab with the quickstart's configuration in a workspace.
struct Tour<'a> {
    lab: &'a Lab,
    workspace: Workspace,
    before: BTreeSet<String>,
}

impl<'a> Tour<'a> {
    fn prepare(lab: &'a Lab, choices: &Choices, provider: PathBuf) -> Result<Self> {
        let mut workspace = Workspace::new(choices.engine, &workspace_dir(lab), &provider, Install::Mirror)?;
        workspace.write("main.tf", QUICKSTART)?;
        workspace.set_variable("kubeconfig", lab.kubeconfig());
        workspace.set_variable("context", lab.context());
        Ok(Self { lab, workspace, before: objects::settled(&lab.kubeconfig())? })
    }

    fn whole(&self, steps: &mut Steps) -> Result<()> {
        self.begin(steps)?;
        steps.step("plan again", || self.plan_is_empty())?;
        let drift = steps.step("change Kafka behind Terraform's back", || messages::change_kafka(self.lab, TENANT))?;
        steps.step("plan shows the drift", || self.plan_shows(&drift))?;
        steps.step("apply mends it", || {
            self.workspace.apply(&[])?.succeeded()?;
            drift.check_mended(self.lab)
        })?;
        steps.step("plan again", || self.plan_is_empty())?;
        steps.step("destroy", || {
            self.workspace.destroy(&[])?.succeeded()?;
            Ok(((), "the tenant is gone".to_owned()))
        })?;
        steps.step("nothing is left", || self.nothing_is_left())
    }

    fn begin(&self, steps: &mut Steps) -> Result<()> {
        steps.step("init", || {
            self.workspace.init()?.succeeded()?;
            Ok(((), "the provider is installed from a mirror".to_owned()))
        })?;
        let bootstrap = steps.step("apply", || {
            self.workspace.apply(&[])?.succeeded()?;
            let bootstrap = self.text_output("bootstrap_servers")?;
            Ok((bootstrap.clone(), format!("Kafka at {bootstrap}")))
        })?;
        let ca = self.text_output("ca_certificate")?;
        steps.step("messages over mutual TLS", || messages::pass(self.lab, TENANT, &bootstrap, &ca))
    }

    fn text_output(&self, name: &str) -> Result<String> {
        let value = self.workspace.output(name)?;
        value.as_str().map(str::to_owned).with_context(|| format!("read the output {name} as text: it is {value}"))
    }

    fn plan_is_empty(&self) -> Result<((), String)> {
        let (planned, ran) = self.workspace.plan(&[])?;
        ensure!(planned == Planned::Nothing, "the plan is not empty ({planned:?}):\n{}{}", ran.stdout, ran.stderr);
        Ok(((), "no changes".to_owned()))
    }

    fn plan_shows(&self, drift: &messages::Drift) -> Result<((), String)> {
        let (planned, ran) = self.workspace.plan(&[])?;
        ensure!(planned == Planned::Changes, "the plan does not show the drift ({planned:?}):\n{}{}", ran.stdout, ran.stderr);
        let lines: Vec<&str> = ran.stdout.lines().map(str::trim).filter(|line| line.contains("->")).collect();
        ensure!(!lines.is_empty(), "the plan does not show what changed in {}:\n{}", drift.field(), ran.stdout);
        Ok(((), lines.join("; ")))
    }

    fn nothing_is_left(&self) -> Result<((), String)> {
        let after = objects::all(&self.lab.kubeconfig())?;
        let left: Vec<&String> = after.difference(&self.before).collect();
        ensure!(left.is_empty(), "objects are left in the cluster: {left:?}");
        let servers: Vec<_> = self.lab.servers().iter().map(|running| running.handle).collect();
        let others: Vec<_> = self.lab.processes().into_iter().filter(|process| !servers.contains(process)).collect();
        ensure!(others.is_empty(), "processes are left: {others:?}");
        Ok(((), format!("the cluster holds the {} objects it held before, and no Kafka runs", after.len())))
    }
}
