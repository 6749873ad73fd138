//! `nothing_tenant`: a tenant of the kaas provider that is only carried in the state. The benchmark moves real tenants' state here, to tell
//! what the CLI takes for tenants by itself: the same schema, the same values, and nothing is asked or made.

use kaas::{
    framework::{
        diagnostic::Diagnostics,
        parts::{Call, Failed, ImportTarget, Resource},
    },
    resources::tenant::{Tenant, TenantIdentity},
};

/// Handler of `nothing_tenant`.
#[derive(Debug)]
pub struct TenantCarrier;

impl Resource for TenantCarrier {
    const NAME: &'static str = "nothing_tenant";
    type Model = Tenant;
    type Identity = TenantIdentity;

    async fn create(&self, _planned: Tenant, _call: &mut Call) -> Result<Tenant, Failed<Tenant>> {
        Err(cannot_be_made().into())
    }

    async fn update(&self, prior: Tenant, _planned: Tenant, _call: &mut Call) -> Result<Tenant, Failed<Tenant>> {
        Err(Failed { reached: Some(prior), diagnostics: cannot_be_made() })
    }

    async fn read(&self, state: Tenant, _call: &mut Call) -> Result<Option<Tenant>, Diagnostics> {
        Ok(Some(state))
    }

    async fn delete(&self, _prior: Tenant, _call: &mut Call) -> Result<(), Failed<Tenant>> {
        Ok(())
    }

    async fn import(&self, _target: ImportTarget<TenantIdentity>, _call: &mut Call) -> Result<Tenant, Diagnostics> {
        Err(cannot_be_made())
    }

    fn identity(&self, state: &Tenant) -> Option<TenantIdentity> {
        state.name.known()?;
        Some(TenantIdentity { management_cluster: state.management_cluster.clone(), name: state.name.clone() })
    }
}

fn cannot_be_made() -> Diagnostics {
    Diagnostics::of_error("Only carried", "A nothing_tenant comes from the state of a kaas_tenant; it is not made or changed.")
}
