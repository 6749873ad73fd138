//! The standard chain of the SDK with our settings above it: the environment, files and endpoints that users of the AWS tools have.
//!
//! The environment of a process cannot be changed safely while it runs, so each case is this test program again, with one test and its own environment.

use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use super::{ok, xml_refusal};
use crate::drivers::aws::{Aws, AwsConfig};
use crate::drivers::scripted::{Asked, Reply, Server};

/// Set in the second process: the settings of the `aws` block, as JSON.
const INSIDE: &str = "KAAS_TEST_AWS_BLOCK";

/// What a caller with these settings in this environment sees: region, name of the cluster's role or the error.
async fn outcome(test: &str, block: &serde_json::Value, vars: &[(&str, &str)], home: &Path) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("drivers::aws::tests::chain::{test}"), "--nocapture", "--test-threads=1"]);
    command.env_clear().env(INSIDE, block.to_string()).env("HOME", home).env("AWS_EC2_METADATA_DISABLED", "true");
    command.envs(vars.iter().copied()).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("OUTCOME "));
    line.unwrap_or_else(|| panic!("no outcome in {text:?}")).1.to_owned()
}

/// In the second process: does what is asked and says what came of it; true.
async fn is_inside() -> bool {
    let Ok(block) = std::env::var(INSIDE) else { return false };
    let block: serde_json::Value = serde_json::from_str(&block).unwrap();
    let text = |name: &str| block[name].as_str().map(str::to_owned);
    let endpoints = block["endpoints"].as_object().into_iter().flatten();
    let aws = Aws::new(AwsConfig {
        region: text("region"),
        profile: text("profile"),
        role_arn: text("role_arn"),
        external_id: text("external_id"),
        endpoints: endpoints.map(|(name, url)| (name.clone(), url.as_str().unwrap().to_owned())).collect(),
    });
    let outcome = match aws.region().await {
        _ if block["global"] == true => global(&aws).await,
        Ok(region) => match aws.eks_cluster(&region, "prod").await {
            Ok(_) => region,
            Err(error) => format!("{} {}", error.report(), error.hint().unwrap_or_default()),
        },
        Err(error) => format!("{} {}", error.report(), error.hint().unwrap_or_default()),
    };
    // By its own line: the test program writes the test's name before it.
    std::io::Write::write_all(&mut std::io::stdout(), format!("\nOUTCOME {outcome}\n").as_bytes()).unwrap();
    true
}

/// What is asked of services without a region.
async fn global(aws: &Aws) -> String {
    match (aws.zone("Z1").await, aws.role("r").await) {
        (Ok(None), Ok(None)) => "nothing there".to_owned(),
        (zone, role) => format!("{zone:?} {role:?}"),
    }
}

fn eks(asked: &Asked) -> Reply {
    match asked.line.as_str() {
        "GET /clusters/prod" => ok(&super::cluster("ACTIVE")),
        // AssumeRole
        "POST /" => {
            let session = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
                           <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                           <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
            Reply(200, vec![("content-type", "text/xml".into())], session.into())
        }
        other => panic!("{other} was asked for"),
    }
}

/// The access key that signed a request.
fn key(asked: &Asked) -> String {
    asked.headers["authorization"].split_once("Credential=").unwrap().1.split('/').next().unwrap().to_owned()
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "very-secret-key")];

fn files(home: &Path) {
    std::fs::create_dir_all(home.join(".aws")).unwrap();
    std::fs::write(home.join(".aws/config"), "[profile ops]\nregion = eu-west-3\n").unwrap();
    std::fs::write(home.join(".aws/credentials"), "[ops]\naws_access_key_id = AKIDOPS\naws_secret_access_key = very-secret-key\n").unwrap();
}

#[tokio::test]
async fn the_environment_says_what_the_block_does_not() {
    if is_inside().await {
        return;
    }
    let server = Server::start(|asked, _| eks(asked)).await;
    let home = tempfile::tempdir().unwrap();
    let vars = [KEYS[0], KEYS[1], ("AWS_REGION", "eu-north-1"), ("AWS_ENDPOINT_URL_EKS", server.url.as_str())];
    let test = "the_environment_says_what_the_block_does_not";
    assert_eq!(outcome(test, &json!({}), &vars, home.path()).await, "eu-north-1");
    let asked = server.asked().pop().unwrap();
    assert_eq!(key(&asked), "AKIDENV");
    assert!(
        asked.headers["user-agent"].contains("app/kaas") || asked.headers["x-amz-user-agent"].contains("app/kaas"),
        "{:?}",
        asked.headers
    );
    // What the block says stands above it.
    let elsewhere = [KEYS[0], KEYS[1], ("AWS_REGION", "eu-north-1"), ("AWS_ENDPOINT_URL_EKS", "http://127.0.0.1:9")];
    let block = json!({ "region": "eu-central-1", "endpoints": { "eks": server.url } });
    assert_eq!(outcome(test, &block, &elsewhere, home.path()).await, "eu-central-1");
}

