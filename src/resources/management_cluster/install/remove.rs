//! Removing: components in reverse order of installation, each from its record alone; never what holds objects that others have made.

use std::collections::BTreeSet;

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
        names::{MANAGED_BY, MANAGED_BY_LABEL, SYSTEM_NAMESPACE},
    },
    drivers::kubernetes::{Error, Propagation},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

const DEFINITION: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
/// How many objects an error names.
const NAMED: usize = 8;
/// What people run in a namespace and would miss.
const MISSED: [(&str, &str); 10] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("networking.k8s.io/v1", "Ingress"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    SECRET,
];
const SECRET: (&str, &str) = ("v1", "Secret");
/// By these the programs' own Secrets are known: certificates of cert-manager and its authority, tokens of service accounts, releases of Helm.
/// Sources: cert-manager 1.21, `pkg/apis/certmanager/v1/types.go`; Kubernetes, "Well-Known Labels, Annotations and Taints"; Helm 3, `pkg/storage/driver/secrets.go`.
const OWN_SECRETS: [(&str, &str, Option<&str>); 6] = [
    ("annotations", "cert-manager.io/certificate-name", None),
    ("annotations", "cert-manager.io/allow-direct-injection", None),
    ("labels", "controller.cert-manager.io/fao", None),
    ("annotations", "kubernetes.io/service-account.name", None),
    ("labels", "owner", Some("helm")),
    ("labels", "app.kubernetes.io/managed-by", Some("Helm")),
];
/// Of those that programs make for themselves, these may carry no mark: the authority of cert-manager's webhook, the certificate of the chart's hooks.
const UNMARKED: [&str; 2] = ["cert-manager-webhook-ca", "kube-prometheus-stack-admission"];
/// Objects that the programs make for themselves: Cluster API's provider for AWS its default identity.
const OWN_MAKINGS: [(&str, &str); 1] = [("AWSClusterControllerIdentity", "default")];

/// Removes everything that is recorded. Answers what is still waited for.
pub async fn remove(run: &Run<'_>, warnings: &mut Diagnostics) -> Result<Option<String>, Diagnostics> {
    let records = run.records().await?;
    let all: Vec<&Inventory> = records.values().collect();
    demand_unused(run, &all).await?;
    run.keep_mirror(None).await?;
    remove_all(run, all, warnings).await
}

/// Refuses, before anything is removed, to remove components whose kinds others still have objects of.
pub async fn demand_unused(run: &Run<'_>, going: &[&Inventory]) -> Result<(), Diagnostics> {
    let mut of_each = Vec::new();
    for inventory in going.iter().filter(|inventory| inventory.phase != Phase::Left) {
        of_each.push((inventory.component.to_string(), definitions(run, inventory).await?));
    }
    demand_free(run, &of_each, going).await
}

/// The same for providers of Cluster API that are wished no more, each with its label.
pub async fn demand_unused_providers(run: &Run<'_>, labels: &[String]) -> Result<(), Diagnostics> {
    let mut of_each = Vec::new();
    for label in labels {
        let selector = format!("clusterctl.cluster.x-k8s.io,cluster.x-k8s.io/provider={label}");
        let definitions = run.kinds.list(DEFINITION.0, DEFINITION.1, Some(&selector)).await.map_err(looked)?;
        of_each.push((format!("Cluster API's provider {label}"), definitions));
    }
    demand_free(run, &of_each, &[]).await
}

