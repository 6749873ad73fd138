//! EKS itself, in memory: what each action does to the state and answers, in AWS's JSON. It calls nobody and knows no time but the one it is told; what has to
//! be known of other services comes as [`Facts`], what has to be done outside (servers, nodes) is done by the keeper, which looks at the state.

pub mod access_entries;
pub mod add_ons;
pub mod advance;
pub mod cluster;
pub mod cluster_update;
pub mod node_group_update;
pub mod node_groups;
pub mod pod_identities;
pub mod refusal;
pub mod route;
pub mod state;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod updates;
pub mod versions;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use refusal::{Answer, Refusal};
use route::{Action, Route};
use state::{Asked, Cluster, State, Target, text};

/// The account of all that moto has.
pub const ACCOUNT: &str = "123456789012";

/// A request.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub region: &'a str,
    /// ARN of the user or role that asks.
    pub principal: &'a str,
    pub route: &'a Route,
    /// Of the query string, in order.
    pub query: &'a [(String, String)],
    pub body: &'a Map<String, Value>,
    pub facts: &'a Facts,
    /// Seconds since 1970.
    pub now: f64,
}

/// What other services say of what the request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// By their ids.
    pub subnets: BTreeMap<String, Subnet>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    pub vpc: String,
    pub zone: String,
}

impl Call<'_> {
    /// The text in a field of the body.
    pub fn field(&self, name: &str) -> &str {
        text(self.body, name)
    }

    /// The texts in a list of the body.
    pub fn list(&self, name: &str) -> Vec<String> {
        texts(self.body.get(name))
    }

    /// A field of the body, or what stands for it.
    pub fn or(&self, name: &str, otherwise: Value) -> Value {
        self.body.get(name).filter(|value| !value.is_null()).cloned().unwrap_or(otherwise)
    }

    /// A parameter of the query string.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn cluster_name(&self) -> &str {
        if self.route.action == Action::CreateCluster { self.field("name") } else { &self.route.cluster }
    }

    /// The name of a cluster in the state.
    pub fn key(&self) -> String {
        format!("{}/{}", self.region, self.cluster_name())
    }

    pub fn arn(&self, rest: &str) -> String {
        format!("arn:aws:eks:{}:{ACCOUNT}:{rest}", self.region)
    }
}

impl State {
    /// Does what a request asks and answers it.
    ///
    /// # Errors
    /// What AWS would refuse, as it would.
    pub fn answer(&mut self, call: &Call<'_>) -> Answer<Value> {
        let token = call.field("clientRequestToken");
        if token.is_empty() {
            return self.perform(call);
        }
        let key = format!("{} {token}", call.route.action.name());
        let mut body = call.body.clone();
        body.remove("clientRequestToken");
        let request = json!({"of": call.route.item, "body": body});
        if let Some(asked) = self.clusters.get(&call.key()).and_then(|cluster| cluster.tokens.iter().find(|asked| asked.key == key)) {
            if asked.request != request {
                return Err(Refusal::parameter("The client request token was used before with other parameters."));
            }
            return Ok(asked.answer.clone());
        }
        let answer = self.perform(call)?;
        if let Some(cluster) = self.clusters.get_mut(&call.key()) {
            cluster.tokens.push(Asked { key, request, answer: answer.clone(), of: target(call, &answer) });
        }
        Ok(answer)
    }

    fn perform(&mut self, call: &Call<'_>) -> Answer<Value> {
        match call.route.action {
            Action::CreateCluster => cluster::create(self, call),
            Action::ListClusters => Ok(cluster::list(self, call)),
            Action::DescribeClusterVersions => Ok(versions::describe()),
            Action::DescribeAddonVersions => Ok(add_ons::versions(call)),
            Action::ListAccessPolicies => Ok(access_entries::known_policies()),
            Action::TagResource | Action::UntagResource | Action::ListTagsForResource => tags::answer(self, call),
            Action::CreateNodegroup => node_groups::create(self, call),
            _ => {
                let delay = self.settings.delay_s;
                let missing = || Refusal::not_found(format!("No cluster found for name: {}.", call.route.cluster));
                let cluster = self.clusters.get_mut(&call.key()).ok_or_else(missing)?;
                let before = cluster.updates.len();
                let answer = of_cluster(cluster, call, delay)?;
                // Only a change that really begins takes the fault.
                if let Some(update) = cluster.updates.get_mut(before..).and_then(|begun| begun.first_mut()) {
                    update.fails = self.faults.update();
                }
                Ok(answer)
            }
        }
    }
}

