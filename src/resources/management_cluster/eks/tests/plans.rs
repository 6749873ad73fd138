//! What plans say.

use super::*;
use crate::{
    drivers::aws::AwsConfig,
    framework::{erased::AnyResource as _, model::round_trip::round_trips},
    resources::management_cluster::{
        eks::model::{AccessEntryBlock, AddOnBlock, PodIdentityBlock},
        model::Existing,
    },
};

fn validated(config: &ManagementCluster) -> Vec<String> {
    let resource = ErasedResource::new(ManagementClusterResource::new(Connection::default()));
    errors(&resource.validate(&config.encode()))
}

fn in_region(region: &str) -> Connection {
    let connection = Connection::default();
    connection
        .configure(Settings { aws: Some(AwsConfig { region: Some(region.to_owned()), ..AwsConfig::default() }), ..Settings::default() });
    connection
}

fn open(eks: Eks) -> ManagementCluster {
    config(Eks { deletion_protection: false.into(), ..eks })
}

#[test]
fn the_block_comes_back_as_it_went() {
    round_trips::<Eks>();
}

#[test]
fn exactly_one_of_making_and_adopting_is_written() {
    assert_eq!(validated(&config(eks())), Vec::<String>::new());
    assert!(validated(&null())[0].contains("exactly one"));
    let both = ManagementCluster { existing: Existing { eks_name: Attr::Null, region: Attr::Null }.into(), ..config(eks()) };
    assert!(validated(&both)[0].starts_with("existing: Two clusters"));
    let unknown = ManagementCluster { eks: Attr::Unknown, ..null() };
    assert_eq!(validated(&unknown), Vec::<String>::new());
}

#[test]
fn everything_wrong_is_told_at_once_each_at_its_place() {
    let mut block = eks();
    block.version = "1.34.2".into();
    block.support_type = "LONG".into();
    block.node_group = Attr::Known(vec![group("system"), group("system")]);
    let pod = PodIdentityBlock { namespace: "a".into(), service_account: "b".into(), role_arn: role("p") };
    block.pod_identity = Attr::Known(vec![pod.clone(), PodIdentityBlock { role_arn: role("q"), ..pod }]);
    let found = validated(&config(block));
    let places: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["eks.version", "eks.support_type", "eks.node_group[1].name", "eks.pod_identity[1].service_account"], "{found:?}");
}

#[test]
fn what_is_not_known_yet_hides_no_error_and_makes_none() {
    let mut block = eks();
    (block.role_arn, block.subnet_ids) = (Attr::Unknown, Attr::Unknown);
    block.access_entry = Attr::Known(vec![
        AccessEntryBlock { principal_arn: Attr::Unknown, ..null() },
        AccessEntryBlock { principal_arn: Attr::Unknown, ..null() },
    ]);
    block.node_group = Attr::Known(vec![NodeGroupBlock { role_arn: Attr::Unknown, min_size: Attr::Unknown, ..group("system") }]);
    assert_eq!(validated(&config(block.clone())), Vec::<String>::new());
    block.log_types = set(&["everything"]);
    assert!(validated(&config(block))[0].starts_with("eks.log_types"));
}

#[test]
fn where_the_cluster_will_be_is_known_when_name_and_region_are() {
    assert_eq!(plan(&config(eks()), None).cluster.id, "eks/eu-central-1/platform".into());
    let anywhere = config(Eks { region: Attr::Null, ..eks() });
    assert!(plan(&anywhere, None).cluster.id.is_unknown());
    assert_eq!(plan_with(in_region("eu-west-1"), &anywhere, None).cluster.id, "eks/eu-west-1/platform".into());
    assert!(plan(&config(Eks { name: Attr::Unknown, ..eks() }), None).cluster.id.is_unknown());
    let adopted = ManagementCluster { existing: Existing { eks_name: "platform".into(), region: "eu-west-1".into() }.into(), ..null() };
    assert_eq!(plan(&adopted, None).cluster.id, "eks/eu-west-1/platform".into());
}

