//! The versions this EKS knows.

use serde_json::{Value, json};

use super::refusal::{Answer, Refusal};

/// Minors of Kubernetes 1.
const FIRST: u32 = 31;
const LAST: u32 = 36;
/// What is taken when none is asked for.
pub const DEFAULT: &str = "1.35";

/// The minor of a version that is known.
pub fn minor(version: &str) -> Answer<u32> {
    let number = version.strip_prefix("1.").and_then(|minor| minor.parse().ok()).filter(|minor| (FIRST..=LAST).contains(minor));
    number.ok_or_else(|| Refusal::parameter(format!("unsupported Kubernetes version {version}")))
}

/// `1.35.2-20261101`, of node groups.
pub fn release(version: &str) -> String {
    format!("{version}.2-20261101")
}

/// `v1.35.2-eks-1a2b3c4`, of nodes.
pub fn kubelet(version: &str) -> String {
    format!("v{version}.2-eks-1a2b3c4")
}

/// The answer to `DescribeClusterVersions`.
pub fn describe() -> Value {
    let one = |minor: u32| {
        let version = format!("1.{minor}");
        let support = if minor + 3 > LAST { "STANDARD_SUPPORT" } else { "EXTENDED_SUPPORT" };
        json!({"clusterVersion": version, "clusterType": "eks", "defaultVersion": version == DEFAULT, "versionStatus": support,
            "status": support.to_lowercase(), "kubernetesPatchVersion": format!("{version}.2"), "defaultPlatformVersion": "eks.1"})
    };
    json!({"clusterVersions": (FIRST..=LAST).rev().map(one).collect::<Vec<_>>()})
}
