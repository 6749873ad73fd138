//! The tenant's hosted zone, looked up before anything is made: that it is there, is the one that is meant, holds the domain, and holds no name that is
//! somebody else's.

use std::collections::BTreeSet;

use crate::{
    domain::{
        dns::{self, DnsSpec, Found, FoundZone, ManagedBy, Undelegated, Wanted, Zone, ZoneError, owner_id},
        eks::EksId,
        sizing::Sizing,
        tenant::TenantSpec,
    },
    drivers::aws::{Aws, Error},
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::{Connection, Management},
        failure::failed_aws,
        tenant::{
            model::Tenant,
            outside::{Dns, dns::zone_path},
        },
        wishes::capitalised,
    },
};

const SUMMARY: &str = "Cannot look at the hosted zone";

/// What is known of the tenant before its zone is looked up.
pub struct Seen<'a> {
    pub management: &'a Management,
    /// It was made, so clients may be using it.
    pub made: bool,
    /// The names that its namespace keeps.
    pub kept: Option<&'a DnsSpec>,
}

/// Fills in what is found of the zone, where there is one to look for.
pub async fn find(
    connection: &Connection,
    tenant: &Tenant,
    seen: &Seen<'_>,
    spec: &mut TenantSpec,
    call: &mut Call,
) -> Result<(), Diagnostics> {
    let region = region(connection, tenant, spec);
    let is_acme = spec.own_certificate().is_some_and(|tls| tls.issuer.is_acme());
    let Some(dns) = spec.dns.as_mut().filter(|dns| dns.managed_by != ManagedBy::None) else { return Ok(()) };
    let aws = connection.aws()?;
    let zone = zone(&aws, dns).await?;
    if let Some(how) = undelegated(&aws, &zone).await {
        let who = if matches!(how, Undelegated::Wholly(_)) { "Nobody" } else { "Not everybody" };
        let detail = format!("{who} outside finds the names in the hosted zone {} ({}): {}.", zone.id, zone.name, how.told());
        // A tenant that is there must still be one that can be changed.
        if is_acme && !seen.made && matches!(how, Undelegated::Wholly(_)) {
            let mut found = Diagnostics::none();
            let detail = format!("{detail} The ACME server would not find the answer to its challenge, either.");
            found.error_at(zone_path(dns), "Hosted zone is not delegated to", detail);
            return Err(found);
        }
        call.found.warning_at(zone_path(dns), "Hosted zone is not delegated to", detail);
    }
    let kept = seen.kept.and_then(|kept| kept.found.as_ref());
    let owner = match kept.map(|kept| kept.owner.clone()).filter(|owner| !owner.is_empty()) {
        Some(owner) => owner,
        None => owner_id(&spec.name, &cluster_uid(seen.management).await?),
    };
    let shared_owner = kept.and_then(|kept| kept.shared_owner.clone());
    dns.found = Some(FoundZone { id: zone.id, owner, shared_owner, region });
    Ok(())
}

/// What tells the management cluster from others.
async fn cluster_uid(management: &Management) -> Result<String, Diagnostics> {
    management.uid().await.ok_or_else(|| {
        let cluster = management.cluster();
        Diagnostics::of_error(
            "The management cluster cannot be told from others",
            format!(
                "Records say whose they are by the UID of the namespace kube-system of {}, which cannot be read. Allow `get` on namespaces to the provider's user.",
                cluster.id()
            ),
        )
    })
}

/// The region that clients of Route53 in the cluster are set to.
fn region(connection: &Connection, tenant: &Tenant, spec: &TenantSpec) -> Option<String> {
    let own = spec.own_cluster().and_then(|own| own.cluster.region.clone());
    let management = || tenant.management_cluster.known()?.parse::<EksId>().ok().map(|id| id.region);
    own.or_else(management).or_else(|| connection.region())
}

