//! Roles of IAM: made, brought to the wish, and taken away, wherever an earlier run ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{aws, xml, xml_refusal};
use crate::domain::iam::role::RoleWish;
use crate::drivers::aws::Error;
use crate::drivers::scripted::{Asked, Reply, Server};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Principal":{"Service":"pods.eks.amazonaws.com"}}]}"#;
const ARN: &str = "arn:aws:iam::123456789012:role/kaas-payments-1f2e3d4c";

fn wish() -> RoleWish {
    let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    RoleWish {
        name: "kaas-payments-1f2e3d4c".into(),
        path: "/".into(),
        description: "Keeps the names of payments".into(),
        trust: TRUST.into(),
        policies: texts(&[("cert-manager", "{\"a\":1}"), ("external-dns", "{\"b\":2}")]),
        tags: texts(&[("kaas.dev/tenant", "payments"), ("kaas.dev/owner", "us"), ("team", "kafka")]),
    }
}

/// What is asked for, by the names of its parameters.
fn parameters(asked: &Asked) -> BTreeMap<String, String> {
    let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    asked.body.split('&').filter_map(|part| part.split_once('=')).map(|(key, value)| (plain(key), plain(value))).collect()
}

fn actions(server: &Server) -> Vec<String> {
    let told = |asked: &Asked| {
        let said = parameters(asked);
        ["PolicyName", "PolicyArn", "InstanceProfileName"]
            .iter()
            .find_map(|name| said.get(*name))
            .map_or_else(|| said["Action"].clone(), |of| format!("{} {of}", said["Action"]))
    };
    server.asked().iter().map(told).collect()
}

fn answer(action: &str, contents: &str) -> Reply {
    xml(200, format!("<{action}Response><{action}Result>{contents}</{action}Result></{action}Response>"))
}

fn members(of: &str, members: &[String]) -> String {
    let members: String = members.iter().map(|member| format!("<member>{member}</member>")).collect();
    format!("<{of}>{members}</{of}><IsTruncated>false</IsTruncated>")
}

fn role(description: &str, trust: &str, tags: &[(&str, &str)]) -> String {
    let tags: Vec<String> = tags.iter().map(|(key, value)| format!("<Key>{key}</Key><Value>{value}</Value>")).collect();
    let trust = utf8_percent_encode(trust, NON_ALPHANUMERIC);
    format!(
        "<Role><Path>/</Path><RoleName>kaas-payments-1f2e3d4c</RoleName><RoleId>AROA1</RoleId><Arn>{ARN}</Arn>\
         <CreateDate>2026-11-28T16:00:00Z</CreateDate><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>\
         <Description>{description}</Description>{}</Role>",
        members("Tags", &tags)
    )
}

fn missing() -> Reply {
    xml_refusal(404, "NoSuchEntity", "The role with name kaas-payments-1f2e3d4c cannot be found.")
}

fn policy(said: &BTreeMap<String, String>, text: &str) -> Reply {
    let (name, text) = (&said["PolicyName"], utf8_percent_encode(text, NON_ALPHANUMERIC));
    answer("GetRolePolicy", &format!("<RoleName>r</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>{text}</PolicyDocument>"))
}

const OURS: [(&str, &str); 3] = [("kaas.dev/tenant", "payments"), ("kaas.dev/owner", "us"), ("team", "kafka")];

#[tokio::test]
async fn a_role_is_read_with_its_policies() {
    let server = Server::start(|asked, _| {
        let said = parameters(asked);
        match (said["Action"].as_str(), said.get("Marker").map(String::as_str)) {
            ("GetRole", _) => answer("GetRole", &role("names", TRUST, &OURS)),
            ("ListRolePolicies", None) => answer(
                "ListRolePolicies",
                "<PolicyNames><member>one</member></PolicyNames><IsTruncated>true</IsTruncated><Marker>more</Marker>",
            ),
            ("ListRolePolicies", Some("more")) => answer("ListRolePolicies", &members("PolicyNames", &["two".into()])),
            ("GetRolePolicy", _) if said["PolicyName"] == "one" => policy(&said, "{\"a\": \"b+c %\"}"),
            _ => missing(),
        }
    })
    .await;
    let found = aws(&server).role("kaas-payments-1f2e3d4c").await.unwrap().unwrap();
    assert_eq!((found.arn.as_str(), found.path.as_str(), found.description.as_str(), found.trust.as_str()), (ARN, "/", "names", TRUST));
    assert_eq!(found.tags, wish().tags);
    assert_eq!(found.policies, [("one".to_owned(), "{\"a\": \"b+c %\"}".to_owned())].into(), "the other went meanwhile");
    let gone = Server::start(|_, _| missing()).await;
    assert_eq!(aws(&gone).role("kaas-payments-1f2e3d4c").await.unwrap(), None);
}

