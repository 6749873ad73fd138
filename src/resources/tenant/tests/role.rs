//! The role of a tenant's own EKS cluster, against an EKS and an IAM that keep what they are told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::{
    domain::{eks::EksId, iam::role::Names, names::TenantName},
    drivers::{
        aws::tests::{aws, ok, refusal, xml, xml_refusal},
        kubernetes::tests as management,
        scripted::{Asked, Reply, Server},
    },
    resources::tenant::role::{CLUSTER_ANNOTATION, Holder, differences, ensure, give_up, keep, noted, remove},
};

const EKS: &str = "kaas-payments_payments-x7k2p";
const ARN: &str = "arn:aws:eks:eu-central-1:123456789012:cluster/kaas-payments_payments-x7k2p";

/// What the account holds.
#[derive(Default)]
struct Held {
    cluster: bool,
    /// Parameters of the request that made it.
    role: Option<BTreeMap<String, String>>,
    policies: BTreeMap<String, String>,
    /// By association id.
    identities: BTreeMap<String, Value>,
}

fn parameters(asked: &Asked) -> BTreeMap<String, String> {
    let plain = |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    asked.body.split('&').filter_map(|part| part.split_once('=')).map(|(key, value)| (plain(key), plain(value))).collect()
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Held {
    fn answer(&mut self, asked: &Asked) -> Reply {
        if asked.line == "POST /" { self.iam(&parameters(asked)) } else { self.eks(asked) }
    }

    fn iam(&mut self, said: &BTreeMap<String, String>) -> Reply {
        let action = said["Action"].as_str();
        if self.role.is_none() && action != "CreateRole" {
            return xml_refusal(404, "NoSuchEntity", "The role cannot be found.");
        }
        let mut contents = String::new();
        match action {
            "CreateRole" => {
                self.role = Some(said.clone());
                contents = self.role();
            }
            "GetRole" => contents = self.role(),
            "ListRolePolicies" => {
                let names: String = self.policies.keys().map(|name| format!("<member>{name}</member>")).collect();
                contents = format!("<PolicyNames>{names}</PolicyNames><IsTruncated>false</IsTruncated>");
            }
            "GetRolePolicy" => {
                let name = &said["PolicyName"];
                let text = encoded(&self.policies[name]);
                contents = format!("<RoleName>r</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>{text}</PolicyDocument>");
            }
            "PutRolePolicy" => drop(self.policies.insert(said["PolicyName"].clone(), said["PolicyDocument"].clone())),
            "DeleteRolePolicy" => drop(self.policies.remove(&said["PolicyName"])),
            "DeleteRole" => self.role = None,
            "ListAttachedRolePolicies" | "ListInstanceProfilesForRole" => {}
            other => panic!("{other} was asked for"),
        }
        xml(200, format!("<{action}Response><{action}Result>{contents}</{action}Result></{action}Response>"))
    }

    fn role(&self) -> String {
        let said = self.role.as_ref().unwrap();
        let tags: String = (1..)
            .map_while(|number| {
                let part = |of: &str| said.get(&format!("Tags.member.{number}.{of}"));
                Some(format!("<member><Key>{}</Key><Value>{}</Value></member>", part("Key")?, part("Value")?))
            })
            .collect();
        let (name, description, trust) = (&said["RoleName"], &said["Description"], encoded(&said["AssumeRolePolicyDocument"]));
        format!(
            "<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>A</RoleId><Arn>arn:aws:iam::123456789012:role/{name}</Arn>\
             <CreateDate>2026-11-28T16:00:00Z</CreateDate><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>\
             <Description>{description}</Description><Tags>{tags}</Tags></Role>"
        )
    }

    fn eks(&mut self, asked: &Asked) -> Reply {
        let (method, path) = asked.line.split_once(' ').unwrap();
        let below = path.strip_prefix(&format!("/clusters/{EKS}")).unwrap();
        if !self.cluster {
            return refusal(404, "ResourceNotFoundException", "No cluster found.");
        }
        match (method, below.strip_prefix("/pod-identity-associations")) {
            ("GET", None) => ok(&json!({ "cluster": { "name": EKS, "arn": ARN, "version": "1.34", "status": "ACTIVE" } })),
            ("GET", Some("")) => ok(&json!({ "associations": self.identities.values().collect::<Vec<_>>() })),
            ("GET", Some(id)) => ok(&json!({ "association": self.identities[&id[1..]] })),
            ("DELETE", Some(id)) => ok(&json!({ "association": self.identities.remove(&id[1..]).unwrap() })),
            ("POST", Some("")) => {
                let (id, mut identity) = (format!("a-{}", self.identities.len()), asked.json());
                identity["associationId"] = json!(id);
                self.identities.insert(id, identity.clone());
                ok(&json!({ "association": identity }))
            }
            other => panic!("{other:?} was asked for"),
        }
    }
}

/// The account, and the way to it.
async fn account(held: Held) -> (Arc<Mutex<Held>>, Server) {
    let held = Arc::new(Mutex::new(held));
    let answers = held.clone();
    (held, Server::start(move |asked, _| answers.lock().unwrap().answer(asked)).await)
}

/// What was asked that changes something.
fn writes(server: &Server) -> Vec<String> {
    let told = |asked: &Asked| match asked.line.as_str() {
        "POST /" => parameters(asked)["Action"].clone(),
        line => line.replace(&format!("/clusters/{EKS}/pod-identity-associations"), "identity"),
    };
    server
        .asked()
        .iter()
        .map(told)
        .filter(|told| !told.starts_with("GET") && !told.starts_with("Get") && !told.starts_with("List"))
        .collect()
}

fn names() -> [Names; 1] {
    [Names { zone_id: "Z1".into(), domain: "payments.kafka.example.com".into() }]
}

type Parts = (TenantName, EksId, BTreeMap<String, String>);

fn holder((tenant, _, tags): &Parts) -> Holder<'_> {
    Holder { tenant, owner: "us", tags }
}

