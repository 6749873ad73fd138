//! The ClusterClasses in a management cluster: which there can be, applying them and waiting for Cluster API, what differs, and removing them.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        cluster_class::{self, SHIPPED, User},
        drift,
        names::{MANAGED_BY, MANAGED_BY_LABEL, SYSTEM_NAMESPACE},
        object::{Kind, ObjectRef},
    },
    drivers::kubernetes::{Cluster, Error, Probe, Propagation, Waited},
    framework::diagnostic::Diagnostics,
    resources::{
        failure::{failed, failed_at},
        management_cluster::{install, look::Seen, model::ManagementCluster},
    },
};

/// The classes of one cluster, and until when it is waited for them.
pub struct Classes<'a> {
    pub cluster: &'a Cluster,
    pub deadline: Instant,
    pub stop: &'a CancellationToken,
}

/// The shipped classes that the cluster can have: all their kinds are served.
pub async fn possible(cluster: &Cluster, seen: &Seen) -> Result<BTreeSet<String>, Diagnostics> {
    let mut possible = BTreeSet::new();
    for class in SHIPPED {
        if seen.missing(cluster, class).await.map_err(looked)?.is_empty() {
            possible.insert(class.to_owned());
        }
    }
    Ok(possible)
}

/// That the cluster can have these classes; else what is to be installed for them.
pub async fn demand(cluster: &Cluster, seen: &Seen, classes: &BTreeSet<String>) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::none();
    for class in classes {
        let missing = seen.missing(cluster, class).await.map_err(looked)?;
        if missing.is_empty() {
            continue;
        }
        let installed_by: BTreeSet<&str> = missing.iter().map(|kind| cluster_class::installed_by(*kind)).collect();
        let kinds: Vec<String> = missing.iter().map(|kind| format!("{} ({})", kind.api().kind, kind.api().api_version())).collect();
        found.error_at(
            ManagementCluster::CLUSTER_CLASSES,
            "Cluster API is not complete",
            format!(
                "The class {class} needs kinds that {} does not serve: {}. Install {}, or take the class out of cluster_classes.",
                cluster.id(),
                kinds.join(", "),
                Vec::from_iter(installed_by).join("; ")
            ),
        );
    }
    if found.has_errors() { Err(found) } else { Ok(()) }
}

/// The shipped classes that are in the cluster and carry this provider's label.
pub async fn existing(cluster: &Cluster) -> Result<BTreeSet<String>, Diagnostics> {
    let classes = SHIPPED.map(cluster_class::class_ref);
    let objects = try_join_all(classes.iter().map(|class| live(cluster, class))).await.map_err(looked)?;
    let ours = objects.into_iter().zip(SHIPPED).filter(|(object, _)| object.as_ref().is_some_and(is_ours));
    Ok(ours.map(|(_, class)| class.to_owned()).collect())
}

/// One line for each field that differs, each object that is missing, and each class that Cluster API does not accept.
pub async fn drift(cluster: &Cluster, classes: &BTreeSet<String>) -> Result<Vec<String>, Diagnostics> {
    let wanted: Vec<_> = classes.iter().flat_map(|class| cluster_class::of(class)).collect();
    let objects = try_join_all(wanted.iter().map(|manifest| live(cluster, &manifest.object))).await.map_err(looked)?;
    let mut lines = Vec::new();
    for (manifest, object) in wanted.iter().zip(&objects) {
        lines.extend(drift::lines(manifest, object.as_ref()));
        if manifest.object.kind == Kind::ClusterClass
            && let Some(pending) = object.as_ref().and_then(cluster_class::pending)
        {
            lines.push(format!("{}: {pending}", manifest.object));
        }
    }
    Ok(lines)
}

