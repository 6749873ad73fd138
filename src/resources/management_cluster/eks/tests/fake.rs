//! An EKS that keeps what it is asked for, as its REST interface does, and takes a few looks for everything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value as Json, json};

use crate::drivers::scripted::{Asked, Reply, Server};

/// How many looks something stays as it is while EKS works on it.
const LOOKS: u64 = 2;

#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<World>>);

/// Everything by its path: `/clusters/platform/node-groups/system-1f2e3d`.
#[derive(Default)]
pub struct World {
    pub things: BTreeMap<String, Json>,
    /// Looks left until a thing is settled.
    looks: BTreeMap<String, u64>,
    /// What the next things of these paths end as: status, code and message.
    pub faults: Vec<(&'static str, &'static str, &'static str, &'static str)>,
    /// Refuses what it is asked for.
    pub denied: bool,
    pub account: &'static str,
    /// Nothing is ever done.
    pub stuck: bool,
}

impl Fake {
    pub async fn start(&self) -> Server {
        let fake = self.clone();
        Server::start(move |asked, _| fake.answer(asked)).await
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a thing behind everybody's back.
    pub fn change(&self, path: &str, change: impl FnOnce(&mut Json)) {
        change(self.world().things.get_mut(path).unwrap_or_else(|| panic!("there is no {path}")));
    }

    pub fn paths(&self) -> Vec<String> {
        self.world().things.keys().cloned().collect()
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let (method, url) = asked.line.split_once(' ').unwrap();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let mut world = self.world();
        if world.denied {
            return refusal(403, "AccessDeniedException", "User: arn:aws:iam::1:user/u is not authorized to perform: eks:DescribeCluster");
        }
        match (method, &parts[..]) {
            ("POST", [""]) => world.identity(),
            ("GET", ["addons", "supported-versions"]) => versions(query),
            ("POST", ["tags", arn @ ..]) => world.tag(&arn.join("/"), &asked.json(), ""),
            ("DELETE", ["tags", arn @ ..]) => world.tag(&arn.join("/"), &Json::Null, query),
            ("GET", ["clusters"]) => {
                let names: Vec<&str> =
                    world.things.keys().filter_map(|path| path.strip_prefix("/clusters/")).filter(|name| !name.contains('/')).collect();
                ok(&json!({ "clusters": names }))
            }
            ("POST", ["clusters"]) => world.create("clusters", "name", "cluster", asked.json()),
            (_, ["clusters", cluster, ..]) if !world.things.contains_key(&format!("/clusters/{cluster}")) => not_found(),
            ("POST", ["clusters", cluster, "update-config"]) => world.update(&format!("/clusters/{cluster}"), &asked.json()),
            ("POST", ["clusters", cluster, "updates"]) => world.update(&format!("/clusters/{cluster}"), &asked.json()),
            ("GET", ["clusters", _, "updates"]) => ok(&json!({ "updateIds": [] })),
            ("GET", ["clusters", _, "updates", id]) => {
                ok(&json!({ "update": { "id": id, "status": "Successful", "type": "ConfigUpdate" } }))
            }
            ("POST", ["clusters", cluster, "node-groups", group, "update-config" | "update-version"]) => {
                world.update(&format!("/clusters/{cluster}/node-groups/{group}"), &asked.json())
            }
            ("POST", ["clusters", cluster, "addons", name, "update"]) => {
                world.update(&format!("/clusters/{cluster}/addons/{name}"), &asked.json())
            }
            ("POST", ["clusters", cluster, kind]) => {
                let (key, field) = match *kind {
                    "node-groups" => ("nodegroupName", "nodegroup"),
                    "addons" => ("addonName", "addon"),
                    "access-entries" => ("principalArn", "accessEntry"),
                    _ => ("serviceAccount", "association"),
                };
                world.create(&format!("clusters/{cluster}/{kind}"), key, field, asked.json())
            }
            ("GET", ["clusters", _, "access-entries", _, "access-policies"]) => ok(&json!({ "associatedAccessPolicies": [] })),
            ("GET", ["clusters", cluster, kind]) => world.list(&format!("/clusters/{cluster}/{kind}/"), kind),
            ("GET", parts) => world.read(&format!("/{}", parts.join("/")), parts),
            ("DELETE", parts) => world.delete(&format!("/{}", parts.join("/"))),
            _ => not_found(),
        }
    }
}

impl World {
    fn identity(&self) -> Reply {
        let account = if self.account.is_empty() { "123456789012" } else { self.account };
        let xml = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/u</Arn>\
             <UserId>u</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        Reply(200, vec![("content-type", "text/xml".to_owned())], xml)
    }