fn parts() -> Parts {
    let cluster = EksId { region: "eu-central-1".into(), name: EKS.into() };
    ("payments".parse().unwrap(), cluster, [("team".to_owned(), "kafka".to_owned())].into())
}

#[tokio::test]
async fn a_role_and_its_pod_identities_are_made_once_and_removed_with_nothing_left() {
    let parts = parts();
    let (held, server) = account(Held { cluster: true, ..Held::default() }).await;
    let (aws, holder) = (aws(&server), holder(&parts));
    let arn = ensure(&aws, holder, &parts.1, &names()).await.unwrap();
    let made = ["CreateRole", "PutRolePolicy", "PutRolePolicy", "POST identity", "POST identity"];
    assert_eq!(writes(&server), made);
    {
        let held = held.lock().unwrap();
        assert!(held.role.as_ref().unwrap()["AssumeRolePolicyDocument"].contains(ARN));
        assert_eq!(held.policies.keys().collect::<Vec<_>>(), ["cert-manager", "external-dns"]);
        for (identity, program) in held.identities.values().zip(["external-dns", "cert-manager"]) {
            let told = ["namespace", "serviceAccount", "roleArn"].map(|part| identity[part].as_str().unwrap());
            assert_eq!(told, [program, program, arn.as_str()]);
            assert_eq!(identity["tags"]["kaas.dev/tenant"], "payments");
        }
    }
    // Another run, for another name.
    let other = [Names { zone_id: "Z1".into(), domain: "payments.example.org".into() }];
    assert_eq!(ensure(&aws, holder, &parts.1, &names()).await.unwrap(), arn);
    assert_eq!(writes(&server).len(), made.len(), "nothing is left to do");
    ensure(&aws, holder, &parts.1, &other).await.unwrap();
    assert_eq!(writes(&server)[made.len()..], ["PutRolePolicy", "PutRolePolicy"]);

    remove(&aws, holder, &parts.1).await.unwrap();
    assert!(held.lock().unwrap().role.is_none() && held.lock().unwrap().identities.is_empty());
    remove(&aws, holder, &parts.1).await.unwrap();
}

