//! What clients outside of the cluster need of a tenant: names, a certificate, a listener. Parsed, planned, looked up, applied, read and deleted here;
//! when each is due is decided by the tenant's own steps.

mod begun;
mod certificate;
mod dns;
mod external;
pub mod gone;
mod look;
mod plan;
mod records;
mod settle;
mod tls;
mod zone;

use crate::{
    domain::{
        certificate::TlsSpec,
        dns::DnsSpec,
        external::{ExternalSpec, TogetherError, check_together},
        names::TenantName,
    },
    framework::{diagnostic::Diagnostics, model::Field, path::Path},
    resources::{tenant::model::Tenant, wishes::capitalised},
};

pub use begun::{note, noted, untold, with_owner};
pub use certificate::{apply_account, begin_anew, is_served, until_ready};
pub use dns::Dns;
pub use external::External;
pub use look::{Look, look, with_kept};
pub use plan::{CertificateReport, is_unknown, keeps_addresses, plan, servers};
pub use settle::{settle, shared_owner};
pub use tls::{Tls, hmac_key};
pub use zone::{Seen, find, refuse_foreign};

/// Checks whatever is known of a configuration.
pub fn validate(config: &Tenant, name: Option<&TenantName>, found: &mut Diagnostics) {
    dns::check(config, name, found);
    tls::check(config, found);
    external::check(config, found);
    let Some((dns, tls, external)) = specs(config) else { return };
    for error in check_together(dns.as_ref(), tls.as_ref(), external.as_ref()) {
        found.error_at(place(error), "This does not go together", format!("{}.", capitalised(&error.to_string())));
    }
}

/// The three blocks. None: something is wrong or not known yet.
pub fn specs(tenant: &Tenant) -> Option<(Option<DnsSpec>, Option<TlsSpec>, Option<ExternalSpec>)> {
    Some((dns::spec(tenant)?, tls::spec(tenant)?, external::spec(tenant)?))
}

/// Fills in the blocks of a configuration that asks for the same again.
pub fn rebuild(tenant: &mut Tenant, dns: Option<DnsSpec>, tls: Option<TlsSpec>, external: Option<ExternalSpec>) {
    tenant.dns = dns::block(dns);
    tenant.tls = tls::block(tls);
    tenant.external = external::block(external);
}

fn place(error: TogetherError) -> Path {
    let at = |block: Field, field: Field| block.then(field);
    match error {
        TogetherError::NothingToLeadTo { .. } => at(Tenant::DNS, Dns::MANAGED_BY),
        TogetherError::NoNames { .. } | TogetherError::NoZone { .. } | TogetherError::UnseenZone { .. } | TogetherError::NoListener => {
            at(Tenant::TLS, Tls::ISSUER)
        }
        TogetherError::NothingInternal => at(Tenant::EXTERNAL, External::INTERNAL),
    }
}