async fn zone(aws: &Aws, dns: &DnsSpec) -> Result<Zone, Diagnostics> {
    let looked = |error: Error| failed_aws(SUMMARY, &error);
    let (found, wanted) = match (dns.zone_id.as_deref().and(dns.zone()), &dns.zone_name) {
        (Some(id), _) => (aws.zone(id).await.map_err(looked)?.into_iter().collect(), id),
        (None, Some(name)) => (aws.zones_named(name).await.map_err(looked)?, name.as_str()),
        (None, None) => (Vec::new(), "that is meant"),
    };
    let chosen = dns::choose(found, wanted, &dns.domain, dns.private).map_err(|error| {
        let at = match error {
            ZoneError::OtherKind { .. } => Tenant::DNS.then(Dns::PRIVATE),
            ZoneError::OtherDomain { .. } => Tenant::DNS.then(Dns::DOMAIN),
            ZoneError::Missing { .. } | ZoneError::Ambiguous { .. } => zone_path(dns),
        };
        let mut found = Diagnostics::none();
        found.error_at(at, "Hosted zone does not do", format!("{}.", capitalised(&error.to_string())));
        found
    })?;
    // Of a zone that was found by its name the servers are not told.
    match aws.zone(&chosen.id).await.map_err(looked)? {
        Some(whole) if chosen.name_servers.is_empty() && !chosen.private => Ok(whole),
        _ => Ok(chosen),
    }
}

/// Why nobody finds the zone, as far as the zone above it is in the same account and may be looked at.
async fn undelegated(aws: &Aws, zone: &Zone) -> Option<Undelegated> {
    if zone.private || zone.name_servers.is_empty() {
        return None;
    }
    let all = aws.zones().await.ok()?;
    let above = all.into_iter().filter(|other| !other.private && other.name != zone.name && dns::is_within(&zone.name, &other.name));
    let parent = above.max_by_key(|other| other.name.len())?;
    let records = aws.records(&parent.id, &zone.name).await.ok()?;
    dns::delegation(zone, &parent, &records)
}

/// Refuses names that are somebody else's, before anything is made.
///
/// `brokers`: the numbers of those that run; `begun`: there is something of the tenant already.
pub async fn refuse_foreign(
    connection: &Connection,
    spec: &TenantSpec,
    sizing: &Sizing,
    (brokers, begun): (&[i32], bool),
) -> Result<(), Diagnostics> {
    let Some((dns, zone)) = spec.dns.as_ref().and_then(|dns| Some((dns, dns.found.as_ref()?))) else { return Ok(()) };
    let names = dns.names(&spec.name);
    let records = connection.aws()?.records(&zone.id, names.domain()).await.map_err(|error| failed_aws(SUMMARY, &error))?;
    // Kafka numbers all its nodes; which numbers brokers get is not known before they run.
    let running = brokers.iter().filter_map(|id| u32::try_from(*id).ok());
    let nodes: BTreeSet<u32> = (0..sizing.brokers + sizing.controllers).chain(running).collect();
    let nodes = nodes.into_iter().map(|node| names.broker(node));
    let named = |name: String| Wanted { name, service: String::new(), addresses: Vec::new() };
    let wanted: Vec<Wanted> = std::iter::once(names.bootstrap()).chain(nodes).map(named).collect();
    // For a tenant of which there is nothing yet nobody has written anything.
    let Some(owns) = dns.owns(&spec.name, spec.own_cluster().is_some() || !begun) else { return Ok(()) };
    let found = dns::look(&records, &wanted, &owns);
    let others = wanted.iter().zip(found).filter_map(|(one, found)| match found {
        Found::Foreign(whose) => Some((one.name.clone(), whose)),
        _ => None,
    });
    let others: Vec<(String, String)> = others.collect();
    if others.is_empty() { Ok(()) } else { Err(foreign(&zone.id, &others)) }
}

/// Names that are somebody else's, as an error.
pub fn foreign(zone: &str, others: &[(String, String)]) -> Diagnostics {
    let told: Vec<String> = others.iter().map(|(name, whose)| format!("{name}: {whose}")).collect();
    let mut found = Diagnostics::none();
    found.error_at(
        Tenant::DNS.then(Dns::DOMAIN),
        "Names are somebody else's",
        format!(
            "In the hosted zone {zone} there are records of names that the tenant would need, and they are not its own. {}. They are never taken over: choose another domain, or \
             have their owner remove them.",
            told.join("; ")
        ),
    );
    found
}
