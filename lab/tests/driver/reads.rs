//! Many reads cost one request for each kind.

use std::collections::BTreeMap;

use kaas::domain::object::{Kind, Manifest, ObjectRef};
use kaas_lab::{TemporaryLab, block_on};
use serde_json::json;

use super::connect;

#[test]
fn reads_of_many_objects_share_one_list_and_see_what_was_written() {
    let lab = TemporaryLab::up("reads", true).unwrap();
    block_on(async {
        let writer = connect(&lab);
        let names: Vec<String> = (0..120).map(|number| format!("kaas-t{number}")).collect();
        for name in &names {
            let labels = json!({ "app.kubernetes.io/managed-by": "kaas" });
            let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
            writer.apply(&Manifest { object: ObjectRef::global(Kind::Namespace, name), body }).await?;
        }
        let reader = connect(&lab);
        let all = || {
            futures::future::try_join_all(names.iter().map(|name| {
                let reader = reader.clone();
                async move { reader.find(&ObjectRef::global(Kind::Namespace, name)).await }
            }))
        };
        let counted = |lists: u64| BTreeMap::from([("list namespaces".to_owned(), lists)]);
        for _ in 0..3 {
            let found = all().await?;
            assert!(found.iter().zip(&names).all(|(found, name)| found.as_ref().is_some_and(|f| f["metadata"]["name"] == **name)));
        }
        assert_eq!(reader.requests_by_verb(), counted(1));

        // What the list lacks is asked for by itself: it may have lost its label.
        let missing = reader.find(&ObjectRef::global(Kind::Namespace, "kaas-nobody")).await?;
        assert_eq!(missing, None);
        assert_eq!(reader.requests_by_verb()["read namespaces"], 1);

        reader.annotate(&ObjectRef::global(Kind::Namespace, "kaas-t7"), &[("example.com/seen", Some("yes"))]).await?;
        let found = reader.find(&ObjectRef::global(Kind::Namespace, "kaas-t7")).await?.unwrap();
        assert_eq!(found["metadata"]["annotations"]["example.com/seen"], "yes");
        // While writes are going on, what is read is read by itself: not everything again after each write.
        let counts = reader.requests_by_verb();
        assert_eq!((counts["list namespaces"], counts["read namespaces"]), (1, 2));
        Ok(())
    })
    .unwrap();
    lab.down().unwrap();
}
