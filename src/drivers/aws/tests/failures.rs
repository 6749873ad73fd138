//! Each kind of failure: what it becomes, how often it is tried, and that its words help.

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use serde_json::json;

use super::{REGION, SECRET, aws, by, cluster, ok, refusal};
use crate::drivers::aws::{Aws, AwsConfig, Error};
use crate::drivers::scripted::{Reply, Server};

async fn failed(aws: &Aws) -> Error {
    let error = aws.eks_cluster(REGION, "prod").await.unwrap_err();
    assert!(!format!("{error:?} {} {aws:?}", error.report()).contains(SECRET), "{error:?}");
    error
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let server = Server::start(|_, before| match before {
        0 => refusal(429, "ThrottlingException", "Rate exceeded"),
        1 => refusal(429, "TooManyRequestsException", "Rate exceeded"),
        2 => refusal(503, "ServiceUnavailableException", "busy"),
        _ => ok(&cluster("ACTIVE")),
    })
    .await;
    assert!(aws(&server).eks_cluster(REGION, "prod").await.unwrap().is_some());
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_request_says_who_sends_it() {
    let server = Server::start(|_, _| ok(&cluster("ACTIVE"))).await;
    aws(&server).eks_cluster(REGION, "prod").await.unwrap();
    let authorization = &server.asked()[0].headers["authorization"];
    assert!(authorization.contains("AKIDEXAMPLE") && authorization.contains("/eu-central-1/eks/"), "{authorization}");
}

#[tokio::test]
async fn each_refusal_is_told_by_its_class_in_awss_words() {
    type Is = fn(&Error) -> bool;
    let cases: [(u16, &str, Is, usize); 11] = [
        (400, "InvalidParameterException", |error| matches!(error, Error::BadRequest { .. }), 1),
        (400, "InvalidRequestException", |error| matches!(error, Error::BadRequest { .. }), 1),
        (400, "ResourceLimitExceededException", |error| matches!(error, Error::BadRequest { .. }), 1),
        (409, "ResourceInUseException", |error| matches!(error, Error::Conflict { .. }), 1),
        (403, "AccessDeniedException", |error| matches!(error, Error::Denied { .. }), 1),
        (403, "UnrecognizedClientException", |error| matches!(error, Error::Unauthorized { .. }), 1),
        (403, "ExpiredTokenException", |error| matches!(error, Error::Unauthorized { .. }), 1),
        (403, "InvalidSignatureException", |error| matches!(error, Error::Unauthorized { .. }), 1),
        (429, "ThrottlingException", |error| matches!(error, Error::Throttled { .. }), 5),
        (500, "ServerException", |error| matches!(error, Error::Server { .. }), 5),
        (418, "TeapotException", |error| matches!(error, Error::Other { .. }), 1),
    ];
    for (status, code, is, tries) in cases {
        let server = Server::start(move |_, _| refusal(status, code, "because")).await;
        let error = failed(&aws(&server)).await;
        assert!(is(&error), "{code}: {error:?}");
        let wanted = format!("AWS answered {code}: because (request 4b5c-6d)");
        assert_eq!(error.answer().unwrap().to_string(), wanted);
        assert!(
            error.report().starts_with("read EKS cluster \"prod\" in eu-central-1: ") && error.report().ends_with(&wanted),
            "{}",
            error.report()
        );
        assert_eq!(server.asked().len(), tries, "{code}");
    }
}

#[tokio::test]
async fn a_page_that_is_not_awss_is_not_taken_for_its_word() {
    let server = Server::start(|_, _| Reply(404, vec![("content-type", "text/html".into())], "<html>Not Found</html>".into())).await;
    let error = failed(&aws(&server)).await;
    assert!(matches!(error, Error::Other { .. }) && error.report().ends_with("the answer was HTTP 404"), "{}", error.report());
    assert!(error.hint().unwrap().contains("endpoint"));
    for page in ["<html>Log in first</html>", "{}", r#"{"cluster": {"version": "new"}}"#] {
        let server = Server::start(move |_, _| Reply(200, Vec::new(), page.into())).await;
        let error = failed(&aws(&server)).await;
        assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_aws_that_cannot_be_reached_is_told_with_the_cause() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let endpoints = [("eks".to_owned(), format!("http://127.0.0.1:{port}"))].into();
    let credentials = aws_credential_types::Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test");
    let error = failed(&by(AwsConfig { endpoints, ..AwsConfig::default() }, credentials)).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.report().contains("refused"), "{}", error.report());
}

/// Has none.
#[derive(Debug)]
struct Without;

impl ProvideCredentials for Without {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("the login has expired")))
    }
}

