//! What no server has to see: every wrong value is refused by `validate`, at its place, with what would be right.

use super::place::{Place, Tenant, flat, holds, said};
use super::world::{each_engine, ready};

const ADOPT: &str = "resource \"kaas_management_cluster\" \"m\" {\n  existing {}\n}\n";

/// A tenant with something wrong, the line it is shown at, and what is said.
fn wrong() -> Vec<(Tenant, &'static str, &'static str)> {
    let right = || Tenant::small("right");
    let name = |name: &str| Tenant::small(name);
    let ingress = |ingress| Tenant { ingress, ..right() };
    let retention = |retention| Tenant { retention, ..right() };
    let figures = |figures: &str| Tenant { ingress: "100", ..right() }.with(&format!("sizing_override {{\n    {figures}\n  }}"));
    let kafka = |kafka: &str| right().with(&format!("kafka {{\n    {kafka}\n  }}"));
    let config = |config: &str| kafka(&format!("config = {{\n      {config}\n    }}"));
    let own = |cluster: &str| Tenant { isolation: "null", ..right() }.with(&format!("cluster {{\n    {cluster}\n  }}"));
    vec![
        (name("Team_A"), "name = \"Team_A\"", "only lower case letters"),
        (name(""), "name = \"\"", "The name is empty"),
        (name("a-name-that-is-far-too-long-for-kubernetes"), "name = \"a-name", "at most 40 are allowed"),
        (name("1st"), "name = \"1st\"", "letter"),
        (name("a-"), "name = \"a-\"", "\"a-\""),
        (ingress("0"), "ingress_mib_per_second = 0", "zero"),
        (ingress("-1"), "ingress_mib_per_second = -1", "negative"),
        (ingress("1e30"), "ingress_mib_per_second = 1e30", "Not a throughput"),
        (ingress("1000000"), "ingress_mib_per_second = 1000000", "No layout carries this ingress"),
        (ingress("\"NaN\""), "ingress_mib_per_second = \"NaN\"", "a number is required"),
        (retention("hours = 0"), "hours = 0", "must be above zero"),
        (retention("hours = -5"), "hours = -5", "must be above zero"),
        (retention("gib = 0"), "gib = 0", "must be above zero"),
        (retention("gib = 1.5"), "gib = 1.5", "whole number"),
        (retention("hours = 1e9"), "hours = 1e9", "ten years"),
        (retention("hours = 1\n    gib = 1"), "gib = 1", "hours and gib exclude each other"),
        (retention(""), "retention {", "Give hours or gib"),
        (figures("brokers = 2"), "brokers = 2", "three replicas need three brokers"),
        (figures("brokers = 3\n    instance_type = \"m7g.large\""), "brokers = 3", "cannot carry the wish"),
        (figures("volume_gib = 20"), "volume_gib = 20", "set at least"),
        (figures("volume_iops = 20"), "volume_iops = 20", "a gp3 volume has 3,000 IOPS at least"),
        (figures("instance_type = \"z1.large\""), "instance_type = \"z1.large\"", "known are"),
        (kafka("version = \"4.3\""), "version = \"4.3\"", "offered are 4.2.0, 4.2.1, 4.3.0, 4.3.1"),
        (kafka("metadata_version = \"5.0\""), "metadata_version = \"5.0\"", "offered are 4.2-IV1, 4.3-IV0"),
        (
            kafka("version = \"4.2.1\"\n    metadata_version = \"4.3-IV0\""),
            "metadata_version = \"4.3-IV0\"",
            "raise the Kafka version to 4.3.0",
        ),
        (kafka("authentication = \"plain\""), "authentication = \"plain\"", "\"tls\" or \"scram-sha-512\""),
        (config("listeners = \"x\""), "listeners = \"x\"", "kept by Strimzi"),
        (config("\"log.retention.ms\" = \"1\""), "\"log.retention.ms\" = \"1\"", "set the retention of the tenant"),
        (config("\"min.insync.replicas\" = \"1\""), "\"min.insync.replicas\" = \"1\"", "two of three replicas"),
        // CLIs show a whole block at the line of its resource.
        (right().with("cluster {}"), "\"kaas_tenant\" \"t\" {", "cluster is about the tenant's own Kubernetes cluster"),
        (right().with("operators {}"), "\"kaas_tenant\" \"t\" {", "operators is about the tenant's own Kubernetes cluster"),
        (own("kubernetes_version = \"1.36\""), "kubernetes_version = \"1.36\"", "such as 1.36.3"),
        (Tenant { isolation: "\"pod\"", ..right() }, "isolation = \"pod\"", "\"cluster\" or \"namespace\""),
        (
            right().with("access {\n    client_namespaces = [\"Apps\"]\n  }"),
            "client_namespaces = [\"Apps\"]",
            "\"Apps\" cannot be the name of a namespace",
        ),
        (right().with("access {\n    groups = [\"\"]\n  }"), "groups = [\"\"]", "at least one character"),
        (right().with("timeouts {\n    create = \"soon\"\n  }"), "create = \"soon\"", "\"soon\""),
        (right().with("partitions = 0"), "partitions = 0", "outside of 1"),
    ]
}

#[test]
fn every_wrong_value_is_refused_at_its_place() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        let mut faults = Vec::new();
        for (tenant, line, told) in wrong() {
            place.configure(&tenant);
            let ran = place.workspace.run(&["validate", "-no-color"]).unwrap();
            let text = flat(&said(&ran));
            if ran.code != Some(1) || !text.contains(told) || !text.contains(&flat(line)) {
                faults.push(format!("{line}: {told}\n{text}\n"));
            }
        }
        assert!(faults.is_empty(), "{engine:?}\n{}", faults.join("\n"));
    });
}

/// A cluster that runs such a version may go on, so `validate` takes it.
#[test]
fn a_kubernetes_that_is_not_offered_is_refused_by_the_plan() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        let cluster = "cluster {\n    region = \"eu-central-1\"\n    kubernetes_version = \"1.30.9\"\n  }";
        place.configure(&Tenant { isolation: "null", ..Tenant::small("old") }.with(cluster));
        holds(&place.plan_fails(), &["kubernetes_version = \"1.30.9\"", "choose from 1.31 to 1.37"]);
    });
}

#[test]
fn faults_are_told_all_at_once() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        place.configure(&Tenant { ingress: "0", retention: "hours = 0", ..Tenant::small("Bad") }.with("kafka {\n version = \"1\"\n }"));
        let ran = place.workspace.run(&["validate", "-no-color"]).unwrap();
        holds(&flat(&said(&ran)), &["Not a name for a tenant", "Not a throughput", "Not a retention", "Kafka version not offered"]);
    });
}

#[test]
fn a_provider_block_that_contradicts_itself_is_refused() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        place.write("provider \"kaas\" {\n  kubernetes {\n    host = \"https://127.0.0.1:1\"\n    config_path = \"x\"\n  }\n}\n", ADOPT);
        holds(&place.plan_fails(), &["Two ways to reach Kubernetes", "host and config_path exclude each other"]);
        place.write("provider \"kaas\" {\n  default_tags = {\n    \"strimzi.io/cluster\" = \"x\"\n  }\n}\n", ADOPT);
        holds(&place.plan_fails(), &["Not a label", "strimzi.io/cluster"]);
    });
}
