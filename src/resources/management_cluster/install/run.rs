//! One run over the components of a cluster: its records, and waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        cluster_class,
        install::{
            COMPONENT_LABEL, Component,
            inventory::{Inventory, RECORD_LABEL},
            object::{AnyObject, AnyRef},
        },
        names::SYSTEM_NAMESPACE,
        object::Kind,
        releases::mirror,
    },
    drivers::kubernetes::{AnyKinds, Cluster, Error, Propagation},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

/// How many requests are under way at a time.
pub const AT_ONCE: usize = 8;
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// The cluster that is worked on, and until when.
pub struct Run<'a> {
    pub cluster: &'a Cluster,
    pub kinds: AnyKinds,
    pub deadline: Instant,
    pub stop: &'a CancellationToken,
}

/// How something that had to be waited for ended.
pub enum Ended {
    Done,
    /// What was last seen.
    Early(String),
}

impl<'a> Run<'a> {
    pub fn new(cluster: &'a Cluster, deadline: Instant, stop: &'a CancellationToken) -> Self {
        Self { cluster, kinds: AnyKinds::of(cluster), deadline, stop }
    }

    /// What is recorded of each component.
    pub async fn records(&self) -> Result<BTreeMap<Component, Inventory>, Diagnostics> {
        records(self.cluster).await
    }

    /// Writes a record.
    pub async fn write(&self, inventory: &Inventory) -> Result<(), Diagnostics> {
        let refused = |error: Error| failed("Cannot record the installation", &error);
        self.namespace().await?;
        let manifest = inventory.manifest().map_err(|error| Diagnostics::of_error("Cannot record the installation", chain(&error)))?;
        self.cluster.apply(&manifest).await.map_err(refused)?;
        Ok(())
    }

    /// Keeps, for the clusters of tenants, which registry all comes from; None: from none of the site's own.
    pub async fn keep_mirror(&self, registry: Option<&str>) -> Result<(), Diagnostics> {
        let refused = |error: Error| failed("Cannot keep the mirror for the clusters of tenants", &error);
        let kept = self.cluster.get(&mirror::record()).await.map_err(refused)?;
        match registry {
            Some(registry) if kept.as_ref().and_then(mirror::registry).as_deref() == Some(registry) => {}
            Some(registry) => {
                self.namespace().await?;
                self.cluster.apply(&mirror::manifest(registry)).await.map_err(refused)?;
            }
            None if kept.is_some() => {
                self.cluster.delete(&mirror::record(), Propagation::Background).await.map_err(refused)?;
            }
            None => {}
        }
        Ok(())
    }

    /// The provider's own namespace, which is made where it is missing.
    async fn namespace(&self) -> Result<(), Diagnostics> {
        let refused = |error: Error| failed("Cannot record the installation", &error);
        let namespace = cluster_class::namespace();
        if self.cluster.get(&namespace.object).await.map_err(refused)?.is_none() {
            self.cluster.apply(&namespace).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Waits for one thing from now on.
    pub fn patience(&self) -> Patience<'_> {
        Patience { run: self, pause: if cfg!(test) { Duration::from_millis(1) } else { Duration::from_millis(300) } }
    }

    /// Deletes an object and waits until it is gone.
    pub async fn delete(&self, object: &AnyRef) -> Result<Ended, Diagnostics> {
        let refused = |error: Error| failed("Cannot remove what was installed", &error);
        if !self.kinds.delete(object, Propagation::Background).await.map_err(refused)? {
            return Ok(Ended::Done);
        }
        self.gone(object).await
    }

    /// Waits until an object is gone.
    pub async fn gone(&self, object: &AnyRef) -> Result<Ended, Diagnostics> {
        let refused = |error: Error| failed("Cannot see what is removed", &error);
        let mut patience = self.patience();
        loop {
            let Some(found) = self.kinds.get(object).await.map_err(refused)? else { return Ok(Ended::Done) };
            if let Some(early) = patience.pause(object, what_holds(&found)).await {
                return Ok(early);
            }
        }
    }
}

/// The pauses between two looks at one thing, growing.
pub struct Patience<'a> {
    run: &'a Run<'a>,
    pause: Duration,
}

impl Patience<'_> {
    /// Some when the time is over: what was last seen.
    pub async fn pause(&mut self, what: &AnyRef, seen: String) -> Option<Ended> {
        let run = self.run;
        if run.stop.is_cancelled() {
            return Some(Ended::Early(format!("The run was stopped while waiting for {what}: {seen}.")));
        }
        if Instant::now() + self.pause > run.deadline {
            return Some(Ended::Early(format!("The deadline passed while waiting for {what}: {seen}.")));
        }
        tokio::select! {
            () = run.stop.cancelled() => {}
            () = tokio::time::sleep(self.pause) => {}
        }
        self.pause = (self.pause * 3 / 2).min(PAUSE_MAX);
        None
    }
}

/// What is recorded of each component in a cluster.
pub async fn records(cluster: &Cluster) -> Result<BTreeMap<Component, Inventory>, Diagnostics> {
    let listed = cluster.list(Kind::ConfigMap, Some(SYSTEM_NAMESPACE), Some(&format!("{RECORD_LABEL}=true"))).await;
    let listed = listed.map_err(|error| failed("Cannot look at what is installed", &error))?;
    let mut records = BTreeMap::new();
    for config_map in listed.iter().filter(|object| object["metadata"]["labels"][RECORD_LABEL] == "true") {
        let inventory = Inventory::read(config_map).map_err(|error| {
            let way_out = "It was changed by hand: delete it and apply again, with on_conflict = \"adopt\".";
            Diagnostics::of_error("Cannot read what is installed", format!("{}. {way_out}", chain(&error)))
        })?;
        records.insert(inventory.component, inventory);
    }
    Ok(records)
}

/// Whether an object as it is in the cluster carries a component's mark.
pub fn is_of(live: &Value, component: Component) -> bool {
    live["metadata"]["labels"][COMPONENT_LABEL] == component.name()
}

pub fn references(objects: &[AnyObject]) -> Vec<AnyRef> {
    objects.iter().map(|object| object.reference.clone()).collect()
}

/// An error with its causes in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn what_holds(object: &Value) -> String {
    let finalizers: Vec<&str> = object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let told: Vec<&str> = conditions
        .filter(|condition| object["kind"] == "Namespace" && condition["status"] == "True" || condition["type"] == "Ready")
        .filter_map(|condition| condition["message"].as_str().filter(|message| !message.is_empty()))
        .collect();
    let held = if finalizers.is_empty() { String::new() } else { format!(", held by the finalizers {}", finalizers.join(", ")) };
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join("; ")) };
    format!("it is being deleted{held}{told}")
}
