//! Whose a tenant is: its namespace is made before all else, an unfinished one is gone on with by its owner, and one run alone may finish it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    domain::{
        manifests,
        names::{MANAGED_BY_LABEL, OWNER_ANNOTATION, PHASE_ANNOTATION, Phase, RUN_ANNOTATION, TENANT_LABEL},
        object::{Kind, Manifest, ObjectRef},
        tenant::TenantSpec,
    },
    drivers::kubernetes::{Cluster, Error, Waited},
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        failure::failed,
        tenant::{id, model::Tenant, outside, prepare::Prepared, read},
    },
};

/// Between two tries to make a namespace whose first try got lost.
const PAUSE: Duration = Duration::from_millis(500);

/// Summary of the error that ends the run which lost its beginning to another.
pub const TAKEN_OVER: &str = "Another run makes this tenant";

/// The right of one run to finish a tenant. Written on the namespace; the last to write it has it.
pub struct Claim(String);

impl Claim {
    fn new() -> Self {
        Self(format!("{:016x}", RandomState::new().build_hasher().finish()))
    }

    /// The namespace in a phase, as this run's and to be applied only over the version of it that was looked at.
    fn over(&self, seen: &Value, mut namespace: Manifest) -> Manifest {
        let metadata = &mut namespace.body["metadata"];
        metadata["resourceVersion"] = seen["metadata"]["resourceVersion"].clone();
        metadata["annotations"][RUN_ANNOTATION] = self.0.clone().into();
        namespace
    }

    /// Notes that the tenant was made, unless another run took the beginning over: one state at most may come to hold a tenant. Returns the namespace.
    pub async fn finish(&self, cluster: &Cluster, created: &Manifest) -> Result<Value, Diagnostics> {
        let refused = |error: Error| failed("Cannot note that the tenant was made", &error);
        loop {
            let seen = cluster.get(&created.object).await.map_err(refused)?.unwrap_or_default();
            let annotations = &seen["metadata"]["annotations"];
            if annotations[RUN_ANNOTATION].as_str() != Some(&self.0) {
                return Err(lost(&created.object));
            }
            if annotations[PHASE_ANNOTATION] == Phase::Created.as_str() {
                // Noted already, by a request whose answer got lost.
                return Ok(seen);
            }
            match cluster.apply(&self.over(&seen, created.clone())).await {
                Err(Error::Conflict { .. }) => {}
                noted => return noted.map_err(refused),
            }
        }
    }
}

fn lost(namespace: &ObjectRef) -> Diagnostics {
    Diagnostics::of_error(
        TAKEN_OVER,
        format!(
            "{namespace} was taken over, while this run waited, by another run of the same owner that makes a tenant of this name, or was deleted. The other run \
             will hold the tenant in its state, so this one does not. If the runs are of different configurations, choose another name, and give each \
             configuration its own owner in the provider block."
        ),
    )
}

