//! Faults that were ordered happen, once, as AWS words them.

use aws_sdk_eks::config::retry::RetryConfig;
use aws_sdk_eks::types::{AddonStatus, ClusterStatus, NodegroupScalingConfig, NodegroupStatus};
use kaas_lab::aws::Fault;

use super::world::{World, refusal, wait};

#[test]
fn ordered_faults_happen_once_as_aws_words_them() {
    let world = World::new("aws-faults");
    world.run(async {
        lost_response(&world).await;
        throttled(&world).await;
        failed_node_group(&world).await;
        degraded_add_on(&world).await;
        failed_cluster(&world).await;
    });
    world.lab.down().unwrap();
}

/// The cluster is made though nobody was told; the SDK asks again with its token and gets the same answer.
async fn lost_response(world: &World) {
    let create = || {
        let create = world.admin().create_cluster().name("blue").role_arn(&world.ready.cluster_role_arn);
        create.resources_vpc_config(world.network()).client_request_token("once")
    };
    world.aws.order(&Fault::LoseResponse { action: "CreateCluster".to_owned(), times: 1 }).unwrap();
    let never = aws_sdk_eks::Config::builder().retry_config(RetryConfig::disabled());
    let error = create().customize().config_override(never).send().await.unwrap_err();
    assert!(error.as_service_error().is_none(), "the connection was to be cut: {error:?}");
    assert_eq!(create().send().await.unwrap().cluster.unwrap().name(), Some("blue"));
    world.until("blue", ClusterStatus::Active).await;
}

async fn throttled(world: &World) {
    world.aws.order(&Fault::Throttle { action: "DescribeCluster".to_owned(), times: 1 }).unwrap();
    let never = aws_sdk_eks::Config::builder().retry_config(RetryConfig::disabled());
    let (code, _) = refusal(world.admin().describe_cluster().name("blue").customize().config_override(never).send().await);
    assert_eq!(code, "TooManyRequestsException");
    world.aws.order(&Fault::Throttle { action: "DescribeCluster".to_owned(), times: 2 }).unwrap();
    world.describe("blue").await;
}

async fn failed_node_group(world: &World) {
    let (code, message) = ("NodeCreationFailure", "Instances failed to join the kubernetes cluster");
    world.aws.order(&Fault::FailNodeGroup { code: code.to_owned(), message: message.to_owned() }).unwrap();
    let create = |name: &str| {
        let sizes = NodegroupScalingConfig::builder().min_size(1).max_size(1).desired_size(1).build();
        let create = world.admin().create_nodegroup().cluster_name("blue").nodegroup_name(name).node_role(&world.ready.node_role_arn);
        create.set_subnets(Some(world.ready.subnet_ids.clone())).scaling_config(sizes)
    };
    create("bad").send().await.unwrap();
    let failed = world.group_until("blue", "bad", NodegroupStatus::CreateFailed).await;
    let issue = &failed.health().unwrap().issues()[0];
    assert_eq!((issue.code().unwrap().as_str(), issue.message()), (code, Some(message)));
    create("good").send().await.unwrap();
    world.group_until("blue", "good", NodegroupStatus::Active).await;
    world.admin().delete_nodegroup().cluster_name("blue").nodegroup_name("bad").send().await.unwrap();
    wait("the failed node group to go", || async {
        let left = world.admin().list_nodegroups().cluster_name("blue").send().await.unwrap();
        (left.nodegroups() == ["good"]).then_some(())
    })
    .await;
}

async fn degraded_add_on(world: &World) {
    let eks = world.admin();
    eks.create_addon().cluster_name("blue").addon_name("coredns").send().await.unwrap();
    let shown = || async { eks.describe_addon().cluster_name("blue").addon_name("coredns").send().await.unwrap().addon.unwrap() };
    wait("the add-on", || async { (shown().await.status == Some(AddonStatus::Active)).then_some(()) }).await;
    let fault = Fault::DegradeAddOn {
        cluster: "blue".to_owned(),
        add_on: "coredns".to_owned(),
        code: "InsufficientNumberOfReplicas".to_owned(),
        message: "too few".to_owned(),
    };
    world.aws.order(&fault).unwrap();
    let add_on = shown().await;
    assert_eq!(add_on.status, Some(AddonStatus::Degraded));
    assert_eq!(add_on.health().unwrap().issues()[0].message(), Some("too few"));
    eks.update_addon().cluster_name("blue").addon_name("coredns").addon_version("v1.12.3-eksbuild.1").send().await.unwrap();
    wait("the add-on to be mended", || async { (shown().await.status == Some(AddonStatus::Active)).then_some(()) }).await;
    assert!(shown().await.health().unwrap().issues().is_empty());
}

/// A failed cluster can be seen and deleted.
async fn failed_cluster(world: &World) {
    let eks = world.admin();
    world.aws.order(&Fault::FailCluster).unwrap();
    let create = eks.create_cluster().name("green").role_arn(&world.ready.cluster_role_arn);
    create.resources_vpc_config(world.network()).send().await.unwrap();
    let failed = world.until("green", ClusterStatus::Failed).await;
    assert_eq!(failed.health().unwrap().issues()[0].code().unwrap().as_str(), "Ec2SubnetNotFound");
    assert_eq!(failed.endpoint(), None);
    eks.delete_cluster().name("green").send().await.unwrap();
    wait("the failed cluster to go", || async { (eks.list_clusters().send().await.unwrap().clusters() == ["blue"]).then_some(()) }).await;
}
