//! The speed of volumes that the user asks for, where others decide on it.

use serde_json::json;

use super::calls::{absent, namespace, tenant};
use crate::{
    drivers::kubernetes::tests::{Reply, server, status},
    framework::{attr::Attr, parts::Call},
    resources::{
        connection::Connection,
        tenant::{apply, model::Storage},
    },
};

/// What a create warns of, on a cluster with or without the EBS driver.
async fn warnings(ebs: bool, class: Option<&str>, mib: Option<u64>, iops: Option<u64>) -> Vec<String> {
    let (cluster, _) = server(move |line, _| match line {
        line if line.starts_with("POST") => Reply::Json(201, namespace(|_| {})),
        line if line.contains("/csidrivers/") && ebs => {
            Reply::Json(200, json!({ "kind": "CSIDriver", "metadata": { "name": "ebs.csi.aws.com" } }))
        }
        "GET /apis/kafka.strimzi.io/v1" => Reply::Json(200, json!({ "resources": [{ "name": "kafkas" }] })),
        "GET /apis/storage.k8s.io/v1" => Reply::Json(200, json!({ "resources": [{ "name": "storageclasses" }] })),
        line if line.starts_with("PATCH /api/v1/namespaces/kaas-payments?") => Reply::Json(200, namespace(|_| {})),
        line if line.starts_with("PATCH") => Reply::Json(403, status(403, "Forbidden", "no", "it")),
        _ => absent(),
    });
    let mut planned = tenant();
    planned.sizing_override = super::brokers(3);
    let figures = planned.sizing_override.known_mut().unwrap();
    (figures.volume_mib_per_second, figures.volume_iops) = (mib.into(), iops.into());
    planned.storage = Storage { class: class.map(str::to_owned).into(), kms_key_arn: Attr::Null }.into();
    let mut call = Call::default();
    apply::create(&Connection::to(cluster), planned, &mut call).await.unwrap_err();
    let about_speed = call.found.iter().filter(|warning| warning.summary.contains("has no effect on the volumes"));
    about_speed.map(|warning| format!("{}: {} {}", warning.path.clone().unwrap_or_default(), warning.summary, warning.detail)).collect()
}

#[tokio::test]
async fn a_speed_that_others_decide_on_is_told() {
    let own = warnings(true, Some("fast"), Some(250), Some(4000)).await;
    assert_eq!(own.len(), 2, "{own:?}");
    assert!(own[0].starts_with("sizing_override.volume_mib_per_second: ") && own[0].contains("StorageClass \"fast\""), "{own:?}");
    assert!(own[1].starts_with("sizing_override.volume_iops: "), "{own:?}");
    let elsewhere = warnings(false, None, None, Some(4000)).await;
    assert!(elsewhere.len() == 1 && elsewhere[0].contains("no EBS driver"), "{elsewhere:?}");
    assert_eq!(warnings(true, None, Some(250), Some(4000)).await, [""; 0]);
    assert_eq!(warnings(false, Some("fast"), None, None).await, [""; 0]);
}
