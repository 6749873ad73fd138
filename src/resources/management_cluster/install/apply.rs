//! Installing: each component is recorded, applied and waited for before the next, and what is no longer wished goes at the end.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use super::Wished;
use super::adopt;
use super::remove;
use super::run::{AT_ONCE, Ended, Run, chain, is_of};
use crate::{
    domain::install::{
        Component, OnConflict,
        inventory::{Inventory, Phase},
        object::{AnyObject, AnyRef},
        outdated, ready,
        running::{self, REPLICA_SET},
        version::check_step,
    },
    drivers::kubernetes::{AnyKinds, Error, Propagation},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

/// How far an installation came.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is still waited for, if the deadline passed or the user stopped.
    pub waiting: Option<String>,
    /// What the user should know.
    pub warnings: Diagnostics,
}

pub type Records = BTreeMap<Component, Inventory>;

/// What a component is made of, and what its files were.
struct Made {
    objects: Vec<AnyObject>,
    checksums: BTreeMap<String, String>,
}

pub async fn apply(run: &Run<'_>, wished: &Wished) -> Result<Outcome, Diagnostics> {
    let records = run.records().await?;
    check_steps(wished, &records, running(run, &records).await?.as_deref())?;
    adopt::check_steps(run, wished, &records).await?;
    let unwished: Vec<&Inventory> = records.values().filter(|record| !wished.wish.components.contains(&record.component)).collect();
    remove::demand_unused(run, &unwished).await?;
    if let Some(record) = records.get(&Component::ClusterApi).filter(|_| wished.wish.components.contains(&Component::ClusterApi)) {
        remove::demand_unused_providers(run, &wished.wish.providers_dropped(&record.objects)).await?;
    }
    run.keep_mirror(wished.wish.image_registry.as_deref()).await?;
    let mut outcome = Outcome::default();
    let left = left_together(run, wished, &records).await?;
    for component in &wished.wish.components {
        let waiting = if left.contains(component) {
            leave(run, *component, &[], &mut outcome.warnings).await?;
            None
        } else {
            install(run, wished, *component, records.get(component), &mut outcome.warnings).await?
        };
        if let Some(waiting) = waiting {
            outcome.waiting = Some(format!("{component}: {waiting}"));
            return Ok(outcome);
        }
    }
    outcome.waiting = remove::remove_all(run, unwished, &mut outcome.warnings).await?;
    Ok(outcome)
}

/// The version of cert-manager that runs where its last installation was begun and not ended: what was applied may not have been reached. The steps of all
/// others are longer than what is ever begun, or looked after by themselves.
async fn running(run: &Run<'_>, records: &Records) -> Result<Option<String>, Diagnostics> {
    let begun = records.get(&Component::CertManager).filter(|record| record.phase == Phase::Installing);
    let Some(record) = begun else { return Ok(None) };
    let (api_version, kind) = REPLICA_SET;
    let sets = run.kinds.list(api_version, kind, None).await.map_err(looked)?;
    Ok(running::version(&record.objects, &sets))
}

/// Refuses, before anything is changed, steps between versions that are not supported: from the one that was applied last, and from the one that runs.
fn check_steps(wished: &Wished, records: &Records, runs: Option<&str>) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::none();
    for component in &wished.wish.components {
        let Some(record) = records.get(component).filter(|record| record.phase != Phase::Left) else { continue };
        for (part, to) in wished.wish.versions_of(*component) {
            let applied = record.versions.get(&part).map(String::as_str);
            // What was begun already is gone on with, whatever runs.
            let is_begun = applied.is_some_and(|applied| minor(applied) == minor(&to));
            let runs = runs.filter(|_| *component == Component::CertManager && !is_begun);
            let refused = [applied, runs].into_iter().flatten().find_map(|from| check_step(&part, from, &to).err());
            if let Some(error) = refused {
                found.error("Version cannot be reached", format!("{error}."));
            }
        }
    }
    if found.has_errors() { Err(found) } else { Ok(()) }
}