#[test]
fn a_cluster_that_is_as_configured_plans_nothing() {
    let config = config(eks());
    let state = state(&config);
    let planned = plan(&config, Some(&state));
    assert_eq!((&planned.cluster, planned.value), (&state, state.encode()));
    // Where the provider's region is another one by now, the cluster stays where it is.
    let anywhere = super::config(Eks { region: Attr::Null, ..eks() });
    let state = ManagementCluster { eks: plan(&anywhere, None).cluster.eks, ..state };
    assert_eq!(plan_with(in_region("us-east-1"), &anywhere, Some(&state)).cluster, state);
}

#[test]
fn an_ebs_driver_without_a_role_is_warned_of_when_it_is_asked_for() {
    let pod =
        |account: &str| PodIdentityBlock { namespace: "kube-system".into(), service_account: account.into(), role_arn: Attr::Unknown };
    let driver = |role: Attr<String>| AddOnBlock { name: "aws-ebs-csi-driver".into(), service_account_role_arn: role, ..null() };
    let (none, some) = (Attr::Known(Vec::new()), |block: AddOnBlock| Attr::Known(vec![block]));
    let other = AddOnBlock { name: "coredns".into(), ..null() };
    for (add_on, pod_identity, warns) in [
        (none.clone(), Attr::Known(Vec::new()), true),
        (some(driver(Attr::Null)), Attr::Known(vec![pod("other")]), true),
        (none.clone(), Attr::Known(vec![pod("ebs-csi-controller-sa")]), false),
        (none.clone(), Attr::Unknown, false),
        (some(driver(Attr::Unknown)), Attr::Known(Vec::new()), false),
        (some(other), Attr::Known(Vec::new()), false),
        (Attr::Unknown, Attr::Known(Vec::new()), false),
    ] {
        let config = config(Eks { add_on, pod_identity, ..eks() });
        let found = told(&plan(&config, None).found);
        assert_eq!(found.contains("The EBS driver has no role"), warns, "{found}");
    }
    let config = config(eks());
    assert!(!told(&plan(&config, Some(&state(&config))).found).contains("EBS"), "not in every plan");
}

#[test]
fn an_update_keeps_the_address() {
    let state = state(&config(eks()));
    let mut more = eks();
    more.log_types = set(&["audit"]);
    let planned = plan(&config(more), Some(&state));
    assert_eq!(planned.errors(), Vec::<String>::new());
    let ManagementCluster { id, endpoint, ca_certificate, oidc_issuer, status, .. } = planned.cluster;
    assert_eq!((id, endpoint, ca_certificate, oidc_issuer), (state.id, state.endpoint, state.ca_certificate, state.oidc_issuer));
    assert!(status.is_unknown());
}

#[test]
fn what_is_not_ready_is_gone_on_with() {
    let config = config(eks());
    let mut state = state(&config);
    state.status = StatusReport { phase: "Creating".into(), issues: Attr::Known(Vec::new()) }.into();
    (state.endpoint, state.cluster_classes) = (Attr::Null, Attr::Null);
    let planned = plan(&config, Some(&state)).cluster;
    assert!(planned.status.is_unknown() && planned.endpoint.is_unknown() && planned.cluster_classes.is_unknown());
    assert_eq!(planned.eks, state.eks);
}

#[test]
fn another_place_is_another_cluster_and_a_protected_one_is_not_given_up_for_it() {
    for (change, place) in [
        (Eks { name: "other".into(), ..eks() }, "eks.name"),
        (Eks { region: "eu-west-1".into(), ..eks() }, "eks.region"),
        (Eks { name: Attr::Unknown, ..eks() }, "eks.name"),
        (Eks { role_arn: role("other"), ..eks() }, "eks.role_arn"),
    ] {
        let protected = plan(&config(change.clone()), Some(&state(&config(eks()))));
        assert!(
            protected.errors().iter().any(|error| error.starts_with(&format!("{place}: Management cluster is protected"))),
            "{:?}",
            protected.errors()
        );
        let unprotected = plan(&open(change), Some(&state(&open(eks()))));
        assert_eq!((unprotected.errors(), unprotected.replace), (Vec::new(), vec![place.to_owned()]));
    }
}

