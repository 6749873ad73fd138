//! Requests to AWS: who asks and may they, what other services have to say about it, the answer; and the way to moto and back.

use anyhow::Result;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value};

use super::eks::Call;
use super::eks::refusal::{Answer, Refusal};
use super::eks::route::{Route, route};
use super::front::{Front, Reply, json_response, now, refused, xml_response};
use super::keys::{Key, element};
use super::moto::LAB;
use super::signature::{Authorization, Signed, decode, encode_path, parameters, same};
use super::{actions, facts, images, rights, route53};

/// Answers a request to EKS.
pub async fn eks(front: &Front, head: &Parts, body: &Bytes, authorization: &Authorization) -> Reply {
    let segments: Vec<String> = head.uri.path().split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let Some(route) = route(head.method.as_str(), &segments) else {
        let message = format!("this lab's EKS does not know {} {}", head.method, head.uri.path());
        return Some(refused(&Refusal { status: 501, code: "NotInTheLab", message }));
    };
    let name = route.action.name();
    if front.with_state(|state| state.faults.throttles(&name)) {
        return Some(refused(&Refusal::throttled()));
    }
    let outcome = perform(front, head, body, authorization, &route).await;
    if outcome.is_ok() && front.with_state(|state| state.faults.loses(&name)) {
        tracing::info!("the response to {name} is lost, as ordered");
        return None;
    }
    tracing::info!("{name} {} {}: {}", route.cluster, route.item, if outcome.is_ok() { "done" } else { "refused" });
    Some(outcome.map_or_else(|refusal| refused(&refusal), |answer| json_response(StatusCode::OK, &answer)))
}

async fn perform(front: &Front, head: &Parts, body: &Bytes, authorization: &Authorization, route: &Route) -> Answer<Value> {
    let query = parameters(head.uri.query().unwrap_or_default(), false);
    let key = signed_by(front, head, &query, body, authorization)?;
    let body: Map<String, Value> = match body.as_ref() {
        b"" => Map::new(),
        text => serde_json::from_slice(text).map_err(|error| Refusal::request(error.to_string()))?,
    };
    let region = &authorization.scope.region;
    let named = format!("arn:aws:eks:{region}:{}:cluster/{}", super::eks::ACCOUNT, route.cluster);
    rights::check(front.moto, &key, &format!("eks:{}", route.action.name()), &named).await?;
    let facts = facts::gather(front.moto, &key, region, route.action, &body).await?;
    let call = Call { region, principal: &key.principal, route, query: &query, body: &body, facts: &facts, now: now() };
    front.with_state(|state| state.answer(&call))
}

/// Whose key signed the request.
fn signed_by(front: &Front, head: &Parts, query: &[(String, String)], body: &[u8], authorization: &Authorization) -> Answer<Key> {
    let key = front.key(&authorization.scope.access_key).ok_or_else(Refusal::unknown_key)?;
    let value = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if key.session_token.as_deref().is_some_and(|token| token != value("x-amz-security-token")) {
        return Err(Refusal::unknown_key());
    }
    let headers = authorization.signed_headers.iter().map(|name| (name.clone(), value(name))).collect();
    let date = value("x-amz-date");
    let path = encode_path(head.uri.path());
    let signed = Signed { method: head.method.as_str(), path, query, headers, body, date: &date, scope: &authorization.scope };
    if same(&signed.signature(&key.secret), &authorization.signature) { Ok(key) } else { Err(Refusal::signature()) }
}

/// Sends a request to moto as it is. Keys that are issued are remembered.
pub async fn others(front: &Front, mut head: Parts, body: Bytes) -> Reply {
    let form = parameters(&String::from_utf8_lossy(&body), true);
    let dns = route53::action(&head.method, head.uri.path());
    let named = form.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone()).unwrap_or_default();
    let action = dns.as_ref().map_or(named, |(action, _)| (*action).to_owned());
    if front.with_state(|state| state.faults.throttles(&action)) {
        return Some(failed(StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded"));
    }
    if let Some(refusal) = refused_by_sts(front, &head, &body) {
        return Some(refusal);
    }
    if let Some(refusal) = refused_by_iam(front, &head, &body, &form, dns.as_ref()).await {
        return Some(refusal);
    }
    if let Some(refusal) = actions::refused(front, &head, &form).await {
        return Some(refusal);
    }
    let body = images::known_to_moto(&mut head, body);
    let answer = match front.moto.send(Request::from_parts(head, Full::new(body))).await {
        Ok(answer) => answer,
        Err(error) => return Some(refused(&Refusal::server(format!("{error:#}")))),
    };
    if answer.status().is_success()
        && let Err(error) = remember(front, &action, &form, answer.body()).await
    {
        tracing::error!("{action}: {error:#}");
    }
    if front.with_state(|state| state.faults.loses(&action)) {
        return None;
    }
    if let Some(refusal) = route53::refusal(&action, &answer) {
        return Some(refusal);
    }
    let (mut head, body) = answer.into_parts();
    // Of the connection to moto, not of this one.
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        head.headers.remove(name);
    }
    Some(Response::from_parts(head, Full::new(body)))
}

