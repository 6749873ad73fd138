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

/// What tells a tenant's records from those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owns {
    pub owner: String,
    namespace: String,
}

impl Owns {
    pub fn of_tenant(name: &TenantName) -> Self {
        Self { owner: name.namespace(), namespace: name.namespace() }
    }

    /// By its own owner's id, or, where one external-dns works for many tenants, by the Service in its namespace.
    pub fn holds(&self, ownership: &Ownership) -> bool {
        let service = ownership.resource.strip_prefix("service/").and_then(|rest| rest.split_once('/'));
        ownership.owner == self.owner || service.is_some_and(|(namespace, _)| namespace == self.namespace)
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
