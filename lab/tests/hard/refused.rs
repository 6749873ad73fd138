//! What cannot be made or changed is refused where it is written, with the way out.

use super::world::{hard, hard_with, home_cluster, ready};
use crate::acceptance::cluster;
use crate::acceptance::place::{Place, Tenant, flat, holds, said};
use crate::acceptance::world::{self, each_engine, named};

#[test]
fn what_is_wrong_with_a_cluster_is_told_by_the_plan() {
    each_engine(|engine| {
        let place = Place::new(engine, ready());
        let refused = |tenant: &Tenant, told: &[&str]| {
            place.configure(tenant);
            holds(&place.plan_fails(), told);
        };
        let eks = |more: &str| Tenant { isolation: "null", ..Tenant::small("wrong").with(more) };
        refused(&eks(""), &["This cluster cannot be made", "region", "kaas-eks"]);
        refused(&eks("cluster {\n class = \"kaas-aws\"\n }"), &["This cluster cannot be made", "region", "kaas-aws"]);
        refused(&eks("cluster {\n class = \"mine\"\n }"), &["class_namespace", "mine"]);
        refused(
            &hard_with("wrong", "kubernetes_version = \"1.36\"", ""),
            &["Kubernetes version not offered", "kubernetes_version = \"1.36\""],
        );
        refused(&hard_with("wrong", "kubernetes_version = \"1.30.0\"", ""), &["choose from 1.31 to 1.37"]);
        refused(&hard_with("wrong", "region = \"eu-central-1\"", ""), &["region = \"eu-central-1\"", "process"]);
        refused(&hard_with("wrong", "", "operators {\n strimzi = \"1.x\"\n }"), &["Not a version", "strimzi = \"1.x\""]);
        let soft = |more: &str| Tenant::small("wrong").with(more);
        refused(&soft("cluster {}"), &["No cluster of its own", "isolation = \"namespace\"", "Remove the block"]);
        refused(&soft("operators {}"), &["No cluster of its own", "operators is about the tenant's own Kubernetes cluster"]);
    });
}

#[test]
fn what_the_management_cluster_lacks_is_named_and_nothing_is_left_begun() {
    each_engine(|engine| {
        let name = named("lacking", engine);
        // A lab without Cluster API.
        let place = Place::new(engine, world::ready());
        place.configure(&hard(&name));
        holds(
            &place.apply_fails(),
            &["Cluster API is not installed", "feature gate ClusterTopology", "isolation = \"namespace\"", "management_cluster ="],
        );
        assert!(cluster::get(world::ready(), &cluster::namespace(&name)).is_none());
        let place = Place::new(engine, ready());
        place.configure(&Tenant {
            isolation: "\"cluster\"",
            ..Tenant::small(&name).with("cluster {\n    class = \"nowhere\"\n    class_namespace = \"kaas-system\"\n  }")
        });
        holds(
            &place.apply_fails(),
            &["ClusterClass not found", "no ClusterClass nowhere in namespace kaas-system", "there are process in kaas-system"],
        );
        assert!(cluster::get(ready(), &cluster::namespace(&name)).is_none());
    });
}

#[test]
fn what_the_class_refuses_is_told_at_the_cluster_and_the_next_apply_goes_on() {
    each_engine(|engine| {
        let name = named("refused", engine);
        let place = Place::new(engine, ready());
        place.configure(&hard_with(&name, "variables = {\n colour = \"blue\"\n }", ""));
        let told = place.apply_fails();
        holds(&told, &["Cluster refused", "colour", "cluster {"]);
        place.configure(&hard(&name));
        place.apply();
        place.plan_is_empty();
        place.configure(&hard_with(&name, "broker_worker_class = \"none-such\"", ""));
        holds(&place.apply_fails(), &["Cluster refused", "none-such"]);
        place.configure(&hard(&name));
        place.apply();
        place.plan_is_empty();
        place.destroy();
    });
}

#[test]
fn isolation_does_not_change_and_a_protected_tenants_class_neither() {
    each_engine(|engine| {
        let name = named("moving", engine);
        let protected = |tenant: Tenant| Tenant { protected: true, ..tenant };
        let place = Place::applied(engine, ready(), &protected(hard(&name)));
        let refused = |tenant: &Tenant, told: &[&str]| {
            place.configure(tenant);
            holds(&place.plan_fails(), told);
        };
        let way_out = ["Isolation cannot be changed", "Make a second tenant with the new isolation", "MirrorMaker 2", "destroy this one"];
        refused(&Tenant::small(&name), &way_out);
        let mut other = protected(hard(&name));
        other.more = other.more.replace("class = \"process\"", "class = \"other\"");
        refused(&other, &["Tenant is protected", "A change of cluster.class needs a new Kafka", "deletion_protection = false"]);
        place.resources("");
        holds(&place.plan_fails(), &["Tenant is protected"]);
        place.configure(&hard(&name));
        place.apply();
        place.destroy();
        let soft = Place::applied(engine, ready(), &Tenant::small(&name));
        soft.configure(&hard(&name));
        let ran = soft.workspace.plan(&[]).unwrap().1;
        holds(&flat(&said(&ran)), &way_out);
        assert!(cluster::get(ready(), &home_cluster(&name)).is_none());
        soft.configure(&Tenant::small(&name));
        soft.destroy();
    });
}
