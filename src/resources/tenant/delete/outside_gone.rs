//! Taking away what clients outside of the cluster were given: certificate and issuer where Kafka was, and the names, before whoever writes them goes.

use serde_json::Value;

use crate::{
    domain::{dns::DnsSpec, names::WISH_ANNOTATION, tenant::TenantSpec},
    framework::diagnostic::Diagnostics,
    resources::tenant::{
        model::Tenant,
        outside::{self, gone},
        role::{self, Holder},
    },
};

use super::{Deletion, removal::Removal};

/// What there was of it.
#[derive(Default)]
pub struct Public {
    dns: Vec<DnsSpec>,
    has_certificate: bool,
}

impl Public {
    /// As the tenant's namespace says, and as the state says: of an update that did not end both are there.
    pub fn of(prior: &Tenant, namespace: &Value) -> Self {
        let wish = namespace["metadata"]["annotations"][WISH_ANNOTATION].as_str();
        let kept = wish.and_then(|wish| TenantSpec::from_wish_json(wish).ok());
        let (dns, tls) = outside::specs(prior).map_or((None, None), |(dns, tls, _)| (dns, tls));
        let has_certificate = tls.is_some() || kept.as_ref().is_some_and(|kept| kept.tls.is_some());
        let mut all: Vec<DnsSpec> = kept.and_then(|kept| kept.dns).into_iter().collect();
        all.extend(dns.filter(|dns| all.iter().all(|other| dns.replaces(other))));
        Self { dns: all, has_certificate }
    }
}

impl Deletion<'_> {
    /// Once the Kafka is gone, and its Services with it.
    pub(super) async fn outside_gone(&self, place: &Removal<'_>, public: &Public) -> Result<(), Diagnostics> {
        if public.has_certificate {
            // Challenges go while their issuer is there, by which cert-manager takes its answers away.
            for kinds in gone::INSIDE {
                place.delete_all(kinds, Some(&self.name.namespace()), None).await?;
            }
            gone::issuer(&place.cluster, &self.name, true).await?;
        }
        self.records_gone(public, true).await
    }

    /// Until the hosted zones hold nothing of the tenant. `asked`: whoever writes the records was told.
    pub(super) async fn records_gone(&self, public: &Public, asked: bool) -> Result<(), Diagnostics> {
        for dns in &public.dns {
            gone::records(self.connection, &self.name, dns, asked, self.deadline, &self.call.stop).await?;
        }
        Ok(())
    }

    /// The role that was made for its own cluster, when nothing there acts by it any more.
    pub(super) async fn role_gone(&self, namespace: &Value) -> Result<(), Diagnostics> {
        let Some(cluster) = role::noted(namespace) else { return Ok(()) };
        let labels = self.connection.settings().labels;
        let holder = Holder { tenant: &self.name, owner: &self.owner, tags: &labels };
        role::give_up(&self.cluster, &self.connection.aws()?, holder, &cluster).await
    }
}
