//! Every Cluster that the domain can build passes the webhooks, and the topology controller makes it; what goes with it fits the real schemas.

use std::collections::BTreeMap;

use kaas::domain::cluster::{ClusterSpec, check};
use kaas::domain::cluster_class;
use kaas::domain::manifests;
use kaas::domain::names::{Phase, SYSTEM_NAMESPACE};
use kaas::domain::object::{Kind, Manifest};
use kaas::domain::releases::{self, ComponentVersions, ExternalDns, Wanted};
use kaas::domain::sizing::{Overrides, Retention, Sizing, Wish, size};
use kaas::domain::tenant::{Facts, Isolation, KafkaSpec, OwnCluster, StorageSpec, TenantSpec};
use kaas_lab::apply_crds;
use kaas_lab::custom_resources::Family;
use serde_json::{Value, json};

use super::world::{World, wait};

/// How many tenants of the shipped classes are drawn.
const COUNT: usize = 16;

/// The tenants, each with its size: COUNT of the shipped classes by turns, one of the lab's own class.
fn tenants() -> Vec<(TenantSpec, Sizing)> {
    let own = ClusterSpec {
        class: "process".to_owned(),
        class_namespace: Some(SYSTEM_NAMESPACE.to_owned()),
        variables: BTreeMap::from([("region".to_owned(), json!("cellar"))]),
        ..ClusterSpec::default()
    };
    let mut clusters: Vec<ClusterSpec> = (0..COUNT).map(shipped).collect();
    clusters.push(own);
    clusters.into_iter().enumerate().map(|(number, cluster)| tenant(number, cluster)).collect()
}

/// Each choice goes round at a pace of its own, so that they meet in every way.
fn shipped(number: usize) -> ClusterSpec {
    let is_eks = number.is_multiple_of(2);
    let turn = number / 2;
    let some = |bit: usize, text: &str| (turn >> bit & 1 == 1).then(|| text.to_owned());
    let mut variables = BTreeMap::new();
    if turn & 1 == 1 {
        variables.extend([("vpcId", json!("vpc-0a1")), ("subnetIds", json!(["subnet-0a1", "subnet-0b2"]))]);
        variables.extend([("nodeInstanceProfile", json!("nodes")), ("tags", json!({ "team": "blue" }))]);
        variables
            .insert(if is_eks { "publicEndpointCidrs" } else { "imageId" }, if is_eks { json!(["10.0.0.0/8"]) } else { json!("ami-0a1") });
    }
    ClusterSpec {
        class: if is_eks { "kaas-eks" } else { "kaas-aws" }.to_owned(),
        kubernetes_version: some(1, "1.35.2").map(|version| version.parse().unwrap()),
        region: Some("eu-central-1".to_owned()),
        ssh_key_name: some(1, "ops"),
        control_plane_machine_type: some(2, "m7g.xlarge").filter(|_| !is_eks),
        system_machine_type: some(2, "m7g.xlarge"),
        kms_key_arn: some(0, "arn:aws:kms:eu-central-1:123456789012:key/0f1e"),
        zones: if turn >> 2 & 1 == 1 { ["eu-central-1a", "eu-central-1b", "eu-central-1c"].map(str::to_owned).into() } else { Vec::new() },
        control_plane_replicas: some(1, "").filter(|_| !is_eks).map(|_| 5),
        pod_cidr: some(1, "10.200.0.0/16").filter(|_| !is_eks),
        variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..ClusterSpec::default()
    }
}

fn tenant(number: usize, cluster: ClusterSpec) -> (TenantSpec, Sizing) {
    let ingress = ["0.5", "20", "100"][number % 3];
    let spec = TenantSpec {
        name: format!("t{number}").parse().unwrap(),
        owner: "test".to_owned(),
        wish: Wish {
            ingress: ingress.parse().unwrap(),
            egress: ingress.parse().unwrap(),
            retention: Retention::from_hours("24").unwrap(),
            partitions: None,
        },
        overrides: Overrides::default(),
        floor: None,
        kafka: KafkaSpec::default(),
        access_groups: Vec::new(),
        allowed_namespaces: Vec::new(),
        storage: StorageSpec::default(),
        labels: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        isolation: Isolation::Cluster(Box::new(OwnCluster { cluster: cluster.clone(), versions: ComponentVersions::default() })),
        monitoring: number.is_multiple_of(3),
        facts: None,
        dns: None,
        tls: None,
        external: None,
        leaving: None,
        mirror: None,
    };
    let sizing = size(&spec.wish, &spec.overrides, None).unwrap();
    assert_eq!(check(&cluster, &sizing), [], "{cluster:?}");
    (spec, sizing)
}

