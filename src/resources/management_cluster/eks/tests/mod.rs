//! `eks {}` as the CLI sees it: plans, and calls against an EKS and a Kubernetes with written-down answers.

mod calls;
mod fake;
mod owners;
mod plans;

use std::collections::BTreeSet;

use crate::{
    framework::{
        attr::Attr,
        diagnostic::{Diagnostics, Severity},
        erased::{AnyResource, ErasedResource, PlanInput},
        model::{AttributeValue, Model, decode_model},
        parts::Call,
        value::Value,
    },
    resources::{
        connection::{Connection, Settings},
        management_cluster::{
            ManagementClusterResource,
            eks::model::{Eks, NodeGroupBlock, StatusReport},
            model::ManagementCluster,
        },
    },
};

fn null<M: Model>() -> M {
    decode_model(&M::block().null_object(), &mut Diagnostics::none()).unwrap()
}

fn set(names: &[&str]) -> Attr<BTreeSet<String>> {
    Attr::Known(names.iter().map(|name| (*name).to_owned()).collect())
}

fn role(name: &str) -> Attr<String> {
    Attr::Known(format!("arn:aws:iam::123456789012:role/{name}"))
}

fn group(name: &str) -> NodeGroupBlock {
    NodeGroupBlock {
        name: name.into(),
        role_arn: role("node"),
        instance_types: Attr::Known(vec!["m6i.large".to_owned()]),
        min_size: 1.into(),
        max_size: 3.into(),
        ..null()
    }
}

fn eks() -> Eks {
    Eks {
        name: "platform".into(),
        region: "eu-central-1".into(),
        version: "1.34".into(),
        role_arn: role("control"),
        subnet_ids: set(&["subnet-0000000000000000a", "subnet-0000000000000000b"]),
        node_group: Attr::Known(vec![group("system")]),
        ..null()
    }
}

fn config(eks: Eks) -> ManagementCluster {
    ManagementCluster { eks: eks.into(), ..null() }
}

/// A plan as the CLI sees it, and what was said of it.
struct Planned {
    cluster: ManagementCluster,
    value: Value,
    replace: Vec<String>,
    found: Diagnostics,
}

impl Planned {
    fn errors(&self) -> Vec<String> {
        errors(&self.found)
    }
}

fn errors(found: &Diagnostics) -> Vec<String> {
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    errors
        .map(|error| format!("{}: {}: {}", error.path.as_ref().map_or_else(String::new, ToString::to_string), error.summary, error.detail))
        .collect()
}

fn told(found: &Diagnostics) -> String {
    found.iter().map(|one| format!("{}: {}\n", one.summary, one.detail)).collect()
}

/// What the CLI proposes: the configuration, with prior values where the provider decides.
fn plan_with(connection: Connection, config: &ManagementCluster, prior: Option<&ManagementCluster>) -> Planned {
    let resource = ErasedResource::new(ManagementClusterResource::new(connection));
    let (config, prior) = (config.encode(), prior.map_or(Value::Null, AttributeValue::encode));
    let block = &resource.schema().block;
    let Value::Map(written) = &config else { unreachable!() };
    let proposed = written.iter().map(|(name, value)| {
        let computed = block.attribute(name).is_some_and(|attribute| attribute.mode.is_computed());
        (name.clone(), if value.is_null() && computed { prior.attribute(name).clone() } else { value.clone() })
    });
    let proposed = Value::Map(proposed.collect());
    let mut call = Call::default();
    let output = resource.plan(PlanInput { prior, proposed, config }, &mut call);
    let cluster = decode_model(&output.planned, &mut Diagnostics::none()).unwrap();
    Planned {
        cluster,
        value: output.planned,
        replace: output.requires_replace.iter().map(ToString::to_string).collect(),
        found: call.found,
    }
}

fn plan(config: &ManagementCluster, prior: Option<&ManagementCluster>) -> Planned {
    let connection = Connection::default();
    connection.configure(Settings::default());
    plan_with(connection, config, prior)
}

/// The state of a cluster that was applied and is ready.
fn state(config: &ManagementCluster) -> ManagementCluster {
    let mut state = plan(config, None).cluster;
    for place in [
        &mut state.endpoint,
        &mut state.ca_certificate,
        &mut state.kubernetes_version,
        &mut state.arn,
        &mut state.oidc_issuer,
        &mut state.vpc_id,
        &mut state.cluster_security_group_id,
        &mut state.platform_version,
    ] {
        *place = "x".into();
    }
    state.components = Attr::Null;
    state.cluster_classes = set(&[]);
    state.node_groups = Attr::Known(Vec::new());
    state.status = StatusReport { phase: "Ready".into(), issues: Attr::Known(Vec::new()) }.into();
    state
}
