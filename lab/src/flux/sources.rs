//! The stand-in for Flux's source-controller: it fetches nothing. A source whose spec says exactly which chart of which version it means
//! gets an artifact that says the same; ranges of versions, which need a registry, are refused.

use std::sync::Arc;

use anyhow::Result;
use kube::api::{Api, DynamicObject};
use kube::runtime::controller::Action;
use kube::{Client, ResourceExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{self, Condition, REQUESTED_AT, Reference, source};
use super::digest::{self, sha256};
use super::status::{self, Conditions, SOURCE_MANAGER, now};

/// A chart as a source gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub chart: String,
    /// As Helm sees it: of an OCI artifact with a part of its digest.
    pub version: String,
    pub oci_digest: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    url: String,
    suspend: bool,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "ref")]
    reference: OciRef,
    chart: String,
    version: Option<String>,
    source_ref: Reference,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OciRef {
    tag: Option<String>,
    digest: Option<String>,
    semver: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: i64,
    conditions: Vec<Condition>,
    artifact: Option<Stored>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stored {
    revision: String,
    last_update_time: String,
}

/// What a source has to give: the revision and the reason and message of its Ready condition.
struct Found {
    revision: String,
    reason: &'static str,
    message: String,
}

/// Why it has nothing: reason and message.
type Missing = (&'static str, String);

/// One look at a source of `kind`.
pub async fn reconcile(object: Arc<DynamicObject>, client: Client, kind: &'static str) -> Result<Action> {
    let spec: Spec = api::parse(&object, "spec")?;
    let static_repository = kind == "HelmRepository" && spec.kind.as_deref() == Some("oci");
    if spec.suspend || object.metadata.deletion_timestamp.is_some() || static_repository {
        return Ok(Action::await_change());
    }
    let found = match kind {
        "OCIRepository" => oci(&spec),
        "HelmRepository" => repository(&spec),
        _ => chart(&spec, &client, &object.namespace().unwrap_or_default()).await?,
    };
    let missing = found.is_err();
    let status = report(&object, kind, found)?;
    status::write(&client, &source(kind), &object, SOURCE_MANAGER, &status).await?;
    // A chart waits for its repository; the others for a change.
    Ok(if missing && kind == "HelmChart" { Action::requeue(super::SOON) } else { Action::await_change() })
}

fn oci(spec: &Spec) -> Result<Found, Missing> {
    let refused = |why: &str| Err(("OCIArtifactPullFailed", format!("the lab's stand-in for Flux has no registry to ask: {why}")));
    if !spec.url.starts_with("oci://") {
        return Err(("URLInvalid", format!("URL must be in format 'oci://<domain>/<org>/<repo>', not '{}'", spec.url)));
    }
    let OciRef { tag, digest, semver } = &spec.reference;
    let tag = match (tag, semver, digest) {
        (_, _, Some(_)) => return refused("which version .spec.ref.digest is, it cannot know; give .spec.ref.tag"),
        (_, Some(range), _) if digest::version(range).is_none() => return refused("give .spec.ref.tag, not a range"),
        (_, Some(exact), _) => exact,
        (Some(tag), None, None) => tag,
        (None, None, None) => return refused("which version 'latest' is, it cannot know; give .spec.ref.tag"),
    };
    let revision = format!("{tag}@sha256:{}", sha256(format!("{}:{tag}", spec.url).as_bytes()));
    let message = format!("stored artifact for digest '{revision}'");
    Ok(Found { revision, reason: "Succeeded", message })
}

fn repository(spec: &Spec) -> Result<Found, Missing> {
    if !spec.url.starts_with("http://") && !spec.url.starts_with("https://") {
        return Err(("URLInvalid", format!("scheme of '{}' is not supported", spec.url)));
    }
    let revision = format!("sha256:{}", sha256(spec.url.as_bytes()));
    let message = format!("stored artifact: revision '{revision}'");
    Ok(Found { revision, reason: "Succeeded", message })
}

async fn chart(spec: &Spec, client: &Client, namespace: &str) -> Result<Result<Found, Missing>> {
    let Reference { kind, name, .. } = &spec.source_ref;
    if kind != "HelmRepository" {
        return Ok(Err(("SourceUnavailable", format!("the lab's stand-in for Flux knows charts of a HelmRepository, not of a {kind}"))));
    }
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &source(kind));
    let Some(repository) = api.get_opt(name).await? else {
        return Ok(Err(("SourceUnavailable", format!("failed to get source: {kind} '{namespace}/{name}' not found"))));
    };
    let of: Spec = api::parse(&repository, "spec")?;
    if of.kind.as_deref() != Some("oci") && readiness(&repository)?.is_err() {
        return Ok(Err(("NoSourceArtifact", format!("no artifact available for HelmRepository source '{name}'"))));
    }
    let version = spec.version.as_deref().unwrap_or("*");
    if digest::version(version).is_none() {
        let why = format!("version '{version}' is no exact version, and the lab's stand-in for Flux has no registry to ask");
        return Ok(Err(("ChartPullFailed", format!("invalid chart reference: {why}"))));
    }
    let message = format!("pulled '{}' chart with version '{version}'", spec.chart);
    Ok(Ok(Found { revision: version.to_owned(), reason: "ChartPullSucceeded", message }))
}

fn report(object: &DynamicObject, kind: &str, found: Result<Found, Missing>) -> Result<Value> {
    let before: Status = api::parse(object, "status")?;
    let generation = object.metadata.generation.unwrap_or_default();
    let mut all = before.conditions;
    let mut conditions = Conditions { all: &mut all, generation };
    let mut status = json!({"observedGeneration": generation});
    match found {
        Ok(found) => {
            conditions.remove("FetchFailed");
            conditions.set("Ready", "True", found.reason, &found.message);
            conditions.set("ArtifactInStorage", "True", found.reason, &found.message);
            status["artifact"] = artifact(object, kind, &found.revision, before.artifact.as_ref());
            status["url"] = json!(format!("http://source-controller.flux-system.svc.cluster.local./{}", path(object, kind, "latest")));
        }
        Err((reason, message)) => {
            conditions.set("FetchFailed", "True", reason, &message);
            conditions.set("Ready", "False", reason, &message);
            // The artifact of before stays, as with the real one.
            for key in ["artifact", "url"] {
                if let Some(kept) = object.data.get("status").and_then(|s| s.get(key)) {
                    status[key] = kept.clone();
                }
            }
        }
    }
    status["conditions"] = json!(all);
    if let Some(requested) = object.annotations().get(REQUESTED_AT) {
        status["lastHandledReconcileAt"] = json!(requested);
    }
    Ok(status)
}

fn artifact(object: &DynamicObject, kind: &str, revision: &str, before: Option<&Stored>) -> Value {
    let kept = before.filter(|b| b.revision == revision).map(|b| b.last_update_time.clone());
    let path = path(object, kind, revision.rsplit_once(':').map_or(revision, |(_, hex)| hex));
    json!({
        "digest": format!("sha256:{}", sha256(revision.as_bytes())),
        "lastUpdateTime": kept.unwrap_or_else(now),
        "path": path,
        "revision": revision,
        "url": format!("http://source-controller.flux-system.svc.cluster.local./{path}"),
    })
}

fn path(object: &DynamicObject, kind: &str, file: &str) -> String {
    format!("{}/{}/{}/{file}.tar.gz", kind.to_ascii_lowercase(), object.namespace().unwrap_or_default(), object.name_any())
}

/// The revision a source has ready, or why there is none, in Flux's words.
pub fn readiness(object: &DynamicObject) -> Result<Result<String, String>> {
    let status: Status = api::parse(object, "status")?;
    let kind = object.types.as_ref().map_or("Source", |t| t.kind.as_str());
    let what = format!("{kind} '{}/{}' is not ready", object.namespace().unwrap_or_default(), object.name_any());
    let ready = status.conditions.iter().find(|c| c.kind == "Ready");
    Ok(match (ready, status.artifact) {
        _ if object.metadata.generation != Some(status.observed_generation) => {
            Err(format!("{what}: latest generation of object has not been reconciled"))
        }
        (Some(c), _) if c.status != "True" => Err(format!("{what}: {}", c.message)),
        (_, None) => Err(format!("{what}: does not have an artifact")),
        (_, Some(artifact)) => Ok(artifact.revision),
    })
}

/// The chart in an OCI artifact: the version carries the digest's beginning, and no `v` before it.
///
/// # Errors
/// When the tag is no version.
pub fn oci_chart(object: &DynamicObject, revision: &str) -> Result<Result<Artifact, String>> {
    let spec: Spec = api::parse(object, "spec")?;
    let chart = spec.url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let (tag, digest) = revision.split_once('@').unwrap_or((revision, ""));
    let hex = digest.rsplit(':').next().unwrap_or_default();
    Ok(digest::version(tag).map_or_else(
        || Err(format!("failed parsing artifact revision {tag}")),
        |version| Ok(Artifact { chart, version: format!("{version}+{}", &hex[..hex.len().min(12)]), oci_digest: Some(digest.to_owned()) }),
    ))
}

/// The chart of a HelmChart.
///
/// # Errors
/// When its spec cannot be read.
pub fn repository_chart(object: &DynamicObject, revision: &str) -> Result<Artifact> {
    let spec: Spec = api::parse(object, "spec")?;
    let chart = spec.chart.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Artifact { chart, version: revision.to_owned(), oci_digest: None })
}