/// Refuses where the definitions of what goes have objects that do not go with it.
async fn demand_free(run: &Run<'_>, of_each: &[(String, Vec<Value>)], going: &[&Inventory]) -> Result<(), Diagnostics> {
    let group = |definition: &Value| definition["spec"]["group"].as_str().map(str::to_owned);
    let groups: BTreeSet<String> = of_each.iter().flat_map(|(_, definitions)| definitions).filter_map(group).collect();
    let mut found = Diagnostics::none();
    for (what, definitions) in of_each {
        let mut users = Vec::new();
        for definition in definitions {
            users.extend(objects_of_others(run, definition, &groups, going).await?);
        }
        if !users.is_empty() {
            let more = users.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            users.truncate(NAMED);
            found.error(
                format!("{what} is in use"),
                format!(
                    "It is not removed from {}: these would be deleted with it, or be left to nobody: {}{more}. Destroy the tenants, and delete or leave out what else \
                     needs it, first.",
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
        let listed = match run.kinds.list_metadata(api_version, kind, None).await {
            // What cannot be seen is taken to be there.
            Err(Error::Forbidden { .. }) => {
                others.push(format!("whatever there is of {kind}, which this user may not list"));
                continue;
            }
            listed => listed.map_err(looked)?,
        };
        let inside = listed
            .iter()
            .filter(|object| object["metadata"]["namespace"] == namespace.name && object["metadata"]["deletionTimestamp"].is_null());
        let missed = inside.filter(|object| object["metadata"]["labels"][COMPONENT_LABEL].is_null() && !is_dependent(object));
        let missed = missed.filter(|object| (api_version, kind) != SECRET || !is_own_secret(object));
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

/// The objects of a kind that neither go themselves nor were made by what goes. `groups`: those of the definitions that go.
async fn objects_of_others(
    run: &Run<'_>,
    definition: &Value,
    groups: &BTreeSet<String>,
    going: &[&Inventory],
) -> Result<Vec<String>, Diagnostics> {
    let spec = &definition["spec"];
    let (group, kind) = (spec["group"].as_str().unwrap_or_default(), spec["names"]["kind"].as_str().unwrap_or_default());
    let served = spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true);
    // The stored version needs no webhook to convert it.
    let version = served.max_by_key(|version| version["storage"] == true).and_then(|version| version["name"].as_str());
    let Some(version) = version.filter(|_| group != "clusterctl.cluster.x-k8s.io") else { return Ok(Vec::new()) };
    let listed = run.kinds.list_metadata(&format!("{group}/{version}"), kind, None).await.map_err(looked)?;
    let others = listed.iter().filter(|object| {
        let own = reference(object);
        let goes = going.iter().any(|inventory| inventory.holds(&own)) || OWN_MAKINGS.contains(&(kind, own.name.as_str()));
        !goes && !is_made_by(object, groups, going)
    });
    Ok(others.map(|object| reference(object).to_string()).collect())
}

/// What is made by programs that go, for their own use: parts of objects of their kinds, of Helm releases of this installation, of providers of Cluster API;
/// and the ClusterClasses of this provider, which hold nothing: Clusters made from them are found themselves.
fn is_made_by(object: &Value, groups: &BTreeSet<String>, going: &[&Inventory]) -> bool {
    let metadata = &object["metadata"];
    let labels = &metadata["labels"];
    let is_going = |name: &str| going.iter().any(|inventory| inventory.component.to_string() == name);
    let owners = metadata["ownerReferences"].as_array().filter(|owners| !owners.is_empty());
    let group = |owner: &Value| owner["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| group.to_owned());
    let is_part = owners.is_some_and(|owners| owners.iter().all(|owner| group(owner).is_some_and(|group| groups.contains(&group))));
    let of_component = labels[COMPONENT_LABEL].as_str().is_some_and(is_going);
    let of_release = labels["helm.toolkit.fluxcd.io/namespace"] == SYSTEM_NAMESPACE;
    let of_provider = !labels["clusterctl.cluster.x-k8s.io"].is_null() && (going.is_empty() || is_going(Component::ClusterApi.name()));
    let of_classes =
        labels[MANAGED_BY_LABEL] == MANAGED_BY && metadata["namespace"] == SYSTEM_NAMESPACE && labels[COMPONENT_LABEL].is_null();
    is_part || of_component || of_release || of_provider || of_classes
}

/// What was made for the programs themselves goes with them. Of Secrets that Cluster API's operator installs, its label tells.
fn is_own_secret(secret: &Value) -> bool {
    let metadata = &secret["metadata"];
    let has = |(group, key, value): &(&str, &str, Option<&str>)| {
        let found = metadata[group][key].as_str();
        value.map_or(found.is_some(), |value| found == Some(value))
    };
    OWN_SECRETS.iter().any(has)
        || !metadata["labels"]["clusterctl.cluster.x-k8s.io"].is_null()
        || metadata["name"].as_str().is_some_and(|name| UNMARKED.contains(&name))
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
