//! Looking at a tenant: what it is, and what in the cluster differs from what this provider wants. Reads come from lists that all tenants of a plan
//! share.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde_json::Value;

use crate::{
    domain::{
        drift, manifests,
        names::{BROKER_POOL, OWNER_ANNOTATION, TENANT_LABEL, TenantName, WISH_ANNOTATION},
        object::{Kind, Manifest, ObjectRef},
        sizing::{self, Floor, Overrides},
        tenant::{Facts, KafkaSpec, StorageSpec, TenantSpec},
    },
    drivers::kubernetes::{Cluster, Error},
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::Model,
        parts::{Call, ImportTarget},
        schema::Block,
        value::Value as TerraformValue,
    },
    resources::{
        connection::Connection,
        failure::failed,
        tenant::{
            apply::connected,
            model::{Access, KafkaSettings, Storage, Tenant, TenantIdentity},
            parse, report, wait,
            written::Written,
        },
        wishes,
    },
};

const SUMMARY: &str = "Cannot look at the tenant";

/// The tenant as it is now; None when its namespace is gone or another's.
pub async fn read(connection: &Connection, mut state: Tenant, call: &mut Call) -> Result<Option<Tenant>, Diagnostics> {
    if !connection.is_known() {
        if state.throughput.is_null() {
            return Err(Diagnostics::of_error(
                "Cannot import yet",
                "The provider's kubernetes block holds values that are only known after apply, so the tenant cannot be looked at. Apply what the block depends on \
                 first.",
            ));
        }
        call.found.warning(
            "Tenant not refreshed",
            "The provider's kubernetes block is not known yet, so the tenant was not looked at; its last known state is used.",
        );
        return Ok(Some(state));
    }
    let mut found = Diagnostics::none();
    let Some(name) = parse::name(&state, &mut found) else { return Err(found) };
    let cluster = connected(connection, &state)?.stopped_by(call.stop.clone());
    let namespace = ObjectRef::global(Kind::Namespace, name.namespace());
    // All at once what is needed further down, where it is asked for again and told if it failed.
    let (namespace, ..) =
        tokio::join!(cluster.find(&namespace), cluster.gather(&manifests::KINDS), connection.cluster_uid(), connection.facts());
    let namespace = namespace.map_err(|error| failed(SUMMARY, &error))?;
    let owner = connection.settings().owner;
    let own = |namespace: &Value| is_own(namespace, &name) && !is_anothers(namespace, &owner, call);
    let Some(namespace) = namespace.filter(own) else {
        same_cluster(connection, call).await?;
        return Ok(None);
    };
    remember(&namespace, call);
    remember_cluster(connection, call).await;
    if state.throughput.is_null() {
        rebuild(&mut state, &namespace)?;
    }
    let pool = live(&cluster, &ObjectRef::namespaced(Kind::KafkaNodePool, name.namespace(), BROKER_POOL)).await?;
    let mut spec = parse::spec(&state, &connection.settings())?;
    let known = spec.floor.take();
    let existing = Floor::seen(known.clone(), pool.as_ref().and_then(manifests::live_floor)).unwrap_or_default();
    // Somebody enlarged the volumes past the configured size: the plan refuses to shrink them, but looking and destroying must go on.
    let overrides = spec.overrides.at_least(&existing);
    let Some(sizing) = wishes::size(&spec.wish, &overrides, Some(&existing), &mut found) else {
        return without_size(&cluster, state, &spec, &found, call).await.map(Some);
    };
    spec.facts = kept_facts(&namespace);
    let facts = Facts::of_tenant(spec.facts, connection.facts().await?);
    let wanted = manifests::build(&spec, &sizing, &facts);
    let objects: Vec<Option<Value>> = try_join_all(wanted.iter().map(|manifest| live(&cluster, &manifest.object))).await?;
    let kafka =
        wanted.iter().zip(&objects).find(|(manifest, _)| manifest.object.kind == Kind::Kafka).and_then(|(_, object)| object.as_ref());
    let pools: Vec<Value> = wanted
        .iter()
        .zip(&objects)
        .filter(|(manifest, _)| manifest.object.kind == Kind::KafkaNodePool)
        .filter_map(|(_, object)| object.clone())
        .collect();
    let reached = overrides.brokers.filter(|wanted| *wanted > existing.brokers).and_then(|_| {
        // Brokers that are wanted and not there must not be taken for there by the plan, or they could never be given up.
        let fewer = Overrides { brokers: Some(existing.brokers), ..overrides.clone() };
        sizing::size(&spec.wish, &fewer, Some(&existing)).ok()
    });
    report::fill(&mut state, &spec, Some(reached.as_ref().unwrap_or(&sizing)), kafka, &pools);
    if !namespace["metadata"]["deletionTimestamp"].is_null() {
        // Not gone yet: what holds it, and what lives outside of it, is still to be deleted.
        report::deleting(&mut state);
    }
    let mut drift = differences(&wanted, &objects);
    drift.extend(known.and_then(|known| surplus(&name, &known, &existing)));
    state.drift = Attr::Known(drift);
    Ok(Some(state))
}

