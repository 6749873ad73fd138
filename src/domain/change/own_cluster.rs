//! What changes in a tenant's own Kubernetes cluster do to the Kafka in it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Change, Class, Figures, differing};
use crate::domain::cluster::{ClusterSpec, Placed, placement};
use crate::domain::manifests;
use crate::domain::releases::{self, Component};
use crate::domain::tenant::{OwnCluster, TenantSpec};

/// What follows from a new machine or a new Kubernetes.
const NODE_BY_NODE: &str = "; nodes are replaced one by one";

/// Empty where one of the two has no cluster of its own.
pub fn changes(from: (&TenantSpec, &Figures), to: (&TenantSpec, &Figures)) -> Vec<Change> {
    let (Some(old), Some(new)) = (from.0.own_cluster(), to.0.own_cluster()) else { return Vec::new() };
    let versions = differing(Class::RollingRestart, "Kubernetes", &old.cluster.version(), &new.cluster.version(), NODE_BY_NODE);
    let nodes = nodes(&old.cluster, from.1.brokers, &new.cluster, to.1.brokers);
    let parts =
        [operators((from.0, old), (to.0, new)), machines(&old.cluster, &new.cluster), variables(&old.cluster, &new.cluster)].concat();
    versions.into_iter().chain(parts).chain(nodes).collect()
}

/// Of what is installed before and after. Strimzi brings new images of Kafka along.
fn operators((from, old): (&TenantSpec, &OwnCluster), (to, new): (&TenantSpec, &OwnCluster)) -> Vec<Change> {
    let change = |component: Component| {
        let (class, name) = match component {
            Component::Strimzi => (Class::RollingRestart, "Strimzi"),
            other => (Class::Live, other.name()),
        };
        differing(class, name, &old.versions.of(component), &new.versions.of(component), "")
    };
    let installed = |spec: &TenantSpec, own: &OwnCluster| releases::components(&own.cluster, &manifests::components(spec, own));
    let before = installed(from, old);
    installed(to, new).into_iter().filter(|component| before.contains(component)).filter_map(change).collect()
}

