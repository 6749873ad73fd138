//! What somebody else has installed and is to be taken over: whether the wished version can follow the one that runs.

use crate::{
    domain::{
        components::components,
        install::{Component, OnConflict, Part, inventory::Phase, version::check_step},
        object::Kind,
    },
    framework::diagnostic::Diagnostics,
};

use super::Wished;
use super::apply::{Records, looked};
use super::run::Run;

/// Refuses, before anything is changed, to take over what runs in a version that the wished one cannot follow. Of what no version can be told nothing is refused.
///
/// # Errors
/// The steps that are not supported, and what the cluster refuses.
pub async fn check_steps(run: &Run<'_>, wished: &Wished, records: &Records) -> Result<(), Diagnostics> {
    let is_foreign = |component: &Component| records.get(component).is_none_or(|record| record.phase == Phase::Left);
    let adopted: Vec<Component> = wished.wish.components.iter().copied().filter(is_foreign).collect();
    if wished.wish.on_conflict != OnConflict::Adopt || adopted.is_empty() {
        return Ok(());
    }
    let (crds, deployments) = tokio::try_join!(
        run.cluster.list_metadata(Kind::CustomResourceDefinition, None, None),
        run.cluster.list(Kind::Deployment, None, None)
    )
    .map_err(looked)?;
    let installed = components(&crds, &deployments, true);
    let mut found = Diagnostics::none();
    for component in adopted {
        let part = Part::of(component);
        let runs = installed.iter().find(|seen| seen.name == component.name()).and_then(|seen| seen.version.as_deref());
        let wanted = wished.wish.versions_of(component);
        if let Some((from, to)) = runs.zip(wanted.get(&part))
            && let Err(error) = check_step(&part, from, to)
        {
            found.error("What is there cannot be adopted", format!("{error}."));
        }
    }
    if found.has_errors() { Err(found) } else { Ok(()) }
}
