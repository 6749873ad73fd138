//! `kaas_tenant`: a Kafka of its own for one application, sized from throughput and retention.

mod apply;
mod changes;
mod claim;
mod delete;
mod home;
mod import;
mod leaving;
mod model;
mod names;
mod namesake;
mod outside;
mod own_cluster;
mod parse;
mod place;
mod plan;
mod plan_cluster;
mod prepare;
mod read;
mod report;
pub mod role;
#[cfg(test)]
mod tests;
mod versions;
mod wait;
mod written;

use crate::{
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Call, Change, Failed, ImportTarget, Resource, Verdict},
    },
    resources::connection::Connection,
};

pub use self::{
    model::{Access, KafkaSettings, Location, StatusReport, Storage, Tenant, TenantIdentity},
    parse::check_labels,
};

/// Handler of `kaas_tenant`.
pub struct TenantResource {
    connection: Connection,
}

impl TenantResource {
    pub const fn new(connection: Connection) -> Self {
        Self { connection }
    }
}

impl Resource for TenantResource {
    const NAME: &'static str = "kaas_tenant";
    type Model = Tenant;
    type Identity = TenantIdentity;

    fn validate(&self, config: &Tenant, found: &mut Diagnostics) {
        parse::validate(config, found);
    }

    fn plan(&self, change: &Change<'_, Tenant>, planned: &mut Tenant, verdict: &mut Verdict) {
        plan::plan(change, planned, verdict);
    }

    fn plan_destroy(&self, prior: &Tenant, found: &mut Diagnostics) {
        plan::plan_destroy(prior, found);
    }

    async fn create(&self, planned: Tenant, call: &mut Call) -> Result<Tenant, Failed<Tenant>> {
        let made = apply::create(&self.connection, planned, call).await?;
        if let Ok(management) = apply::connected(&self.connection, &made).await {
            read::remember_cluster(&management, call).await;
        }
        Ok(made)
    }

    async fn update(&self, prior: Tenant, planned: Tenant, call: &mut Call) -> Result<Tenant, Failed<Tenant>> {
        apply::update(&self.connection, prior, planned, call).await
    }

    async fn read(&self, state: Tenant, call: &mut Call) -> Result<Option<Tenant>, Diagnostics> {
        read::read(&self.connection, state, call).await
    }

    async fn delete(&self, prior: Tenant, call: &mut Call) -> Result<(), Failed<Tenant>> {
        delete::delete(&self.connection, &prior, call).await.map_err(Failed::from)
    }

    async fn import(&self, target: ImportTarget<TenantIdentity>, _call: &mut Call) -> Result<Tenant, Diagnostics> {
        import::import(target)
    }

    fn identity(&self, state: &Tenant) -> Option<TenantIdentity> {
        state.management_cluster.known()?;
        state.name.known()?;
        Some(TenantIdentity { management_cluster: state.management_cluster.clone(), name: state.name.clone() })
    }
}

/// `<management cluster>/<name>`; unknown while the management cluster is.
fn id(tenant: &Tenant) -> Attr<String> {
    match (&tenant.management_cluster, &tenant.name) {
        (Attr::Known(cluster), Attr::Known(name)) => Attr::Known(format!("{cluster}/{name}")),
        _ => Attr::Unknown,
    }
}
