//! Tells Strimzi which brokers of a tenant leave, where that is not all the same to the nodes that stay.

use std::collections::BTreeSet;

use crate::{
    domain::{
        cluster::leaving::{bound, broker_zones, leaving},
        manifests,
        names::BROKER_POOL,
        object::{Kind, Manifest},
    },
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        failure::failed,
        tenant::{place, prepare::Prepared},
    },
};

/// Names in the broker pool of `manifests` the brokers that leave, if any do and nodes are of several zones.
pub async fn name(prepared: &Prepared, manifests: &mut [Manifest], call: &mut Call) -> Result<(), Diagnostics> {
    let Prepared { place: cluster, spec, sizing, standing, .. } = prepared;
    let Some(own) = spec.own_cluster() else { return Ok(()) };
    let zones = broker_zones(&own.cluster, sizing);
    if *standing <= sizing.brokers || zones.is_empty() {
        return Ok(());
    }
    let refused = |error| failed("Cannot see in which zones the brokers are", &error);
    let wanted = manifests.iter_mut().find(|one| one.object.kind == Kind::KafkaNodePool && one.object.name == BROKER_POOL);
    let Some(wanted) = wanted else { return Ok(()) };
    let live = place::found(cluster, &wanted.object).await.map_err(refused)?;
    let running = live.as_ref().map(manifests::broker_ids).unwrap_or_default();
    let volumes = cluster.list(Kind::PersistentVolume, None, None).await.map_err(refused)?;
    let bound = bound(&spec.name, &volumes);
    let others: BTreeSet<&String> = bound.values().filter(|zone| !own.cluster.zones.contains(zone)).collect();
    if !others.is_empty() {
        call.found.warning(
            "Brokers are in other zones than their nodes",
            format!(
                "Nodes are in {}, and volumes of brokers are in {}. A broker cannot leave the zone of its volume: see that each that stays finds a node in it.",
                own.cluster.zones.join(", "),
                others.into_iter().cloned().collect::<Vec<_>>().join(", ")
            ),
        );
    }
    manifests::remove_brokers(wanted, &leaving(&running, &bound, &zones));
    Ok(())
}
