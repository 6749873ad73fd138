//! What happened to objects on several API servers, in one order: those of a lab keep their objects in one etcd, whose revisions number every change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kaas_lab::client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, WatchEvent, WatchParams};
use serde_json::Value;

/// How long what happened last may take to be told.
const TOLD: Duration = Duration::from_secs(1);

/// How soon a server is asked again that does not answer.
const AGAIN: Duration = Duration::from_millis(200);

/// Which objects: those of a kind, in a namespace or in none.
#[derive(Clone)]
pub struct Watched {
    pub kubeconfig: PathBuf,
    pub api: (&'static str, &'static str, &'static str),
    pub namespace: Option<String>,
}

/// One change of an object.
#[derive(Clone, Debug)]
pub struct Change {
    pub revision: u64,
    pub kind: &'static str,
    pub name: String,
    /// None: it was deleted.
    pub object: Option<Value>,
}

/// Looks on from the moment it is made.
pub struct History {
    changes: Arc<Mutex<Vec<Change>>>,
    _runtime: tokio::runtime::Runtime,
}

impl History {
    pub fn of(watched: Vec<Watched>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let changes = Arc::new(Mutex::new(Vec::new()));
        for one in watched {
            let (began, begun) = std::sync::mpsc::channel();
            runtime.spawn(look_on(one, changes.clone(), began));
            begun.recv().unwrap();
        }
        Self { changes, _runtime: runtime }
    }

    /// Everything so far, in its order.
    pub fn so_far(&self) -> Vec<Change> {
        std::thread::sleep(TOLD);
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        changes.sort_by_key(|change| change.revision);
        changes
    }
}

async fn look_on(watched: Watched, changes: Arc<Mutex<Vec<Change>>>, began: std::sync::mpsc::Sender<()>) {
    let (group, version, kind) = watched.api;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let client = client(&watched.kubeconfig).await.unwrap();
    let api: Api<DynamicObject> = match &watched.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let note = |object: DynamicObject, there: bool| {
        let revision = object.metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap();
        let name = object.metadata.name.clone().unwrap();
        let object = there.then(|| serde_json::to_value(object).unwrap());
        changes.lock().unwrap_or_else(PoisonError::into_inner).push(Change { revision, kind, name, object });
    };
    let list = api.list(&ListParams::default()).await.unwrap();
    let mut since = list.metadata.resource_version.unwrap();
    list.items.into_iter().for_each(|object| note(object, true));
    began.send(()).unwrap();
    loop {
        // Each watch ends after some minutes, or with its server, and the next goes on from what was seen last.
        let Ok(told) = api.watch(&WatchParams::default(), &since).await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let mut told = told.boxed();
        while let Some(Ok(event)) = told.next().await {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    since = object.metadata.resource_version.clone().unwrap();
                    note(object, true);
                }
                WatchEvent::Deleted(object) => {
                    since = object.metadata.resource_version.clone().unwrap();
                    note(object, false);
                }
                WatchEvent::Bookmark(bookmark) => since = bookmark.metadata.resource_version,
                WatchEvent::Error(error) => panic!("the history of {kind} breaks off: {error:?}"),
            }
        }
    }
}

/// The first change of a kind's object that is as asked.
pub fn first<'a>(changes: &'a [Change], kind: &str, is: impl Fn(&Value) -> bool) -> &'a Change {
    let found = changes.iter().find(|change| change.kind == kind && change.object.as_ref().is_some_and(&is));
    found.unwrap_or_else(|| panic!("no {kind} was ever as asked"))
}

/// The objects of a kind as they were right before a change.
pub fn before<'a>(changes: &'a [Change], kind: &str, change: &Change) -> Vec<&'a Value> {
    let mut there = BTreeMap::new();
    for earlier in changes.iter().filter(|earlier| earlier.kind == kind && earlier.revision < change.revision) {
        there.insert(&earlier.name, earlier.object.as_ref());
    }
    there.into_values().flatten().collect()
}
