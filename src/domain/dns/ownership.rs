//! Whose a record is, as external-dns writes it into a TXT record beside it.
//!
//! Source: external-dns 0.22, `docs/registry/txt.md` and `registry/mapper`: the name of the TXT record is that of the record with its type before it
//! (`a-`, `aaaa-`, `cname-`); up to 0.17 also the record's own name. An alias had `cname-` up to 0.21.

use std::fmt;

use super::record::{Record, RecordType, Target};
use crate::domain::names::TenantName;

/// What an ownership record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    pub owner: String,
    /// `service/<namespace>/<service>`; empty where nothing is said.
    pub resource: String,
}

const HERITAGE: &str = "heritage=external-dns";
const OWNER: &str = "external-dns/owner=";
const RESOURCE: &str = "external-dns/resource=";

impl Ownership {
    /// None for a text that says nothing of ownership. Values may come in quotes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_matches('"').split(',');
        if parts.next()? != HERITAGE {
            return None;
        }
        let mut found = Self { owner: String::new(), resource: String::new() };
        for part in parts {
            if let Some(owner) = part.strip_prefix(OWNER) {
                owner.clone_into(&mut found.owner);
            } else if let Some(resource) = part.strip_prefix(RESOURCE) {
                resource.clone_into(&mut found.resource);
            }
        }
        Some(found)
    }

    /// What the TXT record of a record set says. None: nothing of ownership.
    pub fn of(record: &Record) -> Option<Self> {
        match &record.target {
            Target::Values { values, .. } if record.kind == RecordType::Txt => values.iter().find_map(|value| Self::parse(value)),
            _ => None,
        }
    }
}

/// The value of the TXT record, which reads back by [`Ownership::parse`].
impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HERITAGE},{OWNER}{}", self.owner)?;
        if self.resource.is_empty() { Ok(()) } else { write!(f, ",{RESOURCE}{}", self.resource) }
    }
}

/// The owner of a tenant's records that has nobody else's: tenants of one name on two management clusters may have names in one zone. `cluster_uid`: of the
/// management cluster's `kube-system` namespace.
pub fn owner_id(name: &TenantName, cluster_uid: &str) -> String {
    let short: String = cluster_uid.chars().filter(char::is_ascii_hexdigit).take(OWNER_HEX).collect();
    format!("{}-{short}", name.namespace())
}

/// Letters of the cluster's UID in an owner: two of a thousand clusters share them once in ten thousand.
const OWNER_HEX: usize = 8;

/// The external-dns that works for many tenants, of whose records those for Services of the tenant's namespace are the tenant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shared {
    /// There is none.
    Nobody,
    /// Not known yet by which owner it writes.
    Anybody,
    Owner(String),
}

/// What tells a tenant's records from those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owns {
    pub owner: String,
    namespace: String,
    shared: Shared,
}

impl Owns {
    pub fn new(name: &TenantName, owner: &str, shared: Shared) -> Self {
        Self { owner: owner.to_owned(), namespace: name.namespace(), shared }
    }

    /// Whether somebody writes for many tenants and nobody knows yet by which owner.
    pub fn is_not_told_who(&self) -> bool {
        self.shared == Shared::Anybody
    }

    /// By its own owner, or, where one external-dns works for many tenants, by that one's and the Service in the tenant's namespace.
    pub fn holds(&self, ownership: &Ownership) -> bool {
        let is_shared = match &self.shared {
            Shared::Nobody => false,
            Shared::Anybody => true,
            Shared::Owner(owner) => ownership.owner == *owner,
        };
        ownership.owner == self.owner || (is_shared && self.is_of_namespace(ownership))
    }

    /// Whether it is written for a Service of a namespace that is called as the tenant's; there may be one on another cluster.
    pub fn is_of_namespace(&self, ownership: &Ownership) -> bool {
        let service = ownership.resource.strip_prefix("service/").and_then(|rest| rest.split_once('/'));
        service.is_some_and(|(namespace, _)| namespace == self.namespace) && !self.is_of_namesake(&ownership.owner)
    }

    /// Whether an owner is that of a tenant of this name on another management cluster.
    fn is_of_namesake(&self, owner: &str) -> bool {
        let rest = owner.strip_prefix(&self.namespace).and_then(|rest| rest.strip_prefix('-'));
        owner != self.owner && rest.is_some_and(|rest| rest.len() == OWNER_HEX && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// What is written beside the record that leads to this Service.
    pub fn written(&self, service: &str) -> Ownership {
        Ownership { owner: self.owner.clone(), resource: format!("service/{}/{service}", self.namespace) }
    }
}

/// The types of record that lead to a load balancer.
pub const LEADING: [RecordType; 3] = [RecordType::A, RecordType::Aaaa, RecordType::Cname];

/// The name of the TXT record beside a record of this name and type.
pub fn beside(name: &str, kind: &RecordType) -> String {
    format!("{}-{name}", kind.as_str().to_ascii_lowercase())
}

/// Whether a TXT record of the first name can be about the record of the second.
pub fn is_beside(txt: &str, name: &str) -> bool {
    txt == name || LEADING.iter().any(|kind| beside(name, kind) == txt)
}

/// The name that an ownership record is about.
pub fn about(txt: &str) -> &str {
    ["a-", "aaaa-", "cname-"].iter().find_map(|prefix| txt.strip_prefix(prefix)).unwrap_or(txt)
}
