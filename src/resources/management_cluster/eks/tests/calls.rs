//! Calls: made, looked at, changed, broken, mended and deleted.

use std::time::Duration;

use serde_json::json;

use super::{fake::Fake, *};
use crate::{
    domain::eks::EksId,
    drivers::aws::tests::aws,
    framework::{
        parts::{Failed, ImportTarget, Resource},
        timeouts::Timeouts,
    },
    resources::management_cluster::{eks::model::EndpointAccess, tests::There},
};

pub const CLUSTER: &str = "/clusters/platform";

/// Without classes, so that each call may have a Kubernetes of its own.
pub fn config(eks: Eks) -> ManagementCluster {
    ManagementCluster { cluster_classes: set(&[]), ..super::config(eks) }
}

/// A provider that leads to these.
pub async fn resource(fake: &Fake, there: &There) -> ManagementClusterResource {
    let id = EksId { region: "eu-central-1".to_owned(), name: "platform".to_owned() };
    let connection = Connection::default();
    connection.configure(Settings::default());
    ManagementClusterResource::new(connection.with_eks(aws(&fake.start().await), &id, there.server().0))
}

pub async fn create(fake: &Fake, config: &ManagementCluster) -> (Result<ManagementCluster, Failed<ManagementCluster>>, Call) {
    let mut call = Call::default();
    (resource(fake, &There::default()).await.create(plan(config, None).cluster, &mut call).await, call)
}

async fn read(fake: &Fake, state: &ManagementCluster) -> Option<ManagementCluster> {
    resource(fake, &There::default()).await.read(state.clone(), &mut Call::default()).await.unwrap()
}

pub async fn update(
    fake: &Fake,
    prior: &ManagementCluster,
    config: &ManagementCluster,
) -> Result<ManagementCluster, Failed<ManagementCluster>> {
    let planned = plan(config, Some(prior));
    assert_eq!(planned.errors(), Vec::<String>::new());
    resource(fake, &There::default()).await.update(prior.clone(), planned.cluster, &mut Call::default()).await
}

fn soon(config: ManagementCluster) -> ManagementCluster {
    let limit = || Attr::Known("5ms".parse().unwrap());
    ManagementCluster { timeouts: Timeouts { create: limit(), update: limit(), ..Timeouts::default() }.into(), ..config }
}

pub fn phase(state: &ManagementCluster) -> &str {
    state.status.known().unwrap().phase.known().unwrap()
}

pub fn unprotected() -> ManagementCluster {
    config(Eks { deletion_protection: false.into(), ..eks() })
}

#[tokio::test]
async fn what_is_made_is_reported_and_plans_nothing_after() {
    let fake = Fake::default();
    let config = config(eks());
    let (made, call) = create(&fake, &config).await;
    let made = made.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert_eq!((made.id.known().unwrap().as_str(), phase(&made)), ("eks/eu-central-1/platform", "Ready"));
    assert_eq!(made.oidc_issuer, "https://oidc.example/id/A".into());
    assert_eq!(made.node_groups.known().unwrap()[0].name, "system".into());
    let tags = fake.world().things[CLUSTER]["tags"].clone();
    assert_eq!(tags, json!({ "kaas.dev/management-cluster": "platform", "kaas.dev/owner": "terraform" }), "no phase is left");
    let mut again = Call { private: call.private, ..Call::default() };
    let seen = resource(&fake, &There::default()).await.read(made.clone(), &mut again).await.unwrap().unwrap();
    assert_eq!(seen.drift, Attr::Known(Vec::new()));
    assert_eq!(seen, made);
    assert_eq!(plan(&config, Some(&seen)).cluster, seen);
}