/// The beginning of a version that a step is counted in.
fn minor(version: &str) -> (Option<&str>, Option<&str>) {
    let mut parts = version.trim_start_matches('v').split('.');
    (parts.next(), parts.next())
}

/// Where Cluster API is somebody else's and is left, its operator has nothing to do.
async fn left_together(run: &Run<'_>, wished: &Wished, records: &Records) -> Result<Vec<Component>, Diagnostics> {
    let is_own = records.get(&Component::ClusterApi).is_some_and(|record| record.phase != Phase::Left);
    let has_operator = records.get(&Component::ClusterApiOperator).is_some_and(|record| record.phase != Phase::Left);
    let is_wished = wished.wish.components.contains(&Component::ClusterApi);
    if is_own || has_operator || !is_wished || wished.wish.on_conflict == OnConflict::Adopt {
        return Ok(Vec::new());
    }
    let is_foreign = sign(run, Component::ClusterApi).await?.is_some();
    Ok(if is_foreign { vec![Component::ClusterApiOperator, Component::ClusterApi] } else { Vec::new() })
}

/// A definition by which an installation of somebody else's is known.
async fn sign(run: &Run<'_>, component: Component) -> Result<Option<AnyRef>, Diagnostics> {
    for name in component.signs() {
        let definition = AnyRef::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, name);
        let live = run.kinds.get(&definition).await.map_err(looked)?;
        if live.is_some_and(|live| !is_of(&live, component)) {
            return Ok(Some(definition));
        }
    }
    Ok(None)
}

/// Installs one component. Answers what is still waited for.
async fn install(
    run: &Run<'_>,
    wished: &Wished,
    component: Component,
    record: Option<&Inventory>,
    warnings: &mut Diagnostics,
) -> Result<Option<String>, Diagnostics> {
    let record = record.filter(|record| record.phase != Phase::Left);
    let mut made = make(run, wished, component, record).await?;
    let foreign = foreign(run, component, &made.objects, record).await?;
    if !foreign.is_empty() && wished.wish.on_conflict == OnConflict::Leave {
        if record.is_some() {
            return Err(conflict(component, &foreign));
        }
        leave(run, component, &foreign, warnings).await?;
        return Ok(None);
    }
    keep_namespaces_of_others(run, component, &mut made.objects, record).await?;
    let mut former = record.map(|record| super::run::references(&record.objects)).unwrap_or_default();
    former.extend(record.map(|record| record.former.clone()).unwrap_or_default());
    let mut inventory = Inventory {
        component,
        phase: Phase::Installing,
        versions: wished.wish.versions_of(component),
        settings: wished.wish.settings_of(component),
        checksums: made.checksums,
        former: outdated(&former, &made.objects),
        objects: made.objects,
    };
    run.write(&inventory).await?;
    for object in &inventory.objects {
        if let Ended::Early(seen) = apply_one(run, object).await? {
            return Ok(Some(seen));
        }
    }
    for object in inventory.objects.iter().filter(|object| ready::is_judged(object)) {
        if let Ended::Early(seen) = until_ready(run, object).await? {
            return Ok(Some(seen));
        }
    }
    for old in std::mem::take(&mut inventory.former) {
        let deleted = run.kinds.delete(&old, Propagation::Background).await;
        deleted.map_err(|error| failed("Cannot remove what the new version has no more", &error))?;
    }
    inventory.phase = Phase::Installed;
    run.write(&inventory).await?;
    Ok(None)
}

