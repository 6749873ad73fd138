//! What a HelmRelease says about itself.
//!
//! Source: helm-controller 1.6, `api/v2/condition_types.go` and `helmrelease_types.go`; Flux's kstatus conditions `Reconciling` and `Stalled`.

use std::fmt;

use serde_json::Value;

use crate::domain::cluster::status::{condition, one_line};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseState {
    /// Installed in the wanted version.
    Ready,
    /// Under way, or tried again after a failure.
    InProgress,
    /// Given up; only a change helps.
    Failed,
    /// Somebody told Flux to leave it alone.
    Suspended,
    Deleting,
}

impl ReleaseState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Suspended => "Suspended",
            Self::Deleting => "Deleting",
        }
    }
}

impl fmt::Display for ReleaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseStatus {
    pub state: ReleaseState,
    /// One word, as conditions have it; empty when ready.
    pub reason: String,
    /// One line; empty when ready.
    pub message: String,
    /// Of the chart that is installed; None before the first.
    pub version: Option<String>,
}

/// The chart's version that runs: that of the last try which came to its end well.
pub fn running_version(release: &Value) -> Option<String> {
    let tries = release["status"]["history"].as_array()?;
    let last = tries.iter().find(|one| one["status"] == "deployed" || one["status"] == "superseded")?;
    last["chartVersion"].as_str().map(str::to_owned)
}

/// Reads a HelmRelease as the API server gave it. `wanted` is the chart's version; without it the version installed is not looked at.
pub fn release_status(release: &Value, wanted: Option<&str>) -> ReleaseStatus {
    let version = release["status"]["history"][0]["chartVersion"].as_str().map(str::to_owned);
    let (state, reason, message) = judge(release, wanted, version.as_deref());
    ReleaseStatus { state, reason, message: one_line(&message), version }
}

fn judge(release: &Value, wanted: Option<&str>, version: Option<&str>) -> (ReleaseState, String, String) {
    let told = |state, reason: &str, message: String| (state, reason.to_owned(), message);
    let ready = condition(release, "Ready");
    let said = |state, condition: &Value| {
        let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        (state, text("reason"), text("message"))
    };
    if !release["metadata"]["deletionTimestamp"].is_null() {
        let failed = ready.filter(|ready| ready["reason"] == "UninstallFailed");
        let plain = || told(ReleaseState::Deleting, "Deleting", "it is being uninstalled".to_owned());
        return failed.map_or_else(plain, |failed| said(ReleaseState::Deleting, failed));
    }
    if release["spec"]["suspend"] == true {
        return told(ReleaseState::Suspended, "Suspended", "it is suspended (spec.suspend); take that away to go on".to_owned());
    }
    let Some(ready) = ready else {
        let message = "no controller has picked it up; is Flux's helm-controller running?".to_owned();
        return told(ReleaseState::InProgress, "NoController", message);
    };
    let (generation, seen) = (release["metadata"]["generation"].as_i64(), release["status"]["observedGeneration"].as_i64());
    if generation.is_some_and(|generation| seen.is_none_or(|seen| seen < generation)) {
        // While it works on a generation it says why it has not come through in Ready and counts it as seen only afterwards.
        let waiting = said(ReleaseState::InProgress, ready);
        return if ready["status"] == "True" {
            told(ReleaseState::InProgress, "NotObserved", "the newest change is not installed yet".to_owned())
        } else {
            waiting
        };
    }
    if let Some(stalled) = condition(release, "Stalled").filter(|stalled| stalled["status"] == "True") {
        return said(ReleaseState::Failed, stalled);
    }
    if ready["status"] != "True" {
        return said(ReleaseState::InProgress, ready);
    }
    match (wanted, version) {
        (Some(wanted), Some(version)) if !same(wanted, version) => {
            told(ReleaseState::InProgress, "OtherVersion", format!("version {version} is installed, {wanted} is wanted"))
        }
        _ => told(ReleaseState::Ready, "", String::new()),
    }
}

/// Charts from OCI carry the digest behind a "+", and some a "v" that others leave out.
fn same(wanted: &str, version: &str) -> bool {
    let plain = |text: &str| text.split('+').next().unwrap_or_default().trim_start_matches('v').to_owned();
    plain(wanted) == plain(version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release(conditions: Value, seen: i64) -> Value {
        json!({
            "metadata": { "name": "strimzi-kafka-operator", "generation": 2 },
            "spec": { "interval": "10m" },
            "status": {
                "conditions": conditions, "observedGeneration": seen,
                "history": [{ "chartName": "strimzi-kafka-operator", "chartVersion": "1.2.0+4f1b2c3d4e5f", "status": "deployed", "version": 1 }],
            },
        })
    }

    fn one(kind: &str, status: &str, reason: &str, message: &str) -> Value {
        json!({ "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 2 })
    }

    #[test]
    fn conditions_decide_the_state_and_carry_their_reason() {
        let succeeded = one("Ready", "True", "InstallSucceeded", "Helm install succeeded for release strimzi/x.v1");
        let waits = one("Ready", "False", "DependencyNotReady", "dependency 'kaas-payments/cert-manager' is not ready");
        let fails = one("Ready", "False", "InstallFailed", "Helm install failed: timed out");
        let stalled = one("Stalled", "True", "RetriesExceeded", "Failed to install after 1 attempt(s)");
        for (conditions, seen, state, reason) in [
            (json!([succeeded]), 2, ReleaseState::Ready, ""),
            (json!([succeeded]), 1, ReleaseState::InProgress, "NotObserved"),
            (json!([waits]), -1, ReleaseState::InProgress, "DependencyNotReady"),
            (json!([fails]), 1, ReleaseState::InProgress, "InstallFailed"),
            (json!([fails]), 2, ReleaseState::InProgress, "InstallFailed"),
            (json!([fails, stalled]), 2, ReleaseState::Failed, "RetriesExceeded"),
            (json!([]), 2, ReleaseState::InProgress, "NoController"),
        ] {
            let status = release_status(&release(conditions, seen), Some("1.2.0"));
            assert_eq!((status.state, status.reason.as_str()), (state, reason), "{}", status.message);
        }
    }

    #[test]
    fn ready_in_another_version_is_not_ready() {
        let ready = release(json!([one("Ready", "True", "UpgradeSucceeded", "")]), 2);
        for (wanted, state) in [
            (Some("1.2.0"), ReleaseState::Ready),
            (Some("v1.2.0"), ReleaseState::Ready),
            (None, ReleaseState::Ready),
            (Some("1.3.0"), ReleaseState::InProgress),
        ] {
            assert_eq!(release_status(&ready, wanted).state, state, "{wanted:?}");
        }
        assert_eq!(release_status(&ready, Some("1.3.0")).message, "version 1.2.0+4f1b2c3d4e5f is installed, 1.3.0 is wanted");
    }

    #[test]
    fn a_suspended_and_a_going_release_say_so() {
        let mut going = release(json!([one("Ready", "False", "UninstallFailed", "connection refused")]), 2);
        going["spec"]["suspend"] = json!(true);
        assert_eq!(release_status(&going, None).state, ReleaseState::Suspended);
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let status = release_status(&going, None);
        assert_eq!(
            (status.state, status.reason.as_str(), status.message.as_str()),
            (ReleaseState::Deleting, "UninstallFailed", "connection refused")
        );
    }
}