/// Tells of brokers that are there beyond those known of. They may hold data, so they are kept and from then on known.
fn surplus(name: &TenantName, known: &Floor, existing: &Floor) -> Option<String> {
    (existing.brokers > known.brokers).then(|| {
        let pool = ObjectRef::namespaced(Kind::KafkaNodePool, name.namespace(), BROKER_POOL);
        format!(
            "{pool}: there are {} brokers where {} were wanted; they may hold data, so they stay. To go back, move the data off them, scale the pool to {1} \
             (Strimzi refuses while data is left) and plan again",
            existing.brokers, known.brokers
        )
    })
}

/// A tenant whose size this version of the provider would not give any more can be looked at, changed and destroyed; only what differs is not told.
async fn without_size(
    cluster: &Cluster,
    mut state: Tenant,
    spec: &TenantSpec,
    refused: &Diagnostics,
    call: &mut Call,
) -> Result<Tenant, Diagnostics> {
    let (kafka, pools) = wait::look(cluster, spec).await?;
    report::fill(&mut state, spec, None, kafka.as_ref(), &pools);
    state.drift = Attr::Known(Vec::new());
    let reasons: Vec<&str> = refused.iter().map(|error| error.detail.as_str()).collect();
    call.found.warning(
        "Tenant not compared",
        format!(
            "What the tenant {} was made with cannot be had from this version of the provider, so its objects were not compared with it. {}",
            spec.name,
            reasons.join(" ")
        ),
    );
    Ok(state)
}

/// The facts that the tenant was laid out by, as its namespace keeps them.
pub fn kept_facts(namespace: &Value) -> Option<Facts> {
    let wish = namespace["metadata"]["annotations"][WISH_ANNOTATION].as_str()?;
    TenantSpec::from_wish_json(wish).ok()?.facts
}

/// What an import was asked for, as far as the request says; `read` fills in the rest from the cluster.
pub fn import(target: ImportTarget<TenantIdentity>) -> Result<Tenant, Diagnostics> {
    let (cluster, name) = match target {
        ImportTarget::Id(id) => match id.rsplit_once('/') {
            Some((cluster, name)) if !cluster.is_empty() => (cluster.to_owned(), name.to_owned()),
            _ => {
                return Err(Diagnostics::of_error(
                    "Not the id of a tenant",
                    format!("{id:?} should be <management cluster>/<name>, such as \"context/platform/payments\"."),
                ));
            }
        },
        ImportTarget::Identity(identity) => {
            (identity.management_cluster.into_known().unwrap_or_default(), identity.name.into_known().unwrap_or_default())
        }
    };
    let mut tenant = empty();
    tenant.name = name.into();
    tenant.management_cluster = cluster.into();
    Ok(tenant)
}

/// A tenant of which nothing is known.
fn empty() -> Tenant {
    let block: Block = Tenant::block();
    let nothing: TerraformValue = block.null_object();
    let mut found = Diagnostics::none();
    // Every field of a model may be null.
    crate::framework::model::decode_model(&nothing, &mut found).unwrap_or_else(|| unreachable!("a model decodes its own null object"))
}

/// Whether a namespace is this tenant's: by its label or, where somebody took that away, by the wish it carries.
pub fn is_own(namespace: &Value, name: &TenantName) -> bool {
    let metadata = &namespace["metadata"];
    let wish = || metadata["annotations"][WISH_ANNOTATION].as_str().and_then(|text| TenantSpec::from_wish_json(text).ok());
    match metadata["labels"][TENANT_LABEL].as_str() {
        Some(label) => label == name.as_str(),
        None => wish().is_some_and(|wish| wish.name == *name),
    }
}

/// Key of the private data under which the UID of the tenant's namespace is kept.
const UID: &str = "namespace_uid";

/// Notes which namespace is the tenant's, for a later one of the same name.
pub fn remember(namespace: &Value, call: &mut Call) {
    if let Some(uid) = namespace["metadata"]["uid"].as_str() {
        call.private.insert(UID.to_owned(), uid.to_owned());
    }
}

/// Key of the private data under which the cluster is kept that the tenant was last seen on.
const CLUSTER_UID: &str = "cluster_uid";