/// What a component is made of: as it is recorded, where neither version nor settings change, so that mending needs no source; else made anew.
async fn make(run: &Run<'_>, wished: &Wished, component: Component, record: Option<&Inventory>) -> Result<Made, Diagnostics> {
    let wish = &wished.wish;
    let files = wish.files(component);
    let is_same = |record: &&Inventory| {
        let same_files = files.iter().all(|file| match wished.checksum(&file.path) {
            Some(wanted) => record.checksums.get(&file.path).is_some_and(|found| found.eq_ignore_ascii_case(wanted)),
            None => record.checksums.contains_key(&file.path),
        });
        let has_secrets = record.objects.iter().any(|object| object.reference.kind == "Secret");
        same_files && !has_secrets && record.versions == wish.versions_of(component) && record.settings == wish.settings_of(component)
    };
    if let Some(record) = record.filter(|record| !files.is_empty() && is_same(record) && record.phase != Phase::Removing) {
        return Ok(Made { objects: record.objects.clone(), checksums: record.checksums.clone() });
    }
    let (mut texts, mut checksums) = (BTreeMap::new(), BTreeMap::new());
    for file in files {
        let begun = |why: &str| {
            Diagnostics::of_error(
                format!("Cannot get the manifests of {component}"),
                format!("{why} while {} was fetched. Apply again.", file.path),
            )
        };
        let fetched = tokio::select! {
            fetched = wished.releases.fetch(&file, wished.checksum(&file.path)) => fetched,
            () = run.stop.cancelled() => return Err(begun("The run was stopped")),
            () = tokio::time::sleep_until(run.deadline) => return Err(begun("The deadline passed")),
        };
        let fetched = fetched.map_err(|error| {
            Diagnostics::of_error(format!("Cannot get the manifests of {component}"), format!("{}. {}", error.report(), error.hint()))
        })?;
        checksums.insert(file.path.clone(), fetched.sha256);
        texts.insert(file.path, fetched.text);
    }
    let objects = wish
        .build(component, &texts)
        .map_err(|error| Diagnostics::of_error(format!("Cannot use the manifests of {component}"), format!("{}.", chain(&error))))?;
    Ok(Made { objects, checksums })
}

/// Which of the component's objects are there and somebody else's.
async fn foreign(
    run: &Run<'_>,
    component: Component,
    objects: &[AnyObject],
    record: Option<&Inventory>,
) -> Result<Vec<AnyRef>, Diagnostics> {
    let mut asked = Vec::new();
    for object in objects.iter().map(|object| &object.reference) {
        if !object.is_namespace() && !record.is_some_and(|record| record.holds(object)) {
            asked.push(object.clone());
        }
    }
    let mut there: Vec<(AnyRef, bool)> = Vec::new();
    for some in asked.chunks(AT_ONCE) {
        let looks = some.iter().cloned().map(|object| look(run.kinds.clone(), object, component));
        there.extend(try_join_all(looks).await.map_err(looked)?.into_iter().flatten());
    }
    let has_own = record.is_some() || there.iter().any(|(_, is_own)| *is_own);
    let mut foreign: Vec<AnyRef> = there.into_iter().filter(|(_, is_own)| !is_own).map(|(object, _)| object).collect();
    if foreign.is_empty() && !has_own {
        foreign.extend(sign(run, component).await?);
    }
    Ok(foreign)
}

/// Namespaces that were there before stay others': they are neither changed nor ever removed.
async fn keep_namespaces_of_others(
    run: &Run<'_>,
    component: Component,
    objects: &mut Vec<AnyObject>,
    record: Option<&Inventory>,
) -> Result<(), Diagnostics> {
    let mut others = Vec::new();
    for namespace in objects.iter().map(|object| &object.reference).filter(|object| object.is_namespace()) {
        let is_recorded = record.is_some_and(|record| record.holds(namespace));
        let live = run.kinds.get(namespace).await.map_err(looked)?;
        if !is_recorded && live.is_some_and(|live| !is_of(&live, component)) {
            others.push(namespace.clone());
        }
    }
    objects.retain(|object| !others.contains(&object.reference));
    Ok(())
}

