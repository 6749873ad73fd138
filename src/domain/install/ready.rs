//! What it means, kind by kind, that an installed object does its work, and how one differs from what was installed.

use serde_json::Value;

use super::CHART_VERSION_ANNOTATION;
use super::object::{AnyObject, is_injected};
use crate::domain::cluster::status::{condition, one_line};
use crate::domain::drift;
use crate::domain::releases::status::{ReleaseState, release_status};

/// In a few words what an object still lacks; None: it is ready. `live` is the object as the server has it.
pub fn pending(wanted: &AnyObject, live: Option<&Value>) -> Option<String> {
    let Some(live) = live else { return Some("it does not exist".to_owned()) };
    if !live["metadata"]["deletionTimestamp"].is_null() {
        return Some("it is being deleted".to_owned());
    }
    let reference = &wanted.reference;
    match (reference.group(), reference.kind.as_str()) {
        ("apiextensions.k8s.io", _) => definition(live),
        ("apps", "Deployment") => deployment(live),
        ("apps", "DaemonSet") => counted(live, "desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"),
        ("batch", "Job") => job(live),
        ("admissionregistration.k8s.io", _) if is_injected(&wanted.body) => webhooks(live),
        ("operator.cluster.x-k8s.io", _) => provider(live),
        ("helm.toolkit.fluxcd.io", "HelmRelease") => release(&wanted.body, live),
        _ => None,
    }
}

/// Whether readiness means more than that the object is there.
pub fn is_judged(object: &AnyObject) -> bool {
    let reference = &object.reference;
    let judged = ["apiextensions.k8s.io", "apps", "batch", "operator.cluster.x-k8s.io", "helm.toolkit.fluxcd.io"];
    judged.contains(&reference.group()) || reference.group() == "admissionregistration.k8s.io" && is_injected(&object.body)
}

/// Whether it has given up, so that waiting does not help.
pub fn is_stalled(live: &Value) -> bool {
    live["kind"] == "HelmRelease" && release_status(live, None).state == ReleaseState::Failed
}

fn definition(live: &Value) -> Option<String> {
    let established = condition(live, "Established").is_some_and(|condition| condition["status"] == "True");
    if !established {
        return Some("it is not served yet".to_owned());
    }
    let bundle = live.pointer("/spec/conversion/webhook/clientConfig/caBundle").and_then(Value::as_str).unwrap_or_default();
    let converts = live.pointer("/spec/conversion/strategy").is_some_and(|strategy| strategy == "Webhook");
    (converts && is_injected(live) && bundle.is_empty()).then(|| no_bundle("its conversion webhook"))
}

fn no_bundle(what: &str) -> String {
    format!("{what} has no certificate authority yet; is cert-manager's cainjector running?")
}

fn deployment(live: &Value) -> Option<String> {
    let (generation, seen) = (live["metadata"]["generation"].as_i64(), live["status"]["observedGeneration"].as_i64());
    if generation.is_some_and(|generation| seen.is_none_or(|seen| seen < generation)) {
        return Some("its controller has not taken up the newest change".to_owned());
    }
    let (replicas, updated) = (live["spec"]["replicas"].as_i64().unwrap_or(1), live["status"]["updatedReplicas"].as_i64().unwrap_or(0));
    if updated < replicas {
        return Some(format!("{updated} of {replicas} replicas are of the newest version"));
    }
    let said = |condition: &Value| one_line(condition["message"].as_str().unwrap_or_default());
    match condition(live, "Available") {
        Some(available) if available["status"] == "True" => None,
        Some(available) => Some(format!("not available: {}", said(available))),
        None => Some("not available".to_owned()),
    }
}

fn counted(live: &Value, wanted: &str, updated: &str, available: &str) -> Option<String> {
    let count = |key: &str| live["status"][key].as_i64().unwrap_or(0);
    let ready = count(updated).min(count(available));
    (ready < count(wanted)).then(|| format!("{ready} of {} are available in the newest version", count(wanted)))
}

fn job(live: &Value) -> Option<String> {
    if condition(live, "Complete").is_some_and(|condition| condition["status"] == "True") {
        return None;
    }
    match condition(live, "Failed").filter(|condition| condition["status"] == "True") {
        Some(failed) => Some(format!("it failed: {}", one_line(failed["message"].as_str().unwrap_or_default()))),
        None => Some("it has not come to its end".to_owned()),
    }
}

fn webhooks(live: &Value) -> Option<String> {
    let all = live["webhooks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lacks = |hook: &&Value| hook["clientConfig"]["caBundle"].as_str().is_none_or(str::is_empty);
    all.iter().find(lacks).map(|hook| no_bundle(&format!("its webhook {}", hook["name"].as_str().unwrap_or_default())))
}

/// An object of the Cluster API Operator. Source: Cluster API Operator 0.29, `api/v1alpha2` (conditions, `installedVersion`).
fn provider(live: &Value) -> Option<String> {
    let told = |condition: &Value| {
        let text = |key: &str| condition[key].as_str().unwrap_or_default();
        format!("{}: {}", text("reason"), one_line(text("message")))
    };
    for kind in ["PreflightCheckPassed", "ProviderInstalled"] {
        if let Some(failed) = condition(live, kind).filter(|condition| condition["status"] == "False") {
            return Some(told(failed));
        }
    }
    let (generation, seen) = (live["metadata"]["generation"].as_i64(), live["status"]["observedGeneration"].as_i64());
    let Some(ready) = condition(live, "Ready") else {
        return Some("no controller has picked it up; is the Cluster API Operator running?".to_owned());
    };
    if ready["status"] != "True" {
        return Some(told(ready));
    }
    // Noted only when all was done; Ready alone may be of the version before.
    if generation.is_some_and(|generation| seen.is_none_or(|seen| seen < generation)) {
        return Some("the operator has not taken up the newest change".to_owned());
    }
    let plain = |value: &Value| value.as_str().map(|text| text.trim_start_matches('v').to_owned());
    let (wanted, installed) = (plain(&live["spec"]["version"]), plain(&live["status"]["installedVersion"]));
    (wanted != installed).then(|| {
        format!("version {} is installed, {} is wanted", installed.as_deref().unwrap_or("none"), wanted.as_deref().unwrap_or("any"))
    })
}

fn release(wanted: &Value, live: &Value) -> Option<String> {
    let status = release_status(live, wanted["metadata"]["annotations"][CHART_VERSION_ANNOTATION].as_str());
    (status.state != ReleaseState::Ready).then(|| format!("{} ({}): {}", status.state, status.reason, status.message))
}

/// What of an installed object is not as it was installed, one line each.
pub fn drift_lines(wanted: &AnyObject, live: Option<&Value>) -> Vec<String> {
    let reference = &wanted.reference;
    let Some(live) = live else { return vec![format!("{reference} does not exist")] };
    let mut compared = wanted.body.clone();
    if reference.kind == "Secret"
        && let Some(fields) = compared.as_object_mut()
    {
        // Secrets are kept without what they hold.
        fields.retain(|key, _| key != "data" && key != "stringData");
    }
    let differences = drift::differences(&compared, live).into_iter();
    // The server leaves out what is empty.
    let told = differences.filter(|difference| difference.found.is_some() || !is_empty(&difference.wanted));
    told.map(|difference| format!("{reference}: {difference}")).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) => false,
    }
}