/// What goes with a Cluster, on the management cluster and in the tenant's own.
fn beside(spec: &TenantSpec, sizing: &Sizing) -> Vec<Manifest> {
    let own = spec.own_cluster().unwrap();
    let mut found = manifests::home(spec, sizing);
    let dns = ExternalDns {
        domains: vec!["kafka.example.com".to_owned()],
        owner: "kaas-pay-0a1b2c3d".into(),
        zone_ids: vec!["Z0A1".to_owned()],
        region: Some("eu-central-1".to_owned()),
        role_arn: Some("arn:aws:iam::123456789012:role/dns".to_owned()),
    };
    found.extend(releases::build(spec, &own.cluster, &Wanted { external_dns: Some(dns), monitoring: true, ..Wanted::default() }));
    let monitored = TenantSpec { monitoring: true, ..spec.clone() };
    found.extend(manifests::build(&monitored, sizing, &Facts { ebs_csi: true, volume_attributes_classes: true }));
    found
}

#[test]
fn every_cluster_the_domain_builds_is_made_by_the_real_topology_controller() {
    let world = World::new("classes-drawn");
    let prometheus = Family::PrometheusOperator.crds().unwrap();
    apply_crds(&world.lab.kubeconfig(), &prometheus).unwrap();
    for manifest in cluster_class::build() {
        world.apply(&manifest, false).unwrap();
    }
    let tenants = tenants();
    let mut refused = Vec::new();
    for (spec, sizing) in &tenants {
        world.apply(&manifests::namespace(spec, Phase::Creating), false).unwrap();
        let made = manifests::home(spec, sizing).into_iter().filter(|manifest| manifest.object.kind == Kind::Cluster);
        for (manifest, dry_run) in made.map(|m| (m, false)).chain(beside(spec, sizing).into_iter().map(|m| (m, true))) {
            refused.extend(world.apply(&manifest, dry_run).err().map(|error| format!("{}: {error}", manifest.object)));
        }
    }
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
    for (spec, sizing) in &tenants {
        let cluster = manifests::home(spec, sizing).remove(0);
        world.wait_reconciled(&cluster.object);
        let wanted = cluster.body["spec"]["topology"]["workers"]["machineDeployments"].as_array().map_or(0, Vec::len);
        let made = world.list(Kind::MachineDeployment, &spec.name.namespace());
        assert_eq!(made.len(), wanted, "{}", cluster.object);
        variables_arrive(&world, spec);
    }
    for (spec, sizing) in &tenants {
        // Stops the servers of the lab's own class before the lab ends.
        world.delete(&manifests::home(spec, sizing).remove(0).object);
    }
    let last = manifests::home(&tenants[COUNT].0, &tenants[COUNT].1).remove(0).object;
    wait("the cluster of the lab's own class to go", || world.get(&last).map_or(Ok(()), |object| Err(object["status"].to_string())));
    world.lab.down().unwrap();
}

/// What the patches of the classes did, as seen in the objects made from the templates.
fn variables_arrive(world: &World, spec: &TenantSpec) {
    let cluster = &spec.own_cluster().unwrap().cluster;
    if cluster.class == "process" {
        return;
    }
    let templates = world.list(Kind::AwsMachineTemplate, &spec.name.namespace());
    assert!(templates.len() >= 2, "{}: {}", spec.name, templates.len());
    let key = cluster.kms_key_arn.as_deref().map(Value::from).unwrap_or_default();
    let profile = cluster.variables.get("nodeInstanceProfile");
    for template in &templates {
        let machine = &template["spec"]["template"]["spec"];
        assert_eq!(machine["rootVolume"]["encryptionKey"], key, "{}: {machine}", spec.name);
        let is_worker = template["metadata"]["labels"]["topology.cluster.x-k8s.io/deployment-name"].is_string();
        if let Some(profile) = profile.filter(|_| is_worker) {
            assert_eq!(machine["iamInstanceProfile"], *profile, "{}: {machine}", spec.name);
        }
    }
}
