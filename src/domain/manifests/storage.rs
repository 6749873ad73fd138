//! Encrypted gp3 volumes, where the cluster has the EBS driver and the user names no class of his own.
//!
//! A StorageClass cannot be changed once made, and its parameters hold for new volumes only. So throughput and IOPS stand in a
//! VolumeAttributesClass named after its figures, which running volumes can be moved to, wherever the cluster serves that kind.

use serde_json::{Map, Value, json};

use super::manifest;
use crate::domain::object::{Kind, Manifest};
use crate::domain::sizing::Sizing;
use crate::domain::tenant::{Facts, TenantSpec};

/// The name under which the EBS driver registers itself.
pub const EBS_DRIVER: &str = "ebs.csi.aws.com";

/// Which classes the volumes name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volumes {
    /// None: the cluster's default.
    pub class: Option<String>,
    /// Of the brokers' volumes.
    pub attributes: Option<String>,
    /// The class is ours to make.
    own: bool,
}

pub fn plan(spec: &TenantSpec, sizing: &Sizing, facts: &Facts) -> Volumes {
    if spec.storage.class.is_some() || !facts.ebs_csi {
        return Volumes { class: spec.storage.class.clone(), ..Volumes::default() };
    }
    let attributes = || spec.name.volume_attributes_class(sizing.volume_mib_per_second, sizing.volume_iops);
    Volumes { class: Some(spec.name.storage_class()), attributes: facts.volume_attributes_classes.then(attributes), own: true }
}

pub fn build(spec: &TenantSpec, sizing: &Sizing, volumes: &Volumes) -> Vec<Manifest> {
    let (true, Some(class)) = (volumes.own, &volumes.class) else { return Vec::new() };
    let text = |key: &str, value: &str| (key.to_owned(), json!(value));
    let speed = [text("throughput", &sizing.volume_mib_per_second.to_string()), text("iops", &sizing.volume_iops.to_string())];
    let mut parameters = Map::from_iter([text("type", "gp3"), text("encrypted", "true"), text("csi.storage.k8s.io/fstype", "xfs")]);
    parameters.extend(spec.storage.kms_key_arn.as_deref().map(|arn| text("kmsKeyId", arn)));
    let mut manifests = Vec::new();
    match &volumes.attributes {
        Some(name) => {
            let fields = json!({ "driverName": EBS_DRIVER, "parameters": Value::Object(Map::from_iter(speed)) });
            manifests.push(manifest(spec, Kind::VolumeAttributesClass, name, fields));
        }
        None => parameters.extend(speed),
    }
    let fields = json!({
        "provisioner": EBS_DRIVER,
        "parameters": parameters,
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": true,
    });
    manifests.push(manifest(spec, Kind::StorageClass, class, fields));
    manifests
}
