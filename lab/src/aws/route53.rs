//! Requests to Route 53 on their way to moto: which action each is, and whether IAM lets its signer do it. moto itself asks nobody.

use http::Method;

use super::eks::refusal::Refusal;
use super::front::Front;
use super::keys::Key;
use super::rights;

/// The version in every path.
const VERSION: &str = "/2013-04-01/";

/// The action that a request to Route 53 is, and the ARN of what it is about; none of those nobody here asks.
pub fn action(method: &Method, path: &str) -> Option<(&'static str, String)> {
    let segments: Vec<&str> = path.strip_prefix(VERSION)?.split('/').filter(|part| !part.is_empty()).collect();
    let name = match (method.as_str(), segments.as_slice()) {
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzonesbyvpc"]) => "ListHostedZonesByVPC",
        ("GET", ["hostedzonecount"]) => "GetHostedZoneCount",
        ("POST", ["hostedzone"]) => "CreateHostedZone",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("DELETE", ["hostedzone", _]) => "DeleteHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        ("GET", ["tags", _, _]) => "ListTagsForResource",
        ("POST", ["tags", _]) => "ListTagsForResources",
        ("POST", ["tags", _, _]) => "ChangeTagsForResource",
        _ => return None,
    };
    let about = match segments.as_slice() {
        ["tags", kind, id, ..] | [kind @ ("hostedzone" | "change"), id, ..] => format!("arn:aws:route53:::{kind}/{id}"),
        _ => "*".to_owned(),
    };
    Some((name, about))
}

/// Refuses what the owner of `key` may not do.
pub async fn check(front: &Front, key: &Key, action: &str, about: &str) -> Result<(), Refusal> {
    rights::check(front.moto, key, &format!("route53:{action}"), about).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_method_and_path() {
        let change = action(&Method::POST, "/2013-04-01/hostedzone/Z1/rrset/").unwrap();
        assert_eq!(change, ("ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1".to_owned()));
        assert_eq!(action(&Method::GET, "/2013-04-01/hostedzonesbyname").unwrap(), ("ListHostedZonesByName", "*".to_owned()));
        assert_eq!(action(&Method::GET, "/2013-04-01/hostedzone/Z1/dnssec"), None);
        assert_eq!(action(&Method::GET, "/"), None);
    }
}
