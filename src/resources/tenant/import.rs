//! Bringing a tenant that exists into the state: what the request says, and the configuration rebuilt from what the tenant's namespace carries.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    domain::{
        eks::EksId,
        names::WISH_ANNOTATION,
        tenant::{Isolation, KafkaSpec, StorageSpec, TenantSpec},
    },
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::{Model, decode_model},
        parts::ImportTarget,
    },
    resources::{
        tenant::{
            model::{Access, KafkaSettings, Storage, Tenant, TenantIdentity},
            outside, own_cluster, parse,
            written::Written,
        },
        wishes,
    },
};

/// What an import was asked for, as far as the request says; `read` fills in the rest from the cluster.
pub fn import(target: ImportTarget<TenantIdentity>) -> Result<Tenant, Diagnostics> {
    let (cluster, name) = match target {
        ImportTarget::Id(id) => match id.rsplit_once('/') {
            // An EKS cluster alone would be taken for a tenant of its region.
            Some((cluster, name)) if cluster.contains('/') && !(EksId::is_meant(cluster) && cluster.parse::<EksId>().is_err()) => {
                (cluster.to_owned(), name.to_owned())
            }
            _ => {
                return Err(Diagnostics::of_error(
                    "Not the id of a tenant",
                    format!(
                        "{id:?} should be <management cluster>/<name>, such as \"eks/eu-west-1/platform/payments\" or \"context/platform/payments\"."
                    ),
                ));
            }
        },
        ImportTarget::Identity(identity) => {
            (identity.management_cluster.into_known().unwrap_or_default(), identity.name.into_known().unwrap_or_default())
        }
    };
    let mut tenant = empty()?;
    tenant.name = name.into();
    tenant.management_cluster = cluster.into();
    Ok(tenant)
}

/// A tenant of which nothing is known: every field of a model may be null.
fn empty() -> Result<Tenant, Diagnostics> {
    let mut found = Diagnostics::none();
    decode_model(&Tenant::block().null_object(), &mut found).ok_or(found)
}

/// Rebuilds the configuration of an imported tenant from what its namespace carries.
pub fn rebuild(state: &mut Tenant, namespace: &Value) -> Result<(), Diagnostics> {
    let annotation = |name: &str| namespace["metadata"]["annotations"][name].as_str().unwrap_or_default();
    let stored = TenantSpec::from_wish_json(annotation(WISH_ANNOTATION)).map_err(|error| {
        Diagnostics::of_error(
            "Cannot import the tenant",
            format!("The wish on its namespace cannot be read: {error}. Only tenants that this provider made can be imported."),
        )
    })?;
    let written = Written::of_namespace(namespace);
    state.changes = Attr::Known(Vec::new());
    let (throughput, retention, sizing_override) = wishes::blocks(&stored.wish, &stored.overrides);
    state.throughput = throughput.into();
    state.retention = retention.into();
    state.sizing_override = sizing_override;
    state.partitions = stored.wish.partitions.into();
    state.monitoring = stored.monitoring.into();
    match &stored.isolation {
        Isolation::Namespace => state.isolation = parse::NAMESPACE.into(),
        Isolation::Cluster(own) => {
            state.isolation = parse::CLUSTER.into();
            state.kubernetes_version = own.cluster.version().to_string().into();
            let (mut cluster, operators) = own_cluster::blocks(own);
            if let Some(cluster) = cluster.known_mut().filter(|_| !written.kubernetes_version) {
                cluster.kubernetes_version = Attr::Null;
            }
            (state.cluster, state.operators) = (cluster, operators);
        }
    }
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
    outside::rebuild(state, stored.dns, stored.tls, stored.external);
    let StorageSpec { class, kms_key_arn } = stored.storage;
    state.storage =
        (class.is_some() || kms_key_arn.is_some()).then(|| Storage { class: class.into(), kms_key_arn: kms_key_arn.into() }).into();
    let listed = |names: Vec<String>| (!names.is_empty()).then(|| names.into_iter().collect::<BTreeSet<_>>()).into();
    state.access = (!stored.access_groups.is_empty() || !stored.allowed_namespaces.is_empty())
        .then(|| Access { groups: listed(stored.access_groups), client_namespaces: listed(stored.allowed_namespaces) })
        .into();
    Ok(())
}
