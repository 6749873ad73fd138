//! The stand-in stopped and started, and the lab taken down with a cluster in it.

use aws_sdk_eks::types::ClusterStatus;
use kaas_lab::{Server, process};

use super::world::{World, wait};

#[test]
fn clusters_and_keys_outlive_the_stand_in_and_no_cluster_outlives_the_lab() {
    let mut world = World::new("aws-restart");
    let before = world.run(world.cluster("blue", "1.35"));
    world.lab.stop(Server::AwsEks).unwrap();
    let servers = process::marked(&world.lab.folder().join("aws-eks-stand-in"));
    assert_eq!(servers.len(), 2, "the servers of the cluster go on");
    world.lab.restart(Server::AwsEks).unwrap();
    world.run(async {
        let after = world.describe("blue").await;
        assert_eq!(after.status, Some(ClusterStatus::Active));
        assert_eq!(after.endpoint, before.endpoint);
        let answers = || async {
            let token = world.aws.kubernetes_token(world.aws.administrator(), "blue");
            World::kubernetes(&after, token).apiserver_version().await.ok()
        };
        wait("the cluster to answer", answers).await;
        process::stop(&servers, std::time::Duration::from_secs(10)).unwrap();
        wait("the killed servers to come back", answers).await;
    });
    let folder = world.lab.folder().to_owned();
    world.lab.down().unwrap();
    assert_eq!(process::marked(&folder), []);
    assert!(!folder.exists());
}