#[tokio::test]
async fn without_credentials_it_is_told_where_they_were_looked_for() {
    let server = Server::start(|_, _| ok(&cluster("ACTIVE"))).await;
    let config = |profile: Option<&str>| AwsConfig {
        profile: profile.map(str::to_owned),
        role_arn: Some("arn:aws:iam::123456789012:role/deploy".into()),
        endpoints: [("eks".to_owned(), server.url.clone())].into(),
        ..AwsConfig::default()
    };
    let error = failed(&by(config(None), Without)).await;
    assert!(matches!(error, Error::NoCredentials { .. }), "{error:?}");
    assert!(error.report().contains("no AWS credentials") && error.report().contains("the login has expired"), "{}", error.report());
    let hint = error.hint().unwrap();
    for place in ["AWS_ACCESS_KEY_ID", "SSO", "web identity", "aws sso login", "role/deploy"] {
        assert!(hint.contains(place), "{hint}");
    }
    let aws = by(config(Some("ops")), Without);
    assert!(failed(&aws).await.hint().unwrap().contains("profile \"ops\" of the AWS configuration files"));
    let error = aws.kubernetes_token(REGION, "prod").await.unwrap_err();
    assert!(matches!(error, Error::NoCredentials { .. }), "{error:?}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn who_one_is_comes_from_the_configured_sts_and_tokens_name_awss_own() {
    let answer = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                  <Arn>arn:aws:iam::123456789012:user/me</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let server = Server::start(move |_, _| Reply(200, vec![("content-type", "text/xml".into())], answer.into())).await;
    let aws = aws(&server);
    assert_eq!(aws.caller_arn(REGION).await.unwrap(), "arn:aws:iam::123456789012:user/me");
    let token = aws.kubernetes_token("cn-north-1", "prod").await.unwrap();
    let encoded = token.text.strip_prefix("k8s-aws-v1.").unwrap();
    let url = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, encoded).unwrap();
    assert!(url.starts_with(b"https://sts.cn-north-1.amazonaws.com.cn/?"), "{}", String::from_utf8_lossy(&url));
    let left = token.expires_at.duration_since(std::time::SystemTime::now()).unwrap().as_secs();
    assert!((830..=840).contains(&left), "{left}");
    assert_eq!(server.asked().len(), 1, "a token is made without asking");
}

#[tokio::test]
async fn a_token_ends_with_the_credentials_that_signed_it() {
    let end = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let credentials = aws_credential_types::Credentials::new("AKIDEXAMPLE", SECRET, Some("session".into()), Some(end), "test");
    assert_eq!(by(AwsConfig::default(), credentials).kubernetes_token(REGION, "prod").await.unwrap().expires_at, end);
}

#[tokio::test]
async fn nothing_happens_before_the_first_call() {
    let aws = Aws::with(AwsConfig { region: Some(REGION.into()), ..AwsConfig::default() }, Box::new(|| panic!("the SDK was started")));
    assert_eq!(aws.clone().region().await.unwrap(), REGION);
    let _ = (aws.token_source(REGION, "prod"), json!({ "debug": format!("{aws:?}") }));
}
