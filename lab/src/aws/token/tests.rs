//! Tokens made by the rules and against them.

use super::*;
use crate::aws::signature::encode;

const DATE: &str = "20261123T031500Z";
const SECRET: &str = "secret";

fn key() -> Key {
    Key { secret: SECRET.into(), session_token: None, principal: "arn:aws:iam::1:user/me".into(), caller: "arn:aws:iam::1:user/me".into() }
}

struct Recipe {
    host: &'static str,
    action: &'static str,
    cluster: &'static str,
    secret: &'static str,
    signed: &'static str,
}

const GOOD: Recipe = Recipe {
    host: "sts.eu-west-1.amazonaws.com",
    action: "GetCallerIdentity",
    cluster: "blue",
    secret: SECRET,
    signed: "host;x-k8s-aws-id",
};

fn token(recipe: &Recipe, lent: Option<&str>) -> String {
    let scope = Scope::parse("AK/20261123/eu-west-1/sts/aws4_request").unwrap();
    let mut query: Vec<(String, String)> = [
        ("Action", recipe.action),
        ("Version", "2011-06-15"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "AK/20261123/eu-west-1/sts/aws4_request"),
        ("X-Amz-Date", DATE),
        ("X-Amz-Expires", "60"),
        ("X-Amz-SignedHeaders", recipe.signed),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    query.extend(lent.map(|token| ("X-Amz-Security-Token".to_owned(), token.to_owned())));
    let value = |name: &str| if name == "host" { recipe.host } else { recipe.cluster };
    let headers = recipe.signed.split(';').map(|name| (name.to_owned(), value(name).to_owned())).collect();
    let signed = Signed { method: "GET", path: "/".into(), query: &query, headers, body: b"", date: DATE, scope: &scope };
    let signature = signed.signature(recipe.secret);
    query.push(("X-Amz-Signature".to_owned(), signature));
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let url = format!("https://{}/?{}", recipe.host, query.join("&"));
    format!("{PREFIX}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(url))
}

fn judged(token: &str, age: f64, known: Option<Key>) -> Result<Key, String> {
    check(token, "blue", seconds(DATE).unwrap() + age, 900.0, |id| known.clone().filter(|_| id == "AK"))
        .map_err(|error| format!("{error:#}"))
}

#[test]
fn a_token_made_by_the_rules_is_its_owners() {
    assert_eq!(judged(&token(&GOOD, None), 10.0, Some(key())), Ok(key()));
    let global = Recipe { host: "sts.amazonaws.com", ..GOOD };
    assert_eq!(judged(&token(&global, None), 899.0, Some(key())), Ok(key()));
}

#[test]
fn a_lent_key_needs_its_session_token() {
    let lent = Key { session_token: Some("t/+=".into()), ..key() };
    assert_eq!(judged(&token(&GOOD, Some("t/+=")), 1.0, Some(lent.clone())), Ok(lent.clone()));
    assert!(judged(&token(&GOOD, None), 1.0, Some(lent)).unwrap_err().contains("session token"));
}

#[test]
fn a_token_against_the_rules_is_refused_with_the_reason() {
    let wrong = [
        (Recipe { secret: "other", ..GOOD }, "signature"),
        (Recipe { cluster: "green", ..GOOD }, "signature"),
        (Recipe { host: "sts.evil.example", ..GOOD }, "host of STS"),
        (Recipe { host: "sts.a.b.amazonaws.com", ..GOOD }, "host of STS"),
        (Recipe { action: "ListUsers", ..GOOD }, "action"),
        (Recipe { signed: "host", ..GOOD }, "x-k8s-aws-id is not signed"),
    ];
    for (recipe, reason) in wrong {
        let error = judged(&token(&recipe, None), 1.0, Some(key())).unwrap_err();
        assert!(error.contains(reason), "{error} instead of {reason}");
    }
    assert!(judged(&token(&GOOD, None), 901.0, Some(key())).unwrap_err().contains("901 s old"));
    assert!(judged(&token(&GOOD, None), -400.0, Some(key())).unwrap_err().contains("future"));
    assert!(judged(&token(&GOOD, None), 1.0, None).unwrap_err().contains("nobody has the key"));
    assert!(judged("Bearer x", 1.0, Some(key())).unwrap_err().contains("begin"));
}
