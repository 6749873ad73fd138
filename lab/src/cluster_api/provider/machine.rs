//! A ProcessMachine: no machine at all, but what is seen of one. It has an id once its Machine has bootstrap data, and then a Node in the tenant's cluster.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject};
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{self, Event};
use serde_json::{Value, json};

use super::node::{self, Joining};
use super::objects;
use super::status::{self, Condition};
use super::{Failure, Operator, SOON};

const FINALIZER: &str = "processmachine.infrastructure.cluster.x-k8s.io";
/// How often a machine is looked at when nothing happens: a Node that was deleted is made again this soon.
const LOOK: Duration = Duration::from_secs(5);
/// How soon a machine is looked at again that waits for its bootstrap data.
const AWAITED: Duration = Duration::from_millis(500);
/// Where a machine is for which no failure domain is named.
const ANYWHERE: &str = "here";

/// Brings one object about.
pub async fn reconcile(object: Arc<DynamicObject>, operator: Arc<Operator>) -> Result<Action, Failure> {
    let Some((namespace, cluster)) = objects::labelled(&object) else { return Ok(Action::requeue(SOON)) };
    let ending = object.metadata.deletion_timestamp.is_some();
    if !ending && objects::paused(&operator.client, &object, &namespace, &cluster).await? {
        return Ok(Action::requeue(LOOK));
    }
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), &namespace, &objects::process_machine());
    let done = finalizer::finalizer(&api, FINALIZER, object, |event| async {
        match event {
            Event::Apply(object) => bring_about(&operator, &object, &namespace, &cluster).await.map_err(Failure),
            Event::Cleanup(object) => {
                end(&operator, &object, &namespace, &cluster).await;
                Ok(Action::await_change())
            }
        }
    });
    done.await.map_err(|error| Failure(error.into()))
}

async fn bring_about(operator: &Operator, object: &DynamicObject, namespace: &str, cluster: &str) -> Result<Action> {
    let kind = objects::process_machine();
    let machine = match objects::machine_of(object) {
        Some(name) => find(operator, namespace, &objects::machine(), &name).await?,
        None => None,
    };
    let Some(machine) = machine.filter(|machine| machine.data.pointer("/spec/bootstrap/dataSecretName").is_some()) else {
        let waiting = Condition::no("Ready", "WaitingForBootstrapData", "Its Machine has no bootstrap data yet");
        status::write(&operator.client, &kind, object, json!({}), &[waiting]).await?;
        return Ok(Action::requeue(AWAITED));
    };
    let text = |path: &str| machine.data.pointer(path).and_then(Value::as_str);
    let zone = text("/spec/failureDomain").unwrap_or(ANYWHERE);
    let id = format!("process:///{zone}/{}", object.metadata.uid.as_deref().unwrap_or_default());
    if object.data.pointer("/spec/providerID").and_then(Value::as_str) != Some(&id) {
        status::write_spec(&operator.client, &kind, object, json!({"providerID": id})).await?;
    }
    let provisioned = json!({"initialization": {"provisioned": true}, "failureDomain": zone});
    status::write(&operator.client, &kind, object, provisioned, &[Condition::yes("Ready", "Ready")]).await?;
    let bootstrap = match text("/spec/bootstrap/configRef/name") {
        Some(name) => find(operator, namespace, &objects::bootstrap(), name).await?,
        None => None,
    };
    let joining = Joining {
        name: object.name_any(),
        id,
        zone: zone.to_owned(),
        instance_type: object.data.pointer("/spec/instanceType").and_then(Value::as_str).unwrap_or_default().to_owned(),
        version: text("/spec/version").unwrap_or_default().to_owned(),
        registration: bootstrap
            .and_then(|config| config.data.pointer("/spec/joinConfiguration/nodeRegistration").cloned())
            .unwrap_or_default(),
    };
    let joined = match node::client(&operator.client, namespace, cluster).await? {
        Some(client) => node::join(&client, &joining).await.with_context(|| format!("the cluster {namespace}/{cluster}")),
        None => Err(anyhow::anyhow!("the cluster {namespace}/{cluster} has no kubeconfig")),
    };
    // A machine whose API server is away tries on, as a kubelet does.
    joined?;
    Ok(Action::requeue(LOOK))
}

/// A machine goes whether or not its cluster can be asked: what stands there goes with the cluster, or is Cluster API's to remove.
async fn end(operator: &Operator, object: &DynamicObject, namespace: &str, cluster: &str) {
    let name = object.name_any();
    let left = match node::client(&operator.client, namespace, cluster).await {
        Ok(Some(client)) => node::leave(&client, &name).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match left {
        Ok(()) => tracing::info!("the machine {namespace}/{name} is gone"),
        Err(error) => tracing::warn!("the machine {namespace}/{name} is gone, its node may be left: {error:#}"),
    }
}

async fn find(operator: &Operator, namespace: &str, kind: &kube::api::ApiResource, name: &str) -> Result<Option<DynamicObject>> {
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), namespace, kind);
    api.get_opt(name).await.with_context(|| format!("read the {} {namespace}/{name}", kind.kind))
}
