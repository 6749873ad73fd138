//! What is wished, in EKS's words: the inverse of [`super::read`].

use std::collections::{BTreeSet, HashMap};

use aws_sdk_eks::types;

use crate::domain::eks::{AccessPolicy, Endpoint, NodeGroup, NodeGroupSeen, Scaling, SupportType, Taint, TaintEffect};
use crate::drivers::aws::Error;

/// All that a control plane can log. Source: the model of EKS, LogType.
const LOG_TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

pub(super) fn unwished(what: String) -> Error {
    Error::Config { message: format!("{what} is to be made or changed and nobody wishes it"), way_out: "Please report this error.".into() }
}

pub(super) fn keys(found: &BTreeSet<String>) -> Vec<String> {
    found.iter().cloned().collect()
}

/// Left out, EKS would keep those that are.
pub(super) fn every_cidr(endpoint: &Endpoint) -> Vec<String> {
    if endpoint.public_cidrs.is_empty() { vec!["0.0.0.0/0".to_owned()] } else { keys(&endpoint.public_cidrs) }
}

pub(super) fn logging(wished: &BTreeSet<String>) -> types::Logging {
    let setup = |enabled: bool| {
        let named = LOG_TYPES.iter().filter(|kind| wished.contains(**kind) == enabled).map(|kind| types::LogType::from(*kind)).collect();
        types::LogSetup::builder().enabled(enabled).set_types(Some(named)).build()
    };
    types::Logging::builder()
        .set_cluster_logging(Some([true, false].map(setup).into_iter().filter(|setup| !setup.types().is_empty()).collect()))
        .build()
}

#[expect(deprecated, reason = "EKS of today ignores what is encrypted and encrypts all; its older endpoints require it")]
pub(super) fn encryption(key_arn: &str) -> types::EncryptionConfig {
    types::EncryptionConfig::builder().resources("secrets").provider(types::Provider::builder().key_arn(key_arn).build()).build()
}

pub(super) fn upgrade_policy(wished: SupportType) -> types::UpgradePolicyRequest {
    types::UpgradePolicyRequest::builder().support_type(support_type(wished)).build()
}

pub(super) fn scope(wished: &AccessPolicy) -> types::AccessScope {
    let builder = types::AccessScope::builder();
    match wished.namespaces.is_empty() {
        true => builder.r#type(types::AccessScopeType::Cluster).build(),
        false => builder.r#type(types::AccessScopeType::Namespace).set_namespaces(Some(keys(&wished.namespaces))).build(),
    }
}

pub(super) fn size(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn scaling(wished: Scaling, desired: Option<u32>) -> types::NodegroupScalingConfig {
    types::NodegroupScalingConfig::builder()
        .min_size(size(wished.min))
        .max_size(size(wished.max))
        .set_desired_size(desired.map(size))
        .build()
}

pub(super) fn update_config(max_unavailable: u32) -> types::NodegroupUpdateConfig {
    types::NodegroupUpdateConfig::builder().max_unavailable(size(max_unavailable)).build()
}

pub(super) fn taint(wished: &Taint) -> types::Taint {
    let effect = match wished.effect {
        TaintEffect::NoSchedule => types::TaintEffect::NoSchedule,
        TaintEffect::NoExecute => types::TaintEffect::NoExecute,
        TaintEffect::PreferNoSchedule => types::TaintEffect::PreferNoSchedule,
    };
    types::Taint::builder().key(&wished.key).set_value(wished.value.clone()).effect(effect).build()
}

/// None: they are as wished.
pub(super) fn labels(wished: &NodeGroup, found: &NodeGroupSeen) -> Option<types::UpdateLabelsPayload> {
    let set: HashMap<String, String> =
        wished.labels.clone().into_iter().filter(|(key, value)| found.labels.get(key) != Some(value)).collect();
    let remove: Vec<String> = found.labels.keys().filter(|key| !wished.labels.contains_key(*key)).cloned().collect();
    if set.is_empty() && remove.is_empty() {
        return None;
    }
    let builder = types::UpdateLabelsPayload::builder().set_add_or_update_labels((!set.is_empty()).then_some(set));
    Some(builder.set_remove_labels((!remove.is_empty()).then_some(remove)).build())
}

/// None: they are as wished. A taint with another value is the same taint to EKS: key and effect name it.
pub(super) fn taints(wished: &NodeGroup, found: &NodeGroupSeen) -> Option<types::UpdateTaintsPayload> {
    let named = |taint: &Taint| wished.taints.iter().any(|other| other.key == taint.key && other.effect == taint.effect);
    let set: Vec<types::Taint> = wished.taints.difference(&found.taints).map(taint).collect();
    let remove: Vec<types::Taint> = found.taints.iter().filter(|taint| !named(taint)).map(taint).collect();
    if set.is_empty() && remove.is_empty() {
        return None;
    }
    let builder = types::UpdateTaintsPayload::builder().set_add_or_update_taints((!set.is_empty()).then_some(set));
    Some(builder.set_remove_taints((!remove.is_empty()).then_some(remove)).build())
}

fn support_type(wished: SupportType) -> types::SupportType {
    match wished {
        SupportType::Standard => types::SupportType::Standard,
        SupportType::Extended => types::SupportType::Extended,
    }
}
