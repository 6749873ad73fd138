//! A ProcessControlPlane: servers started and kept running, their kubeconfig and authority handed out, the wished version reported.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{self, Event};
use serde_json::{Value, json};

use super::objects::{self, MANAGER, Owner, STOPPED};
use super::status::{self, Condition};
use super::tenant::{self, Tenant};
use super::{Failure, Operator, RESYNC, SOON};

const FINALIZER: &str = "processcontrolplane.controlplane.cluster.x-k8s.io";
/// How long an upgrade shows as under way before its version is reported: those who wait for it shall have something to wait for.
const UPGRADE: Duration = Duration::from_secs(2);

/// Brings one object about.
pub async fn reconcile(object: Arc<DynamicObject>, operator: Arc<Operator>) -> Result<Action, Failure> {
    let Some(owner) = objects::owner(&object) else { return Ok(Action::requeue(SOON)) };
    let ending = object.metadata.deletion_timestamp.is_some();
    if !ending && objects::paused(&operator.client, &object, &owner.namespace, &owner.name).await? {
        return Ok(Action::requeue(RESYNC));
    }
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), &owner.namespace, &objects::control_plane());
    // Nothing is started before the finalizer is there.
    let done = finalizer::finalizer(&api, FINALIZER, object, |event| async {
        match event {
            Event::Apply(object) => bring_about(&operator, &object, &owner).await.map_err(Failure),
            Event::Cleanup(_) => end(&operator, owner.clone()).await.map_err(Failure),
        }
    });
    done.await.map_err(|error| Failure(error.into()))
}

/// The servers; what to say of them.
struct Seen {
    port: u16,
    kubeconfig: String,
    /// Certificate and key.
    authority: [String; 2],
    ready: Result<()>,
}

async fn bring_about(operator: &Arc<Operator>, object: &DynamicObject, owner: &Owner) -> Result<Action> {
    let stopped = object.annotations().get(STOPPED).is_some_and(|value| value == "true");
    let (options, whose) = (operator.options.clone(), owner.clone());
    let seen = tokio::task::spawn_blocking(move || {
        let mut tenant = Tenant::open(&options, &whose)?;
        let ready = if stopped {
            tenant.stop()?;
            Err(anyhow::anyhow!("the annotation {STOPPED} keeps its servers stopped"))
        } else {
            tenant.run()
        };
        Ok::<_, anyhow::Error>(Seen { port: tenant.port(), kubeconfig: tenant.kubeconfig()?, authority: tenant.authority()?, ready })
    });
    let seen = seen.await.context("look after a tenant's servers")??;
    // Before the cluster counts as there: Cluster API tries a connection that failed again only after half a minute.
    write_secret(operator, object, owner, "kubeconfig", json!({"value": seen.kubeconfig})).await?;
    // By it machines know whom they join.
    let [certificate, key] = seen.authority;
    write_secret(operator, object, owner, "ca", json!({"tls.crt": certificate, "tls.key": key})).await?;
    let kind = objects::control_plane();
    let endpoint = json!({"host": "127.0.0.1", "port": seen.port});
    if seen.ready.is_ok() && object.data.pointer("/spec/controlPlaneEndpoint") != Some(&endpoint) {
        status::write_spec(&operator.client, &kind, object, json!({"controlPlaneEndpoint": endpoint})).await?;
    }
    let (status, conditions) = report(object, &seen.ready);
    status::write(&operator.client, &kind, object, status, &conditions).await?;
    let upgrading = conditions.iter().any(|condition| condition.kind == "RollingOut" && condition.holds);
    Ok(Action::requeue(if seen.ready.is_err() || upgrading { SOON } else { RESYNC }))
}

/// What the contract wants to be told of a control plane without replicas and machines.
fn report(object: &DynamicObject, ready: &Result<()>) -> (Value, [Condition; 2]) {
    let text = |path: &str| object.data.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let (wanted, reported) = (text("/spec/version"), text("/status/version"));
    let was_ready = object.data.pointer("/status/initialization/controlPlaneInitialized") == Some(&Value::Bool(true));
    let mut status = json!({"externalManagedControlPlane": true});
    if was_ready || ready.is_ok() {
        status["initialization"] = json!({"controlPlaneInitialized": true});
    }
    let available = match ready {
        Ok(()) => Condition::yes("Available", "Available"),
        Err(reason) => Condition::no("Available", "NotAnswering", format!("{reason:#}")),
    };
    let settled = match (&reported, ready) {
        (_, Err(_)) => reported == wanted,
        (None, Ok(())) => true,
        (Some(reported), Ok(())) => Some(reported) == wanted.as_ref() || waited(object),
    };
    if let Some(version) = if settled && ready.is_ok() { &wanted } else { &reported } {
        status["version"] = json!(version);
    }
    let rolling = if settled || reported.is_none() {
        Condition::no("RollingOut", "NotRollingOut", "")
    } else {
        Condition { message: format!("Upgrading to {}", wanted.unwrap_or_default()), ..Condition::yes("RollingOut", "RollingOut") }
    };
    (status, [available, rolling])
}

