//! What differs between the wish and what is there, field by field; [`super::next()`] and [`drift`] see the same.
//!
//! Only what is ours and wished counts: what a wish leaves open is AWS's, and parts without our tag are others'.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use serde_json::Value;

use super::group::{self, Sorted};
use super::seen::{AddOnSeen, ClusterSeen, NodeGroupSeen, PartStatus, PodIdentitySeen, Seen};
use super::step::Step;
use super::tags;
use super::version::EksVersion;
use super::wish::{AccessEntry, AddOn, Endpoint, NodeGroup, NodeShape, PodIdentity, Scaling, SupportType, Taint, Wish};

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub what: &'static str,
    pub found: String,
    pub wished: String,
}

impl Difference {
    fn of<T: PartialEq + ?Sized>(what: &'static str, found: &T, wished: &T, text: impl Fn(&T) -> String) -> Option<Self> {
        (found != wished).then(|| Self { what, found: text(found), wished: text(wished) })
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, should be {}", self.what, self.found, self.wished)
    }
}

/// Of the control plane, without its version and tags, each with the step that mends it, in the order in which that is done. Support that ends earlier comes
/// last: AWS grants it only to versions that are young enough.
pub fn settings(wish: &Wish, cluster: &ClusterSeen) -> Vec<(Step, Difference)> {
    let protection = Difference::of("deletion protection", &cluster.deletion_protection, &wish.deletion_protection, on);
    let endpoint = Difference::of("endpoint", &reach(&cluster.access_from), &reach(&wish.endpoint), endpoint);
    let subnets = Difference::of("subnets", &cluster.subnet_ids, &wish.subnet_ids, list);
    let groups = Difference::of("security groups", &cluster.security_group_ids, &wish.security_group_ids, list);
    let logging = Difference::of("logging", &cluster.log_types, &wish.log_types, list);
    let key = wish.secrets_key_arn.as_ref().filter(|_| cluster.secrets_key_arn.is_none());
    let key = key.map(|key| Difference { what: "encryption of Secrets", found: "off".to_owned(), wished: key.clone() });
    let support = wish.support_type.filter(|wished| cluster.support_type != Some(*wished));
    let support = support.map(|wished| Difference {
        what: "support",
        found: self::support(cluster.support_type),
        wished: self::support(Some(wished)),
    });
    let (longer, shorter) = if wish.support_type == Some(SupportType::Extended) { (support, None) } else { (None, support) };
    let steps = [
        (Step::UpdateDeletionProtection { to: wish.deletion_protection }, protection),
        (Step::UpdateSupport, longer),
        (Step::UpdateEndpoint, endpoint),
        (Step::UpdateNetwork, subnets.or(groups)),
        (Step::UpdateLogging, logging),
        (Step::EncryptSecrets, key),
        (Step::UpdateSupport, shorter),
    ];
    steps.into_iter().filter_map(|(step, difference)| Some((step, difference?))).collect()
}

