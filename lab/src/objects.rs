//! Everything a Kubernetes holds, by name: the proof that nothing is left is that the list is as it was before.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, PartialObjectMeta};
use kube::discovery::{Discovery, verbs};

use crate::{interrupt, kubernetes};

/// Kinds that come and go by themselves: records of what happened, who leads, and what the API server notes of its own APIs.
const PASSING: [&str; 6] = ["Event", "Lease", "APIService", "ComponentStatus", "FlowSchema", "PriorityLevelConfiguration"];

/// Of a kind that nobody has asked for yet the API server says to come again in a second (429, "storage is (re)initializing"), so kinds wait together.
const AT_ONCE: usize = 32;

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
        let mut lists = Vec::new();
        for (kind, can) in discovery.groups().flat_map(|group| group.recommended_resources()) {
            if can.supports_operation(verbs::LIST) && !PASSING.contains(&kind.kind.as_str()) {
                lists.push(named(client.clone(), kind));
            }
        }
        let found: Vec<Vec<String>> = stream::iter(lists).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    })
}

/// All objects of one kind.
async fn named(client: Client, kind: ApiResource) -> Result<Vec<String>> {
    let api: Api<DynamicObject> = Api::all_with(client, &kind);
    let listed = api.list_metadata(&ListParams::default()).await.with_context(|| format!("list every {}", kind.kind))?;
    let name = |object: PartialObjectMeta<DynamicObject>| {
        let place = object.metadata.namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
        format!("{} {place}{}", kind.kind, object.metadata.name.unwrap_or_default())
    };
    Ok(listed.into_iter().map(name).collect())
}