#[tokio::test]
async fn a_role_that_is_not_there_is_made_and_iams_slowness_to_know_of_it_is_waited_out() {
    let slow = AtomicUsize::new(2);
    let server = Server::start(move |asked, _| {
        let said = parameters(asked);
        match said["Action"].as_str() {
            "CreateRole" => answer("CreateRole", &role("", TRUST, &[])),
            "PutRolePolicy" if slow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() => {
                answer("PutRolePolicy", "")
            }
            _ => missing(),
        }
    })
    .await;
    assert_eq!(aws(&server).put_role(&wish()).await.unwrap(), ARN);
    let put = |name: &str| format!("PutRolePolicy {name}");
    let wanted =
        ["GetRole".to_owned(), "CreateRole".to_owned(), put("cert-manager"), put("cert-manager"), put("cert-manager"), put("external-dns")];
    assert_eq!(actions(&server), wanted);
    let sent = parameters(&server.asked()[1]);
    assert_eq!((sent["Path"].as_str(), sent["Description"].as_str()), ("/", "Keeps the names of payments"));
    assert_eq!(sent["AssumeRolePolicyDocument"], TRUST);
    assert_eq!((sent["Tags.member.1.Key"].as_str(), sent["Tags.member.1.Value"].as_str()), ("kaas.dev/owner", "us"));
    assert_eq!(parameters(&server.asked()[5])["PolicyDocument"], "{\"b\":2}");
}

#[tokio::test]
async fn a_role_that_differs_is_brought_to_the_wish_and_one_that_does_not_is_left_alone() {
    let differs = Server::start(|asked, _| {
        let said = parameters(asked);
        match said["Action"].as_str() {
            "GetRole" => {
                answer("GetRole", &role("old", "{}", &[("kaas.dev/tenant", "payments"), ("kaas.dev/owner", "them"), ("cost", "1")]))
            }
            "ListRolePolicies" => answer("ListRolePolicies", &members("PolicyNames", &["cert-manager".into(), "old".into()])),
            "GetRolePolicy" => policy(&said, "{ \"a\": 1 }"),
            // Another run was faster.
            "DeleteRolePolicy" => missing(),
            action => answer(action, ""),
        }
    })
    .await;
    assert_eq!(aws(&differs).put_role(&wish()).await.unwrap(), ARN);
    let changed = ["UpdateAssumeRolePolicy", "UpdateRoleDescription", "TagRole", "PutRolePolicy external-dns", "DeleteRolePolicy old"];
    assert_eq!(actions(&differs)[4..], changed);
    let tagged = parameters(&differs.asked()[6]);
    assert_eq!((tagged["Tags.member.1.Value"].as_str(), tagged["Tags.member.2.Key"].as_str()), ("us", "team"));

    let same = Server::start(|asked, _| {
        let said = parameters(asked);
        match said["Action"].as_str() {
            "GetRole" => answer("GetRole", &role("Keeps the names of payments", TRUST, &OURS)),
            "ListRolePolicies" => answer("ListRolePolicies", &members("PolicyNames", &["cert-manager".into(), "external-dns".into()])),
            "GetRolePolicy" => policy(&said, if said["PolicyName"] == "cert-manager" { "{\"a\":1}" } else { "{\"b\":2}" }),
            action => panic!("{action} was asked for"),
        }
    })
    .await;
    aws(&same).put_role(&wish()).await.unwrap();
    assert_eq!(same.asked().len(), 4);
}

#[tokio::test]
async fn a_role_that_is_there_after_all_is_gone_on_with_if_it_is_ours_and_named_if_it_is_not() {
    for (tags, ours) in [(OURS.as_slice(), true), (&[("team", "other")], false), (&[("kaas.dev/tenant", "orders")], false)] {
        let server = Server::start(move |asked, before| match (parameters(asked)["Action"].as_str(), before) {
            ("GetRole", 0) => missing(),
            ("CreateRole", _) => xml_refusal(409, "EntityAlreadyExists", "Role with name kaas-payments-1f2e3d4c already exists."),
            ("GetRole", _) => answer("GetRole", &role("Keeps the names of payments", TRUST, tags)),
            ("ListRolePolicies", _) => answer("ListRolePolicies", &members("PolicyNames", &[])),
            ("PutRolePolicy", _) if ours => answer("PutRolePolicy", ""),
            (action, _) => panic!("{action} was asked for"),
        })
        .await;
        match aws(&server).put_role(&wish()).await {
            Ok(arn) => assert_eq!((ours, arn.as_str()), (true, ARN)),
            Err(error) => {
                assert!(!ours && matches!(error, Error::Foreign { .. }), "{error:?}");
                assert!(
                    error.report().starts_with("make role \"kaas-payments-1f2e3d4c\" of IAM: it is somebody else's"),
                    "{}",
                    error.report()
                );
                assert!(error.report().contains(ARN) && error.hint().is_some(), "{}", error.report());
            }
        }
    }
}

