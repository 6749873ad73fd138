//! One apply makes a tenant's cluster, what runs in it, and its Kafka.

use kaas::domain::object::{Kind, ObjectRef};

use super::world::{hard, home_cluster, inside, ready};
use crate::acceptance::cluster::{self, kafka, namespace};
use crate::acceptance::place::Place;
use crate::acceptance::world::{each_engine, named};

#[test]
fn one_apply_makes_a_cluster_and_a_kafka_in_it_and_destroy_takes_all_away() {
    each_engine(|engine| {
        let name = named("made", engine);
        let place = Place::applied(engine, ready(), &hard(&name));
        place.plan_is_empty();
        let tenant = place.tenant();
        assert_eq!(tenant["status"]["phase"], "Ready");
        assert_eq!(tenant["kubernetes"]["namespace"], format!("kaas-{name}"));
        assert_eq!(tenant["kubernetes"]["cluster"], name);
        assert_eq!(tenant["kubernetes"]["kubeconfig_secret"], format!("{name}-kubeconfig"));
        assert_eq!(tenant["kubernetes_version"], "1.36.3");
        let (home, own) = (ready(), inside(ready(), &name));
        assert!(cluster::get(home, &kafka(&name)).is_none() && cluster::get(&own, &kafka(&name)).is_some());
        assert_eq!(cluster::get(home, &home_cluster(&name)).unwrap()["spec"]["topology"]["version"], "v1.36.3");
        place.destroy();
        assert!(cluster::get(home, &namespace(&name)).is_none());
        assert!(cluster::get(home, &ObjectRef::namespaced(Kind::Cluster, format!("kaas-{name}"), &name)).is_none());
    });
}
