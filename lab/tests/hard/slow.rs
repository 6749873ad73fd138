//! A cluster that takes longer than a deadline is waited for by the next apply, and what it offers by then is used.

use kaas::domain::names::TenantName;
use kaas::domain::object::{Kind, ObjectRef};
use serde_json::json;

use super::world::{hard, hard_with, home_cluster, inside, ready};
use crate::acceptance::cluster;
use crate::acceptance::place::{Place, flat, holds, said};
use crate::acceptance::world::{each_engine, named};

#[test]
fn a_slow_cluster_is_waited_for_by_the_next_apply_and_one_with_an_ebs_driver_gets_an_encrypted_storage_class() {
    each_engine(|engine| {
        let name = named("slow", engine);
        let place = Place::new(engine, ready());
        place.configure(&hard_with(&name, "", "timeouts {\n    create = \"1s\"\n  }"));
        holds(&flat(&said(&place.apply())), &["The tenant is not ready yet", "The deadline passed while waiting for the tenant"]);
        assert_eq!(place.phase(), "Creating");
        let started =
            || cluster::get(ready(), &home_cluster(&name)).unwrap()["status"]["initialization"]["controlPlaneInitialized"] == true;
        cluster::wait("the cluster", started);
        let own = inside(ready(), &name);
        let driver = json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "ebs.csi.aws.com"}, "spec": {}});
        cluster::apply(&own, &ObjectRef::global(Kind::CsiDriver, "ebs.csi.aws.com"), &driver);
        // Kafka has no volumes yet, so those it gets are encrypted.
        place.configure(&hard(&name));
        holds(&place.plan_changes(), &["will be updated in-place"]);
        place.apply();
        place.plan_is_empty();
        assert_eq!(place.phase(), "Ready");
        let storage = ObjectRef::global(Kind::StorageClass, name.parse::<TenantName>().unwrap().storage_class());
        assert_eq!(cluster::get(&own, &storage).unwrap()["parameters"]["encrypted"], "true");
        assert!(cluster::get(ready(), &storage).is_none(), "it is in the tenant's cluster only");
        cluster::merge(&own, &storage, &json!({"allowVolumeExpansion": false}));
        holds(&place.plan_changes(), &[&format!("in its own cluster, {storage}: allowVolumeExpansion is false, should be true")]);
        place.apply();
        place.plan_is_empty();
        cluster::delete(&own, &storage);
        holds(&place.plan_changes(), &[&format!("in its own cluster, {storage} does not exist")]);
        place.apply();
        place.plan_is_empty();
        place.destroy();
    });
}
