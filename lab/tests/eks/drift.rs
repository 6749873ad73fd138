//! What somebody changes by the API of AWS is shown, and mended by the next apply.

use aws_sdk_eks::types::{NodegroupScalingConfig, VpcConfigRequest};
use kaas_lab::terraform::Engine;

use super::world::{World, wait};

#[test]
fn what_somebody_changes_in_aws_is_shown_by_its_attribute_and_mended() {
    let world = World::new("eks-drift");
    let Some(engine) = Engine::available().into_iter().next() else { panic!("no CLI is here") };
    let place = world.place(engine, "drift");
    place.apply();
    let group = world.groups("drift").remove(0);
    world.run(async {
        let eks = world.admin();
        let network = VpcConfigRequest::builder().public_access_cidrs("0.0.0.0/0").endpoint_public_access(true).build();
        eks.update_cluster_config().name("drift").resources_vpc_config(network).send().await.unwrap();
        let sizes = NodegroupScalingConfig::builder().min_size(1).max_size(5).desired_size(1).build();
        eks.update_nodegroup_config().cluster_name("drift").nodegroup_name(&group).scaling_config(sizes).send().await.unwrap();
        let arn = eks.describe_cluster().name("drift").send().await.unwrap().cluster.unwrap().arn.unwrap();
        eks.tag_resource().resource_arn(&arn).tags("kaas.dev/owner", "somebody").tags("theirs", "x").send().await.unwrap();
        eks.delete_addon().cluster_name("drift").addon_name("coredns").send().await.unwrap();
    });
    wait("the add-on to go", || {
        let add_ons =
            world.run(async { world.admin().list_addons().cluster_name("drift").send().await.unwrap().addons.unwrap_or_default() });
        (!add_ons.contains(&"coredns".to_owned())).then_some(())
    });
    let (actions, change) = place.planned();
    assert_eq!(actions, ["update"]);
    let (before, after) = (&change["before"], &change["after"]);
    assert_eq!(after["eks"]["endpoint"]["public_cidrs"][0], "127.0.0.0/8", "{change}");
    assert_ne!(before["eks"]["endpoint"], after["eks"]["endpoint"]);
    assert_eq!((&before["eks"]["node_group"][0]["max_size"], &after["eks"]["node_group"][0]["max_size"]), (&5.into(), &2.into()));
    let drift = before["drift"].to_string();
    assert!(drift.contains("coredns") && drift.contains("kaas.dev/owner") && !drift.contains("theirs"), "{drift}");
    place.apply();
    place.plans_nothing();
    let tags = world.tags("drift");
    assert_eq!((tags["kaas.dev/owner"].as_str(), tags["theirs"].as_str()), ("terraform", "x"));
    place.workspace.destroy(&[]).unwrap().succeeded().unwrap();
    world.lab.down().unwrap();
}
