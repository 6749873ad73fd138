//! What a tenant's names are, and who keeps them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ownership::{Owns, Shared};
use crate::domain::names::TenantName;
use crate::domain::tenant::is_dns_label;

/// How long resolvers keep a name, in seconds, where nothing else is said: short, for a load balancer that is replaced has other addresses.
pub const TTL_S: u32 = 60;

/// Where a tenant has names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsSpec {
    /// The names of each tenant are below a name of its own in this domain.
    pub domain: String,
    /// Of the hosted zone; None where it is found by its name, or by nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_name: Option<String>,
    #[serde(default = "ttl_s")]
    pub ttl_s: u32,
    /// The zone is one that only its own networks see.
    #[serde(default)]
    pub private: bool,
    #[serde(default)]
    pub managed_by: ManagedBy,
    /// The role by which external-dns and cert-manager act on the zone. None: one that is made for the tenant's own EKS cluster, or whatever rights they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The zone as it was found. None: not looked for yet, or nobody writes records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<FoundZone>,
}

const fn ttl_s() -> u32 {
    TTL_S
}

/// What was found of a hosted zone, kept with the wish: what is made for the tenant names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundZone {
    pub id: String,
    /// By which the tenant's own records are known, as it was when they were first written. Empty: not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// The owner of the external-dns that works for many tenants, once it has written for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_owner: Option<String>,
    /// The region that clients of Route53, which is in none, are set to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Who writes the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagedBy {
    /// external-dns, from the annotations of the Services.
    #[default]
    ExternalDns,
    Provider,
    /// Nobody here.
    None,
}

impl ManagedBy {
    pub const ALL: [Self; 3] = [Self::ExternalDns, Self::Provider, Self::None];

    /// As a configuration says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExternalDns => "external-dns",
            Self::Provider => "provider",
            Self::None => "none",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

impl DnsSpec {
    /// The id of the zone, as it was found or as it was given.
    pub fn zone(&self) -> Option<&str> {
        let given = || self.zone_id.as_deref().map(|id| id.rsplit_once('/').map_or(id, |(_, id)| id));
        self.found.as_ref().map(|zone| zone.id.as_str()).or_else(given)
    }

    pub fn region(&self) -> Option<&str> {
        self.found.as_ref()?.region.as_deref()
    }

    /// Whether names or who keeps them are others than before, so that those of before have to go.
    pub fn replaces(&self, before: &Self) -> bool {
        let kept = |spec: &Self| (spec.domain.clone(), spec.zone().map(str::to_owned), spec.managed_by);
        kept(self) != kept(before)
    }

    /// What tells the tenant's records from those of others. None: nothing was found of the zone, so nobody has written any.
    pub fn owns(&self, tenant: &TenantName, in_own_cluster: bool) -> Option<Owns> {
        let found = self.found.as_ref()?;
        let shared = match (&found.shared_owner, in_own_cluster) {
            (_, true) => Shared::Nobody,
            (Some(owner), false) => Shared::Owner(owner.clone()),
            (None, false) if self.managed_by == ManagedBy::ExternalDns => Shared::Anybody,
            (None, false) => Shared::Nobody,
        };
        Some(Owns::new(tenant, &found.owner, shared))
    }

    pub fn names(&self, tenant: &TenantName) -> Names {
        Names(format!("{tenant}.{}", self.domain))
    }
}

/// The names of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(String);

impl Names {
    /// The name that all others are directly below.
    pub fn domain(&self) -> &str {
        &self.0
    }

    /// What clients begin at.
    pub fn bootstrap(&self) -> String {
        format!("bootstrap.{}", self.0)
    }

    pub fn broker(&self, node: u32) -> String {
        format!("broker-{node}.{}", self.0)
    }

    /// The names of all brokers, as Strimzi fills them in.
    pub fn broker_template(&self) -> String {
        format!("broker-{{nodeId}}.{}", self.0)
    }

    /// Every name, and none of another tenant.
    pub fn wildcard(&self) -> String {
        format!("*.{}", self.0)
    }

    /// Where cert-manager answers the challenge for the wildcard.
    pub fn challenge(&self) -> String {
        format!("_acme-challenge.{}", self.0)
    }
}

/// The longest name that is made below a tenant's domain: the ownership record of a broker with five digits.
const LONGEST: &str = "cname-broker-16383.";
const NAME_MAX: usize = 253;

/// Why tenants cannot have names in a domain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DomainError {
    #[error(
        "{found:?} is no domain: write labels of up to 63 lower-case letters, digits and hyphens, none at either end a hyphen, joined by dots, with no dot at the end"
    )]
    Name { found: String },
    #[error("{found:?} is a top-level domain; write one of your own, such as kafka.example.com")]
    TopLevel { found: String },
    #[error("{found:?} is too long: with {longest:?} before it a name would have {length} characters, and DNS takes {NAME_MAX}")]
    TooLong { found: String, longest: String, length: usize },
}

/// Whether a tenant (of this name, if it is known) can have names in the domain.
///
/// # Errors
/// What is no name, or leaves no room for one.
pub fn check_domain(domain: &str, tenant: Option<&TenantName>) -> Result<(), DomainError> {
    let found = || domain.to_owned();
    if domain.is_empty() || !domain.split('.').all(is_dns_label) {
        return Err(DomainError::Name { found: found() });
    }
    if !domain.contains('.') {
        return Err(DomainError::TopLevel { found: found() });
    }
    let longest = tenant.map_or_else(|| LONGEST.to_owned(), |tenant| format!("{LONGEST}{tenant}."));
    let length = longest.len() + domain.len();
    if length > NAME_MAX { Err(DomainError::TooLong { found: found(), longest, length }) } else { Ok(()) }
}

/// Whether a name is this one or below it.
pub fn is_within(name: &str, parent: &str) -> bool {
    name == parent || name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}