/// Notes which cluster the tenant is on.
pub async fn remember_cluster(connection: &Connection, call: &mut Call) {
    if let Some(uid) = connection.cluster_uid().await {
        call.private.insert(CLUSTER_UID.to_owned(), uid);
    }
}

/// That a tenant which is not there is looked for on its own cluster: names of contexts are not unique, and a tenant that is only elsewhere must not be taken for
/// gone.
pub async fn same_cluster(connection: &Connection, call: &Call) -> Result<(), Diagnostics> {
    let Some(known) = call.private.get(CLUSTER_UID) else { return Ok(()) };
    match connection.cluster_uid().await {
        Some(now) if now != *known => Err(Diagnostics::of_error(
            "Another management cluster",
            format!(
                "The tenant was last seen on the cluster whose kube-system namespace has the UID {known}, but the provider's kubernetes block (or the environment) \
                 leads to a cluster of the same name with the UID {now}. Use the credentials of that cluster. If it is gone for good, remove the tenant from the state."
            ),
        )),
        _ => Ok(()),
    }
}

/// Whether the namespace is not the one that the state is of, but one that another owner made since. One that our own owner made, or that was restored from
/// a backup, is taken for the tenant's.
pub fn is_anothers(namespace: &Value, owner: &str, call: &Call) -> bool {
    let metadata = &namespace["metadata"];
    let differs = |known: &String| metadata["uid"].as_str().is_some_and(|uid| uid != known);
    let maker = metadata["annotations"][OWNER_ANNOTATION].as_str();
    call.private.get(UID).is_some_and(differs) && maker.is_some_and(|maker| maker != owner)
}

/// Rebuilds the configuration of an imported tenant from what its namespace carries.
fn rebuild(state: &mut Tenant, namespace: &Value) -> Result<(), Diagnostics> {
    let annotation = |name: &str| namespace["metadata"]["annotations"][name].as_str().unwrap_or_default();
    let stored = TenantSpec::from_wish_json(annotation(WISH_ANNOTATION)).map_err(|error| {
        Diagnostics::of_error(
            "Cannot import the tenant",
            format!("The wish on its namespace cannot be read: {error}. Only tenants that this provider made can be imported."),
        )
    })?;
    let written = Written::of_namespace(namespace);
    let (throughput, retention, sizing_override) = wishes::blocks(&stored.wish, &stored.overrides);
    state.throughput = throughput.into();
    state.retention = retention.into();
    state.sizing_override = sizing_override;
    state.partitions = stored.wish.partitions.into();
    state.isolation = "namespace".into();
    state.deletion_protection = written.deletion_protection.into();
    let KafkaSpec { version, metadata_version, config, authentication } = stored.kafka;
    state.kafka_version = version.to_string().into();
    state.kafka = written
        .kafka
        .then(|| KafkaSettings {
            version: written.kafka_version.then(|| version.to_string()).into(),
            metadata_version: metadata_version.map(|metadata| metadata.to_string()).into(),
            authentication: authentication.as_str().into(),
            config: (!config.is_empty()).then_some(config).into(),
        })
        .into();
    let StorageSpec { class, kms_key_arn } = stored.storage;
    state.storage =
        (class.is_some() || kms_key_arn.is_some()).then(|| Storage { class: class.into(), kms_key_arn: kms_key_arn.into() }).into();
    let listed = |names: Vec<String>| (!names.is_empty()).then(|| names.into_iter().collect::<BTreeSet<_>>()).into();
    state.access = (!stored.access_groups.is_empty() || !stored.allowed_namespaces.is_empty())
        .then(|| Access { groups: listed(stored.access_groups), client_namespaces: listed(stored.allowed_namespaces) })
        .into();
    Ok(())
}

/// The object as the shared lists know it. A kind that is not served is told as what it is: drift.
async fn live(cluster: &Cluster, object: &ObjectRef) -> Result<Option<Value>, Diagnostics> {
    match cluster.find(object).await {
        Ok(found) => Ok(found),
        Err(Error::KindMissing { .. }) => Ok(None),
        Err(error) => Err(failed(SUMMARY, &error)),
    }
}

/// One line for each field that differs and each object that is missing.
fn differences(wanted: &[Manifest], objects: &[Option<Value>]) -> Vec<String> {
    let mut lines = Vec::new();
    for (manifest, object) in wanted.iter().zip(objects) {
        match object {
            None => lines.push(format!("{} does not exist", manifest.object)),
            Some(object) => lines
                .extend(drift::differences(&manifest.body, object).iter().map(|difference| format!("{}: {difference}", manifest.object))),
        }
    }
    lines
}
