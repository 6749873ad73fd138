//! What of an installation is not as it was installed, from the records in the cluster alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::run::records;
use crate::{
    domain::install::{
        COMPONENT_LABEL, Component, Wish,
        inventory::{Inventory, Phase},
        object::AnyRef,
        ready,
    },
    domain::releases::mirror,
    drivers::kubernetes::{AnyKinds, Cluster, Error},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

/// A line for each field that differs, each object that is missing or not ready, and each component that is not installed to its end.
pub async fn drift(cluster: &Cluster, wish: &Wish) -> Result<Vec<String>, Diagnostics> {
    let records = records(cluster).await?;
    let mut lines = Vec::new();
    let kept = cluster.get(&mirror::record()).await.map_err(looked)?.as_ref().and_then(mirror::registry);
    if kept != wish.image_registry {
        let shown = |registry: &Option<String>| registry.clone().unwrap_or_else(|| "none".to_owned());
        lines.push(format!("the registry kept for the clusters of tenants is {}, should be {}", shown(&kept), shown(&wish.image_registry)));
    }
    for component in Component::ALL {
        let is_wished = wish.components.contains(&component);
        match records.get(&component) {
            None if is_wished => lines.push(format!("{component} is not installed")),
            Some(record) if !is_wished && record.phase != Phase::Left => lines.push(format!("{component} is not removed yet")),
            Some(record) if record.phase == Phase::Installing => lines.push(format!("{component} is not installed to its end yet")),
            Some(record) if record.phase == Phase::Removing => lines.push(format!("{component} is half removed")),
            None | Some(_) => {}
        }
    }
    let recorded: Vec<&Inventory> = records.values().filter(|record| record.phase != Phase::Left).collect();
    let kinds = AnyKinds::of(cluster);
    let live = live(&kinds, &recorded).await.map_err(looked)?;
    for object in recorded.iter().flat_map(|record| &record.objects) {
        let found = match live.get(&object.reference) {
            Some(found) => Some(found.clone()),
            // It may have lost the label by which it is listed.
            None => kinds.get(&object.reference).await.map_err(looked)?,
        };
        lines.extend(ready::drift_lines(object, found.as_ref()));
        if let (Some(pending), Some(_)) = (ready::pending(object, found.as_ref()), &found) {
            lines.push(format!("{}: {pending}", object.reference));
        }
    }
    Ok(lines)
}

/// Everything that carries a component's mark, with one list for each kind.
async fn live(kinds: &AnyKinds, recorded: &[&Inventory]) -> Result<BTreeMap<AnyRef, Value>, Error> {
    let all = recorded.iter().flat_map(|record| &record.objects);
    let listed: BTreeSet<(&str, &str)> =
        all.map(|object| (object.reference.api_version.as_str(), object.reference.kind.as_str())).collect();
    let mut found = BTreeMap::new();
    for (api_version, kind) in listed {
        for object in kinds.list(api_version, kind, Some(COMPONENT_LABEL)).await? {
            let metadata = &object["metadata"];
            let name = metadata["name"].as_str().unwrap_or_default();
            found.insert(AnyRef::new(api_version, kind, metadata["namespace"].as_str(), name), object);
        }
    }
    Ok(found)
}

fn looked(error: Error) -> Diagnostics {
    failed("Cannot look at what is installed", &error)
}
