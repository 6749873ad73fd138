//! Programs in a tenant's own cluster that its Kafka does without: nothing waits for them, and what ails them is a warning.

use serde_json::{Value as Json, json};

use super::{
    own_cluster::{all_well_but, hard, well, wish},
    plan, state,
};
use crate::{
    domain::{manifests, names::Phase, object::Kind, releases::Component, sizing::size},
    framework::parts::Call,
    resources::{
        connection::Connection,
        tenant::{apply, home, parse},
    },
};

/// The object of that name, of which Flux says that it is not installed.
fn ailing(name: &str, wish: &str) -> Json {
    let mut release = well("helmreleases", name, wish);
    release["status"]["conditions"] =
        json!([{ "type": "Ready", "status": "False", "observedGeneration": 1, "reason": "InstallFailed", "message": "no such chart" }]);
    release["status"]["history"] = json!([]);
    release
}

#[tokio::test]
async fn an_apply_does_not_wait_for_the_drain_cleaner() {
    let before = state(&hard(3, "m7g.2xlarge"));
    let after = plan(&hard(6, "m7g.2xlarge"), Some(&before)).tenant;
    let had = wish(&before);
    let (cluster, _) = all_well_but(had.clone(), "", 3, 6, move |line| {
        let is_its = line.contains("/helmreleases") && line.contains(Component::DrainCleaner.name()) && line.starts_with("GET");
        let list = |item: Json| json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": "1" }, "items": [item] });
        (is_its && !line.contains("watch=")).then(|| list(ailing(Component::DrainCleaner.name(), &had)))
    });
    let connection = Connection::to(cluster.clone()).with_own_cluster("payments", cluster);
    let made = apply::update(&connection, before, after, &mut Call::default()).await.map_err(|failed| failed.diagnostics).unwrap();
    assert_eq!(made.status.known().unwrap().phase, "Ready".into());
}

#[test]
fn what_ails_it_is_a_warning_and_what_ails_another_is_told_by_the_status() {
    let tenant = hard(3, "m7g.2xlarge");
    let spec = parse::spec(&tenant, &Connection::default().settings()).unwrap();
    let sizing = size(&spec.wish, &spec.overrides, None).unwrap();
    let found = |ails: Component| {
        let mut call = Call::default();
        let mut wanted = manifests::home(&spec, &sizing);
        wanted.insert(0, manifests::namespace(&spec, Phase::Created));
        let is_it = |name: &str| name == ails.name();
        let live = |name: &str| if is_it(name) { ailing(name, "") } else { well("helmreleases", name, "") };
        let objects: Vec<_> = wanted
            .into_iter()
            .map(|manifest| {
                let live = live(&manifest.object.name);
                (manifest, Some(live))
            })
            .collect();
        assert!(objects.iter().any(|(manifest, _)| manifest.object.kind == Kind::HelmRelease && is_it(&manifest.object.name)));
        let trouble = home::trouble(&spec, &objects, &mut call);
        (trouble.map(|trouble| trouble.message), call.found.iter().map(|told| told.detail.clone()).collect::<Vec<_>>())
    };
    let (trouble, told) = found(Component::DrainCleaner);
    assert!(
        trouble.is_none() && told.len() == 1 && told[0].contains("no such chart") && told[0].contains("payments"),
        "{trouble:?} {told:?}"
    );
    let (trouble, told) = found(Component::Strimzi);
    assert!(trouble.is_some_and(|message| message.contains("no such chart")) && told.is_empty(), "{told:?}");
}
