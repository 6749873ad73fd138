//! Tells Strimzi which brokers of a tenant leave, where that is not all the same to the nodes that stay.

use crate::{
    domain::{
        cluster::leaving::{bound, broker_zones, leaving},
        manifests,
        names::BROKER_POOL,
        object::{Kind, Manifest},
    },
    framework::diagnostic::Diagnostics,
    resources::{
        failure::failed,
        tenant::{place, prepare::Prepared},
    },
};

/// Names in the broker pool of `manifests` the brokers that leave, if any do and nodes are of several zones.
pub async fn name(prepared: &Prepared, manifests: &mut [Manifest]) -> Result<(), Diagnostics> {
    let Prepared { place: cluster, spec, sizing, standing, .. } = prepared;
    let zones = spec.own_cluster().map(|own| broker_zones(&own.cluster, sizing)).unwrap_or_default();
    if *standing <= sizing.brokers || zones.is_empty() {
        return Ok(());
    }
    let refused = |error| failed("Cannot see in which zones the brokers are", &error);
    let wanted = manifests.iter_mut().find(|one| one.object.kind == Kind::KafkaNodePool && one.object.name == BROKER_POOL);
    let Some(wanted) = wanted else { return Ok(()) };
    let live = place::found(cluster, &wanted.object).await.map_err(refused)?;
    let running = live.as_ref().map(manifests::broker_ids).unwrap_or_default();
    let volumes = cluster.list(Kind::PersistentVolume, None, None).await.map_err(refused)?;
    manifests::remove_brokers(wanted, &leaving(&running, &bound(&spec.name, &volumes), &zones));
    Ok(())
}
