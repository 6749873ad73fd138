//! Calls where somebody else has a part: other runs, other makers of parts, the caller's own access.

use std::time::Duration;

use serde_json::json;

use super::{
    calls::{CLUSTER, config, create, phase, resource, unprotected, update},
    fake::Fake,
    *,
};
use crate::{
    framework::parts::Resource,
    resources::management_cluster::{eks::model::AccessEntryBlock, tests::There},
};

#[tokio::test]
async fn fargate_profiles_and_node_groups_of_others_are_named_before_anything_is_deleted() {
    for (path, name) in [("/clusters/platform/fargate-profiles/batch", "batch"), ("/clusters/platform/node-groups/theirs", "theirs")] {
        let fake = Fake::default();
        let made = create(&fake, &unprotected()).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
        let group = json!({ "nodegroupArn": "arn:theirs", "status": "ACTIVE", "version": "1.34" });
        fake.world().things.insert(path.to_owned(), group);
        let before = fake.world().things.clone();
        let refused = resource(&fake, &There::default()).await.delete(made.clone(), &mut Call::default()).await.unwrap_err();
        assert!(told(&refused.diagnostics).contains(name), "{}", told(&refused.diagnostics));
        assert_eq!(fake.world().things, before);
    }
}

#[tokio::test]
async fn of_two_runs_that_make_one_cluster_only_the_last_finishes_it() {
    let fake = Fake::default();
    fake.world().stuck = true;
    let run = || fake.world().things.get(CLUSTER).and_then(|cluster| cluster["tags"]["kaas.dev/run"].as_str().map(str::to_owned));
    let wanted = config(eks());
    // Boxed, for two at once are too much for the stack of a test.
    let first = Box::pin(create(&fake, &wanted));
    let begun = std::cell::RefCell::new(None);
    let second = async {
        while run().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        *begun.borrow_mut() = run();
        Box::pin(create(&fake, &wanted)).await
    };
    let let_go = async {
        while begun.borrow().is_none() || *begun.borrow() == run() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        fake.world().stuck = false;
    };
    let ((lost, call), (made, _), ()) =
        tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(first, second, let_go) }).await.unwrap();
    let lost = told(&lost.unwrap_err().diagnostics);
    assert!(lost.contains("Another run makes this EKS cluster"), "{lost}");
    assert_eq!(told(&call.found), "", "the beginning is the other run's");
    assert_eq!(phase(&made.map_err(|failed| told(&failed.diagnostics)).unwrap()), "Ready");
    let tags = fake.world().things[CLUSTER]["tags"].clone();
    assert!(tags["kaas.dev/run"].is_null() && tags["kaas.dev/phase"].is_null(), "{tags}");
}

#[tokio::test]
async fn the_callers_own_access_is_not_taken_away() {
    let fake = Fake::default();
    let entry = |user: &str| AccessEntryBlock { principal_arn: format!("arn:aws:iam::123456789012:user/{user}").into(), ..null() };
    let wanted = config(Eks { access_entry: Attr::Known(vec![entry("u"), entry("v")]), ..eks() });
    let made = create(&fake, &wanted).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let before = fake.world().things.clone();
    let refused = update(&fake, &made, &config(eks())).await.unwrap_err();
    let said = errors(&refused.diagnostics);
    assert!(said[0].starts_with("eks.access_entry: ") && said[0].contains("user/u") && said[0].contains("another principal"), "{said:?}");
    assert_eq!(fake.world().things, before, "nothing of it is done");
    let less = config(Eks { access_entry: Attr::Known(vec![entry("u")]), ..eks() });
    update(&fake, &made, &less).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    assert!(fake.paths().iter().all(|path| !path.ends_with("user/v")));
}

#[tokio::test]
async fn what_still_carries_the_tags_of_a_deleted_cluster_is_named() {
    let fake = Fake::default();
    let made = create(&fake, &unprotected()).await.0.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let copies: Vec<(String, serde_json::Value)> = {
        let world = fake.world();
        let parts = world.things.iter().filter(|(path, _)| path.as_str() == CLUSTER || path.contains("/node-groups/"));
        parts.map(|(path, thing)| (path.replace("platform", "copy"), thing.clone())).collect()
    };
    for (path, mut thing) in copies {
        for arn in ["arn", "nodegroupArn"] {
            thing[arn] = json!(format!("arn:aws:eks:eu-central-1:123456789012:{}", path.trim_start_matches('/')));
        }
        fake.world().things.insert(path, thing);
    }
    let mut call = Call::default();
    resource(&fake, &There::default()).await.delete(made, &mut call).await.map_err(|failed| told(&failed.diagnostics)).unwrap();
    let said = told(&call.found);
    assert!(
        said.contains("Something is left in AWS") && said.contains("clusters/copy, ") && said.contains("copy/node-groups/system-"),
        "{said}"
    );
    fake.world().things.clear();
}
