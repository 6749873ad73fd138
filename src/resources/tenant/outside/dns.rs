//! The tenant's names as a configuration says them. No I/O.

use crate::{
    domain::{
        dns::{DnsSpec, ManagedBy, check_domain, is_within},
        names::TenantName,
    },
    framework::{attr::Attr, diagnostic::Diagnostics, model::Field, model::Model, path::Path},
    resources::{
        tenant::{model::Tenant, parse::known},
        wishes::capitalised,
    },
};

/// Names of the tenant in a hosted zone of Route53. Clients outside of the cluster begin at `bootstrap.<tenant>.<domain>:9094`, and are sent to
/// `broker-<id>.<tenant>.<domain>:9094`. A record that is somebody else's is never taken over.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Dns {
    /// Domain in which every tenant has a name of its own, such as `kafka.example.com`. Another one is taken up in place: new names come first, the old
    /// ones go last, and brokers restart one after the other.
    #[tf(required)]
    pub domain: Attr<String>,
    /// Id of the hosted zone, such as `Z0123456789ABCDEFGHIJ`. It or `zone_name` is needed, unless `managed_by` is `none`.
    #[tf(optional)]
    pub zone_id: Attr<String>,
    /// Name of the hosted zone, where there is only one of its name and kind.
    #[tf(optional)]
    pub zone_name: Attr<String>,
    /// Seconds that resolvers keep a name.
    #[tf(optional, default = 60)]
    pub ttl_s: Attr<u32>,
    /// Whether the zone is a private one, which only its own VPCs see.
    #[tf(optional, default = false)]
    pub private: Attr<bool>,
    /// Who writes the records. `external-dns`: with `isolation = "cluster"` one that is installed in the tenant's cluster, with `namespace` that of the management
    /// cluster. `provider`: this provider, when it applies. `none`: nobody here.
    #[tf(optional, default = "external-dns")]
    pub managed_by: Attr<String>,
    /// ARN of the IAM role by which external-dns and cert-manager act on the zone. Unset, a cluster of its own of the class `kaas-eks` gets a role for the tenant's
    /// names alone, with Pod Identities, and elsewhere they act by whatever rights they have.
    #[tf(optional)]
    pub role_arn: Attr<String>,
}

/// Longer than a day nobody could be led elsewhere.
const TTL_MAX_S: u32 = 86_400;

/// Checks whatever is known.
pub fn check(config: &Tenant, name: Option<&TenantName>, found: &mut Diagnostics) {
    let Some(dns) = config.dns.known() else { return };
    let at = |field: Field| Tenant::DNS.then(field);
    if let Some(domain) = dns.domain.known() {
        if let Err(error) = check_domain(domain, name) {
            found.error_at(at(Dns::DOMAIN), "Not a domain for tenants", format!("{}.", capitalised(&error.to_string())));
        } else if let Some(zone) = dns.zone_name.known()
            && !is_within(domain, plain(zone))
        {
            found.error_at(at(Dns::DOMAIN), "Domain outside of its zone", format!("The domain {domain} is not in the hosted zone {zone}."));
        }
    }
    if let Some(id) = dns.zone_id.known()
        && !is_zone_id(id)
    {
        found.error_at(at(Dns::ZONE_ID), "Not a hosted zone", format!("{id:?} is no id of a hosted zone, such as Z0123456789ABCDEFGHIJ."));
    }
    if let Some(role) = dns.role_arn.known()
        && !(role.starts_with("arn:") && role.contains(":iam::") && role.contains(":role/"))
    {
        found.error_at(
            at(Dns::ROLE_ARN),
            "Not a role",
            format!("{role:?} is no ARN of an IAM role, such as arn:aws:iam::123456789012:role/dns."),
        );
    }
    if let Some(ttl_s) = dns.ttl_s.known()
        && !(1..=TTL_MAX_S).contains(ttl_s)
    {
        found.error_at(at(Dns::TTL_S), "Not possible", format!("ttl_s is {ttl_s}; it can be 1 to {TTL_MAX_S}, a day."));
    }
    check_zone(dns, found);
}

/// Who writes the records decides whether a zone is needed.
fn check_zone(dns: &Dns, found: &mut Diagnostics) {
    let at = |field: Field| Tenant::DNS.then(field);
    let managed_by = match &dns.managed_by {
        Attr::Unknown => return,
        Attr::Null => Some(ManagedBy::default()),
        Attr::Known(text) => ManagedBy::parse(text),
    };
    let Some(managed_by) = managed_by else {
        let written = dns.managed_by.known().cloned().unwrap_or_default();
        let offered = ManagedBy::ALL.map(|one| format!("{:?}", one.as_str())).join(", ");
        found.error_at(at(Dns::MANAGED_BY), "Nobody writes records so", format!("managed_by is {written:?}; it can be {offered}."));
        return;
    };
    match (managed_by, dns.zone_id.is_null(), dns.zone_name.is_null()) {
        (ManagedBy::None, true, true) => {}
        (ManagedBy::None, no_id, _) => {
            let field = if no_id { Dns::ZONE_NAME } else { Dns::ZONE_ID };
            found.error_at(
                at(field),
                "No zone is used",
                "With managed_by = \"none\" nobody here writes records. Remove the zone, or say who writes them.",
            );
        }
        (_, true, true) => {
            found.error_at(at(Dns::ZONE_ID), "Hosted zone missing", "Say in zone_id or in zone_name which hosted zone the records go to.");
        }
        (_, false, false) => {
            found.error_at(at(Dns::ZONE_NAME), "Two ways to say the zone", "zone_id and zone_name exclude each other: keep one of them.");
        }
        _ => {}
    }
}

/// Some(None): there is no block. None: something is wrong, which [`check`] tells, or not known yet.
#[expect(clippy::option_option, reason = "not known and not set are told apart, and `?` ends at the first that is not known")]
pub fn spec(tenant: &Tenant) -> Option<Option<DnsSpec>> {
    let dns = match &tenant.dns {
        Attr::Unknown => return None,
        Attr::Null => return Some(None),
        Attr::Known(dns) => dns,
    };
    Some(Some(DnsSpec {
        domain: known(&dns.domain)??,
        zone_id: known(&dns.zone_id)?,
        zone_name: known(&dns.zone_name)?.map(|name| plain(&name).to_owned()),
        ttl_s: known(&dns.ttl_s)?.unwrap_or(crate::domain::dns::TTL_S),
        private: known(&dns.private)?.unwrap_or_default(),
        managed_by: known(&dns.managed_by)?.map_or(Some(ManagedBy::default()), |text| ManagedBy::parse(&text))?,
        role_arn: known(&dns.role_arn)?,
        found: None,
    }))
}

/// The block of a configuration that asks for these names again.
pub fn block(spec: Option<DnsSpec>) -> Attr<Dns> {
    let block = |DnsSpec { domain, zone_id, zone_name, ttl_s, private, managed_by, role_arn, found: _ }| Dns {
        domain: Attr::Known(domain),
        zone_id: zone_id.into(),
        zone_name: zone_name.into(),
        ttl_s: Attr::Known(ttl_s),
        private: Attr::Known(private),
        managed_by: ManagedBy::as_str(managed_by).into(),
        role_arn: role_arn.into(),
    };
    spec.map(block).into()
}

/// Where it is said which zone.
pub fn zone_path(spec: &DnsSpec) -> Path {
    Tenant::DNS.then(if spec.zone_id.is_some() { Dns::ZONE_ID } else { Dns::ZONE_NAME })
}

fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn is_zone_id(text: &str) -> bool {
    let id = text.strip_prefix("/hostedzone/").unwrap_or(text);
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
