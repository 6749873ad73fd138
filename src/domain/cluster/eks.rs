//! Which EKS cluster is behind a tenant's Cluster, as Cluster API's provider for AWS says it.
//!
//! Source: the provider's AWSManagedControlPlane (2.13.0), whose webhook gives every control plane the name of its EKS cluster before it is stored.

use serde_json::Value;

use crate::domain::eks::EksId;
use crate::domain::names::TenantName;
use crate::domain::object::{Kind, ObjectRef};

/// The object that is the control plane of a Cluster; None: it has none yet, or none of EKS.
pub fn control_plane(cluster: &Value) -> Option<ObjectRef> {
    let (kind, reference) = (Kind::AwsManagedControlPlane, &cluster["spec"]["controlPlaneRef"]);
    let is_eks = reference["kind"] == kind.api().kind;
    let namespace = cluster["metadata"]["namespace"].as_str()?;
    reference["name"].as_str().filter(|_| is_eks).map(|name| ObjectRef::namespaced(kind, namespace, name))
}

/// Where the EKS cluster of a control plane is; None: the provider has not said yet.
pub fn eks_id(control_plane: &Value) -> Option<EksId> {
    let text = |name: &str| control_plane["spec"][name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(EksId { region: text("region")?, name: text("eksClusterName")? })
}

/// Whether this EKS cluster is of a tenant of that name: this one, or one of another management cluster in the same account and region.
///
/// Source: `GenerateEKSName` in the provider's `pkg/eks/eks.go`: namespace and name of the control plane, which the topology controller gives a suffix.
pub fn is_named_after(eks_cluster: &str, tenant: &TenantName) -> bool {
    let suffix = eks_cluster.strip_prefix(&format!("{}_{tenant}-", tenant.namespace()));
    suffix.is_some_and(|suffix| !suffix.is_empty() && !suffix.contains(['-', '_']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_eks_cluster_is_found_by_the_clusters_control_plane() {
        let reference = |kind: &str| json!({ "apiGroup": "controlplane.cluster.x-k8s.io", "kind": kind, "name": "payments-x7k2p" });
        let cluster = |kind: &str| json!({ "metadata": { "namespace": "kaas-payments" }, "spec": { "controlPlaneRef": reference(kind) } });
        let found = control_plane(&cluster("AWSManagedControlPlane")).unwrap();
        assert_eq!(found.to_string(), "AWSManagedControlPlane kaas-payments/payments-x7k2p");
        assert_eq!(control_plane(&cluster("KubeadmControlPlane")), None);
        assert_eq!(control_plane(&json!({ "metadata": { "namespace": "kaas-payments" }, "spec": {} })), None);
        let named = json!({ "spec": { "region": "eu-central-1", "eksClusterName": "kaas-payments_payments-x7k2p" } });
        assert_eq!(eks_id(&named).unwrap().to_string(), "eks/eu-central-1/kaas-payments_payments-x7k2p");
        assert_eq!(eks_id(&json!({ "spec": { "region": "eu-central-1", "eksClusterName": "" } })), None);
    }

    #[test]
    fn eks_clusters_of_namesakes_are_known_by_their_names() {
        let tenant: TenantName = "payments".parse().unwrap();
        assert!(is_named_after("kaas-payments_payments-x7k2p", &tenant));
        for other in
            ["kaas-payments_payments", "kaas-payments_payments-eu-x7k2p", "payments-x7k2p", "kaas-payments-eu_payments-eu-x7k2p", "prod"]
        {
            assert!(!is_named_after(other, &tenant), "{other}");
        }
    }
}
