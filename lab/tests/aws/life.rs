//! A cluster with its parts, from creation to deletion: one story, because its server is what costs.

use aws_sdk_eks::types::{
    AddonStatus, ClusterStatus, Nodegroup, NodegroupScalingConfig, NodegroupStatus, Taint, TaintEffect, UpdateLabelsPayload,
    VpcConfigRequest,
};
use k8s_openapi::api::core::v1::Node;
use kaas_lab::{client, etcd, process};
use kube::api::{Api, ListParams};

use super::world::{World, refusal, wait};

#[test]
fn a_cluster_lives_from_creation_to_deletion_and_leaves_nothing() {
    let world = World::new("aws-life");
    world.run(async {
        create(&world).await;
        node_groups(&world).await;
        changes(&world).await;
        parts(&world).await;
        delete(&world).await;
    });
    assert_eq!(etcd::count(world.lab.ports().etcd, "/eks/").unwrap(), 0);
    let folder = world.lab.folder().to_owned();
    world.lab.down().unwrap();
    assert_eq!(process::marked(&folder), []);
    assert!(!folder.exists());
}

async fn create(world: &World) {
    let eks = world.admin();
    let role = &world.ready.cluster_role_arn;
    let one = VpcConfigRequest::builder().subnet_ids(&world.ready.subnet_ids[0]).build();
    let (code, message) = refusal(eks.create_cluster().name("blue").role_arn(role).resources_vpc_config(one).send().await);
    assert_eq!((code.as_str(), message.as_str()), ("InvalidParameterException", "Subnets specified must be in at least two different AZs"));
    let unknown = VpcConfigRequest::builder().subnet_ids("subnet-1").subnet_ids("subnet-2").build();
    let (_, message) = refusal(eks.create_cluster().name("blue").role_arn(role).resources_vpc_config(unknown).send().await);
    assert!(message.contains("subnet-1") && message.contains("does not exist"), "{message}");
    let (_, message) = refusal(
        eks.create_cluster()
            .name("blue")
            .role_arn("arn:aws:iam::123456789012:role/none")
            .resources_vpc_config(world.network())
            .send()
            .await,
    );
    assert!(message.contains("could not be assumed"), "{message}");
    let (code, message) =
        refusal(eks.create_cluster().name("blue").role_arn(role).version("1.2").resources_vpc_config(world.network()).send().await);
    assert_eq!((code.as_str(), message.contains("unsupported Kubernetes version")), ("InvalidParameterException", true));
    let (code, _) = refusal(eks.describe_cluster().name("blue").send().await);
    assert_eq!(code, "ResourceNotFoundException");

    let cluster = world.cluster("blue", "1.34").await;
    assert!(cluster.endpoint().unwrap().starts_with("https://127.0.0.1:"));
    assert!(cluster.resources_vpc_config().unwrap().cluster_security_group_id().unwrap().starts_with("sg-"));
    let (code, _) = refusal(eks.create_cluster().name("blue").role_arn(role).resources_vpc_config(world.network()).send().await);
    assert_eq!(code, "ResourceInUseException");
    let token = world.aws.kubernetes_token(world.aws.administrator(), "blue");
    let version = World::kubernetes(&cluster, token).apiserver_version().await.unwrap();
    assert_eq!(version.major, "1");
}

async fn nodes(world: &World) -> Vec<Node> {
    let kubernetes = client(&world.aws.kubeconfig("blue")).await.unwrap();
    Api::<Node>::all(kubernetes).list(&ListParams::default()).await.unwrap().items
}