/// Whether an upgrade has been under way for long enough.
fn waited(object: &DynamicObject) -> bool {
    let format = &time::format_description::well_known::Rfc3339;
    let began = status::since(object, "RollingOut").and_then(|began| time::OffsetDateTime::parse(&began, format).ok());
    began.is_some_and(|began| time::OffsetDateTime::now_utc() - began > UPGRADE)
}

/// A Secret of the contract. It goes with its control plane, which Cluster API does not see to.
async fn write_secret(operator: &Operator, object: &DynamicObject, owner: &Owner, purpose: &str, texts: Value) -> Result<()> {
    let api: Api<Secret> = Api::namespaced(operator.client.clone(), &owner.namespace);
    let name = format!("{}-{purpose}", owner.name);
    let current = api.get_opt(&name).await.with_context(|| format!("read the Secret {}/{name}", owner.namespace))?;
    let owned =
        current.as_ref().is_some_and(|secret| secret.owner_references().iter().any(|r| Some(&r.uid) == object.metadata.uid.as_ref()));
    if owned && current.is_some_and(|secret| holds(&secret, &texts)) {
        return Ok(());
    }
    let kind = objects::control_plane();
    let manifest = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "cluster.x-k8s.io/secret",
        "metadata": {"name": name, "labels": {"cluster.x-k8s.io/cluster-name": owner.name}, "ownerReferences": [{
            "apiVersion": kind.api_version, "kind": kind.kind, "name": object.name_any(), "uid": object.metadata.uid, "controller": true,
        }]},
        "stringData": texts,
    });
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(&manifest)).await.with_context(|| format!("write the Secret {}/{name}", owner.namespace))?;
    Ok(())
}

fn holds(secret: &Secret, texts: &Value) -> bool {
    let held = |key: &String| secret.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice());
    texts.as_object().into_iter().flatten().all(|(key, text)| held(key) == text.as_str().map(str::as_bytes))
}

async fn end(operator: &Operator, owner: Owner) -> Result<Action> {
    let options = operator.options.clone();
    tracing::info!("the cluster {}/{} ends", owner.namespace, owner.name);
    tokio::task::spawn_blocking(move || tenant::end(&options, &owner)).await.context("stop a tenant's servers")??;
    Ok(Action::await_change())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(status: &Value, ready: bool) -> (Option<String>, bool) {
        let object: DynamicObject = serde_json::from_value(json!({"apiVersion": "x/v1", "kind": "ProcessControlPlane",
            "metadata": {"name": "a"}, "spec": {"version": "v1.37.0"}, "status": status}))
        .unwrap();
        let ready = if ready { Ok(()) } else { Err(anyhow::anyhow!("dead")) };
        let (status, conditions) = report(&object, &ready);
        (status["version"].as_str().map(str::to_owned), conditions[1].holds)
    }

    #[test]
    fn a_new_control_plane_has_a_version_once_it_answers() {
        assert_eq!(reported(&json!({}), false), (None, false));
        assert_eq!(reported(&json!({}), true), (Some("v1.37.0".to_owned()), false));
    }

    #[test]
    fn an_upgrade_shows_for_a_while_before_the_version_is_reported() {
        let rolling = |since: &str| json!({"version": "v1.36.3", "conditions": [{"type": "RollingOut", "status": "True", "lastTransitionTime": since}]});
        assert_eq!(reported(&json!({"version": "v1.36.3"}), true), (Some("v1.36.3".to_owned()), true));
        assert_eq!(reported(&rolling(&status::now()), true), (Some("v1.36.3".to_owned()), true));
        assert_eq!(reported(&rolling("2020-01-01T00:00:00Z"), true), (Some("v1.37.0".to_owned()), false));
        assert_eq!(
            reported(&rolling("2020-01-01T00:00:00Z"), false),
            (Some("v1.36.3".to_owned()), true),
            "what does not answer is not upgraded"
        );
    }
}
