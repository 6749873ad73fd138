//! A ProcessCluster: all there is to provide is a place in etcd. It takes the endpoint from the control plane, as the provider for AWS does with EKS.

use std::sync::Arc;

use anyhow::{Context, Result};
use kube::api::{Api, DynamicObject, ListParams};
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{self, Event};
use serde_json::{Value, json};

use super::objects::{self, Owner};
use super::status::{self, Condition};
use super::{Failure, Operator, RESYNC, SOON, tenant};
use crate::etcd;

const FINALIZER: &str = "processcluster.infrastructure.cluster.x-k8s.io";

/// Brings one object about.
pub async fn reconcile(object: Arc<DynamicObject>, operator: Arc<Operator>) -> Result<Action, Failure> {
    let Some(owner) = objects::owner(&object) else { return Ok(Action::requeue(SOON)) };
    let ending = object.metadata.deletion_timestamp.is_some();
    if !ending && objects::paused(&operator.client, &object, &owner.namespace, &owner.name).await? {
        return Ok(Action::requeue(RESYNC));
    }
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), &owner.namespace, &objects::infrastructure());
    let done = finalizer::finalizer(&api, FINALIZER, object, |event| async {
        match event {
            Event::Apply(object) => bring_about(&operator, &object, &owner).await.map_err(Failure),
            Event::Cleanup(_) => end(&operator, owner.clone()).await.map_err(Failure),
        }
    });
    done.await.map_err(|error| Failure(error.into()))
}

async fn bring_about(operator: &Operator, object: &DynamicObject, owner: &Owner) -> Result<Action> {
    let kind = objects::infrastructure();
    let was = object.data.pointer("/status/initialization/provisioned") == Some(&Value::Bool(true));
    let Some(endpoint) = endpoint(operator, owner).await? else {
        if was {
            return Ok(Action::requeue(RESYNC));
        }
        let waiting = Condition::no("Ready", "WaitingForControlPlane", "The control plane has not told its endpoint yet");
        status::write(&operator.client, &kind, object, json!({}), &[waiting]).await?;
        return Ok(Action::requeue(SOON));
    };
    if object.data.pointer("/spec/controlPlaneEndpoint") != Some(&endpoint) {
        status::write_spec(&operator.client, &kind, object, json!({"controlPlaneEndpoint": endpoint})).await?;
    }
    let provisioned = json!({"initialization": {"provisioned": true}});
    status::write(&operator.client, &kind, object, provisioned, &[Condition::yes("Ready", "Ready")]).await?;
    Ok(Action::requeue(RESYNC))
}

/// Where the control plane of the same cluster answers.
async fn endpoint(operator: &Operator, owner: &Owner) -> Result<Option<Value>> {
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), &owner.namespace, &objects::control_plane());
    let all = api.list(&ListParams::default()).await.with_context(|| format!("list the control planes in {}", owner.namespace))?;
    let own = all.items.iter().find(|control_plane| objects::owner(control_plane).as_ref() == Some(owner));
    Ok(own.and_then(|control_plane| control_plane.data.pointer("/spec/controlPlaneEndpoint")).cloned())
}

/// Cluster API ends the control plane first.
async fn end(operator: &Operator, owner: Owner) -> Result<Action> {
    let options = operator.options.clone();
    let done = tokio::task::spawn_blocking(move || {
        anyhow::ensure!(!tenant::is_there(&options, &owner)?, "the control plane of {}/{} is still there", owner.namespace, owner.name);
        let removed = etcd::remove(options.etcd, &format!("{}/", owner.etcd_prefix()))?;
        tracing::info!("{removed} keys of the cluster {}/{} are gone from etcd", owner.namespace, owner.name);
        Ok(())
    });
    done.await.context("free a tenant's place in etcd")??;
    Ok(Action::await_change())
}
