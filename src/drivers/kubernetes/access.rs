//! What the server is and what this user may do there.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Cluster;
use super::call::{Call, group_path};
use super::error::{Act, Error, Result};
use super::read::parse;
use crate::domain::object::Kind;

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    git_version: String,
}

#[derive(Deserialize)]
struct Served {
    #[serde(default)]
    resources: Vec<ServedResource>,
}

#[derive(Deserialize)]
struct ServedResource {
    name: String,
}

impl Cluster {
    /// The server's version as it says it: "v1.36.2", "v1.33.1-eks-1234567".
    pub async fn version(&self) -> Result<String> {
        let act = Act::on_server("for its version");
        let body = self.send(Call::get(act.clone(), "/version".to_owned())).await?;
        Ok(parse::<Version>(&act, &body)?.git_version)
    }

    /// Whether this user may do `verb` (get, list, watch, create, patch, delete) to a resource of an API group ("pods", "pods/log") in every namespace.
    pub async fn may(&self, verb: &str, group: &str, resource: &str) -> Result<bool> {
        let act = Act::on_server("what this user may do");
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": { "verb": verb, "group": group, "version": "*", "resource": resource, "subresource": subresource } },
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        let call = Call { method: Method::POST, body: review.to_string().into_bytes(), ..Call::get(act.clone(), path) };
        let answer: Value = parse(&act, &self.send(call).await?)?;
        Ok(answer["status"]["allowed"].as_bool().unwrap_or(false))
    }

    /// Whether this user may do everything in every namespace.
    pub async fn may_all(&self) -> Result<bool> {
        self.may("*", "*", "*").await
    }

    /// Whether the server serves a kind in the version this provider speaks. Asks for that API group only.
    pub async fn server_serves(&self, kind: Kind) -> Result<bool> {
        let act = Act::on_server("which kinds it serves");
        match self.send(Call::get(act.clone(), group_path(kind))).await {
            Ok(body) => Ok(parse::<Served>(&act, &body)?.resources.iter().any(|resource| resource.name == kind.api().plural)),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
