//! Bringing a release in step: which act the state in the target asks for, what its failure means, when it is given up.

use std::time::Duration;

use anyhow::Result;

use super::RETRY;
use super::api::FAIL;
use super::charts::{Chart, STRIMZI};
use super::helm::{Failed, Release, Wish};
use super::release::{End, Pass};
use super::remediation::{given_up, is_given_up, must_remediate, remediate, retry_later};
use super::sources::Artifact;
use super::storage::Record;
use super::target::Target;

/// What stands in the target, compared to what is wanted.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Absent,
    InStep,
    OutOfStep,
    Unmanaged,
    Failed,
    Locked,
}

fn state(records: &[Record], pass: &Pass<'_>, artifact: &Artifact) -> State {
    let Some(last) = records.last() else { return State::Absent };
    let known = pass.status.history.first();
    match last.info.status.as_str() {
        status if status.starts_with("pending-") => State::Locked,
        _ if known.is_none_or(|known| known.version != last.version) => State::Unmanaged,
        "failed" => State::Failed,
        "uninstalled" => State::Absent,
        _ if last.chart.metadata.version != artifact.version || last.config != pass.spec.values => State::OutOfStep,
        _ => State::InStep,
    }
}

/// Runs acts until the release is in step, has to wait, or is given up.
pub async fn run(
    pass: &mut Pass<'_>,
    target: &Target,
    names: &(String, String, String),
    chart: &'static Chart,
    artifact: &Artifact,
) -> Result<End> {
    let of = (pass.namespace.clone(), pass.name.clone());
    let release = Release { target, of: (&of.0, &of.1), name: &names.0, namespace: &names.1, storage_namespace: &names.2 };
    let mut tried = false;
    loop {
        let records = match release.storage().list().await {
            Ok(records) => records,
            Err(error) => return Ok(pass.not_ready("StateError", &format!("Could not determine release state: {error:#}"), RETRY)),
        };
        let found = state(&records, pass, artifact);
        let forced = !tried && pass.forced();
        match found {
            State::InStep if !forced => return Ok(in_step(pass, &release, chart)),
            State::Locked => {
                if let Some(last) = records.last() {
                    release.unlock(last).await?;
                }
                continue;
            }
            State::Absent if !forced && pass.spec.install.exhausted(pass.status.install_failures) => return Ok(given_up(pass, "install")),
            State::OutOfStep if !forced && pass.spec.upgrade.exhausted(pass.status.upgrade_failures) => {
                return Ok(given_up(pass, "upgrade"));
            }
            State::Failed if !forced && must_remediate(pass) => return remediate(pass, &release, &records).await,
            State::Failed if !forced && is_given_up(pass) => {
                let action = pass.status.last_attempted_release_action.clone();
                return Ok(given_up(pass, &action));
            }
            State::Unmanaged => pass.status.history.clear(),
            _ => {}
        }
        if tried {
            return Ok(retry_later(pass));
        }
        if let Some(left) = pass.flux.pause(pass) {
            return Ok(End::Waits(left));
        }
        tried = true;
        if let Some(end) = attempt(pass, &release, chart, artifact, &records).await? {
            return Ok(end);
        }
    }
}

