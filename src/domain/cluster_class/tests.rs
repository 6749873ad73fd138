//! What the shipped classes must show, whatever is in them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::domain::cluster::{AWS_CLASS, EKS_CLASS};

fn class(name: &str) -> Value {
    build().into_iter().find(|m| m.object.kind == Kind::ClusterClass && m.object.name == name).unwrap().body["spec"].clone()
}

/// All template references anywhere in a class.
fn references(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("templateRef") {
                found.push((reference["kind"].as_str().unwrap().to_owned(), reference["name"].as_str().unwrap().to_owned()));
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn templates_come_before_the_class_that_names_them_and_none_is_left_over() {
    let manifests = build();
    assert_eq!(manifests[0].object, ObjectRef::global(Kind::Namespace, "kaas-system"));
    let mut made = BTreeSet::new();
    let mut named = BTreeSet::new();
    for manifest in &manifests[1..] {
        assert_eq!(manifest.object.namespace.as_deref(), Some("kaas-system"));
        assert_eq!(manifest.body["metadata"]["labels"]["app.kubernetes.io/managed-by"], "kaas");
        let api = manifest.object.kind.api();
        assert_eq!((&manifest.body["kind"], &manifest.body["apiVersion"]), (&json!(api.kind), &json!(api.api_version())));
        assert!(manifest.object.name.len() <= 63, "{}", manifest.object);
        if manifest.object.kind == Kind::ClusterClass {
            let mut found = Vec::new();
            references(&manifest.body, &mut found);
            assert!(found.iter().all(|reference| made.contains(reference)), "{found:?}");
            named.extend(found);
        } else {
            assert!(made.insert((api.kind.to_owned(), manifest.object.name.clone())), "two of {}", manifest.object);
        }
    }
    assert_eq!(made, named);
}

#[test]
fn another_content_is_another_template() {
    let name = |spec: Value| template(EKS_CLASS, "node", Kind::AwsMachineTemplate, spec).object.name;
    assert_eq!(name(json!({ "instanceType": "m7g.large" })), name(json!({ "instanceType": "m7g.large" })));
    assert_ne!(name(json!({ "instanceType": "m7g.large" })), name(json!({ "instanceType": "m7g.xlarge" })));
    assert!(name(json!({})).starts_with("kaas-eks-node-"));
}

#[test]
fn only_our_own_templates_that_no_class_names_are_outdated() {
    let shipped = SHIPPED.map(str::to_owned).into();
    let mut existing: Vec<ObjectRef> = build().into_iter().map(|manifest| manifest.object).collect();
    assert_eq!(outdated(&existing, &shipped, &shipped), []);
    let old = ObjectRef::namespaced(Kind::AwsMachineTemplate, "kaas-system", "kaas-eks-node-00000000");
    existing.push(old.clone());
    existing.push(ObjectRef::namespaced(Kind::AwsMachineTemplate, "kaas-payments", "payments-abcde"));
    existing.push(ObjectRef::namespaced(Kind::ConfigMap, "kaas-system", "x"));
    existing.push(ObjectRef::namespaced(Kind::AwsMachineTemplate, "kaas-system", "kaas-eksotic-node"));
    assert_eq!(outdated(&existing, &shipped, &shipped), std::slice::from_ref(&old));
    let (eks, aws) = ([EKS_CLASS.to_owned()].into(), [AWS_CLASS.to_owned()].into());
    let removed = outdated(&existing, &aws, &eks);
    assert_eq!(removed.len(), of(AWS_CLASS).len() - 1, "the templates of a class that is not wanted any more");
    assert_eq!(outdated(&existing, &eks, &eks), [old], "those of a class that others keep stay");
}

#[test]
fn what_a_class_needs_is_named_by_what_installs_it() {
    assert!(kinds(EKS_CLASS).is_superset(&[Kind::Cluster, Kind::ClusterClass, Kind::AwsManagedControlPlaneTemplate].into()));
    assert!(!kinds(EKS_CLASS).contains(&Kind::KubeadmControlPlaneTemplate));
    assert!(kinds(AWS_CLASS).contains(&Kind::KubeadmControlPlaneTemplate));
    assert!(TEMPLATE_KINDS.iter().all(|kind| SHIPPED.iter().any(|class| kinds(class).contains(kind))));
    assert!(of("mine").is_empty());
    assert!(installed_by(Kind::KubeadmConfigTemplate).contains("bootstrap") && installed_by(Kind::NodeadmConfigTemplate).contains("AWS"));
}

#[test]
fn every_variable_has_a_schema_and_every_patch_a_variable() {
    for name in [EKS_CLASS, AWS_CLASS] {
        let class = class(name);
        let variables: BTreeSet<&str> = class["variables"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        for variable in class["variables"].as_array().unwrap() {
            let schema = &variable["schema"]["openAPIV3Schema"];
            assert!(schema["type"].is_string() && schema["description"].is_string(), "{variable}");
            assert_eq!(schema.get("default").is_none(), variable["required"] == true, "{variable}");
        }
        let mut used = BTreeSet::new();
        for patch in class["patches"].as_array().unwrap() {
            for definition in patch["definitions"].as_array().unwrap() {
                let value = &definition["jsonPatches"][0]["valueFrom"];
                let template = value["template"].as_str().unwrap_or_default();
                used.extend(variables.iter().copied().filter(|name| value["variable"] == *name || template.contains(&format!(".{name} "))));
            }
            let condition = patch["enabledIf"].as_str().unwrap_or("{{ if .region }}true{{ end }}");
            assert!(variables.iter().any(|name| condition == format!("{{{{ if .{name} }}}}true{{{{ end }}}}")), "{condition}");
        }
        assert_eq!(used, variables, "{name}: a variable without a patch, or the other way round");
    }
}

/// Every patch, applied by hand, must find the parent of its path in the templates it selects.
#[test]
fn the_parent_of_every_patched_path_exists() {
    let manifests = build();
    for name in [EKS_CLASS, AWS_CLASS] {
        for patch in class(name)["patches"].as_array().unwrap() {
            for definition in patch["definitions"].as_array().unwrap() {
                let kind = &definition["selector"]["kind"];
                let path = definition["jsonPatches"][0]["path"].as_str().unwrap();
                let parent = path.rsplit_once('/').unwrap().0;
                let of = |m: &&Manifest| m.body["kind"] == *kind && m.object.name.starts_with(name);
                let templates: Vec<&Manifest> = manifests.iter().filter(of).collect();
                assert!(!templates.is_empty(), "{patch}");
                for template in templates {
                    assert!(template.body.pointer(parent).is_some_and(Value::is_object), "{path} of {}", template.object);
                }
            }
        }
    }
}

#[test]
fn volumes_are_encrypted_and_brokers_nodes_are_theirs_alone() {
    for manifest in build() {
        if manifest.object.kind == Kind::AwsMachineTemplate {
            let spec = &manifest.body["spec"]["template"]["spec"];
            assert_eq!(spec["rootVolume"]["encrypted"], true, "{}", manifest.object);
            let metadata = &spec["instanceMetadataOptions"];
            assert_eq!(metadata["httpTokens"], "required", "{}", manifest.object);
            // The EBS driver is the one pod that takes its machine's role: on EKS on the system nodes, else on the control plane. Clients' neighbours do not.
            let drives = ["kaas-eks-system-", "kaas-aws-control-plane-"].iter().any(|name| manifest.object.name.starts_with(name));
            assert_eq!(metadata["httpPutResponseHopLimit"], if drives { 2 } else { 1 }, "{}", manifest.object);
        }
        let is_config = [Kind::NodeadmConfigTemplate, Kind::KubeadmConfigTemplate].contains(&manifest.object.kind);
        if is_config {
            let text = manifest.body.to_string();
            let brokers = manifest.object.name.contains("-brokers-");
            assert!(text.contains(if brokers { "kaas-workers=brokers" } else { "kaas-workers=system" }), "{text}");
            assert_eq!(text.contains("NoSchedule"), brokers, "{text}");
        }
    }
}

#[test]
fn addons_are_pinned_for_the_default_kubernetes_and_bound_to_its_minor_version() {
    let pinned = |text: &str| pinned_addons(text.parse().unwrap());
    for minor in [34, 35, 36] {
        let addons = pinned(&format!("1.{minor}.0")).unwrap();
        let names: Vec<&str> = addons.as_array().unwrap().iter().map(|addon| addon["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "aws-ebs-csi-driver"]);
        assert!(addons[2]["version"].as_str().unwrap().starts_with(&format!("v1.{minor}.")));
    }
    assert!(pinned_addons(Default::default()).is_some());
    assert!(pinned("1.33.0").is_none() && pinned("1.37.0").is_none());
}
