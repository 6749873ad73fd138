//! How the variables of a class get into its templates. A path's parents exist in every template a patch is for.

use serde_json::{Value, json};

use crate::domain::object::Kind;

/// Which templates a patch is for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    InfrastructureCluster(Kind),
    ControlPlane(Kind),
    ControlPlaneMachines,
    /// The machines of worker classes.
    Workers(&'a [&'a str]),
}

/// Where a patched value comes from.
pub enum From<'a> {
    Variable(&'a str),
    /// A template of Go that gives YAML.
    Template(&'a str),
}

/// Puts a value at a path below `/spec/template/spec` of every target. A patch with a condition is left out while that variable is empty.
pub fn patch(name: &str, condition: Option<&str>, targets: &[Target<'_>], path: &str, from: &From<'_>) -> Value {
    let value = match from {
        From::Variable(name) => json!({ "variable": name }),
        From::Template(template) => json!({ "template": template }),
    };
    let operations = json!([{ "op": "add", "path": format!("/spec/template/spec{path}"), "valueFrom": value }]);
    let definition = |target: &Target<'_>| json!({ "selector": selector(*target), "jsonPatches": operations });
    let mut patch = json!({ "name": name, "definitions": targets.iter().map(definition).collect::<Vec<_>>() });
    if let Some(variable) = condition {
        patch["enabledIf"] = json!(format!("{{{{ if .{variable} }}}}true{{{{ end }}}}"));
    }
    patch
}

fn selector(target: Target<'_>) -> Value {
    let (kind, resources) = match target {
        Target::InfrastructureCluster(kind) => (kind, json!({ "infrastructureCluster": true })),
        Target::ControlPlane(kind) => (kind, json!({ "controlPlane": true })),
        Target::ControlPlaneMachines => (Kind::AwsMachineTemplate, json!({ "controlPlane": true })),
        Target::Workers(classes) => (Kind::AwsMachineTemplate, json!({ "machineDeploymentClass": { "names": classes } })),
    };
    let api = kind.api();
    json!({ "apiVersion": api.api_version(), "kind": api.kind, "matchResources": resources })
}
