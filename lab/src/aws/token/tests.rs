//! Tokens made by the rules and against them.

use time::Duration;

use super::mint::Recipe;
use super::*;

const MADE: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_780));
const HOST: &str = "sts.eu-west-1.amazonaws.com";

fn key() -> Key {
    Key {
        secret: "secret".into(),
        session_token: None,
        principal: "arn:aws:iam::1:user/me".into(),
        caller: "arn:aws:iam::1:user/me".into(),
    }
}

fn good() -> Recipe<'static> {
    Recipe::new("AK", "secret", "eu-west-1", HOST, "blue", MADE)
}

fn judged(recipe: &Recipe<'_>, age_s: f64, known: Option<Key>) -> Result<Key, String> {
    let made = Duration::days(20_780).as_seconds_f64();
    check(&recipe.token(), "blue", made + age_s, 900.0, |id| known.clone().filter(|_| id == "AK")).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_token_made_by_the_rules_is_its_owners() {
    assert_eq!(judged(&good(), 10.0, Some(key())), Ok(key()));
    assert_eq!(judged(&Recipe { host: "sts.amazonaws.com", ..good() }, 899.0, Some(key())), Ok(key()));
}

#[test]
fn a_lent_key_needs_its_session_token() {
    let lent = Key { session_token: Some("t/+=".into()), ..key() };
    assert_eq!(judged(&Recipe { session_token: Some("t/+="), ..good() }, 1.0, Some(lent.clone())), Ok(lent.clone()));
    assert!(judged(&good(), 1.0, Some(lent)).unwrap_err().contains("session token"));
}

#[test]
fn a_token_against_the_rules_is_refused_with_the_reason() {
    let wrong = [
        (Recipe { secret: "other", ..good() }, "signature"),
        (Recipe { cluster: "green", ..good() }, "signature"),
        (Recipe { host: "sts.evil.example", ..good() }, "host of STS"),
        (Recipe { host: "sts.a.b.amazonaws.com", ..good() }, "host of STS"),
        (Recipe { action: "ListUsers", ..good() }, "action"),
        (Recipe { signed_headers: "host", ..good() }, "x-k8s-aws-id is not signed"),
        (Recipe { signed_headers: "host;x-k8s-aws-id;x-more", ..good() }, "x-more is signed"),
    ];
    for (recipe, reason) in wrong {
        let error = judged(&recipe, 1.0, Some(key())).unwrap_err();
        assert!(error.contains(reason), "{error} instead of {reason}");
    }
    assert!(judged(&good(), 901.0, Some(key())).unwrap_err().contains("901 s old"));
    assert!(judged(&good(), -400.0, Some(key())).unwrap_err().contains("future"));
    assert!(judged(&good(), 1.0, None).unwrap_err().contains("nobody has the key"));
    assert!(check("Bearer x", "blue", 0.0, 900.0, |_| Some(key())).unwrap_err().to_string().contains("begin"));
}
