//! The policies, read as IAM reads them: what is allowed where, and that it fits.

use serde_json::Value;

use super::*;

const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn statements(text: &str) -> Vec<Value> {
    let policy: Value = serde_json::from_str(text).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    policy["Statement"].as_array().unwrap().clone()
}

fn allowing<'a>(statements: &'a [Value], action: &str) -> Vec<&'a Value> {
    statements.iter().filter(|statement| statement["Action"].as_array().unwrap().iter().any(|found| found == action)).collect()
}

#[test]
fn external_dns_may_change_one_tenants_names_in_one_zone_and_no_others() {
    let statements = statements(&external_dns("Z0123456789", "payments.kafka.example.com.").unwrap());
    let changes = allowing(&statements, "route53:ChangeResourceRecordSets");
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0]["Resource"], serde_json::json!(["arn:*:route53:::hostedzone/Z0123456789"]));
    let names = &changes[0]["Condition"]["ForAllValues:StringLike"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"];
    assert_eq!(*names, serde_json::json!(["*.payments.kafka.example.com"]));
}

#[test]
fn cert_manager_may_write_one_challenge_and_nothing_else() {
    let statements = statements(&cert_manager("/hostedzone/Z0123456789", "payments.kafka.example.com").unwrap());
    let changes = allowing(&statements, "route53:ChangeResourceRecordSets");
    let condition = &changes[0]["Condition"]["ForAllValues:StringEquals"];
    assert_eq!(
        condition["route53:ChangeResourceRecordSetsNormalizedRecordNames"],
        serde_json::json!(["_acme-challenge.payments.kafka.example.com"])
    );
    assert_eq!(condition["route53:ChangeResourceRecordSetsRecordTypes"], serde_json::json!(["TXT"]));
}

#[test]
fn zones_and_domains_that_would_widen_a_policy_are_refused() {
    for zone in ["", "*", "Z1*", "z123", "arn:aws:route53:::hostedzone/*", "Z1\",\"*"] {
        assert_eq!(external_dns(zone, "a.example.com"), Err(PolicyError::Zone { found: zone.to_owned() }));
    }
    for domain in ["", ".", "com", "*", "*.example.com", "Example.com", "a..b", "a.b\"", "a?.b", &format!("{}.b", "a".repeat(64))] {
        assert_eq!(cert_manager("Z1", domain), Err(PolicyError::Domain { found: domain.to_owned() }), "{domain}");
    }
    assert!(external_dns("arn:aws:route53:::hostedzone/Z1", "a.example.com").is_ok());
}

#[test]
fn keys_and_roles_are_only_those_given() {
    let without = statements(&ebs_csi(&[]).unwrap());
    assert!(allowing(&without, "kms:CreateGrant").is_empty());
    let with = statements(&ebs_csi(&[KEY.to_owned()]).unwrap());
    assert_eq!(allowing(&with, "kms:CreateGrant")[0]["Resource"], serde_json::json!([KEY]));
    let role = "arn:aws:iam::123456789012:role/kafka-nodes".to_owned();
    let given = statements(&cluster_api(std::slice::from_ref(&role), &[]).unwrap());
    assert_eq!(allowing(&given, "iam:PassRole")[0]["Resource"], serde_json::json!([role]));
    let by_default = statements(&cluster_api(&[], &[]).unwrap());
    assert!(allowing(&by_default, "iam:PassRole")[0]["Resource"][0].as_str().unwrap().ends_with("/*.cluster-api-provider-aws.sigs.k8s.io"));
}

#[test]
fn a_network_can_be_deleted_with_the_interfaces_that_machines_left_in_it() {
    let statements = statements(&cluster_api(&[], &[]).unwrap());
    assert_eq!(allowing(&statements, "ec2:DeleteNetworkInterface").len(), 1);
}

#[test]
fn what_is_no_arn_is_refused_with_an_example() {
    for wrong in ["", "*", "arn:aws:iam::1:role/x", "arn:aws:kms:eu-central-1:1:", "arn:aws:kms:r:1:key/x y"] {
        let error = ebs_csi(&[wrong.to_owned()]).unwrap_err().to_string();
        assert!(error.contains("arn:aws:kms:eu-central-1"), "{error}");
    }
    assert!(matches!(cluster_api(&[KEY.to_owned()], &[]), Err(PolicyError::Arn { of: "a role of IAM", .. })));
}

#[test]
fn every_policy_fits_into_a_managed_policy_of_iam() {
    let keys = vec![KEY.to_owned(); 2];
    let roles = vec!["arn:aws:iam::123456789012:role/a-role-with-a-rather-long-name".to_owned(); 3];
    for text in [cluster_api(&roles, &keys), ebs_csi(&keys), external_dns("Z1", "a.example.com"), cert_manager("Z1", "a.example.com")] {
        assert!(text.unwrap().len() <= LENGTH_MAX);
    }
    let many = vec![KEY.to_owned(); 100];
    assert_eq!(ebs_csi(&many), Err(PolicyError::TooLong));
}

#[test]
fn nothing_is_allowed_twice_and_only_reading_goes_by_wildcard() {
    for text in [cluster_api(&[], &[]), ebs_csi(&[KEY.to_owned()])] {
        for statement in statements(&text.unwrap()) {
            let actions: Vec<&str> = statement["Action"].as_array().unwrap().iter().map(|action| action.as_str().unwrap()).collect();
            let distinct: std::collections::BTreeSet<&&str> = actions.iter().collect();
            assert_eq!(distinct.len(), actions.len(), "{actions:?}");
            let is_reading = |action: &str| {
                action.ends_with(":Describe*") || action.starts_with("kms:ReEncrypt") || action.starts_with("kms:GenerateDataKey")
            };
            assert!(actions.iter().all(|action| !action.contains('*') || is_reading(action)), "{actions:?}");
        }
    }
}
