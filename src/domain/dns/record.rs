//! Hosted zones and record sets as Route53 has them. Names are in lower case, without their last dot, `*` as itself.

use std::fmt;

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// `Z0123456789ABCDEFGHIJ`, without `/hostedzone/`.
    pub id: String,
    pub name: String,
    /// Only networks that it is associated with see it.
    pub private: bool,
    /// Those that its parent has to delegate to; empty for a private one.
    pub name_servers: Vec<String>,
}

/// The types that this provider reads or writes; others are kept as they are called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    A,
    Aaaa,
    Cname,
    Ns,
    Txt,
    Other(String),
}

impl RecordType {
    pub fn as_str(&self) -> &str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Ns => "NS",
            Self::Txt => "TXT",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for RecordType {
    fn from(name: &str) -> Self {
        let known = [Self::A, Self::Aaaa, Self::Cname, Self::Ns, Self::Txt];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a record set leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Text values as they mean, without quotes; names without their last dot.
    Values { ttl_s: u32, values: Vec<String> },
    /// Route53's own pointer to a load balancer or another record set.
    Alias { name: String, zone_id: String, evaluate_health: bool },
}

/// A record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub kind: RecordType,
    /// Of a weighted, latency or other routed set, of which there may be several of one name and type.
    pub set_identifier: Option<String>,
    pub target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeAction {
    /// Refused where there is one.
    Create,
    Upsert,
    /// Refused where it is not exactly as given.
    Delete,
}

/// One of a batch, which Route53 makes as a whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub action: ChangeAction,
    pub record: Record,
}
