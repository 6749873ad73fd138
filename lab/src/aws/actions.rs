//! Which action of which service a request to moto is, as policies name it, and how that service refuses what nobody allowed. Moto itself asks nobody.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::json;

use super::eks::refusal::Refusal;
use super::front::{Front, json_response, xml_response};
use super::requests::failed;
use super::rights;
use super::signature::{Authorization, decode};

/// How a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Ec2,
    Query,
    Json,
}

/// By the names in signatures: the names in policies, and how they speak. Route 53 and EKS are judged elsewhere, of STS nobody needs a right for more than roles.
const SERVICES: [(&str, &str, Protocol); 8] = [
    ("autoscaling", "autoscaling", Protocol::Query),
    ("ec2", "ec2", Protocol::Ec2),
    ("elasticloadbalancing", "elasticloadbalancing", Protocol::Query),
    ("iam", "iam", Protocol::Query),
    ("kms", "kms", Protocol::Json),
    ("secretsmanager", "secretsmanager", Protocol::Json),
    ("ssm", "ssm", Protocol::Json),
    ("tagging", "tag", Protocol::Json),
];

/// Refuses a request that IAM does not allow to the owner of its key. Keys that nobody has are moto's affair.
pub async fn refused(front: &Front, head: &Parts, form: &[(String, String)]) -> Option<Response<Full<Bytes>>> {
    let authorization = Authorization::parse(head.headers.get(header::AUTHORIZATION)?.to_str().ok()?)?;
    let key = front.key(&authorization.scope.access_key)?;
    let (action, protocol) = named(&authorization.scope.service, &head.headers, form)?;
    let refusal = rights::check(front.moto, &key, &action, "*").await.err()?;
    tracing::info!("refused: {refusal}");
    Some(said(protocol, &refusal))
}

/// `ec2:RunInstances` and how to refuse it.
fn named(service: &str, headers: &HeaderMap, form: &[(String, String)]) -> Option<(String, Protocol)> {
    let (_, prefix, protocol) = *SERVICES.iter().find(|(name, ..)| *name == service)?;
    let action = match protocol {
        Protocol::Json => headers.get("x-amz-target")?.to_str().ok()?.rsplit('.').next()?,
        Protocol::Ec2 | Protocol::Query => form.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.as_str())?,
    };
    Some((format!("{prefix}:{}", decode(action)), protocol))
}

fn said(protocol: Protocol, refusal: &Refusal) -> Response<Full<Bytes>> {
    let message = &refusal.message;
    match protocol {
        Protocol::Json => json_response(StatusCode::BAD_REQUEST, &json!({"__type": "AccessDeniedException", "message": message})),
        Protocol::Ec2 => xml_response(
            StatusCode::FORBIDDEN,
            format!(
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>{message}</Message></Error></Errors><RequestID>lab</RequestID></Response>"
            ),
        ),
        Protocol::Query => failed(StatusCode::FORBIDDEN, "AccessDenied", message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_found_where_its_service_writes_it() {
        let form = [("Action".to_owned(), "RunInstances".to_owned())];
        let mut headers = HeaderMap::new();
        assert_eq!(named("ec2", &headers, &form), Some(("ec2:RunInstances".to_owned(), Protocol::Ec2)));
        assert_eq!(named("sts", &headers, &form), None);
        headers.insert("x-amz-target", header::HeaderValue::from_static("ResourceGroupsTaggingAPI_20170126.GetResources"));
        assert_eq!(named("tagging", &headers, &[]), Some(("tag:GetResources".to_owned(), Protocol::Json)));
    }
}
