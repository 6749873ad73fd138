//! A cluster whose API server is dead is seen to be so, and can be deleted all the same.

use super::world::World;

#[test]
fn a_dead_cluster_is_reported_and_can_be_deleted() {
    let world = World::new("capi-ending");
    let tenant = world.tenant("lost");
    tenant.wait_available();
    let prefix = tenant.etcd_prefix();
    tenant.keep_stopped(true);
    tenant.wait_condition("RemoteConnectionProbe", "False");
    tenant.wait_condition("Available", "False");
    assert_eq!(tenant.processes(), []);
    assert!(!tenant.answers());
    tenant.delete();
    assert_eq!(world.etcd_keys(&prefix), 0);
    tenant.delete_namespace();
    world.lab.down().unwrap();
}

#[test]
fn a_cluster_whose_servers_were_away_comes_back() {
    let world = World::new("capi-back");
    let tenant = world.tenant("away");
    tenant.wait_available();
    tenant.keep_stopped(true);
    tenant.wait_condition("Available", "False");
    tenant.keep_stopped(false);
    tenant.wait_available();
    assert!(tenant.answers());
    world.lab.down().unwrap();
}