#[tokio::test]
async fn what_an_interrupted_run_began_is_gone_on_with_and_a_stale_pod_identity_is_made_anew() {
    let parts = parts();
    let (held, server) = account(Held { cluster: true, ..Held::default() }).await;
    let (aws, holder) = (aws(&server), holder(&parts));
    let arn = ensure(&aws, holder, &parts.1, &names()).await.unwrap();
    {
        let mut held = held.lock().unwrap();
        held.policies.remove("external-dns");
        held.identities.get_mut("a-0").unwrap()["roleArn"] = json!("arn:old");
        held.identities.remove("a-1");
    }
    assert_eq!(ensure(&aws, holder, &parts.1, &names()).await.unwrap(), arn);
    assert_eq!(writes(&server)[5..], ["PutRolePolicy", "DELETE identity/a-0", "POST identity", "POST identity"]);
}

#[tokio::test]
async fn what_somebody_changed_of_a_role_is_told_and_nothing_is_touched() {
    let parts = parts();
    let (held, server) = account(Held { cluster: true, ..Held::default() }).await;
    let (aws, holder) = (aws(&server), holder(&parts));
    ensure(&aws, holder, &parts.1, &names()).await.unwrap();
    assert_eq!(differences(&aws, holder, &parts.1, &names()).await.unwrap(), Default::default());
    {
        let mut held = held.lock().unwrap();
        held.policies.remove("external-dns");
        held.identities.remove("a-1");
    }
    let told = differences(&aws, holder, &parts.1, &names()).await.unwrap().lines;
    assert!(told.len() == 2 && told[0].starts_with("IAM role kaas-payments-"), "{told:?}");
    assert!(
        told[0].ends_with(": policy \"external-dns\" is missing") && told[1] == "pod identity of cert-manager/cert-manager: missing",
        "{told:?}"
    );
    held.lock().unwrap().role = None;
    let told = differences(&aws, holder, &parts.1, &names()).await.unwrap().lines;
    assert!(told.len() == 1 && told[0].ends_with(": missing"), "{told:?}");
    assert_eq!(writes(&server).len(), 5, "a look writes nothing");
    held.lock().unwrap().cluster = false;
    let found = differences(&aws, holder, &parts.1, &names()).await.unwrap_err();
    assert!(found.iter().any(|error| error.summary == "The tenant's EKS cluster is not found"), "{found:?}");
}

#[tokio::test]
async fn what_others_made_is_named_and_left_alone() {
    let parts = parts();
    let theirs = json!({ "associationId": "a-9", "namespace": "external-dns", "serviceAccount": "external-dns", "roleArn": "arn:theirs" });
    let (held, server) = account(Held { cluster: true, identities: [("a-9".to_owned(), theirs)].into(), ..Held::default() }).await;
    let (aws, holder) = (aws(&server), holder(&parts));
    let found = ensure(&aws, holder, &parts.1, &names()).await.unwrap_err();
    let told: Vec<String> = found.iter().map(|error| format!("{} {}", error.summary, error.detail)).collect();
    assert!(told[0].contains("external-dns/external-dns the role arn:theirs"), "{told:?}");
    remove(&aws, holder, &parts.1).await.unwrap();
    assert!(held.lock().unwrap().identities.contains_key("a-9"));

    // A role of the same name.
    held.lock().unwrap().identities.clear();
    ensure(&aws, holder, &parts.1, &names()).await.unwrap();
    held.lock().unwrap().role.as_mut().unwrap().retain(|name, _| !name.starts_with("Tags."));
    let found = ensure(&aws, holder, &parts.1, &names()).await.unwrap_err();
    assert!(found.iter().any(|error| error.detail.contains("somebody else's")), "{found:?}");
    remove(&aws, holder, &parts.1).await.unwrap();
    assert!(held.lock().unwrap().role.is_some(), "it is not ours to delete");
}