#[tokio::test]
async fn services_without_a_region_are_asked_where_the_environment_or_the_block_says_and_need_none() {
    if is_inside().await {
        return;
    }
    let server = Server::start(|asked, _| match asked.line.as_str() {
        "GET /2013-04-01/hostedzone/Z1" => xml_refusal(404, "NoSuchHostedZone", "No hosted zone found with ID: Z1"),
        _ => xml_refusal(404, "NoSuchEntity", "The role with name r cannot be found."),
    })
    .await;
    let (home, url) = (tempfile::tempdir().unwrap(), server.url.as_str());
    let test = "services_without_a_region_are_asked_where_the_environment_or_the_block_says_and_need_none";
    let vars = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL_ROUTE_53", url), ("AWS_ENDPOINT_URL_IAM", url)];
    assert_eq!(outcome(test, &json!({ "global": true }), &vars, home.path()).await, "nothing there");
    let elsewhere = "http://127.0.0.1:9";
    let vars = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL_ROUTE_53", elsewhere), ("AWS_ENDPOINT_URL_IAM", elsewhere)];
    let block = json!({ "global": true, "region": "eu-central-1", "endpoints": { "route53": url, "iam": url } });
    assert_eq!(outcome(test, &block, &vars, home.path()).await, "nothing there");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_profile_that_the_block_names_stands_above_keys_of_the_environment() {
    if is_inside().await {
        return;
    }
    let server = Server::start(|asked, _| eks(asked)).await;
    let home = tempfile::tempdir().unwrap();
    files(home.path());
    let test = "a_profile_that_the_block_names_stands_above_keys_of_the_environment";
    let block = |profile: &str| json!({ "profile": profile, "endpoints": { "eks": server.url } });
    assert_eq!(outcome(test, &block("ops"), &KEYS, home.path()).await, "eu-west-3");
    assert_eq!(key(&server.asked().pop().unwrap()), "AKIDOPS");
    let vars = [KEYS[0], KEYS[1], ("AWS_REGION", "eu-north-1")];
    let error = outcome(test, &block("opps"), &vars, home.path()).await;
    assert!(error.contains("no AWS credentials") && error.contains("`opps`"), "{error}");
    assert!(error.contains("looked for in profile \"opps\""), "{error}");
}

#[tokio::test]
async fn a_role_is_assumed_by_the_configured_sts_with_the_credentials_found() {
    if is_inside().await {
        return;
    }
    let server = Server::start(|asked, _| eks(asked)).await;
    let home = tempfile::tempdir().unwrap();
    let block = json!({ "region": "eu-central-1", "role_arn": "arn:aws:iam::123456789012:role/deploy", "external_id": "ours",
        "endpoints": { "eks": server.url, "sts": server.url } });
    let test = "a_role_is_assumed_by_the_configured_sts_with_the_credentials_found";
    assert_eq!(outcome(test, &block, &KEYS, home.path()).await, "eu-central-1");
    let asked = server.asked();
    assert_eq!(asked.iter().map(key).collect::<Vec<_>>(), ["AKIDENV", "ASIAROLE"]);
    for part in ["Action=AssumeRole", "role%2Fdeploy", "RoleSessionName=kaas", "ExternalId=ours"] {
        assert!(asked[0].body.contains(part), "{}", asked[0].body);
    }
}

#[tokio::test]
async fn without_credentials_or_region_one_is_told_what_to_do() {
    if is_inside().await {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let test = "without_credentials_or_region_one_is_told_what_to_do";
    let error = outcome(test, &json!({}), &[], home.path()).await;
    assert!(error.contains("no AWS region is configured") && error.contains("AWS_REGION"), "{error}");
    let error = outcome(test, &json!({ "region": "eu-central-1" }), &[], home.path()).await;
    assert!(error.contains("no AWS credentials") && error.contains("aws sso login"), "{error}");
}