/// Those that are set. What the sizing says is told with it.
fn machines(old: &ClusterSpec, new: &ClusterSpec) -> Vec<Change> {
    let shown = |machine: &Option<String>| machine.clone().unwrap_or_else(|| "(by the sizing)".to_owned());
    let machine = |class, name, part: fn(&ClusterSpec) -> &Option<String>, remark| {
        differing(class, name, &shown(part(old)), &shown(part(new)), remark)
    };
    let replicas = |cluster: &ClusterSpec| {
        let count = cluster.control_plane_replicas;
        count.map_or_else(|| "(as the class says)".to_owned(), |count| count.to_string())
    };
    let key = |cluster: &ClusterSpec| cluster.ssh_key_name.clone().unwrap_or_else(|| "(none)".to_owned());
    [
        machine(Class::RollingRestart, "machine of the brokers' nodes", |cluster| &cluster.node_machine_type, NODE_BY_NODE),
        machine(Class::RollingRestart, "machine of the other nodes", |cluster| &cluster.system_machine_type, NODE_BY_NODE),
        machine(Class::Live, "machine of the control plane", |cluster| &cluster.control_plane_machine_type, ""),
        differing(Class::Live, "machines of the control plane", &replicas(old), &replicas(new), ""),
        differing(Class::RollingRestart, "SSH key of the nodes", &key(old), &key(new), NODE_BY_NODE),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Only the class knows what a variable does; most end in the template of a machine, and another template means other machines.
fn variables(old: &ClusterSpec, new: &ClusterSpec) -> Vec<Change> {
    let names: BTreeSet<&String> = old.variables.keys().chain(new.variables.keys()).collect();
    let shown = |value: Option<&Value>| value.map_or_else(|| "(the class's default)".to_owned(), Value::to_string);
    let change = |name: &String| {
        let (from, to) = (shown(old.variables.get(name)), shown(new.variables.get(name)));
        differing(Class::RollingRestart, &format!("variable {name} of the cluster's class"), &from, &to, ", where it changes the nodes")
    };
    names.into_iter().filter_map(change).collect()
}

/// One for each broker, where the class has workers for them.
fn nodes(old: &ClusterSpec, brokers: u32, new: &ClusterSpec, planned: u32) -> Option<Change> {
    let count = |cluster: &ClusterSpec, brokers| if placement(cluster, Placed::Brokers).is_some() { brokers } else { 0 };
    let (before, after) = (count(old, brokers), count(new, planned));
    let when = if after < before { ", after Kafka has left them" } else { ", before Kafka needs them" };
    differing(Class::Live, "nodes for brokers", &before, &after, when)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::change::tests::small;
    use crate::domain::tenant::Isolation;
    use crate::domain::tenant::tests::{PAYMENTS, tenant};

    fn lines(change: impl Fn(&mut TenantSpec, &mut OwnCluster, &mut Figures)) -> Vec<String> {
        let mut from = tenant(PAYMENTS);
        from.isolation = Isolation::Cluster(Box::default());
        let (mut to, mut own, mut figures) = (from.clone(), OwnCluster::default(), small());
        change(&mut to, &mut own, &mut figures);
        to.isolation = Isolation::Cluster(Box::new(own));
        changes((&from, &small()), (&to, &figures)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_part_of_a_cluster_has_its_class() {
        type Case = (fn(&mut OwnCluster), &'static str);
        let cases: [Case; 7] = [
            (
                |own| own.cluster.kubernetes_version = "1.37.0".parse().ok(),
                "rolling restart: Kubernetes 1.36.3 -> 1.37.0; nodes are replaced one by one",
            ),
            (|own| own.versions.strimzi = Some("1.1.0".to_owned()), "rolling restart: Strimzi 1.2.0 -> 1.1.0"),
            (
                |own| own.cluster.node_machine_type = Some("r7g.large".to_owned()),
                "rolling restart: machine of the brokers' nodes (by the sizing) -> r7g.large; nodes are replaced one by one",
            ),
            (
                |own| own.cluster.system_machine_type = Some("m7g.large".to_owned()),
                "rolling restart: machine of the other nodes (by the sizing) -> m7g.large; nodes are replaced one by one",
            ),
            (
                |own| own.cluster.control_plane_machine_type = Some("m7g.large".to_owned()),
                "live: machine of the control plane (by the sizing) -> m7g.large",
            ),
            (|own| own.cluster.control_plane_replicas = Some(5), "live: machines of the control plane (as the class says) -> 5"),
            (
                |own| drop(own.cluster.variables.insert("az".to_owned(), json!("b"))),
                "rolling restart: variable az of the cluster's class (the class's default) -> \"b\", where it changes the nodes",
            ),
        ];
        for (change, line) in cases {
            assert_eq!(lines(|_, own, _| change(own)), [line]);
        }
        let versions = |own: &mut OwnCluster| own.versions.cert_manager = Some("v1.99.0".to_owned());
        let told = lines(|_, own, _| versions(own));
        assert!(told.len() == 1 && told[0].starts_with("live: cert-manager v") && told[0].ends_with(" -> v1.99.0"), "{told:?}");
    }

    #[test]
    fn nodes_come_with_brokers() {
        assert_eq!(lines(|_, _, figures| figures.brokers = 6), ["live: nodes for brokers 3 -> 6, before Kafka needs them"]);
        // What is not installed does not change.
        assert_eq!(lines(|_, own, _| own.versions.monitoring = Some("99.0.0".to_owned())), Vec::<String>::new());
        assert_eq!(lines(|_, _, _| {}), Vec::<String>::new());
    }

    #[test]
    fn a_tenant_without_a_cluster_of_its_own_has_nothing_to_tell() {
        let spec = tenant(PAYMENTS);
        assert_eq!(changes((&spec, &small()), (&spec, &Figures { brokers: 6, ..small() })), []);
    }
}
