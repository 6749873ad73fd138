//! The add-ons of EKS that a tenant's cluster has: network, DNS, proxy, volumes, and credentials for pods.
//!
//! EKS offers each in versions of its own for every minor version of Kubernetes; those here were seen on clusters of that version. Others are named
//! by the class's variable `addons`.

use serde_json::{Value, json};

use crate::domain::cluster::KubernetesVersion;

/// Minor version of Kubernetes, then vpc-cni, coredns, kube-proxy.
const PINNED: [(u32, &str, &str, &str); 3] = [
    (34, "v1.20.4-eksbuild.1", "v1.12.4-eksbuild.1", "v1.34.1-eksbuild.2"),
    (35, "v1.21.1-eksbuild.3", "v1.13.2-eksbuild.1", "v1.35.0-eksbuild.2"),
    (36, "v1.22.3-eksbuild.1", "v1.14.3-eksbuild.3", "v1.36.0-eksbuild.13"),
];
/// These go with every Kubernetes above.
const EBS_CSI: &str = "v1.63.1-eksbuild.1";
const POD_IDENTITY: &str = "v1.3.10-eksbuild.3";

/// The value of the variable `addons` for a version of Kubernetes; None where no versions are known.
pub fn pinned(kubernetes: KubernetesVersion) -> Option<Value> {
    let (_, vpc_cni, coredns, kube_proxy) = *PINNED.iter().find(|(minor, ..)| *minor == kubernetes.minor)?;
    let addon = |(name, version): (&str, &str)| json!({ "name": name, "version": version, "conflictResolution": "overwrite" });
    let all = [
        ("vpc-cni", vpc_cni),
        ("coredns", coredns),
        ("kube-proxy", kube_proxy),
        ("eks-pod-identity-agent", POD_IDENTITY),
        ("aws-ebs-csi-driver", EBS_CSI),
    ];
    Some(all.into_iter().map(addon).collect())
}