#[test]
fn a_role_that_is_not_known_yet_is_taken_for_the_same() {
    let planned = plan(&config(Eks { role_arn: Attr::Unknown, ..eks() }), Some(&state(&config(eks()))));
    assert_eq!((planned.errors(), planned.replace.len()), (Vec::new(), 0));
    assert!(planned.cluster.changes.is_unknown());
}

#[test]
fn a_step_back_of_the_version_is_refused() {
    let planned = plan(&config(Eks { version: "1.33".into(), ..eks() }), Some(&state(&config(eks()))));
    let errors = planned.errors();
    assert!(errors.len() == 1 && errors[0].starts_with("eks.version: "), "{errors:?}");
    assert_eq!(planned.replace, Vec::<String>::new());
}

#[test]
fn the_plan_says_what_an_upgrade_does() {
    let planned = plan(&config(Eks { version: "1.35".into(), ..eks() }), Some(&state(&config(eks()))));
    let changes = planned.cluster.changes.into_known().unwrap();
    assert!(!changes.is_empty() && changes.iter().any(|line| line.contains("1.35")), "{changes:?}");
}

#[test]
fn a_protected_cluster_is_not_destroyed() {
    let resource = ErasedResource::new(ManagementClusterResource::new(Connection::default()));
    let destroyed = |state: &ManagementCluster| {
        let mut call = Call::default();
        resource.plan(PlanInput { prior: state.encode(), proposed: Value::Null, config: Value::Null }, &mut call);
        errors(&call.found)
    };
    assert!(destroyed(&state(&config(eks())))[0].starts_with("eks.deletion_protection: "));
    assert_eq!(destroyed(&state(&open(eks()))), Vec::<String>::new());
    let adopted = ManagementCluster { existing: Existing { eks_name: Attr::Null, region: Attr::Null }.into(), ..null() };
    assert_eq!(destroyed(&adopted), Vec::<String>::new());
}

#[test]
fn a_cluster_can_be_handed_over_without_being_replaced() {
    let adopted = ManagementCluster { existing: Existing { eks_name: "platform".into(), region: "eu-central-1".into() }.into(), ..null() };
    let planned = plan(&adopted, Some(&state(&config(eks()))));
    assert_eq!((planned.errors(), planned.replace.len()), (Vec::new(), 0));
}

#[test]
fn add_ons_come_by_themselves_unless_one_is_written() {
    let wish = |block: &Eks| crate::resources::management_cluster::eks::wish::whole(block, &Default::default()).unwrap();
    assert_eq!(wish(&eks()).add_ons.len(), 5);
    let one = AddOnBlock { name: "vpc-cni".into(), ..null() };
    assert_eq!(wish(&Eks { add_on: Attr::Known(vec![one]), ..eks() }).add_ons.len(), 1);
}

#[test]
fn what_is_reported_of_aws_is_open_where_drift_is_mended() {
    let config = config(eks());
    let mut prior = state(&config);
    prior.drift = Attr::Known(vec!["node group system-1f2e3d: version is 1.33, should be 1.34".to_owned()]);
    let planned = plan(&config, Some(&prior)).cluster;
    assert!(planned.node_groups.is_unknown() && planned.status.is_unknown());
}

#[test]
fn an_adopted_cluster_is_not_taken_over_without_showing_what_changes() {
    let config = config(eks());
    let prior = ManagementCluster { eks: Attr::Null, ..state(&config) };
    let errors = plan(&config, Some(&prior)).errors();
    assert!(errors.iter().any(|error| error.contains("Not made by this resource") && error.contains("import")), "{errors:?}");
}

#[test]
fn a_first_version_is_compared_with_the_one_that_runs() {
    let open = config(Eks { version: Attr::Null, ..eks() });
    let prior = ManagementCluster { kubernetes_version: "v1.33.4-eks-1234567".into(), ..state(&open) };
    let lower = plan(&config(Eks { version: "1.32".into(), ..eks() }), Some(&prior)).errors();
    assert!(lower.iter().any(|error| error.contains("never downgraded")), "{lower:?}");
    let higher = plan(&config(eks()), Some(&prior)).cluster;
    assert!(higher.changes.known().unwrap().iter().any(|change| change.contains("1.34")), "{:?}", higher.changes);
}
