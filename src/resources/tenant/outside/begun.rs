//! Names that the tenant's wish does not tell: those that a change has begun to give it, noted on its namespace before the first record is written, and
//! those that only the state knows of. By them a later apply or destroy knows what has to go.

use serde_json::Value;

use crate::{
    domain::{
        dns::{DnsSpec, FoundZone, ManagedBy, owner_id},
        names::{NAMES_ANNOTATION, TenantName},
        object::{Kind, ObjectRef},
    },
    drivers::kubernetes::{Cluster, Error},
    framework::diagnostic::Diagnostics,
    resources::{connection::Management, failure::failed},
};

/// The names that the tenant's namespace notes.
pub fn noted(namespace: &Value) -> Vec<DnsSpec> {
    let text = namespace["metadata"]["annotations"][NAMES_ANNOTATION].as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

/// Those of some names, each once, of which somebody may have written records and that `told` does not tell.
pub fn untold(told: Option<&DnsSpec>, names: impl IntoIterator<Item = DnsSpec>) -> Vec<DnsSpec> {
    names.into_iter().fold(Vec::new(), |mut all: Vec<DnsSpec>, one| {
        if one.managed_by != ManagedBy::None && told.into_iter().chain(&all).all(|other| one.replaces(other)) {
            all.push(one);
        }
        all
    })
}

/// Notes names on the tenant's namespace, or that there are none; answers with the namespace as it is then.
///
/// # Errors
/// When the cluster refuses or cannot be asked.
pub async fn note(management: &Cluster, name: &TenantName, names: &[DnsSpec]) -> Result<Value, Diagnostics> {
    let namespace = ObjectRef::global(Kind::Namespace, name.namespace());
    let text = serde_json::json!(names).to_string();
    let noted = management.annotate(&namespace, &[(NAMES_ANNOTATION, (!names.is_empty()).then_some(text.as_str()))]).await;
    noted.map_err(|error: Error| failed("Cannot note the tenant's names", &error))
}

/// Names as a state knows them, with what tells their records from others'; as they are where nothing can be told.
pub async fn with_owner(management: &Management, name: &TenantName, mut dns: DnsSpec) -> DnsSpec {
    if dns.found.is_none()
        && let (Some(zone), Some(uid)) = (dns.zone().map(str::to_owned), management.uid().await)
    {
        dns.found = Some(FoundZone { id: zone, owner: owner_id(name, &uid), shared_owner: None, region: None });
    }
    dns
}