    fn create(&mut self, parent: &str, key: &str, field: &str, mut body: Json) -> Reply {
        let name = body[key].as_str().unwrap_or_default().to_owned();
        let path = format!("/{parent}/{name}");
        if self.things.contains_key(&path) {
            return refusal(409, "ResourceInUseException", "it exists already");
        }
        let arn = format!("arn:aws:eks:eu-central-1:123456789012:{}", path.trim_start_matches('/'));
        for field in ["arn", "nodegroupArn", "addonArn", "accessEntryArn", "associationArn"] {
            body[field] = arn.clone().into();
        }
        body["status"] = "CREATING".into();
        if field == "association" {
            body["associationId"] = name.clone().into();
        }
        if field == "addon" && body["addonVersion"].is_null() {
            body["addonVersion"] = "v1.0.0-eksbuild.1".into();
        }
        if field == "nodegroup" {
            body["version"] =
                self.things.iter().find(|(path, _)| path.matches('/').count() == 2).map(|(_, cluster)| cluster["version"].clone()).into();
        }
        if field == "cluster" {
            become_cluster(&mut body);
        }
        self.looks.insert(path.clone(), LOOKS);
        self.things.insert(path, body.clone());
        ok(&json!({ field: body }))
    }

    fn read(&mut self, path: &str, parts: &[&str]) -> Reply {
        self.settle(path);
        let Some(thing) = self.things.get(path) else { return not_found() };
        let field = match parts {
            [_, _] => "cluster",
            [_, _, "node-groups", ..] => "nodegroup",
            [_, _, "addons", ..] => "addon",
            [_, _, "access-entries", ..] => "accessEntry",
            _ => "association",
        };
        ok(&json!({ field: thing }))
    }

    /// EKS is done with it after a few looks.
    fn settle(&mut self, path: &str) {
        let left = self.looks.get(path).copied().unwrap_or_default();
        if self.stuck {
            return;
        }
        if left > 0 {
            self.looks.insert(path.to_owned(), left - 1);
            return;
        }
        let Some(thing) = self.things.get_mut(path) else { return };
        match thing["status"].as_str() {
            Some("DELETING") => {
                self.things.remove(path);
            }
            Some("CREATING" | "UPDATING") => {
                let fault = self.faults.iter().position(|(part, ..)| path.contains(part));
                match fault.map(|index| self.faults.remove(index)) {
                    Some((_, status, code, message)) => {
                        thing["status"] = status.into();
                        thing["health"] = json!({ "issues": [{ "code": code, "message": message, "resourceIds": ["i-1"] }] });
                    }
                    None => {
                        thing["status"] = "ACTIVE".into();
                        thing["health"] = Json::Null;
                    }
                }
            }
            _ => {}
        }
    }

    fn list(&self, below: &str, kind: &str) -> Reply {
        let names: Vec<&str> = self.things.keys().filter_map(|path| path.strip_prefix(below)).collect();
        ok(&match kind {
            "node-groups" => json!({ "nodegroups": names }),
            "addons" => json!({ "addons": names }),
            "access-entries" => json!({ "accessEntries": names }),
            "fargate-profiles" => json!({ "fargateProfileNames": names }),
            _ => json!({ "associations": names.iter().map(|name| json!({ "associationId": name })).collect::<Vec<_>>() }),
        })
    }