fn of_cluster(cluster: &mut Cluster, call: &Call<'_>, delay: f64) -> Answer<Value> {
    match call.route.action {
        Action::DescribeCluster => Ok(json!({"cluster": cluster.view})),
        Action::DeleteCluster => cluster::delete(cluster, call, delay),
        Action::UpdateClusterConfig => cluster_update::config(cluster, call, delay),
        Action::UpdateClusterVersion => cluster_update::version(cluster, call, delay),
        Action::AssociateEncryptionConfig => cluster_update::encryption(cluster, call, delay),
        Action::ListUpdates => updates::list(cluster, call),
        Action::DescribeUpdate => updates::describe(cluster, call),
        Action::ListNodegroups => Ok(json!({"nodegroups": cluster.node_groups.keys().collect::<Vec<_>>()})),
        // None can be made here.
        Action::ListFargateProfiles => Ok(json!({"fargateProfileNames": []})),
        Action::DescribeNodegroup => node_groups::describe(cluster, call),
        Action::DeleteNodegroup => node_groups::delete(cluster, call, delay),
        Action::UpdateNodegroupConfig => node_group_update::config(cluster, call, delay),
        Action::UpdateNodegroupVersion => node_group_update::version(cluster, call, delay),
        Action::CreateAddon => add_ons::create(cluster, call, delay),
        Action::ListAddons => Ok(json!({"addons": cluster.add_ons.keys().collect::<Vec<_>>()})),
        Action::DescribeAddon => add_ons::describe(cluster, call),
        Action::UpdateAddon => add_ons::update(cluster, call, delay),
        Action::DeleteAddon => add_ons::delete(cluster, call, delay),
        Action::CreateAccessEntry
        | Action::ListAccessEntries
        | Action::DescribeAccessEntry
        | Action::UpdateAccessEntry
        | Action::DeleteAccessEntry
        | Action::AssociateAccessPolicy
        | Action::ListAssociatedAccessPolicies
        | Action::DisassociateAccessPolicy => access_entries::answer(cluster, call),
        _ => pod_identities::answer(cluster, call),
    }
}

/// What an answer is about.
fn target(call: &Call<'_>, answer: &Value) -> Target {
    let item = call.route.item.clone();
    match call.route.action {
        Action::CreateNodegroup => Target::NodeGroup(call.field("nodegroupName").to_owned()),
        Action::UpdateNodegroupConfig | Action::UpdateNodegroupVersion => Target::NodeGroup(item),
        Action::CreateAddon => Target::AddOn(call.field("addonName").to_owned()),
        Action::UpdateAddon => Target::AddOn(item),
        Action::CreateAccessEntry => Target::Other(call.field("principalArn").to_owned()),
        Action::UpdateAccessEntry | Action::UpdatePodIdentityAssociation => Target::Other(item),
        Action::CreatePodIdentityAssociation => {
            Target::Other(answer["association"]["associationId"].as_str().unwrap_or_default().to_owned())
        }
        _ => Target::Cluster,
    }
}

/// The texts of a list.
pub fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// An object from what `json!` makes.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Refuses what may not be a name: letters, digits, `-`, `_`, at most `longest`.
pub fn check_name(what: &str, name: &str, longest: usize) -> Answer<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > longest || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(plain) {
        return Err(Refusal::parameter(format!(
            "The {what} '{name}' is invalid. It must begin with a letter or digit and can have any of letters, digits, hyphens and underscores."
        )));
    }
    Ok(())
}

/// A new id like those of AWS: `digits` hexadecimal digits.
pub fn new_id(digits: usize) -> String {
    let mut bytes = [0; 32];
    // Without randomness nothing of the lab would have come up.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text[..digits.min(64)].to_owned()
}

/// A new UUID.
pub fn new_uuid() -> String {
    let id = new_id(32);
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}