/// Makes the namespace before all else; an existing one is only taken if it is this owner's own unfinished beginning.
pub async fn claim(prepared: &Prepared, planned: &Tenant, call: &Call) -> Result<Claim, Diagnostics> {
    let Prepared { cluster, spec, deadline, .. } = prepared;
    let summary = "Cannot make the tenant's namespace";
    let claim = Claim::new();
    let beginning = manifests::namespace(spec, Phase::Creating);
    let manifest = minimal(&beginning);
    loop {
        let (existing, is_new) = match cluster.create(&manifest).await {
            Ok(made) => (made, true),
            Err(refused @ (Error::AlreadyExists { .. } | Error::Cut { .. } | Error::TimedOut { .. })) => {
                match cluster.get(&manifest.object).await.map_err(|error| failed(summary, &error))? {
                    Some(existing) => (existing, false),
                    None if call.stop.is_cancelled() || Instant::now() + PAUSE >= *deadline => return Err(failed(summary, &refused)),
                    None => {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                }
            }
            Err(error) => return Err(failed(summary, &error)),
        };
        if !existing["metadata"]["deletionTimestamp"].is_null() {
            await_end(cluster, &manifest.object, *deadline, call).await?;
            continue;
        }
        if !is_new && !is_beginning(&existing, spec) {
            return Err(taken(&existing, spec, planned));
        }
        // The wish that is written now may tell other names than the one that an earlier try has written records by.
        let untold = prepared.names_to_note(true);
        let existing = if untold.is_empty() { existing } else { outside::note(cluster, &spec.name, &untold).await? };
        match cluster.apply(&claim.over(&existing, beginning.clone())).await {
            Ok(_) => return Ok(claim),
            // Somebody changed it in between: perhaps it is finished now.
            Err(Error::Conflict { .. }) if Instant::now() < *deadline => {}
            Err(error) => return Err(failed(summary, &error)),
        }
    }
}

/// Whether a namespace is this owner's unfinished beginning of the tenant.
pub fn is_beginning(namespace: &Value, spec: &TenantSpec) -> bool {
    let metadata = &namespace["metadata"];
    let annotation = |name: &str| metadata["annotations"][name].as_str().unwrap_or_default();
    let ours = metadata["labels"][TENANT_LABEL].as_str() == Some(spec.name.as_str()) && annotation(OWNER_ANNOTATION) == spec.owner;
    ours && Phase::parse(annotation(PHASE_ANNOTATION)) == Some(Phase::Creating)
}

/// The namespace with no more than claims it. The rest is applied afterwards: what a create sets, a later apply could not take away again.
fn minimal(namespace: &Manifest) -> Manifest {
    let mut claim = namespace.clone();
    let metadata = &namespace.body["metadata"];
    let kept =
        |group: &str, names: &[&str]| -> Value { names.iter().map(|name| ((*name).to_owned(), metadata[group][*name].clone())).collect() };
    claim.body["metadata"]["labels"] = kept("labels", &[MANAGED_BY_LABEL, TENANT_LABEL]);
    claim.body["metadata"]["annotations"] = kept("annotations", &[OWNER_ANNOTATION, PHASE_ANNOTATION]);
    claim
}

pub async fn applied(cluster: &Cluster, manifest: &Manifest) -> Result<(), Diagnostics> {
    cluster.apply(manifest).await.map(|_| ()).map_err(|error| failed("Cannot apply the tenant", &error))
}

/// Waits until a namespace that is on its way out is gone.
async fn await_end(cluster: &Cluster, namespace: &ObjectRef, deadline: Instant, call: &Call) -> Result<(), Diagnostics> {
    let summary = "The tenant's namespace is still being deleted";
    match cluster.wait_gone(namespace, deadline, &call.stop).await.map_err(|error| failed(summary, &error))? {
        Waited::Done(()) => Ok(()),
        Waited::DeadlinePassed { last_seen } | Waited::Stopped { last_seen } => Err(Diagnostics::of_error(
            summary,
            format!("{namespace} is left from an earlier tenant of this name, and {last_seen}. Apply again when it is gone."),
        )),
    }
}

/// Why an existing namespace is not taken over, and what to do.
fn taken(existing: &Value, spec: &TenantSpec, planned: &Tenant) -> Diagnostics {
    let namespace = spec.name.namespace();
    let id = id(planned).into_known().unwrap_or_else(|| spec.name.to_string());
    let metadata = &existing["metadata"];
    let detail = if !read::is_own(existing, &spec.name) {
        format!(
            "A namespace {namespace} exists and was not made by this provider. Choose another name for the tenant, or remove that namespace."
        )
    } else {
        let owner = metadata["annotations"][OWNER_ANNOTATION].as_str().unwrap_or("unknown");
        format!(
            "The tenant {} exists already, made by the owner {owner:?} (this provider's owner is {:?}). Choose another name, or take it over with: terraform \
             import <address of this resource> {id}",
            spec.name, spec.owner
        )
    };
    let mut found = Diagnostics::none();
    found.error_at(Tenant::NAME, "Name already taken", detail);
    found
}

/// That the namespace is still there and this tenant's.
pub async fn own(prepared: &Prepared, call: &Call) -> Result<(), Diagnostics> {
    let namespace = ObjectRef::global(Kind::Namespace, prepared.spec.name.namespace());
    let existing = prepared.cluster.get(&namespace).await.map_err(|error| failed("Cannot look at the tenant", &error))?;
    let own = |existing: &Value| read::is_own(existing, &prepared.spec.name) && !read::is_anothers(existing, &prepared.spec.owner, call);
    match existing.filter(own) {
        Some(existing) if existing["metadata"]["deletionTimestamp"].is_null() => Ok(()),
        Some(existing) => Err(Diagnostics::of_error(
            "The tenant is being deleted",
            format!(
                "{namespace} is being deleted since {}, so nothing in it can be changed. Wait until it is gone and plan again: the tenant will be made anew.",
                existing["metadata"]["deletionTimestamp"].as_str().unwrap_or_default()
            ),
        )),
        None => Err(Diagnostics::of_error(
            "The tenant is gone",
            format!(
                "{namespace} was deleted, or belongs to another tenant now, since the plan was made. Plan again: the tenant will be made anew."
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        domain::tenant::tests::{PAYMENTS, tenant},
        drivers::kubernetes::tests::{Log, Reply, server, status},
    };

    /// A server whose namespace is in the hands of these runs, one look after the other, and which answers these codes to what is applied.
    async fn finish(runs: &'static [(&'static str, &'static str)], codes: &'static [u16]) -> (Result<Value, Diagnostics>, Log) {
        let (looks, writes) = (std::sync::atomic::AtomicUsize::new(0), std::sync::atomic::AtomicUsize::new(0));
        let next = |count: &std::sync::atomic::AtomicUsize| count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let (cluster, log) = server(move |line, _| match line {
            line if line.starts_with("GET") => {
                let look = next(&looks);
                let (run, phase) = runs[look];
                let annotations = json!({ RUN_ANNOTATION: run, PHASE_ANNOTATION: phase });
                Reply::Json(
                    200,
                    json!({ "metadata": { "name": "kaas-payments", "resourceVersion": look.to_string(), "annotations": annotations } }),
                )
            }
            _ => match codes[next(&writes)] {
                409 => Reply::Json(409, status(409, "Conflict", "changed", "kaas-payments")),
                code => Reply::Json(code, json!({})),
            },
        });
        let created = manifests::namespace(&tenant(PAYMENTS), Phase::Created);
        (Claim("mine".to_owned()).finish(&cluster, &created).await, log)
    }

    #[tokio::test]
    async fn only_the_run_that_claimed_a_beginning_last_may_finish_it() {
        let (ended, log) = finish(&[("other", "creating")], &[]).await;
        assert_eq!(ended.unwrap_err().iter().next().unwrap().summary, TAKEN_OVER);
        assert_eq!(log.matching("PATCH"), 0);
        let (ended, log) = finish(&[("mine", "creating"), ("other", "creating")], &[409]).await;
        assert_eq!(ended.unwrap_err().iter().next().unwrap().summary, TAKEN_OVER);
        assert_eq!(log.matching("PATCH"), 1);
    }

    #[tokio::test]
    async fn a_namespace_that_others_change_meanwhile_is_noted_over_its_newest_version() {
        let (ended, log) = finish(&[("mine", "creating"), ("mine", "creating")], &[409, 200]).await;
        ended.unwrap();
        let versions: Vec<bool> =
            log.bodies("PATCH").iter().zip(["0", "1"]).map(|(body, version)| body["metadata"]["resourceVersion"] == version).collect();
        assert_eq!(versions, [true, true]);
        let (ended, log) = finish(&[("mine", "creating"), ("mine", "created")], &[409]).await;
        ended.unwrap();
        assert_eq!(log.matching("PATCH"), 1, "what got through without an answer is not done again");
    }
}
