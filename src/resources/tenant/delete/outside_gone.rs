//! Taking away what clients outside of the cluster were given: certificate and issuer where Kafka was, and the names, before whoever writes them goes.

use serde_json::Value;

use crate::{
    domain::{dns::DnsSpec, names::TenantName, tenant::TenantSpec},
    framework::diagnostic::Diagnostics,
    resources::{
        connection::Management,
        tenant::{
            model::Tenant,
            outside::{self, gone},
            role::{self, Holder},
        },
    },
};

use super::{Deletion, removal::Removal};

/// What there was of it.
#[derive(Default)]
pub struct Public {
    /// The names that the tenant has.
    kept: Option<DnsSpec>,
    /// Those that a change has begun to give it, or not ended to take from it.
    others: Vec<DnsSpec>,
}

impl Public {
    /// As the tenant's namespace says, and as the state says: of an update that did not end both are there.
    pub async fn of(prior: &Tenant, management: &Management, name: &TenantName, namespace: &Value) -> Self {
        let in_state = match outside::specs(prior).and_then(|(dns, ..)| dns) {
            Some(dns) => Some(outside::with_owner(management, name, dns).await),
            None => None,
        };
        let kept = TenantSpec::of_namespace(namespace).and_then(|wish| wish.dns);
        let others = outside::untold(kept.as_ref(), outside::noted(namespace).into_iter().chain(in_state));
        Self { kept, others }
    }
}

impl Deletion<'_> {
    /// Once the Kafka is gone, and its Services with it.
    pub(super) async fn outside_gone(&self, place: &Removal<'_>, public: &Public) -> Result<(), Diagnostics> {
        // Challenges go while their issuer is there, by which cert-manager takes its answers away.
        for kinds in gone::INSIDE {
            place.delete_visible(kinds, &self.name.namespace()).await?;
        }
        gone::issuer(&place.cluster, &self.name).await?;
        self.records_gone(public, true).await
    }

    /// Until the hosted zones hold nothing of the tenant. `asked`: whoever writes the records was told.
    pub(super) async fn records_gone(&self, public: &Public, asked: bool) -> Result<(), Diagnostics> {
        let tenant = (&self.name, self.hard);
        for (dns, asked) in public.kept.iter().map(|kept| (kept, asked)).chain(public.others.iter().map(|other| (other, false))) {
            gone::records(self.connection, tenant, dns, asked, self.deadline, &self.call.stop).await?;
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
