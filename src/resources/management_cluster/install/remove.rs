//! Removing: components in reverse order of installation, each from its record alone; never what holds objects that others have made.

use std::collections::BTreeMap;

use serde_json::Value;

use super::run::{Ended, Run};
use crate::{
    domain::{
        install::{
            COMPONENT_LABEL, Component,
            inventory::{Inventory, Phase, record},
            object::{AnyRef, rank},
            removal_order,
        },
        names::SYSTEM_NAMESPACE,
    },
    drivers::kubernetes::{Error, Propagation},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

type Records = BTreeMap<Component, Inventory>;

const DEFINITION: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
/// How many objects an error names.
const NAMED: usize = 8;
/// What people run in a namespace and would miss.
const MISSED: [(&str, &str); 5] =
    [("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"), ("v1", "Service"), ("v1", "PersistentVolumeClaim")];
/// Objects that the programs make for themselves: Cluster API's provider for AWS its default identity.
const OWN_MAKINGS: [(&str, &str); 1] = [("AWSClusterControllerIdentity", "default")];

/// Removes everything that is recorded. Answers what is still waited for.
pub async fn remove(run: &Run<'_>, warnings: &mut Diagnostics) -> Result<Option<String>, Diagnostics> {
    let records = run.records().await?;
    let all: Vec<&Inventory> = records.values().collect();
    demand_unused(run, &all, &records).await?;
    remove_all(run, all, warnings).await
}

/// Refuses, before anything is removed, to remove components whose kinds others still have objects of.
pub async fn demand_unused(run: &Run<'_>, going: &[&Inventory], records: &Records) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::none();
    for inventory in going.iter().filter(|inventory| inventory.phase != Phase::Left) {
        let mut users = Vec::new();
        for definition in definitions(run, inventory).await? {
            users.extend(objects_of_others(run, &definition, records).await?);
        }
        if !users.is_empty() {
            let more = users.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            users.truncate(NAMED);
            found.error(
                format!("{} is in use", inventory.component),
                format!(
                    "It is not removed from {}: with its definitions these would be deleted, which were not installed here: {}{more}. Destroy the tenants and \
                     delete the others first.",
                    run.cluster.id(),
                    users.join(", ")
                ),
            );
        }
    }
    if found.has_errors() { Err(found) } else { Ok(()) }
}

/// Removes components, the last installed first.
pub async fn remove_all(run: &Run<'_>, mut going: Vec<&Inventory>, warnings: &mut Diagnostics) -> Result<Option<String>, Diagnostics> {
    going.sort_by_key(|inventory| std::cmp::Reverse(inventory.component));
    for inventory in going {
        if let Some(waiting) = remove_one(run, inventory, warnings).await? {
            return Ok(Some(format!("{}: {waiting}", inventory.component)));
        }
    }
    Ok(None)
}

async fn remove_one(run: &Run<'_>, inventory: &Inventory, warnings: &mut Diagnostics) -> Result<Option<String>, Diagnostics> {
    let refused = |error: Error| failed("Cannot remove what was installed", &error);
    if inventory.phase != Phase::Left {
        run.write(&Inventory { phase: Phase::Removing, ..inventory.clone() }).await?;
        let left = definitions_left(run, inventory).await?;
        let (held, plain): (Vec<AnyRef>, Vec<AnyRef>) =
            removal_order(&inventory.objects).into_iter().partition(|object| object.is_definition() || object.is_namespace());
        let (custom, plain): (Vec<AnyRef>, Vec<AnyRef>) = plain.into_iter().partition(|object| rank(object) == 9);
        // Its controllers take these away, so they are waited for while those run.
        for object in &custom {
            if let Ended::Early(seen) = run.delete(object).await? {
                return Ok(Some(seen));
            }
        }
        for object in plain.iter().chain(&inventory.former) {
            run.kinds.delete(object, Propagation::Background).await.map_err(refused)?;
        }
        let (namespaces, definitions): (Vec<AnyRef>, Vec<AnyRef>) = held.into_iter().partition(AnyRef::is_namespace);
        // All at once, for there are dozens and each takes its time.
        let definitions: Vec<AnyRef> = left.iter().map(reference).chain(definitions).collect();
        for definition in &definitions {
            run.kinds.delete(definition, Propagation::Background).await.map_err(refused)?;
        }
        for definition in &definitions {
            if let Ended::Early(seen) = run.gone(definition).await? {
                return Ok(Some(seen));
            }
        }
        for object in &plain {
            if let Ended::Early(seen) = run.gone(object).await? {
                return Ok(Some(seen));
            }
        }
        for namespace in &namespaces {
            if let Some(seen) = remove_namespace(run, namespace, warnings).await? {
                return Ok(Some(seen));
            }
        }
    }
    run.cluster.delete(&record(inventory.component), Propagation::Background).await.map_err(refused)?;
    Ok(None)
}

async fn remove_namespace(run: &Run<'_>, namespace: &AnyRef, warnings: &mut Diagnostics) -> Result<Option<String>, Diagnostics> {
    let mut others = Vec::new();
    for (api_version, kind) in MISSED {
        let listed = run.kinds.list_metadata(api_version, kind, None).await.map_err(looked)?;
        let inside = listed
            .iter()
            .filter(|object| object["metadata"]["namespace"] == namespace.name && object["metadata"]["deletionTimestamp"].is_null());
        let missed = inside.filter(|object| object["metadata"]["labels"][COMPONENT_LABEL].is_null() && !is_dependent(object));
        others.extend(missed.map(|object| reference(object).to_string()));
    }
    if !others.is_empty() {
        let detail = format!("{namespace} was made by this provider, but holds what it did not install: {}.", others.join(", "));
        warnings.warning("A namespace stays in the cluster", detail);
        return Ok(None);
    }
    match run.delete(namespace).await? {
        Ended::Done => Ok(None),
        Ended::Early(seen) => Ok(Some(seen)),
    }
}

/// The definitions that go with a component, as the server has them.
async fn definitions(run: &Run<'_>, inventory: &Inventory) -> Result<Vec<Value>, Diagnostics> {
    let mut found = definitions_left(run, inventory).await?;
    for own in inventory.objects.iter().filter(|object| object.reference.is_definition()) {
        found.extend(run.kinds.get(&own.reference).await.map_err(looked)?);
    }
    Ok(found)
}

async fn definitions_left(run: &Run<'_>, inventory: &Inventory) -> Result<Vec<Value>, Diagnostics> {
    match inventory.component.definitions_left() {
        Some(selector) => run.kinds.list(DEFINITION.0, DEFINITION.1, Some(&selector)).await.map_err(looked),
        None => Ok(Vec::new()),
    }
}

/// The objects of a kind that were not installed here, nor made by what was.
async fn objects_of_others(run: &Run<'_>, definition: &Value, records: &Records) -> Result<Vec<String>, Diagnostics> {
    let spec = &definition["spec"];
    let (group, kind) = (spec["group"].as_str().unwrap_or_default(), spec["names"]["kind"].as_str().unwrap_or_default());
    let served = spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true);
    // The stored version needs no webhook to convert it.
    let version = served.max_by_key(|version| version["storage"] == true).and_then(|version| version["name"].as_str());
    let Some(version) = version.filter(|_| group != "clusterctl.cluster.x-k8s.io") else { return Ok(Vec::new()) };
    let listed = run.kinds.list_metadata(&format!("{group}/{version}"), kind, None).await.map_err(looked)?;
    let others = listed.iter().filter(|object| {
        let own = reference(object);
        !is_made_here(object) && !records.values().any(|record| record.holds(&own)) && !OWN_MAKINGS.contains(&(kind, own.name.as_str()))
    });
    Ok(others.map(|object| reference(object).to_string()).collect())
}

/// What installed programs make for their own use: parts of other objects, of Helm releases of this installation, of providers of Cluster API.
fn is_made_here(object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    let of_release = labels["helm.toolkit.fluxcd.io/namespace"] == SYSTEM_NAMESPACE;
    is_dependent(object) || !labels[COMPONENT_LABEL].is_null() || !labels["clusterctl.cluster.x-k8s.io"].is_null() || of_release
}

fn is_dependent(object: &Value) -> bool {
    object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty())
}

fn reference(object: &Value) -> AnyRef {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    AnyRef::new(&text(&object["apiVersion"]), &text(&object["kind"]), metadata["namespace"].as_str(), &text(&metadata["name"]))
}

fn looked(error: Error) -> Diagnostics {
    failed("Cannot look at what is installed", &error)
}
