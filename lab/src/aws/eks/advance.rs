//! The passage of time: what was begun is done, fails or is gone.

use serde_json::json;

use super::state::{Cluster, Part, State, Target, Update, text};
use crate::aws::faults::issue;
use crate::aws::nodes;

/// Lets happen what is due at `now`. Clusters that are to be deleted are removed by who stops their servers. True if anything changed.
pub fn advance(state: &mut State, now: f64) -> bool {
    let mut changed = false;
    for cluster in state.clusters.values_mut() {
        if cluster.status() == "CREATING" && now >= cluster.due && (cluster.ready || cluster.fails) {
            let status = if cluster.fails { "FAILED" } else { "ACTIVE" };
            cluster.view.insert("status".to_owned(), json!(status));
            if cluster.fails {
                let reason = issue("Ec2SubnetNotFound", "One or more of the subnets of the cluster could not be found");
                cluster.view.insert("health".to_owned(), json!({"issues": [reason]}));
            }
            changed = true;
        }
        changed |= parts(cluster, now);
        changed |= updates(cluster, now);
    }
    changed
}

fn parts(cluster: &mut Cluster, now: f64) -> bool {
    let mut changed = false;
    let mut gone = Vec::new();
    for (name, group) in &mut cluster.node_groups {
        // Active are nodes that joined.
        let joined = group.nodes == nodes::wish(&group.view) || group.fails.is_some();
        changed |= part(group, now, joined);
        if group.status() == "DELETING" && now >= group.due && group.nodes.is_empty() {
            gone.push(Target::NodeGroup(name.clone()));
        }
    }
    for (name, add_on) in &mut cluster.add_ons {
        changed |= part(add_on, now, true);
        if add_on.status() == "DELETING" && now >= add_on.due {
            gone.push(Target::AddOn(name.clone()));
        }
    }
    for target in &gone {
        match target {
            Target::NodeGroup(name) => cluster.node_groups.remove(name),
            Target::AddOn(name) => cluster.add_ons.remove(name),
            Target::Cluster | Target::Other(_) => None,
        };
        cluster.forget(target);
    }
    changed | !gone.is_empty()
}

fn part(part: &mut Part, now: f64, done: bool) -> bool {
    if part.status() != "CREATING" || now < part.due || !done {
        return false;
    }
    let status = match part.fails.take() {
        Some(issue) => {
            part.view.insert("health".to_owned(), json!({"issues": [issue]}));
            "CREATE_FAILED"
        }
        None => "ACTIVE",
    };
    part.view.insert("status".to_owned(), json!(status));
    true
}

fn updates(cluster: &mut Cluster, now: f64) -> bool {
    let under_way = |update: &Update| text(&update.view, "status") == "InProgress";
    let mut due = Vec::new();
    for update in cluster.updates.iter_mut().filter(|update| under_way(update) && now >= update.due) {
        let change = match update.fails.take() {
            Some(error) => {
                update.view.insert("errors".to_owned(), json!([error]));
                None
            }
            None => Some(update.change.clone()),
        };
        update.view.insert("status".to_owned(), json!(if change.is_some() { "Successful" } else { "Failed" }));
        due.push((update.target.clone(), change));
    }
    let any = !due.is_empty();
    for (target, change) in due {
        // Only add-ons show by their status that a change failed.
        let failed = if matches!(target, Target::AddOn(_)) { "UPDATE_FAILED" } else { "ACTIVE" };
        let status = if change.is_some() { "ACTIVE" } else { failed };
        if let Some(view) = cluster.view_of(&target) {
            view.extend(change.unwrap_or_default());
            if text(view, "status") == "UPDATING" {
                view.insert("status".to_owned(), json!(status));
            }
        }
    }
    any
}