#[tokio::test]
async fn an_unfinished_beginning_of_ones_own_is_gone_on_with_and_a_finished_cluster_is_not_taken() {
    let fake = Fake::default();
    fake.world().faults.push(("/node-groups/", "CREATE_FAILED", "NodeCreationFailure", "Instances failed to join"));
    let (failed, call) = create(&fake, &config(eks())).await;
    let failed = failed.unwrap_err();
    assert!(failed.reached.is_none(), "a state would be tainted");
    let said = told(&failed.diagnostics);
    for part in ["NodeCreationFailure", "Instances failed to join", "i-1", "AmazonEKSWorkerNodePolicy"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(
        told(&call.found).contains("terraform import") && told(&call.found).contains("eks/eu-central-1/platform"),
        "{}",
        told(&call.found)
    );
    assert_eq!(fake.world().things[CLUSTER]["tags"]["kaas.dev/phase"], "creating");
    let (made, _) = create(&fake, &config(eks())).await;
    assert_eq!(phase(&made.map_err(|failed| told(&failed.diagnostics)).unwrap()), "Ready");
    let (taken, call) = create(&fake, &config(eks())).await;
    let taken = errors(&taken.unwrap_err().diagnostics);
    assert!(
        taken[0].starts_with("eks.name: Name already taken") && taken[0].contains("import") && taken[0].contains("eks_name"),
        "{taken:?}"
    );
    assert_eq!(told(&call.found), "", "it is no beginning of this run");
}

#[tokio::test]
async fn a_deadline_that_passes_leaves_a_state_and_no_error() {
    let fake = Fake::default();
    let wanted = soon(config(eks()));
    let (made, call) = create(&fake, &wanted).await;
    let made = made.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert!(told(&call.found).contains("The deadline passed"), "{}", told(&call.found));
    assert_eq!((phase(&made), &made.drift), ("Creating", &Attr::Known(Vec::new())));
    let next = plan(&config(eks()), Some(&made));
    assert!(next.cluster.status.is_unknown() && next.replace.is_empty(), "{:?}", next.cluster);
    let done = update(&fake, &made, &config(eks())).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert_eq!(phase(&done), "Ready");
    assert!(fake.world().things[CLUSTER]["tags"]["kaas.dev/phase"].is_null());
}

#[tokio::test]
async fn an_add_on_that_stays_degraded_ends_the_run_before_the_deadline_with_the_reason_of_aws() {
    let fake = Fake::default();
    fake.world().faults.push(("/addons/coredns", "DEGRADED", "InsufficientNumberOfReplicas", "0 of 2 replicas are available"));
    let limit = || Attr::Known("20s".parse().unwrap());
    let timeouts = Timeouts { create: limit(), ..Timeouts::default() }.into();
    let (failed, _) = create(&fake, &ManagementCluster { timeouts, ..config(eks()) }).await;
    let said = errors(&failed.unwrap_err().diagnostics);
    assert!(said[0].starts_with("eks.add_on: ") && said[0].contains("0 of 2 replicas are available"), "{said:?}");
}

#[tokio::test]
async fn a_run_that_is_stopped_ends_with_the_state_reached() {
    let fake = Fake::default();
    fake.world().stuck = true;
    let mut call = Call::default();
    let stop = call.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.cancel();
    });
    let made = resource(&fake, &There::default()).await.create(plan(&config(eks()), None).cluster, &mut call).await;
    assert_eq!(phase(&made.map_err(|failed| told(&failed.diagnostics)).unwrap()), "Creating");
    assert!(told(&call.found).contains("The run was stopped") && told(&call.found).contains("CREATING"), "{}", told(&call.found));
    let nothing = Fake::default();
    let mut call = Call::default();
    call.stop.cancel();
    resource(&nothing, &There::default()).await.create(plan(&config(eks()), None).cluster, &mut call).await.unwrap_err();
    assert_eq!(nothing.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_changed_elsewhere_is_a_difference_of_its_attribute() {
    let fake = Fake::default();
    let endpoint = EndpointAccess { public: true.into(), private: true.into(), public_cidrs: set(&["203.0.113.0/24"]) };
    let config = config(Eks { endpoint: endpoint.into(), ..eks() });
    let made = create(&fake, &config).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    fake.change(CLUSTER, |cluster| cluster["resourcesVpcConfig"]["publicAccessCidrs"] = json!(["0.0.0.0/0"]));
    let group = fake.paths().into_iter().find(|path| path.contains("/node-groups/")).unwrap();
    fake.change(&group, |group| group["scalingConfig"]["maxSize"] = json!(9));
    fake.change(CLUSTER, |cluster| cluster["tags"]["kaas.dev/owner"] = json!("somebody"));
    let seen = read(&fake, &made).await.unwrap();
    let block = seen.eks.known().unwrap();
    assert_eq!(block.endpoint.known().unwrap().public_cidrs, set(&[]));
    assert_eq!(block.node_group.known().unwrap()[0].max_size, 9.into());
    let drift = seen.drift.known().unwrap();
    assert!(drift.len() == 1 && drift[0].contains("kaas.dev/owner"), "{drift:?}");
    let mended = update(&fake, &seen, &config).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert_eq!(read(&fake, &mended).await.unwrap().eks, made.eks);
    assert_eq!(fake.world().things[CLUSTER]["resourcesVpcConfig"]["publicAccessCidrs"], json!(["203.0.113.0/24"]));
}

#[tokio::test]
async fn another_shape_is_another_group_and_one_that_fails_is_told_and_kept_in_the_state() {
    let fake = Fake::default();
    let made = create(&fake, &config(eks())).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let larger = NodeGroupBlock { instance_types: Attr::Known(vec!["m6i.xlarge".to_owned()]), ..group("system") };
    let wanted = config(Eks { node_group: Attr::Known(vec![larger]), ..eks() });
    fake.world().faults.push(("/node-groups/", "CREATE_FAILED", "AsgInstanceLaunchFailures", "no capacity"));
    let failed = update(&fake, &made, &wanted).await.unwrap_err();
    assert!(errors(&failed.diagnostics)[0].contains("AsgInstanceLaunchFailures: no capacity"), "{}", told(&failed.diagnostics));
    let reached = failed.reached.unwrap();
    assert_eq!((phase(&reached), &reached.eks), ("Degraded", &made.eks), "what is there is what was");
    let mended = update(&fake, &reached, &wanted).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert_eq!((phase(&mended), mended.node_groups.known().unwrap().len()), ("Ready", 1));
    assert_eq!(fake.paths().iter().filter(|path| path.contains("/node-groups/")).count(), 1);
}

#[tokio::test]
async fn a_version_is_raised_with_its_nodes_and_add_ons() {
    let fake = Fake::default();
    let made = create(&fake, &config(eks())).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let wanted = config(Eks { version: "1.36".into(), ..eks() });
    let raised = update(&fake, &made, &wanted).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert_eq!(raised.node_groups.known().unwrap()[0].version, "1.36".into());
    assert_eq!(fake.world().things[CLUSTER]["version"], "1.36");
    assert_eq!(fake.world().things["/clusters/platform/addons/coredns"]["addonVersion"], "v1.36.0-eksbuild.1");
}

#[tokio::test]
async fn tags_that_are_given_up_go_and_those_of_others_stay() {
    let fake = Fake::default();
    let tags = |tags: &[(&str, &str)]| Attr::Known(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
    let made =
        create(&fake, &config(Eks { tags: tags(&[("a", "1"), ("b", "2")]), ..eks() })).await.0.map_err(|failed| told(&failed.diagnostics));
    fake.change(CLUSTER, |cluster| cluster["tags"]["theirs"] = json!("x"));
    let wanted = config(Eks { tags: tags(&[("a", "1")]), ..eks() });
    let changed = update(&fake, &made.unwrap(), &wanted).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let found = fake.world().things[CLUSTER]["tags"].clone();
    assert_eq!((found["b"].is_null(), &found["a"], &found["theirs"]), (true, &json!("1"), &json!("x")));
    assert_eq!(read(&fake, &changed).await.unwrap().eks, wanted_block(&wanted));
}

/// A block as the state has it: with the defaults.
fn wanted_block(config: &ManagementCluster) -> Attr<Eks> {
    plan(config, None).cluster.eks
}

#[tokio::test]
async fn tenants_keep_the_cluster_they_live_on() {
    let fake = Fake::default();
    let made = create(&fake, &unprotected()).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let mut there = There::default();
    there.tenants = vec!["orders", "payments"];
    let refused = resource(&fake, &there).await.delete(made.clone(), &mut Call::default()).await.unwrap_err();
    assert!(told(&refused.diagnostics).contains("the tenants orders, payments live"), "{}", told(&refused.diagnostics));
    assert!(fake.paths().contains(&CLUSTER.to_owned()));
    resource(&fake, &There::default())
        .await
        .delete(made.clone(), &mut Call::default())
        .await
        .map_err(|failed| told(&failed.diagnostics))
        .unwrap();
    assert_eq!(fake.paths(), Vec::<String>::new());
    assert_eq!(read(&fake, &made).await, None);
    resource(&fake, &There::default()).await.delete(made, &mut Call::default()).await.unwrap();
}

#[tokio::test]
async fn a_protected_cluster_is_not_deleted_and_one_that_never_came_to_be_is() {
    let fake = Fake::default();
    let made = create(&fake, &config(eks())).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let refused = resource(&fake, &There::default()).await.delete(made.clone(), &mut Call::default()).await.unwrap_err();
    assert!(errors(&refused.diagnostics)[0].starts_with("eks.deletion_protection"), "{}", told(&refused.diagnostics));
    fake.change(CLUSTER, |cluster| {
        cluster["status"] = json!("FAILED");
        cluster["health"] = json!({ "issues": [{ "code": "InternalFailure", "message": "no luck" }] });
        cluster["endpoint"] = json!(null);
    });
    let seen = read(&fake, &made).await.unwrap();
    assert_eq!(phase(&seen), "Failed");
    let replaced = plan(&config(eks()), Some(&seen));
    assert_eq!((replaced.errors(), replaced.replace), (Vec::new(), vec!["eks.name".to_owned()]), "nothing else helps");
    resource(&fake, &There::default()).await.delete(seen, &mut Call::default()).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert_eq!(fake.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn a_beginning_whose_control_plane_failed_is_made_anew() {
    let fake = Fake::default();
    fake.world().faults.push(("/clusters/platform", "FAILED", "InternalFailure", "no luck"));
    let (failed, _) = create(&fake, &config(eks())).await;
    assert!(told(&failed.unwrap_err().diagnostics).contains("FAILED"));
    let (made, _) = create(&fake, &config(eks())).await;
    assert_eq!(phase(&made.map_err(|failed| told(&failed.diagnostics)).unwrap()), "Ready");
}

#[tokio::test]
async fn a_cluster_that_is_looked_for_in_another_account_is_not_taken_for_gone() {
    let fake = Fake::default();
    let made = create(&fake, &config(eks())).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    fake.world().things.clear();
    fake.world().account = "999999999999";
    let refused = resource(&fake, &There::default()).await.read(made.clone(), &mut Call::default()).await.unwrap_err();
    assert!(told(&refused).contains("Another AWS account"), "{}", told(&refused));
    fake.world().account = "123456789012";
    assert_eq!(read(&fake, &made).await, None);
}

#[tokio::test]
async fn a_cluster_of_the_same_name_in_another_account_is_neither_read_nor_changed_nor_deleted() {
    let fake = Fake::default();
    let mut made = create(&fake, &unprotected()).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    made.arn = "arn:aws:eks:eu-central-1:999999999999:cluster/platform".into();
    let before = fake.world().things.clone();
    let resource = resource(&fake, &There::default()).await;
    let mut call = Call::default();
    let read = resource.read(made.clone(), &mut call).await.unwrap_err();
    let updated = resource.update(made.clone(), made.clone(), &mut call).await.unwrap_err().diagnostics;
    let deleted = resource.delete(made, &mut call).await.unwrap_err().diagnostics;
    for refused in [read, updated, deleted] {
        assert!(told(&refused).contains("lead to arn:aws:eks:eu-central-1:123456789012"), "{}", told(&refused));
    }
    assert_eq!(fake.world().things, before);
}

#[tokio::test]
async fn a_cluster_that_is_gone_is_not_made_by_an_update() {
    let fake = Fake::default();
    let made = create(&fake, &config(eks())).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    fake.world().things.clear();
    let resource = resource(&fake, &There::default()).await;
    let refused = resource.update(made.clone(), made, &mut Call::default()).await.unwrap_err().diagnostics;
    assert!(told(&refused).contains("somebody has deleted it"), "{}", told(&refused));
    assert!(fake.world().things.is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_aws() {
    let fake = Fake::default();
    fake.world().denied = true;
    let (refused, _) = create(&fake, &config(eks())).await;
    let said = told(&refused.unwrap_err().diagnostics);
    assert!(said.contains("AccessDeniedException") && said.contains("eks:DescribeCluster") && said.contains("IAM policy"), "{said}");
}

#[tokio::test]
async fn an_imported_cluster_is_the_one_that_was_made() {
    let fake = Fake::default();
    let config = unprotected();
    let made = create(&fake, &config).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let target = || ImportTarget::Id("eks/eu-central-1/platform".to_owned());
    let resource = resource(&fake, &There::default()).await;
    let state = resource.import(target(), &mut Call::default()).await.unwrap();
    let seen = resource.read(state, &mut Call::default()).await.unwrap().unwrap();
    assert_eq!((&seen.id, &seen.arn, &seen.drift), (&made.id, &made.arn, &Attr::Known(Vec::new())));
    let planned = plan(&config, Some(&seen));
    assert_eq!((planned.errors(), planned.replace), (Vec::new(), Vec::new()));
    let wrong = resource.import(ImportTarget::Id("eks/platform".to_owned()), &mut Call::default()).await.unwrap_err();
    assert!(told(&wrong).contains("eks/<region>/<name>"), "{}", told(&wrong));
}

#[tokio::test]
async fn an_adopted_cluster_is_left_as_it_is() {
    let fake = Fake::default();
    create(&fake, &config(eks())).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let before = fake.world().things.clone();
    let existing = crate::resources::management_cluster::model::Existing { eks_name: "platform".into(), region: "eu-central-1".into() };
    let config = ManagementCluster { existing: existing.into(), cluster_classes: set(&[]), ..null() };
    let resource = resource(&fake, &There::default()).await;
    let made =
        resource.create(plan(&config, None).cluster, &mut Call::default()).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert_eq!((made.id.known().unwrap().as_str(), &made.vpc_id), ("eks/eu-central-1/platform", &"vpc-1".into()));
    let seen = resource.read(made.clone(), &mut Call::default()).await.unwrap().unwrap();
    assert_eq!(seen, made);
    resource.delete(made.clone(), &mut Call::default()).await.unwrap();
    assert_eq!(fake.world().things, before);
    fake.world().things.clear();
    assert_eq!(resource.read(made, &mut Call::default()).await.unwrap(), None);
}

#[tokio::test]
async fn what_lives_shortly_is_waited_for_no_longer_than_said() {
    let begin = std::time::Instant::now();
    let fake = Fake::default();
    let _ = create(&fake, &soon(config(eks()))).await;
    assert!(begin.elapsed() < Duration::from_secs(5));
}