    fn update(&mut self, path: &str, body: &Json) -> Reply {
        let Some(thing) = self.things.get_mut(path) else { return not_found() };
        for (field, value) in body.as_object().unwrap_or(&Map::new()) {
            match (field.as_str(), value) {
                ("clientRequestToken" | "resolveConflicts", _) => {}
                ("labels", changes) => {
                    for (key, label) in changes["addOrUpdateLabels"].as_object().unwrap_or(&Map::new()) {
                        thing["labels"][key] = label.clone();
                    }
                }
                (_, Json::Object(parts)) => parts.iter().for_each(|(part, value)| thing[field][part] = value.clone()),
                _ => thing[field] = value.clone(),
            }
        }
        thing["status"] = "UPDATING".into();
        self.looks.insert(path.to_owned(), LOOKS);
        ok(&json!({ "update": { "id": "u-1", "status": "InProgress", "type": "ConfigUpdate" } }))
    }

    fn delete(&mut self, path: &str) -> Reply {
        if path.matches('/').count() == 2 {
            let cluster = &self.things[path];
            if cluster["deletionProtection"] == true && cluster["status"] == "ACTIVE" {
                return refusal(400, "InvalidRequestException", "deletion protection is enabled");
            }
            if self.things.keys().any(|other| other.starts_with(&format!("{path}/node-groups/"))) {
                return refusal(409, "ResourceInUseException", "Cluster has nodegroups attached");
            }
            if self.things.keys().any(|other| other.starts_with(&format!("{path}/fargate-profiles/"))) {
                return refusal(409, "ResourceInUseException", "Cluster has fargate profiles attached");
            }
        }
        let at_once = path.contains("/access-entries/") || path.contains("/pod-identity-associations/");
        if at_once {
            self.things.remove(path);
        } else if let Some(thing) = self.things.get_mut(path) {
            thing["status"] = "DELETING".into();
            self.looks.insert(path.to_owned(), LOOKS);
            if path.matches('/').count() == 2 {
                self.things.retain(|other, _| !other.starts_with(&format!("{path}/")));
            }
        } else {
            return not_found();
        }
        ok(&json!({}))
    }

    fn tag(&mut self, arn: &str, body: &Json, query: &str) -> Reply {
        let Some(thing) = self.things.values_mut().find(|thing| thing["arn"] == arn) else { return not_found() };
        for (key, value) in body["tags"].as_object().unwrap_or(&Map::new()) {
            thing["tags"][key] = value.clone();
        }
        for key in query.split('&').filter_map(|pair| pair.strip_prefix("tagKeys=")) {
            if let Some(tags) = thing["tags"].as_object_mut() {
                tags.remove(&decoded(key));
            }
        }
        ok(&json!({}))
    }
}

/// What EKS adds to a cluster of its own.
fn become_cluster(body: &mut Json) {
    body["platformVersion"] = "eks.9".into();
    body["endpoint"] = "https://platform.example".into();
    body["certificateAuthority"] = json!({ "data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=" });
    body["identity"] = json!({ "oidc": { "issuer": "https://oidc.example/id/A" } });
    body["resourcesVpcConfig"]["vpcId"] = "vpc-1".into();
    body["resourcesVpcConfig"]["clusterSecurityGroupId"] = "sg-eks".into();
    if body["version"].is_null() {
        body["version"] = "1.34".into();
    }
    if body["upgradePolicy"].is_null() {
        body["upgradePolicy"] = json!({ "supportType": "EXTENDED" });
    }
}

fn versions(query: &str) -> Reply {
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).map(decoded).unwrap_or_default();
    let (name, kubernetes) = (of("addonName="), of("kubernetesVersion="));
    let best = json!({ "addonVersion": format!("v{kubernetes}.0-eksbuild.1"), "compatibilities": [{ "clusterVersion": kubernetes, "defaultVersion": true }] });
    ok(&json!({ "addons": [{ "addonName": name, "addonVersions": [best] }] }))
}

fn decoded(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        let code = u8::from_str_radix(&after[..2], 16).unwrap();
        decoded = format!("{decoded}{before}{}", char::from(code));
        rest = &after[2..];
    }
    decoded + rest
}

fn ok(body: &Json) -> Reply {
    Reply::json(200, body)
}

fn not_found() -> Reply {
    refusal(404, "ResourceNotFoundException", "not found")
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let Reply(status, mut headers, body) = Reply::json(status, &json!({ "message": message }));
    headers.push(("x-amzn-errortype", code.to_owned()));
    headers.push(("x-amzn-requestid", "r-1".to_owned()));
    Reply(status, headers, body)
}
