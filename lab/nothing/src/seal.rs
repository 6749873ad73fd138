//! `nothing_seal`: a managed resource with a write-only attribute, which create and update see and no state ever holds.

use kaas::framework::{
    attr::Attr,
    diagnostic::Diagnostics,
    model::Model,
    parts::{Call, Failed, ImportTarget, Resource},
};

/// A seal that is made from a secret and does not keep it.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Seal {
    /// Name of the seal. Another name is another seal.
    #[tf(required, replace)]
    pub name: Attr<String>,
    /// What the seal is made from. It is never stored, so a new secret alone changes nothing: change `secret_version` with it.
    #[tf(optional, sensitive, write_only)]
    pub secret: Attr<String>,
    /// Change it to have the seal made anew from the present secret.
    #[tf(optional)]
    pub secret_version: Attr<u32>,
    /// How many letters the secret had that the seal was made from.
    #[tf(computed)]
    pub letters: Attr<u64>,
}

/// What names a seal for ever.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct SealIdentity {
    /// Name of the seal.
    #[tf(required)]
    pub name: Attr<String>,
}

/// Handler of `nothing_seal`.
#[derive(Debug)]
pub struct SealResource;

impl Resource for SealResource {
    const NAME: &'static str = "nothing_seal";
    type Model = Seal;
    type Identity = SealIdentity;

    async fn create(&self, planned: Seal, _call: &mut Call) -> Result<Seal, Failed<Seal>> {
        Ok(made(planned))
    }

    async fn update(&self, _prior: Seal, planned: Seal, _call: &mut Call) -> Result<Seal, Failed<Seal>> {
        Ok(made(planned))
    }

    async fn read(&self, state: Seal, _call: &mut Call) -> Result<Option<Seal>, Diagnostics> {
        Ok(Some(state))
    }

    async fn delete(&self, _prior: Seal, _call: &mut Call) -> Result<(), Failed<Seal>> {
        Ok(())
    }

    async fn import(&self, target: ImportTarget<SealIdentity>, _call: &mut Call) -> Result<Seal, Diagnostics> {
        let name = match target {
            ImportTarget::Id(id) => Attr::Known(id),
            ImportTarget::Identity(identity) => identity.name,
        };
        Ok(Seal { name, secret: Attr::Null, secret_version: Attr::Null, letters: Attr::Known(0) })
    }

    fn identity(&self, state: &Seal) -> Option<SealIdentity> {
        state.name.known()?;
        Some(SealIdentity { name: state.name.clone() })
    }
}

/// The framework gives the secret with the plan and takes it out of the answer: nothing has to be cleared here.
fn made(planned: Seal) -> Seal {
    let letters = planned.secret.known().map_or(0, |secret| secret.chars().count() as u64);
    Seal { letters: Attr::Known(letters), ..planned }
}