/// One install or upgrade. An end only where nothing was left in the target to go on from.
async fn attempt(
    pass: &mut Pass<'_>,
    release: &Release<'_>,
    chart: &'static Chart,
    artifact: &Artifact,
    records: &[Record],
) -> Result<Option<End>> {
    let action = if records.is_empty() { "install" } else { "upgrade" };
    action.clone_into(&mut pass.status.last_attempted_release_action);
    let step = if records.is_empty() { &pass.spec.install } else { &pass.spec.upgrade };
    let timeout = step.timeout.as_ref().or(pass.spec.timeout.as_ref()).map_or("5m0s", String::as_str);
    let message = format!("Running '{action}' action with timeout of {timeout}");
    let mut conditions = pass.conditions();
    conditions.reconciling("Progressing", &message);
    conditions.set("Ready", "Unknown", "Progressing", &message);
    pass.write().await?;
    let values = pass.spec.values.clone();
    let wish = Wish { chart, artifact, values: &values, spec: &pass.spec, fails: ordered_to_fail(pass, action) };
    tracing::info!("{action} {}/{} of {}/{}", release.namespace, release.name, pass.namespace, pass.name);
    let title = if records.is_empty() { "Install" } else { "Upgrade" };
    match release.release(&wish, records).await {
        Ok(record) => {
            let message = format!("Helm {action} succeeded for release {} with chart {}", record.full_name(), record.chart_name());
            pass.remember(&record, artifact);
            let mut conditions = pass.conditions();
            conditions.remove("Remediated");
            conditions.set("Released", "True", &format!("{title}Succeeded"), &message);
            conditions.set("Ready", "True", &format!("{title}Succeeded"), &message);
            Ok(None)
        }
        Err(Failed { record, error }) => {
            tracing::warn!("{action} {}/{}: {error:#}", release.namespace, release.name);
            let full = record.as_ref().map_or_else(|| format!("{}/{}", release.namespace, release.name), Record::full_name);
            let message = format!("Helm {action} failed for release {full} with chart {}@{}: {error:#}", chart.name, artifact.version);
            pass.status.failures += 1;
            let mut conditions = pass.conditions();
            conditions.set("Released", "False", &format!("{title}Failed"), &message);
            conditions.set("Ready", "False", &format!("{title}Failed"), &message);
            pass.flux.failed(pass);
            // Only what left a record counts as a failed attempt.
            let Some(record) = record else { return Ok(Some(retry_later(pass))) };
            pass.remember(&record, artifact);
            let count = if action == "install" { &mut pass.status.install_failures } else { &mut pass.status.upgrade_failures };
            *count += 1;
            Ok(None)
        }
    }
}

fn in_step(pass: &mut Pass<'_>, release: &Release<'_>, chart: &Chart) -> End {
    let Some(last) = pass.status.history.first().cloned() else { return End::Waits(Duration::ZERO) };
    let mut conditions = pass.conditions();
    conditions.remove("Reconciling");
    conditions.remove("Stalled");
    let rolled_back = conditions.get("Remediated").is_some_and(|c| c.status == "True");
    conditions.remove("Remediated");
    let released = conditions.get("Released").filter(|c| c.status == "True" && !rolled_back).cloned();
    let (reason, message) = released.map_or_else(
        || {
            let chart = format!("{}@{}", last.chart_name, last.chart_version);
            let message =
                format!("Helm upgrade succeeded for release {}/{}.v{} with chart {chart}", last.namespace, last.name, last.version);
            ("UpgradeSucceeded".to_owned(), message)
        },
        |c| (c.reason, c.message),
    );
    conditions.set("Released", "True", &reason, &message);
    conditions.set("Ready", "True", &reason, &message);
    pass.clear_failures();
    pass.forget_old();
    if chart.name == STRIMZI {
        pass.flux.operators.run(&release.target.whereabouts, release.namespace);
    }
    let asked = pass.flux.controllers.run(chart.name, &release.target.whereabouts, release.namespace, release.name);
    if let Err(error) = asked {
        tracing::warn!("let {} run: {error:#}", chart.name);
    }
    End::Settled
}

/// Whether a test asked for this attempt to fail: by annotation, or by a file written before the object is.
fn ordered_to_fail(pass: &Pass<'_>, action: &str) -> bool {
    let file = pass.flux.options.data_dir.join("fail").join(format!("{}.{}", pass.namespace, pass.name));
    let ordered = pass.annotation(FAIL).or_else(|| std::fs::read_to_string(file).ok());
    let failures = if action == "install" { pass.status.install_failures } else { pass.status.upgrade_failures };
    ordered.and_then(|text| text.trim().parse::<i64>().ok()).is_some_and(|ordered| failures < ordered)
}
