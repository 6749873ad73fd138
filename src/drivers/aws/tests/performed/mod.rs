//! Each step as the request that EKS gets, and what its refusals mean.

mod change;
mod create;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{REGION, aws, ok};
use crate::domain::eks::{
    AccessEntry, AccessPolicy, AddOn, EksVersion, NodeGroup, NodeShape, Scaling, Step, SupportType, Taint, TaintEffect, Wish,
};
use crate::drivers::scripted::{Asked, Reply, Server};

const PRINCIPAL: &str = "arn:aws:iam::123456789012:role/ops";

fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.map(str::to_owned).into()
}

fn wish() -> Wish {
    let pool = NodeGroup {
        shape: NodeShape {
            role_arn: "arn:node".into(),
            subnet_ids: texts(["subnet-a"]),
            instance_types: vec!["m7i.large".into()],
            ..NodeShape::default()
        },
        scaling: Scaling { min: 1, max: 5, desired: None },
        labels: BTreeMap::from([("pool".to_owned(), "system".to_owned())]),
        taints: [Taint { key: "only".into(), value: Some("kafka".into()), effect: TaintEffect::NoExecute }].into(),
        max_unavailable: Some(2),
    };
    let policies = BTreeMap::from([
        ("arn:view".to_owned(), AccessPolicy { namespaces: texts(["one"]) }),
        ("arn:admin".to_owned(), AccessPolicy::default()),
    ]);
    Wish {
        name: "prod".into(),
        owner: "us".into(),
        version: Some(EksVersion { minor: 34 }),
        role_arn: "arn:control".into(),
        subnet_ids: texts(["subnet-a", "subnet-b"]),
        service_cidr: Some("10.100.0.0/16".into()),
        secrets_key_arn: Some("arn:key".into()),
        log_types: texts(["audit"]),
        support_type: Some(SupportType::Extended),
        deletion_protection: true,
        tags: BTreeMap::from([("team".to_owned(), "kafka".to_owned())]),
        node_groups: BTreeMap::from([("system".to_owned(), pool)]),
        add_ons: BTreeMap::from([
            ("coredns".to_owned(), AddOn::default()),
            ("vpc-cni".to_owned(), AddOn { version: Some("v1".into()), ..AddOn::default() }),
        ]),
        access_entries: BTreeMap::from([(PRINCIPAL.to_owned(), AccessEntry { kubernetes_groups: texts(["ops"]), policies })]),
        ..Wish::default()
    }
}

/// What that step sends to an EKS that takes everything, as line and body, without the token that each has.
async fn sent(step: &Step) -> Vec<(String, Value)> {
    sent_to(|_| ok(&json!({})), step).await
}

async fn sent_to(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static, step: &Step) -> Vec<(String, Value)> {
    let server = Server::start(move |asked, _| answer(asked)).await;
    aws(&server).eks_perform(REGION, &wish(), step, "run").await.map_err(|error| error.report()).unwrap();
    let bodies = server.asked().into_iter().map(|asked| {
        let mut body = asked.json();
        if let Some(token) = body.as_object_mut().and_then(|body| body.remove("clientRequestToken")) {
            assert_eq!(token.as_str().unwrap().len(), 32);
        }
        (asked.line.replace("arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fops", "OPS"), body)
    });
    bodies.collect()
}

fn ours() -> Value {
    json!({ "team": "kafka", "kaas.dev/management-cluster": "prod", "kaas.dev/owner": "us" })
}

fn ours_and(key: &str, value: &str) -> Value {
    let mut tags = ours();
    tags[key] = value.into();
    tags
}