async fn leave(run: &Run<'_>, component: Component, foreign: &[AnyRef], warnings: &mut Diagnostics) -> Result<(), Diagnostics> {
    let (versions, objects) = (BTreeMap::new(), Vec::new());
    let (settings, checksums, former) = (String::new(), BTreeMap::new(), Vec::new());
    run.write(&Inventory { component, phase: Phase::Left, versions, settings, checksums, objects, former }).await?;
    let by = foreign.first().map(|object| format!(": {object} is not this provider's")).unwrap_or_default();
    warnings.warning(
        format!("{component} is left as it is"),
        format!(
            "Somebody else has installed it in {}{by}. It is used, but neither upgraded, mended nor removed. To take it over, set on_conflict = \"adopt\" in \
             the install block; to hear no more of it, name it in without.",
            run.cluster.id()
        ),
    );
    Ok(())
}

fn conflict(component: Component, foreign: &[AnyRef]) -> Diagnostics {
    let names: Vec<String> = foreign.iter().take(5).map(ToString::to_string).collect();
    Diagnostics::of_error(
        format!("Objects of {component} are somebody else's"),
        format!(
            "This version brings objects that exist already and were not installed here: {}. Remove them, or set on_conflict = \"adopt\" in the install block \
             to take them over.",
            names.join(", ")
        ),
    )
}

/// Applies an object as soon as its kind is served and the webhooks that see it answer.
async fn apply_one(run: &Run<'_>, object: &AnyObject) -> Result<Ended, Diagnostics> {
    let mut patience = run.patience();
    loop {
        let seen = match run.kinds.apply(object).await {
            Ok(_) => return Ok(Ended::Done),
            // A new version may change what cannot be changed, such as a Deployment's selector: the object is made anew.
            Err(error) if is_immutable(&error) && is_renewable(&object.reference) => {
                if let Ended::Early(seen) = run.delete(&object.reference).await? {
                    return Ok(Ended::Early(seen));
                }
                error.report()
            }
            Err(error) if is_passing(&error) => error.report(),
            Err(error) => return Err(failed("Cannot install", &error)),
        };
        if let Some(early) = patience.pause(&object.reference, seen).await {
            return Ok(early);
        }
    }
}

fn is_immutable(error: &Error) -> bool {
    matches!(error, Error::Invalid { source, .. } if source.message.contains("immutable") || source.message.contains("cannot change roleRef"))
}

/// Kinds that hold nothing but what the manifest says.
fn is_renewable(object: &AnyRef) -> bool {
    matches!(object.kind.as_str(), "Deployment" | "DaemonSet" | "Job" | "RoleBinding" | "ClusterRoleBinding")
}

/// What passes while components start: kinds and namespaces that are just being made, webhooks whose pods are not there yet.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) || error.is_retryable()
}

async fn until_ready(run: &Run<'_>, object: &AnyObject) -> Result<Ended, Diagnostics> {
    let what = &object.reference;
    let mut patience = run.patience();
    loop {
        let seen = match run.kinds.get(what).await {
            Err(error) if error.is_retryable() => error.report(),
            live => {
                let live = live.map_err(looked)?;
                let Some(seen) = ready::pending(object, live.as_ref()) else { return Ok(Ended::Done) };
                if live.as_ref().is_some_and(ready::is_stalled) {
                    let detail = format!("{what} has given up: {seen}. Correct the cause, then apply again.");
                    return Err(Diagnostics::of_error("Cannot install", detail));
                }
                seen
            }
        };
        if let Some(early) = patience.pause(what, seen).await {
            return Ok(early);
        }
    }
}

/// Whether an object is there, and then whether it is the component's own.
async fn look(kinds: AnyKinds, object: AnyRef, component: Component) -> Result<Option<(AnyRef, bool)>, Error> {
    let live = kinds.get(&object).await?;
    Ok(live.map(|live| (object, is_of(&live, component))))
}

pub fn looked(error: Error) -> Diagnostics {
    failed("Cannot look at what is installed", &error)
}
