//! Which brokers leave when a Kafka becomes smaller on nodes of several zones: those of the zones whose nodes leave. A cloud's volumes cannot leave their zone, so
//! a broker that stays needs a node in the zone of its volume.
//!
//! Left to itself Strimzi takes the highest ids, of whatever zone they are. Source: Strimzi 1.2.0, `NodeIdAssignor` (annotation `strimzi.io/remove-node-ids`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::ClusterSpec;
use super::workers::{Placed, spread};
use crate::domain::names::{BROKER_POOL, TenantName};
use crate::domain::sizing::Sizing;

/// The nodes for brokers of each zone. Empty where nodes are not told apart by more than one zone: then any broker may leave.
pub fn broker_zones<'a>(cluster: &'a ClusterSpec, sizing: &Sizing) -> BTreeMap<&'a str, u32> {
    let shares = spread(cluster, Placed::Brokers, sizing.brokers);
    let zones = shares.into_iter().filter_map(|share| Some((share.zone?, share.nodes)));
    zones.filter(|_| cluster.zones.len() > 1).collect()
}

/// The zones to which the volumes of a tenant's brokers are bound, by the ids of the brokers. What may be used in several zones, or in all, is bound to none; a volume
/// that a broker of before left behind counts for nothing.
pub fn bound(tenant: &TenantName, volumes: &[Value]) -> BTreeMap<i32, String> {
    let (namespace, claims) = (tenant.namespace(), format!("data-0-{}-{BROKER_POOL}-", tenant.kafka()));
    let of_broker = |volume: &Value| {
        let (claim, phase) = (&volume["spec"]["claimRef"], &volume["status"]["phase"]);
        if phase == "Released" || phase == "Failed" {
            return None;
        }
        let id = claim["name"].as_str()?.strip_prefix(&claims)?.parse().ok()?;
        (claim["namespace"] == *namespace).then_some(id)
    };
    volumes.iter().filter_map(|volume| Some((of_broker(volume)?, zone(volume)?.to_owned()))).collect()
}

/// The one zone in which a volume can be used. Each driver has a key of its own for it: `topology.kubernetes.io/zone`, `topology.ebs.csi.aws.com/zone`, ...
fn zone(volume: &Value) -> Option<&str> {
    let [term] = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"].as_array()?.as_slice() else { return None };
    let mut zones = term["matchExpressions"].as_array()?.iter().filter_map(|one| {
        let is_zone = one["operator"] == "In" && one["key"].as_str()?.ends_with("/zone");
        let [zone] = one["values"].as_array()?.as_slice() else { return None };
        zone.as_str().filter(|_| is_zone)
    });
    zones.next()
}