async fn remember(front: &Front, action: &str, form: &[(String, String)], answer: &[u8]) -> Result<()> {
    let asked = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone()).unwrap_or_default();
    let xml = String::from_utf8_lossy(answer);
    let part = |tag: &str| element(&xml, tag).unwrap_or_default().to_owned();
    match action {
        "CreateAccessKey" => {
            let user = part("UserName");
            let shown = front.moto.query("iam", "us-east-1", &[("Action", "GetUser"), ("UserName", &user)]).await?;
            let arn = element(&shown, "Arn").unwrap_or_default().to_owned();
            let key = Key { secret: part("SecretAccessKey"), session_token: None, principal: arn.clone(), caller: arn };
            front.change_keys(|keys| keys.add(part("AccessKeyId"), key));
        }
        "AssumeRole" | "AssumeRoleWithWebIdentity" => {
            let caller = element(&xml, "AssumedRoleUser").and_then(|user| element(user, "Arn")).unwrap_or_default().to_owned();
            let key =
                Key { secret: part("SecretAccessKey"), session_token: Some(part("SessionToken")), principal: asked("RoleArn"), caller };
            front.change_keys(|keys| keys.add(part("AccessKeyId"), key));
        }
        "DeleteAccessKey" => front.change_keys(|keys| keys.remove(&asked("AccessKeyId"))),
        _ => {}
    }
    Ok(())
}

/// moto lets everybody change records and lends roles that are not there; this AWS only whom IAM lets. The lab itself may do everything.
async fn refused_by_iam(
    front: &Front,
    head: &Parts,
    body: &[u8],
    form: &[(String, String)],
    dns: Option<&(&'static str, String)>,
) -> Option<Response<Full<Bytes>>> {
    let header = head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let authorization = Authorization::parse(header).filter(|authorization| authorization.scope.access_key != LAB.access_key)?;
    let asked = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    if let Some((action, about)) = dns {
        let query = parameters(head.uri.query().unwrap_or_default(), false);
        let refusal = match signed_by(front, head, &query, body, &authorization) {
            Ok(key) => route53::check(front, &key, action, about).await.err().map(|refusal| (refusal, "AccessDenied")),
            Err(refusal) if refusal == Refusal::unknown_key() => Some((refusal, "InvalidClientTokenId")),
            Err(refusal) => Some((refusal, "SignatureDoesNotMatch")),
        };
        return refusal.map(|(refusal, code)| failed(StatusCode::FORBIDDEN, code, &refusal.message));
    }
    let role = asked("RoleArn").filter(|_| asked("Action") == Some("AssumeRole"))?;
    let name = role.rsplit('/').next().unwrap_or_default();
    let known = front.moto.query("iam", "us-east-1", &[("Action", "GetRole"), ("RoleName", name)]).await.is_ok();
    let who = front.key(&authorization.scope.access_key).map(|key| key.caller).unwrap_or_default();
    let message = format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}");
    (!known).then(|| failed(StatusCode::FORBIDDEN, "AccessDenied", &message))
}

/// moto tells everybody who he is; this AWS only those whose key it issued.
fn refused_by_sts(front: &Front, head: &Parts, body: &[u8]) -> Option<Response<Full<Bytes>>> {
    let header = head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let authorization = Authorization::parse(header).filter(|authorization| authorization.scope.service == "sts")?;
    let query = parameters(head.uri.query().unwrap_or_default(), false);
    let refusal = signed_by(front, head, &query, body, &authorization).err()?;
    let code = if refusal == Refusal::unknown_key() { "InvalidClientTokenId" } else { "SignatureDoesNotMatch" };
    Some(failed(StatusCode::FORBIDDEN, code, &refusal.message))
}

/// An error as the services with the query protocol say it.
pub fn failed(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    let text = format!("<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
    xml_response(status, text)
}
