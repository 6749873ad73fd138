//! The listener for clients outside as a configuration says it. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::external::{self, ExternalError, ExternalSpec, ExternalType},
    framework::{attr::Attr, diagnostic::Diagnostics, model::Field, model::Model},
    resources::{
        tenant::{model::Tenant, parse::known},
        wishes::capitalised,
    },
};

/// How clients outside of the cluster come in: a second listener, on port 9094. A `dns` block has it, too, with what is the default here.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct External {
    /// `load-balancer`, one for the beginning and one for each broker; `node-port`, a port of every node; `none`, they do not.
    #[tf(optional, default = "load-balancer")]
    pub r#type: Attr<String>,
    /// Whether the load balancers are reached from the cluster's own networks only. Clouds other than AWS are told by `annotations`.
    #[tf(optional, default = false)]
    pub internal: Attr<bool>,
    /// Networks, as CIDR, that may come in by the load balancers. Unset, all may.
    #[tf(optional)]
    pub source_ranges: Attr<BTreeSet<String>>,
    /// Annotations of the listener's Services, by which a cloud is told what load balancer to make.
    #[tf(optional)]
    pub annotations: Attr<BTreeMap<String, String>>,
}

/// Checks whatever is known.
pub fn check(config: &Tenant, found: &mut Diagnostics) {
    let Some(block) = config.external.known() else { return };
    let at = |field: Field| Tenant::EXTERNAL.then(field);
    if let Some(text) = block.r#type.known()
        && ExternalType::parse(text).is_none()
    {
        let offered = ExternalType::ALL.map(|one| format!("{:?}", one.as_str())).join(", ");
        found.error_at(at(External::TYPE), "Not a way in", format!("type is {text:?}; it can be {offered}."));
    }
    let given = ExternalSpec {
        source_ranges: block.source_ranges.known().into_iter().flatten().cloned().collect(),
        annotations: block.annotations.known().cloned().unwrap_or_default(),
        ..ExternalSpec::default()
    };
    for error in external::check(&given) {
        let at = match &error {
            ExternalError::Range { .. } => at(External::SOURCE_RANGES),
            ExternalError::Annotation { key } | ExternalError::DnsAnnotation { key } => at(External::ANNOTATIONS).key(key),
        };
        found.error_at(at, "Not possible", format!("{}.", capitalised(&error.to_string())));
    }
}

/// Some(None): there is no block. None: something is wrong, which [`check`] tells, or not known yet.
#[expect(clippy::option_option, reason = "not known and not set are told apart, and `?` ends at the first that is not known")]
pub fn spec(tenant: &Tenant) -> Option<Option<ExternalSpec>> {
    let block = match &tenant.external {
        Attr::Unknown => return None,
        Attr::Null => return Some(None),
        Attr::Known(block) => block,
    };
    Some(Some(ExternalSpec {
        kind: known(&block.r#type)?.map_or(Some(ExternalType::default()), |text| ExternalType::parse(&text))?,
        internal: known(&block.internal)?.unwrap_or_default(),
        source_ranges: known(&block.source_ranges)?.unwrap_or_default().into_iter().collect(),
        annotations: known(&block.annotations)?.unwrap_or_default(),
    }))
}

/// The block of a configuration that asks for this listener again.
pub fn block(spec: Option<ExternalSpec>) -> Attr<External> {
    let block = |ExternalSpec { kind, internal, source_ranges, annotations }| External {
        r#type: ExternalType::as_str(kind).into(),
        internal: Attr::Known(internal),
        source_ranges: (!source_ranges.is_empty()).then(|| source_ranges.into_iter().collect::<BTreeSet<_>>()).into(),
        annotations: (!annotations.is_empty()).then_some(annotations).into(),
    };
    spec.map(block).into()
}
