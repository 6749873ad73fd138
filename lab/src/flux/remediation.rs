//! What follows a failed attempt: undoing it, trying again, giving up.

use anyhow::Result;

use super::RETRY;
use super::api::Step;
use super::helm::Release;
use super::release::{End, Pass};
use super::status::now;
use super::storage::Record;

/// Undoes a failed attempt: an install is uninstalled, an upgrade rolled back unless told otherwise.
pub async fn remediate(pass: &mut Pass<'_>, release: &Release<'_>, records: &[Record]) -> Result<End> {
    let (step, _) = active(pass);
    let uninstalls = pass.status.last_attempted_release_action == "install" || step.remediation.strategy.as_deref() == Some("uninstall");
    let Some(failed) = records.last() else { return Ok(retry_later(pass)) };
    let done = if uninstalls {
        release.uninstall(records).await.map(|()| {
            let message =
                format!("Helm uninstall remediation for release {} with chart {} succeeded", failed.full_name(), failed.chart_name());
            if let Some(first) = pass.status.history.first_mut() {
                "uninstalled".clone_into(&mut first.status);
                first.deleted = Some(now());
            }
            ("UninstallSucceeded", message)
        })
    } else {
        let to = match release.rollback_target(records) {
            Ok(to) => to,
            Err(why) => {
                pass.conditions().stalled("MissingRollbackTarget", &format!("Failed to perform remediation: {why}"));
                return Ok(End::Settled);
            }
        };
        let message = format!("Helm rollback to previous release {} with chart {} succeeded", to.full_name(), to.chart_name());
        match release.roll_back(to, records, pass.spec.max_history).await {
            Ok(record) => {
                pass.remember_rollback(&record);
                Ok(("RollbackSucceeded", message))
            }
            Err(failed) => Err(failed.error),
        }
    };
    match done {
        Ok((reason, message)) => {
            let mut conditions = pass.conditions();
            conditions.set("Remediated", "True", reason, &message);
            conditions.set("Ready", "False", reason, &message);
        }
        Err(error) => {
            let reason = if uninstalls { "UninstallFailed" } else { "RollbackFailed" };
            let message =
                format!("Helm remediation failed for release {} with chart {}: {error:#}", failed.full_name(), failed.chart_name());
            let mut conditions = pass.conditions();
            conditions.set("Remediated", "False", reason, &message);
            conditions.set("Ready", "False", reason, &message);
            return Ok(retry_later(pass));
        }
    }
    let (step, failures) = active(pass);
    if step.exhausted(failures) {
        let action = pass.status.last_attempted_release_action.clone();
        return Ok(given_up(pass, &action));
    }
    Ok(retry_later(pass))
}

fn active<'p>(pass: &'p Pass<'_>) -> (&'p Step, i64) {
    match pass.status.last_attempted_release_action.as_str() {
        "install" => (&pass.spec.install, pass.status.install_failures),
        _ => (&pass.spec.upgrade, pass.status.upgrade_failures),
    }
}

fn remediates_last(pass: &Pass<'_>) -> bool {
    let (step, _) = active(pass);
    let upgrade = pass.status.last_attempted_release_action == "upgrade";
    step.remediation.remediate_last_failure.unwrap_or(upgrade && step.remediation.retries > 0)
}

/// Whether what a failed attempt left is to be undone.
pub fn must_remediate(pass: &Pass<'_>) -> bool {
    let (step, failures) = active(pass);
    failures > 0 && !step.retries_without_remediation() && (!step.exhausted(failures) || remediates_last(pass))
}

/// Whether no attempt is left.
pub fn is_given_up(pass: &Pass<'_>) -> bool {
    let (step, failures) = active(pass);
    failures > 0 && step.exhausted(failures)
}

/// Says that no attempt is left.
pub fn given_up(pass: &mut Pass<'_>, action: &str) -> End {
    let failures = if action == "install" { pass.status.install_failures } else { pass.status.upgrade_failures };
    pass.conditions().stalled("RetriesExceeded", &format!("Failed to {action} after {failures} attempt(s)"));
    End::Settled
}

/// Says that another attempt follows.
pub fn retry_later(pass: &mut Pass<'_>) -> End {
    let mut conditions = pass.conditions();
    let message = conditions.get("Ready").map(|c| c.message.clone()).unwrap_or_default();
    conditions.reconciling("ProgressingWithRetry", &message);
    End::Waits(RETRY)
}