async fn make_group(world: &World) -> Nodegroup {
    let eks = world.admin();
    let create = || {
        let sizes = NodegroupScalingConfig::builder().min_size(1).max_size(4).desired_size(2).build();
        let taint = Taint::builder().key("only").value("kafka").effect(TaintEffect::NoSchedule).build();
        let create = eks.create_nodegroup().cluster_name("blue").nodegroup_name("system").node_role(&world.ready.node_role_arn);
        create
            .set_subnets(Some(world.ready.subnet_ids.clone()))
            .scaling_config(sizes)
            .labels("pool", "system")
            .taints(taint)
            .client_request_token("one")
    };
    create().send().await.unwrap();
    let again = create().send().await.unwrap().nodegroup.unwrap();
    assert_eq!(again.nodegroup_name(), Some("system"), "the same token is the same request");
    let (code, _) = refusal(create().client_request_token("two").send().await);
    assert_eq!(code, "ResourceInUseException");
    let group = world.group_until("blue", "system", NodegroupStatus::Active).await;
    assert_eq!(again.nodegroup_arn(), group.nodegroup_arn());
    group
}

async fn node_groups(world: &World) {
    let group = make_group(world).await;
    assert_eq!(group.version(), Some("1.34"));
    let there = nodes(world).await;
    assert_eq!(there.len(), 2);
    let node = &there[0];
    assert_eq!(node.metadata.labels.as_ref().unwrap()["pool"], "system");
    let spec = node.spec.as_ref().unwrap();
    assert_eq!(spec.taints.as_ref().unwrap()[0].key, "only");
    assert!(spec.provider_id.as_ref().unwrap().starts_with("aws:///eu-central-1"));
    let (code, message) = refusal(world.admin().delete_cluster().name("blue").send().await);
    assert_eq!((code.as_str(), message.as_str()), ("ResourceInUseException", "Cluster has nodegroups attached"));

    let sizes = NodegroupScalingConfig::builder().min_size(1).max_size(4).desired_size(3).build();
    let labels = UpdateLabelsPayload::builder().add_or_update_labels("zone", "x").remove_labels("pool").build();
    let update = world.admin().update_nodegroup_config().cluster_name("blue").nodegroup_name("system").scaling_config(sizes).labels(labels);
    update.send().await.unwrap();
    wait("three nodes with their new label", || async {
        let there = nodes(world).await;
        let fits =
            |node: &Node| node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key("zone") && !labels.contains_key("pool"));
        (there.len() == 3 && there.iter().all(fits)).then_some(())
    })
    .await;
    world.group_until("blue", "system", NodegroupStatus::Active).await;
}

async fn changes(world: &World) {
    let eks = world.admin();
    let (_, message) = refusal(eks.update_cluster_version().name("blue").version("1.36").send().await);
    assert_eq!(message, "Unsupported Kubernetes minor version update from 1.34 to 1.36");
    let (_, message) = refusal(eks.update_nodegroup_version().cluster_name("blue").nodegroup_name("system").version("1.35").send().await);
    assert!(message.contains("can't be above"), "{message}");
    let update = eks.update_cluster_version().name("blue").version("1.35").send().await.unwrap().update.unwrap();
    assert_eq!(world.describe("blue").await.status, Some(ClusterStatus::Updating));
    let (code, _) = refusal(eks.update_cluster_version().name("blue").version("1.35").send().await);
    assert_eq!(code, "ResourceInUseException");
    assert_eq!(world.until("blue", ClusterStatus::Active).await.version(), Some("1.35"));
    let shown = eks.describe_update().name("blue").update_id(update.id().unwrap()).send().await.unwrap().update.unwrap();
    assert_eq!(shown.status().unwrap().as_str(), "Successful");

    let before: Vec<_> = nodes(world).await.into_iter().map(|node| node.metadata.name).collect();
    eks.update_nodegroup_version().cluster_name("blue").nodegroup_name("system").version("1.35").send().await.unwrap();
    wait("new nodes", || async {
        let there = nodes(world).await;
        (there.len() == 3 && there.iter().all(|node| !before.contains(&node.metadata.name))).then_some(())
    })
    .await;
    let kubelet = nodes(world).await[0].status.as_ref().unwrap().node_info.as_ref().unwrap().kubelet_version.clone();
    assert!(kubelet.starts_with("v1.35."), "{kubelet}");

    let closed = VpcConfigRequest::builder().endpoint_private_access(true).public_access_cidrs("10.0.0.0/8").build();
    eks.update_cluster_config().name("blue").resources_vpc_config(closed).send().await.unwrap();
    let network = world.until("blue", ClusterStatus::Active).await.resources_vpc_config.unwrap();
    assert_eq!((network.endpoint_private_access, network.public_access_cidrs()), (true, ["10.0.0.0/8".to_owned()].as_slice()));
    let same = VpcConfigRequest::builder().endpoint_private_access(true).build();
    let (code, message) = refusal(eks.update_cluster_config().name("blue").resources_vpc_config(same).send().await);
    assert_eq!(
        (code.as_str(), message.starts_with("Cluster is already at the desired configuration")),
        ("InvalidParameterException", true)
    );
}