/// The brokers that leave, of those that run, so that as many stay in each zone as it has nodes: of a zone the highest ids first. Brokers that are bound to no
/// zone may stay wherever there is room.
pub fn leaving(running: &[i32], bound: &BTreeMap<i32, String>, nodes: &BTreeMap<&str, u32>) -> Vec<i32> {
    let mut room = nodes.clone();
    let (mut surplus, mut rest) = (Vec::new(), Vec::new());
    let mut ids = running.to_vec();
    ids.sort_unstable();
    for id in ids {
        match bound.get(&id).map(|zone| room.get_mut(zone.as_str())) {
            Some(Some(left)) if *left > 0 => {
                *left -= 1;
                rest.push((true, id));
            }
            Some(_) => surplus.push(id),
            None => rest.push((false, id)),
        }
    }
    // After those without room in their zone, those that are bound to none.
    rest.sort_by_key(|(is_bound, id)| (*is_bound, -id));
    let staying: u32 = nodes.values().sum();
    let leaving = running.len().saturating_sub(usize::try_from(staying).unwrap_or(usize::MAX));
    surplus.into_iter().rev().chain(rest.into_iter().map(|(_, id)| id)).take(leaving).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(zones: &[(i32, &str)]) -> BTreeMap<i32, String> {
        zones.iter().map(|(id, zone)| (*id, (*zone).to_owned())).collect()
    }

    #[test]
    fn as_many_brokers_stay_in_each_zone_as_it_has_nodes() {
        let one_each = BTreeMap::from([("a", 1), ("b", 1), ("c", 1)]);
        for (what, running, bound, expected) in [
            ("the fourth is where Strimzi would look for it", vec![0, 1, 2, 6], at(&[(0, "a"), (1, "b"), (2, "c"), (6, "a")]), vec![6]),
            ("a lower one shares its zone", vec![0, 1, 2, 6], at(&[(0, "a"), (1, "a"), (2, "b"), (6, "c")]), vec![1]),
            ("two of two zones", vec![0, 1, 2, 3, 4], at(&[(0, "a"), (1, "a"), (2, "b"), (3, "b"), (4, "c")]), vec![3, 1]),
            ("two of one zone", vec![0, 1, 2, 3, 4], at(&[(0, "a"), (1, "b"), (2, "b"), (3, "b"), (4, "c")]), vec![3, 2]),
            ("nothing is bound: as Strimzi does", vec![0, 1, 2, 3, 4], at(&[]), vec![4, 3]),
            ("who is not bound goes after who has no room", vec![0, 1, 2, 3, 4], at(&[(0, "a"), (1, "a"), (4, "c")]), vec![1, 3]),
            ("a zone that has no nodes any more", vec![0, 1, 2, 3], at(&[(0, "z"), (1, "a"), (2, "b"), (3, "c")]), vec![0]),
            ("no more leave than have to", vec![0, 1, 2, 3], at(&[(0, "a"), (1, "a"), (2, "a"), (3, "b")]), vec![2]),
            ("none is too many", vec![0, 1, 2], at(&[(0, "a"), (1, "a"), (2, "a")]), vec![]),
        ] {
            assert_eq!(leaving(&running, &bound, &one_each), expected, "{what}");
        }
    }

    #[test]
    fn a_volume_tells_of_which_broker_it_is_and_its_one_zone() {
        let tenant: TenantName = "payments".parse().unwrap();
        let volume = |namespace: &str, claim: &str, terms: Value| json!({ "spec": { "claimRef": { "namespace": namespace, "name": claim }, "nodeAffinity": { "required": { "nodeSelectorTerms": terms } } } });
        let term = |key: &str, zones: &[&str]| json!({ "matchExpressions": [{ "key": key, "operator": "In", "values": zones }] });
        let (ebs, of) = ("topology.ebs.csi.aws.com/zone", "data-0-payments-brokers-");
        let mut left_behind = volume("kaas-payments", &format!("{of}0"), json!([term(ebs, &["c"])]));
        left_behind["status"] = json!({ "phase": "Released" });
        let volumes = [
            volume("kaas-payments", &format!("{of}0"), json!([term(ebs, &["a"])])),
            volume("kaas-payments", &format!("{of}12"), json!([term("topology.kubernetes.io/zone", &["b"])])),
            volume("kaas-payments", &format!("{of}1"), json!([term("topology.gke.io/zone", &["a", "b"])])),
            volume("kaas-payments", &format!("{of}2"), json!([term(ebs, &["a"]), term(ebs, &["b"])])),
            volume("kaas-payments", &format!("{of}3"), json!([term("kubernetes.io/hostname", &["a"])])),
            volume("kaas-payments", "data-0-payments-controllers-4", json!([term(ebs, &["a"])])),
            volume("kaas-orders", &format!("{of}5"), json!([term(ebs, &["a"])])),
            json!({ "spec": { "claimRef": { "namespace": "kaas-payments", "name": format!("{of}6") }, "nfs": {} } }),
            left_behind,
            json!({ "spec": {} }),
        ];
        assert_eq!(bound(&tenant, &volumes), at(&[(0, "a"), (12, "b")]));
    }
}
