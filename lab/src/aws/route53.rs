//! Requests to Route 53 on their way to moto: which action each is, and whether IAM lets its signer do it. moto itself asks nobody.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;

use super::eks::refusal::Refusal;
use super::front::{Front, xml_response};
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

/// What Route 53 says where moto says something else. A batch that deletes what is not there is an `InvalidChangeBatch`, and comes without the frame of other
/// errors: by its code external-dns and cert-manager know that a record is gone already.
pub fn refusal(action: &str, answer: &Response<Bytes>) -> Option<Response<Full<Bytes>>> {
    let said = String::from_utf8_lossy(answer.body());
    if action != "ChangeResourceRecordSets" || answer.status() != StatusCode::BAD_REQUEST || !said.contains("[Action=DELETE, ") {
        return None;
    }
    let part = |name: &str| said.split_once(&format!("{name}=")).and_then(|(_, rest)| rest.split([',', ']']).next()).unwrap_or_default();
    let message = format!("Tried to delete resource record set [name='{}', type='{}'] but it was not found", part("Name"), part("Type"));
    let body = format!(
        "<?xml version=\"1.0\"?>\n<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages><Message>{message}</Message></Messages>\
         <RequestId>{}</RequestId></InvalidChangeBatch>",
        super::eks::new_uuid()
    );
    Some(xml_response(answer.status(), body))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_delete_of_what_is_not_there_is_refused_as_route_53_does() {
        let moto = "<ErrorResponse><Error><Code>InvalidInput</Code><Message>Invalid request: Expected exactly one of [AliasTarget], but found none in Change with \
                    [Action=DELETE, Name=_acme-challenge.a.example.test., Type=TXT, SetIdentifier=null]</Message></Error></ErrorResponse>";
        let answer = Response::builder().status(400).body(Bytes::from(moto)).unwrap();
        assert!(refusal("CreateHostedZone", &answer).is_none());
        let whole = refusal("ChangeResourceRecordSets", &answer).unwrap().into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&whole).into_owned();
        assert!(text.contains("<Message>Tried to delete resource record set [name='_acme-challenge.a.example.test.', type='TXT'] but it was not found</Message>"), "{text}");
        let other = Response::builder().status(400).body(Bytes::from("<Code>InvalidInput</Code>")).unwrap();
        assert!(refusal("ChangeResourceRecordSets", &other).is_none());
    }

    #[test]
    fn a_request_is_known_by_method_and_path() {
        let change = action(&Method::POST, "/2013-04-01/hostedzone/Z1/rrset/").unwrap();
        assert_eq!(change, ("ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1".to_owned()));
        assert_eq!(action(&Method::GET, "/2013-04-01/hostedzonesbyname").unwrap(), ("ListHostedZonesByName", "*".to_owned()));
        assert_eq!(action(&Method::GET, "/2013-04-01/hostedzone/Z1/dnssec"), None);
        assert_eq!(action(&Method::GET, "/"), None);
    }
}