async fn parts(world: &World) {
    let eks = world.admin();
    let (_, message) = refusal(eks.create_addon().cluster_name("blue").addon_name("none").send().await);
    assert!(message.contains("none specified is not supported"), "{message}");
    eks.create_addon().cluster_name("blue").addon_name("coredns").send().await.unwrap();
    wait("the add-on", || async {
        let shown = eks.describe_addon().cluster_name("blue").addon_name("coredns").send().await.unwrap().addon.unwrap();
        (shown.status == Some(AddonStatus::Active)).then_some(())
    })
    .await;
    assert_eq!(eks.list_addons().cluster_name("blue").send().await.unwrap().addons(), ["coredns"]);

    let role = world.aws.role("lab-pods", "pods.eks.amazonaws.com").unwrap();
    let create = || eks.create_pod_identity_association().cluster_name("blue").namespace("ns").service_account("sa").role_arn(&role);
    let made = create().send().await.unwrap().association.unwrap();
    assert_eq!(refusal(create().send().await).0, "ResourceInUseException");
    let listed = eks.list_pod_identity_associations().cluster_name("blue").namespace("ns").send().await.unwrap();
    assert_eq!(listed.associations()[0].association_id(), made.association_id());
    eks.delete_pod_identity_association().cluster_name("blue").association_id(made.association_id().unwrap()).send().await.unwrap();

    let arn = world.describe("blue").await.arn.unwrap();
    eks.tag_resource().resource_arn(&arn).tags("a", "1").tags("b", "2").send().await.unwrap();
    eks.untag_resource().resource_arn(&arn).tag_keys("a").send().await.unwrap();
    let tags = eks.list_tags_for_resource().resource_arn(&arn).send().await.unwrap().tags.unwrap();
    assert_eq!(tags, [("b".to_owned(), "2".to_owned())].into());
    assert_eq!(world.describe("blue").await.tags.unwrap(), tags);
}

async fn delete(world: &World) {
    let eks = world.admin();
    eks.delete_nodegroup().cluster_name("blue").nodegroup_name("system").send().await.unwrap();
    wait("the node group to go", || async {
        eks.list_nodegroups().cluster_name("blue").send().await.unwrap().nodegroups().is_empty().then_some(())
    })
    .await;
    assert_eq!(nodes(world).await.len(), 0);
    eks.update_cluster_config().name("blue").deletion_protection(true).send().await.unwrap();
    world.until("blue", ClusterStatus::Active).await;
    let (code, message) = refusal(eks.delete_cluster().name("blue").send().await);
    assert_eq!((code.as_str(), message.contains("deletion protection")), ("InvalidRequestException", true));
    eks.update_cluster_config().name("blue").deletion_protection(false).send().await.unwrap();
    world.until("blue", ClusterStatus::Active).await;
    let gone = eks.delete_cluster().name("blue").send().await.unwrap().cluster.unwrap();
    assert_eq!(gone.status, Some(ClusterStatus::Deleting));
    wait("the cluster to go", || async { eks.list_clusters().send().await.unwrap().clusters().is_empty().then_some(()) }).await;
    assert_eq!(refusal(eks.describe_cluster().name("blue").send().await).0, "ResourceNotFoundException");
}