#[tokio::test]
async fn a_cluster_of_another_account_is_told_and_one_that_is_gone_keeps_no_role() {
    let parts = parts();
    let (held, server) = account(Held::default()).await;
    let (aws, holder) = (aws(&server), holder(&parts));
    let found = ensure(&aws, holder, &parts.1, &names()).await.unwrap_err();
    assert!(found.iter().any(|error| error.detail.contains("kaas-payments_payments-x7k2p\" in eu-central-1")), "{found:?}");
    assert!(writes(&server).is_empty());

    held.lock().unwrap().cluster = true;
    ensure(&aws, holder, &parts.1, &names()).await.unwrap();
    held.lock().unwrap().cluster = false;
    remove(&aws, holder, &parts.1).await.unwrap();
    assert!(held.lock().unwrap().role.is_none());
}

#[tokio::test]
async fn names_that_would_widen_the_role_make_none() {
    let parts = parts();
    let (_, server) = account(Held { cluster: true, ..Held::default() }).await;
    let (aws, holder) = (aws(&server), holder(&parts));
    let wide = [Names { zone_id: "*".into(), domain: "payments.kafka.example.com".into() }];
    let found = ensure(&aws, holder, &parts.1, &wide).await.unwrap_err();
    assert!(found.iter().any(|error| error.detail.contains("no hosted zone")), "{found:?}");
    assert!(writes(&server).is_empty());
}

#[tokio::test]
async fn the_namespace_says_which_cluster_has_a_role_before_there_is_one_and_until_there_is_none() {
    let parts = parts();
    let (held, server) = account(Held { cluster: true, ..Held::default() }).await;
    let (aws, holder) = (aws(&server), holder(&parts));
    let control_plane = |name: &str, kind: &str| {
        let (name, kind) = (name.to_owned(), kind.to_owned());
        management::server(move |line, _| {
            let reference = json!({ "apiGroup": "controlplane.cluster.x-k8s.io", "kind": kind, "name": "payments-x7k2p" });
            management::Reply::Json(
                200,
                match line.rsplit('/').next().unwrap().split('?').next().unwrap() {
                    "payments" => {
                        json!({ "metadata": { "name": "payments", "namespace": "kaas-payments" }, "spec": { "controlPlaneRef": reference } })
                    }
                    "payments-x7k2p" => {
                        json!({ "metadata": { "name": "payments-x7k2p" }, "spec": { "region": "eu-central-1", "eksClusterName": name } })
                    }
                    _ => json!({ "metadata": { "name": "kaas-payments" } }),
                },
            )
        })
    };
    for (name, kind) in [("", "AWSManagedControlPlane"), (EKS, "KubeadmControlPlane")] {
        let (early, log) = control_plane(name, kind);
        assert_eq!(keep(&early, &aws, holder, &names()).await.unwrap(), None);
        assert_eq!((log.matching("PATCH"), server.asked().len()), (0, 0));
    }
    let (cluster, log) = control_plane(EKS, "AWSManagedControlPlane");
    held.lock().unwrap().cluster = false;
    assert!(keep(&cluster, &aws, holder, &names()).await.is_err());
    let note = json!({ CLUSTER_ANNOTATION: "eks/eu-central-1/kaas-payments_payments-x7k2p" });
    assert_eq!(log.bodies("PATCH")[0]["metadata"]["annotations"], note, "before anything is made");
    held.lock().unwrap().cluster = true;
    assert!(keep(&cluster, &aws, holder, &names()).await.unwrap().is_some());

    let namespace = |annotations: Value| json!({ "metadata": { "name": "kaas-payments", "annotations": annotations } });
    assert_eq!(noted(&namespace(json!({}))), None);
    assert_eq!(noted(&namespace(note)), Some(parts.1.clone()));
    give_up(&cluster, &aws, holder, &parts.1).await.unwrap();
    assert!(held.lock().unwrap().role.is_none());
    assert_eq!(log.bodies("PATCH").last().unwrap()["metadata"]["annotations"], json!({ CLUSTER_ANNOTATION: null }));
}