/// What cannot be mended: it was fixed when the cluster was made.
pub fn fixed(wish: &Wish, cluster: &ClusterSeen) -> Vec<Difference> {
    let given = |wished: &Option<String>, found: &Option<String>, what| {
        wished.as_ref().filter(|_| found.is_some()).and_then(|_| Difference::of(what, found, wished, optional))
    };
    let version = wish.version.filter(|wished| *wished < cluster.version);
    [
        Difference::of("role of the control plane", cluster.role_arn.as_str(), wish.role_arn.as_str(), str::to_owned),
        given(&wish.service_cidr, &cluster.service_cidr, "network of Services"),
        given(&wish.secrets_key_arn, &cluster.secrets_key_arn, "key of Secrets"),
        version.map(|wished| Difference { what: VERSION, found: cluster.version.to_string(), wished: wished.to_string() }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What of a node group can be changed in place, without its version and tags.
pub fn node_group(wished: &NodeGroup, found: &NodeGroupSeen) -> Vec<Difference> {
    let desired = wished.scaling.desired.filter(|wished| found.scaling.desired != Some(*wished));
    let desired = desired.map(|wished| Difference { what: DESIRED, found: number(&found.scaling.desired), wished: wished.to_string() });
    let taints = |taints: &BTreeSet<Taint>| taints.iter().map(taint).collect::<BTreeSet<_>>();
    let unavailable =
        wished.max_unavailable.and_then(|_| Difference::of("max_unavailable", &found.max_unavailable, &wished.max_unavailable, number));
    [
        Difference::of("bounds", &bounds(found.scaling), &bounds(wished.scaling), Clone::clone),
        desired,
        Difference::of("labels", &found.labels, &wished.labels, pairs),
        Difference::of("taints", &taints(&found.taints), &taints(&wished.taints), list),
        unavailable,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a difference in the number of nodes is called: the one that an autoscaler may make again at once.
pub const DESIRED: &str = "desired number of nodes";

/// What a difference in a version is called.
pub const VERSION: &str = "version";

/// Of an add-on, without its tags. One that is not pinned should have been chosen for the cluster's version.
pub fn add_on(wished: &AddOn, found: &AddOnSeen, kubernetes: EksVersion) -> Vec<Difference> {
    let chosen_for = found.tags.get(tags::KUBERNETES);
    let unpinned = || {
        let found = chosen_for.map_or_else(|| "the user's choice".to_owned(), |version| format!("AWS's choice for {version}"));
        let stale = wished.version.is_none() && chosen_for != Some(&kubernetes.to_string());
        stale.then(|| Difference { what: VERSION, found, wished: format!("AWS's choice for {kubernetes}") })
    };
    let pinned = || wished.version.as_ref().and_then(|_| Difference::of(VERSION, &found.version, &wished.version, optional));
    let role = wished.service_account_role_arn.as_ref();
    let role = role.and_then(|_| Difference::of("role", &found.service_account_role_arn, &wished.service_account_role_arn, optional));
    let configuration = wished.configuration.as_ref().filter(|wished| !is_same_json(wished, found.configuration.as_deref()));
    let configuration =
        configuration.map(|wished| Difference { what: "configuration", found: optional(&found.configuration), wished: wished.clone() });
    [unpinned(), pinned(), role, configuration].into_iter().flatten().collect()
}

/// Of an access entry, without its tags.
pub fn access_entry(wished: &AccessEntry, found: &AccessEntry) -> Vec<Difference> {
    let policies = |entry: &AccessEntry| {
        let scope = |namespaces: &BTreeSet<String>| if namespaces.is_empty() { "the cluster".to_owned() } else { list(namespaces) };
        entry.policies.iter().map(|(arn, policy)| format!("{arn} in {}", scope(&policy.namespaces))).collect::<BTreeSet<_>>()
    };
    [
        Difference::of("groups", &found.kubernetes_groups, &wished.kubernetes_groups, list),
        Difference::of("policies", &policies(found), &policies(wished), list),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One line for each difference in what is ours: empty when all is as wished, and then [`super::next()`] has nothing to do but to wait for what is not well.
pub fn drift(wish: &Wish, seen: &Seen) -> Vec<String> {
    let Some(cluster) = &seen.cluster else { return vec![format!("cluster {:?} does not exist", wish.name)] };
    let sorted = group::sort(wish, seen);
    let mut lines: Vec<String> = fixed(wish, cluster).iter().map(ToString::to_string).collect();
    lines.extend(
        wish.version.filter(|wished| *wished > cluster.version).map(|wished| format!("version is {}, should be {wished}", cluster.version)),
    );
    lines.extend(settings(wish, cluster).iter().map(|(_, difference)| difference.to_string()));
    lines.extend(tag_lines(&tags::part(wish), wish, &cluster.tags, ""));
    lines.extend(node_groups(wish, seen, cluster, &sorted));
    lines.extend(add_ons(wish, seen, cluster));
    lines.extend(access_entries(wish, seen));
    lines.extend(pod_identities(wish, seen));
    if tags::is_unfinished(cluster) {
        lines.push(format!("cluster {:?} was begun and not finished", wish.name));
    }
    lines
}

fn node_groups(wish: &Wish, seen: &Seen, cluster: &ClusterSeen, sorted: &Sorted<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, wished) in &wish.node_groups {
        let found = sorted.current.get(name.as_str()).and_then(|group| Some((*group, seen.node_groups.get(*group)?)));
        let Some((group, found)) = found else {
            lines.push(missing_group(name, &wished.shape, seen, sorted));
            continue;
        };
        let what = format!("node group {group:?}");
        if let Some(version) = found.version.filter(|version| *version < cluster.version) {
            lines.push(format!("{what}: version is {version}, should be {}", cluster.version));
        }
        lines.extend(node_group(wished, found).iter().map(|difference| format!("{what}: {difference}")));
        lines.extend(tag_lines(&tags::node_group(wish, name), wish, &found.tags, &format!("{what}: ")));
        lines.extend(failed(&what, &found.status));
    }
    lines.extend(sorted.former.keys().map(|group| format!("node group {group:?} is there, should not be")));
    lines
}

/// A group of another shape may be there instead.
fn missing_group(name: &str, wished: &NodeShape, seen: &Seen, sorted: &Sorted<'_>) -> String {
    let former = sorted.former.iter().find(|(_, user_name)| **user_name == name);
    match former.and_then(|(group, _)| Some((group, shape(wished, &seen.node_groups.get(*group)?.shape)))) {
        Some((group, differences)) if !differences.is_empty() => {
            let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
            format!("node group {group:?}: {}; another is made in its place", differences.join(", "))
        }
        _ => format!("node group {name:?} does not exist"),
    }
}

/// Of what is fixed in a node group.
pub fn shape(wished: &NodeShape, found: &NodeShape) -> Vec<Difference> {
    let given =
        |wished: &Option<String>, found: &Option<String>, what| wished.as_ref().and_then(|_| Difference::of(what, found, wished, optional));
    let types = (!wished.instance_types.is_empty()).then_some(&wished.instance_types);
    [
        Difference::of("role", found.role_arn.as_str(), wished.role_arn.as_str(), str::to_owned),
        Difference::of("subnets", &found.subnet_ids, &wished.subnet_ids, list),
        types.and_then(|wished| Difference::of("instance types", &found.instance_types, wished, |types: &Vec<String>| types.join(", "))),
        given(&wished.ami_type, &found.ami_type, "AMI type"),
        given(&wished.capacity_type, &found.capacity_type, "capacity type"),
        wished.disk_gib.and_then(|_| Difference::of("disk in GiB", &found.disk_gib, &wished.disk_gib, number)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn add_ons(wish: &Wish, seen: &Seen, cluster: &ClusterSeen) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, wished) in &wish.add_ons {
        let what = format!("add-on {name:?}");
        let Some(found) = seen.add_ons.get(name).filter(|found| found.status != PartStatus::Deleting) else {
            lines.push(format!("{what} does not exist"));
            continue;
        };
        lines.extend(add_on(wished, found, cluster.version).iter().map(|difference| format!("{what}: {difference}")));
        lines.extend(tag_lines(&tags::part(wish), wish, &found.tags, &format!("{what}: ")));
        lines.extend(failed(&what, &found.status));
        if is_pinned_by_mistake(wished, found) {
            lines.push(format!("{what}: tag {} is there, should not be", tags::KUBERNETES));
        }
    }
    let unwished = seen.add_ons.iter().filter(|(name, found)| tags::are_ours(&found.tags) && !wish.add_ons.contains_key(*name));
    lines.extend(unwished.map(|(name, _)| format!("add-on {name:?} is there, should not be")));
    lines
}

/// The tag says that AWS chose the version, and the wish pins one.
pub fn is_pinned_by_mistake(wished: &AddOn, found: &AddOnSeen) -> bool {
    wished.version.is_some() && found.tags.contains_key(tags::KUBERNETES)
}

fn access_entries(wish: &Wish, seen: &Seen) -> Vec<String> {
    let mut lines = Vec::new();
    for (principal, wished) in &wish.access_entries {
        let what = format!("access of {principal}");
        let Some(found) = seen.access_entries.get(principal) else {
            lines.push(format!("{what} does not exist"));
            continue;
        };
        lines.extend(access_entry(wished, &found.entry).iter().map(|difference| format!("{what}: {difference}")));
        lines.extend(tag_lines(&tags::part(wish), wish, &found.tags, &format!("{what}: ")));
    }
    let ours = seen.access_entries.iter().filter(|(_, found)| tags::are_ours(&found.tags));
    let unwished = ours.filter(|(principal, _)| !wish.access_entries.contains_key(*principal));
    lines.extend(unwished.map(|(principal, _)| format!("access of {principal} is there, should not be")));
    lines
}

fn pod_identities(wish: &Wish, seen: &Seen) -> Vec<String> {
    let mut lines = Vec::new();
    for identity in &wish.pod_identities {
        match seen.pod_identities.get(identity) {
            None => lines.push(format!("{} does not exist", pod_identity(identity))),
            Some(found) => lines.extend(tag_lines(&tags::part(wish), wish, &found.tags, &format!("{}: ", pod_identity(identity)))),
        }
    }
    let ours =
        |(identity, found): &(&PodIdentity, &PodIdentitySeen)| tags::are_ours(&found.tags) && !wish.pod_identities.contains(*identity);
    lines
        .extend(seen.pod_identities.iter().filter(ours).map(|(identity, _)| format!("{} is there, should not be", pod_identity(identity))));
    lines
}

fn failed(what: &str, status: &PartStatus) -> Option<String> {
    let is_failed = matches!(status, PartStatus::CreateFailed | PartStatus::UpdateFailed | PartStatus::DeleteFailed);
    is_failed.then(|| format!("{what} is {status}"))
}

fn tag_lines(wanted: &tags::Tags, wish: &Wish, found: &tags::Tags, prefix: &str) -> Vec<String> {
    let Some((set, remove)) = tags::difference(wanted, &wish.dropped_tags, found) else { return Vec::new() };
    let is = |key: &String| found.get(key).map_or_else(|| "missing".to_owned(), |value| format!("{value:?}"));
    let set = set.iter().map(|(key, value)| format!("{prefix}tag {key} is {}, should be {value:?}", is(key)));
    set.chain(remove.iter().map(|key| format!("{prefix}tag {key} is there, should not be"))).collect()
}

/// How a pod identity is called in messages.
pub fn pod_identity(identity: &PodIdentity) -> String {
    format!("pod identity of {}/{} with role {}", identity.namespace, identity.service_account, identity.role_arn)
}

/// Both ways of saying "everybody" are the empty list, and a public endpoint that is off has no list.
pub fn reach(endpoint: &Endpoint) -> Endpoint {
    let everybody = endpoint.public_cidrs.contains("0.0.0.0/0");
    let public_cidrs = if endpoint.public && !everybody { endpoint.public_cidrs.clone() } else { BTreeSet::new() };
    Endpoint { public_cidrs, ..endpoint.clone() }
}

fn endpoint(endpoint: &Endpoint) -> String {
    let from = if endpoint.public_cidrs.is_empty() { "everywhere".to_owned() } else { list(&endpoint.public_cidrs) };
    match (endpoint.public, endpoint.private) {
        (true, true) => format!("private, and public from {from}"),
        (true, false) => format!("public from {from}"),
        (false, true) => "private".to_owned(),
        (false, false) => "off".to_owned(),
    }
}

fn bounds(scaling: Scaling) -> String {
    format!("{} to {} nodes", scaling.min, scaling.max)
}

/// `key=value:NoSchedule`. An empty value is none.
fn taint(taint: &Taint) -> String {
    format!("{}={}:{:?}", taint.key, taint.value.as_deref().unwrap_or_default(), taint.effect)
}

pub fn is_same_json(wished: &str, found: Option<&str>) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(if text.trim().is_empty() { "{}" } else { text });
    let found = found.unwrap_or_default();
    match (parse(wished), parse(found)) {
        (Ok(wished), Ok(found)) => wished == found,
        _ => wished == found,
    }
}

fn support(support: Option<SupportType>) -> String {
    match support {
        None => "not known".to_owned(),
        Some(SupportType::Standard) => "STANDARD".to_owned(),
        Some(SupportType::Extended) => "EXTENDED".to_owned(),
    }
}

fn on(flag: &bool) -> String {
    if *flag { "on" } else { "off" }.to_owned()
}

fn number(number: &Option<u32>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}

fn optional(text: &Option<String>) -> String {
    text.clone().unwrap_or_else(|| "none".to_owned())
}

fn list(items: &BTreeSet<String>) -> String {
    if items.is_empty() { "none".to_owned() } else { items.iter().map(String::as_str).collect::<Vec<_>>().join(", ") }
}

fn pairs(pairs: &BTreeMap<String, String>) -> String {
    list(&pairs.iter().map(|(key, value)| format!("{key}={value}")).collect())
}