impl Classes<'_> {
    /// Applies the classes with their templates and waits until Cluster API works with them. Answers what is still waited for, if the deadline passes.
    pub async fn apply(&self, classes: &BTreeSet<String>) -> Result<Option<String>, Diagnostics> {
        if classes.is_empty() {
            return Ok(None);
        }
        let refused = |error: Error| failed("Cannot apply the ClusterClasses", &error);
        let namespace = cluster_class::namespace();
        // A namespace that somebody else has made stays theirs.
        if self.cluster.get(&namespace.object).await.map_err(refused)?.is_none_or(|object| is_ours(&object)) {
            self.cluster.apply(&namespace).await.map_err(refused)?;
        }
        for manifest in classes.iter().flat_map(|class| cluster_class::of(class)) {
            self.cluster.apply(&manifest).await.map_err(refused)?;
        }
        for class in classes {
            if let Some(waiting) = self.until_accepted(&cluster_class::class_ref(class)).await? {
                return Ok(Some(waiting));
            }
        }
        self.drop_outdated(classes).await?;
        Ok(None)
    }

    async fn until_accepted(&self, class: &ObjectRef) -> Result<Option<String>, Diagnostics> {
        let probe = |found: Option<&Value>| match found.map(cluster_class::pending) {
            None => Probe::Pending("it does not exist".to_owned()),
            Some(None) => Probe::Done(()),
            Some(Some(pending)) => Probe::Pending(pending),
        };
        let waited = self.cluster.wait(class, self.deadline, self.stop, probe).await;
        Ok(early(class, waited.map_err(|error| failed("Cannot watch the ClusterClasses", &error))?))
    }

    /// Refuses to give up classes that Clusters are made from.
    pub async fn demand_unused(&self, classes: &BTreeSet<String>) -> Result<(), Diagnostics> {
        let clusters = self.clusters().await?;
        let mut found = Diagnostics::none();
        for class in classes {
            let users = cluster_class::users(&clusters, class);
            if !users.is_empty() {
                found.error_at(
                    ManagementCluster::CLUSTER_CLASSES,
                    "The ClusterClass is in use",
                    format!(
                        "{class} cannot be taken away: the Clusters {} are made from it. Destroy those tenants first, or leave the class in cluster_classes.",
                        named(&users)
                    ),
                );
            }
        }
        if found.has_errors() { Err(found) } else { Ok(()) }
    }

    /// Removes classes, with their templates except those that classes which are `kept` name.
    pub async fn remove(&self, classes: &BTreeSet<String>, kept: &BTreeSet<String>) -> Result<(), Diagnostics> {
        let refused = |error: Error| failed_at(ManagementCluster::CLUSTER_CLASSES, "Cannot remove the ClusterClasses", &error);
        for class in classes.iter().map(|class| cluster_class::class_ref(class)) {
            if self.cluster.delete(&class, Propagation::Background).await.map_err(refused)? {
                let waited = self.cluster.wait_gone(&class, self.deadline, self.stop).await.map_err(refused)?;
                if let Some(waiting) = early(&class, waited) {
                    return Err(Diagnostics::of_error("Cannot remove the ClusterClasses", format!("{waiting} Apply again to go on.")));
                }
            }
        }
        for template in cluster_class::outdated(&self.templates().await?, classes, kept) {
            self.cluster.delete(&template, Propagation::Background).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Removes what was made here, except the classes that Clusters are made from: those are told, and stay with the cluster.
    /// `with_installed`: with what `install {}` has installed, which another resource may have done.
    pub async fn remove_all(
        &self,
        classes: &BTreeSet<String>,
        with_installed: bool,
        warnings: &mut Diagnostics,
    ) -> Result<(), Diagnostics> {
        let clusters = self.clusters().await?;
        let users = |class: &String| cluster_class::users(&clusters, class);
        let (kept, unused): (BTreeSet<String>, BTreeSet<String>) = classes.iter().cloned().partition(|class| !users(class).is_empty());
        for class in &kept {
            warnings.warning(
                "A ClusterClass stays in the cluster",
                format!(
                    "{} is left in {}: the Clusters {} are made from it. Once they are gone, delete it together with the namespace {SYSTEM_NAMESPACE}.",
                    cluster_class::class_ref(class),
                    self.cluster.id(),
                    named(&users(class))
                ),
            );
        }
        self.remove(&unused, &kept).await?;
        if with_installed {
            let outcome = install::remove(self.cluster, self.deadline, self.stop).await?;
            warnings.extend(outcome.warnings);
            if let Some(waiting) = outcome.waiting {
                return Err(Diagnostics::of_error("What was installed is not gone yet", format!("{waiting} Destroy again to go on.")));
            }
        }
        if kept.is_empty() { self.remove_namespace(warnings).await } else { Ok(()) }
    }

    /// Removes the namespace if this provider made it and nothing of somebody else's is in it.
    async fn remove_namespace(&self, warnings: &mut Diagnostics) -> Result<(), Diagnostics> {
        let refused = |error: Error| failed("Cannot remove the namespace of the ClusterClasses", &error);
        let namespace = cluster_class::namespace().object;
        if !self.cluster.get(&namespace).await.map_err(refused)?.is_some_and(|object| is_ours(&object)) {
            return Ok(());
        }
        let left = self.others().await?;
        if !left.is_empty() {
            let detail = "was made by this provider, but holds what it did not make";
            warnings.warning("A namespace stays in the cluster", format!("{namespace} {detail}: {}.", left.join(", ")));
            return Ok(());
        }
        self.cluster.delete(&namespace, Propagation::Background).await.map_err(refused)?;
        let waited = self.cluster.wait_gone(&namespace, self.deadline, self.stop).await.map_err(refused)?;
        match early(&namespace, waited) {
            None => Ok(()),
            Some(waiting) => {
                Err(Diagnostics::of_error("The namespace is not gone yet", format!("{waiting} Destroy again to go on waiting.")))
            }
        }
    }

    /// What people put into namespaces and would miss.
    async fn others(&self) -> Result<Vec<String>, Diagnostics> {
        const MISSED: [Kind; 7] =
            [Kind::ClusterClass, Kind::Cluster, Kind::ConfigMap, Kind::Secret, Kind::Pod, Kind::Service, Kind::PersistentVolumeClaim];
        let mut left = Vec::new();
        for kind in MISSED.into_iter().chain(cluster_class::TEMPLATE_KINDS) {
            let objects = match self.cluster.list_metadata(kind, Some(SYSTEM_NAMESPACE), None).await {
                Err(Error::KindMissing { .. }) => continue,
                Err(Error::Forbidden { .. }) => {
                    left.push(format!("perhaps {} (this user may not list them)", kind.api().plural));
                    continue;
                }
                objects => objects.map_err(looked)?,
            };
            let names = objects.iter().filter_map(|object| object["metadata"]["name"].as_str());
            // Kubernetes puts this one into every namespace.
            let names = names.filter(|name| *name != "kube-root-ca.crt");
            left.extend(names.map(|name| format!("{} {name}", kind.api().kind)));
        }
        Ok(left)
    }

    /// Removes templates that no class names any more, unless a Cluster may still be moving away from them.
    async fn drop_outdated(&self, classes: &BTreeSet<String>) -> Result<(), Diagnostics> {
        let outdated = cluster_class::outdated(&self.templates().await?, classes, classes);
        if outdated.is_empty() {
            return Ok(());
        }
        let clusters = self.clusters().await?;
        for template in outdated {
            let moving = |class: &String| cluster_class::users(&clusters, class).iter().any(|user| !user.is_settled);
            if !classes.iter().any(|class| cluster_class::is_template_of(class, &template.name) && moving(class)) {
                let deleted = self.cluster.delete(&template, Propagation::Background).await;
                deleted.map_err(|error| failed("Cannot remove a template that no class names any more", &error))?;
            }
        }
        Ok(())
    }

    async fn clusters(&self) -> Result<Vec<Value>, Diagnostics> {
        match self.cluster.list(Kind::Cluster, None, None).await {
            Err(Error::KindMissing { .. } | Error::NotFound { .. }) => Ok(Vec::new()),
            clusters => clusters.map_err(looked),
        }
    }

    /// The templates that carry this provider's label.
    async fn templates(&self) -> Result<Vec<ObjectRef>, Diagnostics> {
        let ours = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
        let mut found = Vec::new();
        for kind in cluster_class::TEMPLATE_KINDS {
            let objects = match self.cluster.list_metadata(kind, Some(SYSTEM_NAMESPACE), Some(&ours)).await {
                Err(Error::KindMissing { .. } | Error::NotFound { .. }) => continue,
                objects => objects.map_err(looked)?,
            };
            let names = objects.iter().filter_map(|object| object["metadata"]["name"].as_str());
            found.extend(names.map(|name| ObjectRef::namespaced(kind, SYSTEM_NAMESPACE, name)));
        }
        Ok(found)
    }
}

/// The object as it is; None also where its kind is not served.
async fn live(cluster: &Cluster, object: &ObjectRef) -> Result<Option<Value>, Error> {
    match cluster.get(object).await {
        Err(Error::KindMissing { .. }) => Ok(None),
        found => found,
    }
}

fn is_ours(object: &Value) -> bool {
    object["metadata"]["labels"][MANAGED_BY_LABEL] == MANAGED_BY
}

fn named(users: &[User]) -> String {
    users.iter().map(|user| user.cluster.as_str()).collect::<Vec<_>>().join(", ")
}

/// What is said of a wait that did not reach its end.
fn early(object: &ObjectRef, waited: Waited<()>) -> Option<String> {
    match waited {
        Waited::Done(()) => None,
        Waited::DeadlinePassed { last_seen } => Some(format!("The deadline passed while waiting for {object}: {last_seen}.")),
        Waited::Stopped { last_seen } => Some(format!("The run was stopped while waiting for {object}: {last_seen}.")),
    }
}

fn looked(error: Error) -> Diagnostics {
    failed("Cannot look at the ClusterClasses", &error)
}
