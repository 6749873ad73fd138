//! The tenant's administrator, who makes topics, users' rights and whatever else the tenant's own team wants.

use serde_json::{Value, json};

use super::strimzi_manifest;
use crate::domain::object::{Kind, Manifest};
use crate::domain::tenant::TenantSpec;

/// Everything on topics, groups and transactions; on the cluster all but its settings (they would undo the sizing) and the brokers' own actions.
pub fn admin(spec: &TenantSpec) -> Manifest {
    let all = |kind: &str| json!({ "resource": { "type": kind, "name": "*" }, "operations": ["All"] });
    let cluster: Value = json!({
        "resource": { "type": "cluster" },
        "operations": ["Alter", "Create", "Describe", "DescribeConfigs", "IdempotentWrite"],
    });
    let user = json!({
        "authentication": { "type": spec.kafka.authentication.as_str() },
        "authorization": { "type": "simple", "acls": [all("topic"), all("group"), all("transactionalId"), cluster] },
    });
    strimzi_manifest(spec, Kind::KafkaUser, spec.name.admin_user(), json!({ "spec": user }))
}