#[tokio::test]
async fn a_role_is_deleted_with_all_that_holds_it_and_iams_slowness_is_waited_out() {
    let held = AtomicUsize::new(1);
    let server = Server::start(move |asked, _| {
        let said = parameters(asked);
        match said["Action"].as_str() {
            "ListRolePolicies" => answer("ListRolePolicies", &members("PolicyNames", &["one".into()])),
            "ListAttachedRolePolicies" => answer(
                "ListAttachedRolePolicies",
                &members("AttachedPolicies", &["<PolicyName>p</PolicyName><PolicyArn>arn:p</PolicyArn>".into()]),
            ),
            "ListInstanceProfilesForRole" => {
                let profile = "<Path>/</Path><InstanceProfileName>nodes</InstanceProfileName><InstanceProfileId>A</InstanceProfileId>\
                               <Arn>arn:i</Arn><CreateDate>2026-11-28T16:00:00Z</CreateDate><Roles/>";
                answer("ListInstanceProfilesForRole", &members("InstanceProfiles", &[profile.into()]))
            }
            "DetachRolePolicy" => missing(),
            "DeleteRole" if held.swap(0, Ordering::SeqCst) > 0 => {
                xml_refusal(409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
            }
            action => answer(action, ""),
        }
    })
    .await;
    aws(&server).delete_role("kaas-payments-1f2e3d4c").await.unwrap();
    let once = [
        "ListRolePolicies",
        "DeleteRolePolicy one",
        "ListAttachedRolePolicies",
        "DetachRolePolicy arn:p",
        "ListInstanceProfilesForRole",
        "RemoveRoleFromInstanceProfile nodes",
        "DeleteRole",
    ];
    assert_eq!(actions(&server), [once, once].concat());
}

#[tokio::test]
async fn a_role_that_is_gone_counts_as_deleted_and_what_keeps_it_is_told_in_the_end() {
    let gone = Server::start(|_, _| missing()).await;
    aws(&gone).delete_role("kaas-payments-1f2e3d4c").await.unwrap();
    let held = Server::start(|asked, _| match parameters(asked)["Action"].as_str() {
        "DeleteRole" => xml_refusal(409, "DeleteConflict", "Cannot delete entity, must detach all policies first."),
        action => answer(action, ""),
    })
    .await;
    let error = aws(&held).delete_role("kaas-payments-1f2e3d4c").await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }) && error.report().contains("must detach all policies"), "{error:?}");
}

#[tokio::test]
async fn refusals_and_throttling_are_told_and_waited_out_as_those_of_other_services() {
    let denied = Server::start(|_, _| xml_refusal(403, "AccessDenied", "not authorized to perform: iam:GetRole")).await;
    let error = aws(&denied).put_role(&wish()).await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }) && error.report().contains("iam:GetRole"), "{error:?}");
    let throttled = Server::start(|_, before| match before {
        0 => xml_refusal(400, "Throttling", "Rate exceeded"),
        _ => missing(),
    })
    .await;
    assert_eq!(aws(&throttled).role("r").await.unwrap(), None);
    let wrong = Server::start(|asked, _| match parameters(asked)["Action"].as_str() {
        "CreateRole" => xml_refusal(400, "MalformedPolicyDocument", "Invalid principal in policy"),
        _ => missing(),
    })
    .await;
    let error = aws(&wrong).put_role(&wish()).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest { .. }) && error.report().contains("Invalid principal"), "{error:?}");
}

#[tokio::test]
async fn what_is_asked_can_be_waited_for_on_any_thread() {
    fn sent<T: Send>(work: T) {
        drop(work);
    }
    let server = Server::start(|_, _| missing()).await;
    let (aws, wish) = (aws(&server), wish());
    sent((aws.role("r"), aws.put_role(&wish), aws.delete_role("r")));
    sent((
        aws.zone("Z1"),
        aws.zones(),
        aws.zones_named("a"),
        aws.records("Z1", "a"),
        aws.change_records("Z1", "c", &[]),
        aws.change_is_in_sync("C1"),
    ));
}
