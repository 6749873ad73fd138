//! Everything a Kubernetes holds, by name: the proof that nothing is left is that the list is as it was before.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kube::api::{Api, DynamicObject, ListParams};
use kube::discovery::{Discovery, verbs};

use crate::{interrupt, kubernetes};

/// Kinds that come and go by themselves: records of what happened, who leads, and what the API server notes of its own APIs.
const PASSING: [&str; 6] = ["Event", "Lease", "APIService", "ComponentStatus", "FlowSchema", "PriorityLevelConfiguration"];

/// How long a new cluster may take to make its own objects.
const SETTLE: Duration = Duration::from_secs(30);

/// As [`all`], once a new cluster's controllers have made what they make in every cluster: two lists a second apart are equal.
///
/// # Errors
/// When the lists do not become equal in time, or as [`all`].
pub fn settled(kubeconfig: &Path) -> Result<BTreeSet<String>> {
    let started = Instant::now();
    let mut last = all(kubeconfig)?;
    loop {
        interrupt::check()?;
        std::thread::sleep(Duration::from_secs(1));
        let now = all(kubeconfig)?;
        if now == last {
            return Ok(now);
        }
        if started.elapsed() > SETTLE {
            let changing: Vec<&String> = now.symmetric_difference(&last).collect();
            bail!("the objects of the cluster still change after {} s: {changing:?}", SETTLE.as_secs());
        }
        last = now;
    }
}

/// All objects of the cluster as `Kind namespace/name` or `Kind name`.
///
/// # Errors
/// When the cluster does not answer.
pub fn all(kubeconfig: &Path) -> Result<BTreeSet<String>> {
    kubernetes::block_on(async {
        let client = kubernetes::client(kubeconfig).await?;
        let discovery = Discovery::new(client.clone()).run().await.context("ask the API server what it serves")?;
        let mut found = BTreeSet::new();
        for (kind, capabilities) in discovery.groups().flat_map(|group| group.recommended_resources()) {
            if !capabilities.supports_operation(verbs::LIST) || PASSING.contains(&kind.kind.as_str()) {
                continue;
            }
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
            let listed = api.list_metadata(&ListParams::default()).await.with_context(|| format!("list every {}", kind.kind))?;
            for object in listed {
                let name = object.metadata.name.unwrap_or_default();
                let place = object.metadata.namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
                found.insert(format!("{} {place}{name}", kind.kind));
            }
        }
        Ok(found)
    })
}
