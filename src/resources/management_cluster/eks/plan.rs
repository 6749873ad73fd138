//! What a change of an EKS cluster will do, said before it is done: where it is, what is replaced, what is refused and why. No I/O.

use std::collections::BTreeSet;

use crate::{
    domain::{
        eks::{self, EksId, EksVersion},
        releases::EBS_SERVICE_ACCOUNT,
    },
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Change, Verdict},
        path::Path,
    },
    resources::{
        connection::Connection,
        management_cluster::{
            eks::{
                marks::Marks,
                model::Eks,
                place::{self, at},
                read,
                wish::{self, Parsed},
            },
            look::minor_version,
            model::ManagementCluster,
        },
        wishes::capitalised,
    },
};

/// The add-on that makes volumes, and where its service account is.
const EBS_DRIVER: &str = "aws-ebs-csi-driver";
const EBS_NAMESPACE: &str = "kube-system";

/// Completes the plan of a create or an update.
pub fn plan(connection: &Connection, change: &Change<'_, ManagementCluster>, planned: &mut ManagementCluster, verdict: &mut Verdict) {
    let prior = change.prior;
    let marks = Marks::of(&connection.settings());
    let before = prior.and_then(place::of_state);
    let named = place::named(planned).is_some();
    if named {
        let region = connection.region();
        planned.id = place::wanted(planned, before.as_ref(), region.as_deref()).map_or(Attr::Unknown, |id| id.to_string().into());
    }
    planned.changes = Attr::Known(Vec::new());
    if let Some(block) = planned.eks.known() {
        wish::validate(block, &mut verdict.found);
        warn_of_volumes(block, prior.and_then(|prior| prior.eks.known()), &mut verdict.found);
    }
    let Some(prior) = prior else { return };
    let moved = moved(planned, before.as_ref(), named);
    verdict.replace.extend(moved.clone());
    if let (Some(old), Some(new)) = (prior.eks.known(), planned.eks.known())
        && moved.is_empty()
    {
        verdict.replace.extend(replacement(old, new, &marks));
        refuse(prior, new, &marks, &mut verdict.found);
    }
    if prior.eks.is_null() && moved.is_empty() && planned.eks.known().is_some() {
        verdict.found.error_at(
            at(Eks::NAME),
            "Not made by this resource",
            "The cluster is adopted. What eks { … } does not say would be changed in it at once. Remove the resource from the state (terraform state rm) and import the \
             cluster instead: the plan then shows each difference.",
        );
    }
    if moved.is_empty() {
        planned.changes = changes(planned, prior, &marks);
    }
    protect(prior, &verdict.replace, &mut verdict.found);
    if read::phase(prior) == Some("Failed") && planned.eks.known().is_some() {
        verdict.replace.push((at(Eks::NAME), "AWS has failed to make the control plane, and there is no mending it".to_owned()));
    }
    if prior.eks.known().is_some() || named {
        keep(planned, prior);
    }
    // What is reported of AWS changes with what is mended there.
    let has_drifted = prior.eks.known().is_some() && prior.drift.known().is_some_and(|drift| !drift.is_empty());
    if is_unsettled(prior) || has_drifted {
        go_on(planned, prior, change.config);
    }
}

/// Refuses to destroy a protected cluster when the plan is made, not when it is applied.
pub fn plan_destroy(prior: &ManagementCluster, found: &mut Diagnostics) {
    if is_protected(prior) {
        found.error_at(
            at(Eks::DELETION_PROTECTION),
            "Management cluster is protected",
            format!(
                "Destroying it deletes the EKS cluster {} with everything on it. If that is wanted, set deletion_protection = false, apply, and destroy then.",
                shown(prior)
            ),
        );
    }
}

/// Refuses what cannot be done to a cluster, and is no reason to replace it.
pub fn refuse(prior: &ManagementCluster, new: &Eks, marks: &Marks, found: &mut Diagnostics) {
    let Some(old) = prior.eks.known() else { return };
    let (mut before, after) = (parsed(old, marks), parsed(new, marks));
    before.wish.version = before.wish.version.or_else(|| running(prior));
    for (field, reason) in eks::refused(&before.wish, &after.wish) {
        let path = place::of(new, &field);
        if !is_unknown(&after, &path) {
            found.error_at(path, "This cannot be done", format!("{}.", capitalised(reason.trim_end_matches('.'))));
        }
    }
}

/// The EBS driver without a role of its own makes volumes only where the nodes' role lets it, and else is DEGRADED for ever. Said when it is asked for, and when
/// what it says of it changes, but not in every plan.
fn warn_of_volumes(block: &Eks, prior: Option<&Eks>, found: &mut Diagnostics) {
    if prior.is_some_and(|prior| (&prior.add_on, &prior.pod_identity) == (&block.add_on, &block.pod_identity)) {
        return;
    }
    let may_be = |value: &Attr<String>, wanted: &str| value.known().is_none_or(|value| value == wanted);
    let add_ons = block.add_on.known().filter(|add_ons| !add_ons.is_empty());
    let driver = add_ons.map(|add_ons| add_ons.iter().position(|add_on| add_on.name.known().is_some_and(|name| name == EBS_DRIVER)));
    let (place, has_role) = match (driver, add_ons) {
        (Some(Some(index)), Some(add_ons)) => (at(Eks::ADD_ON).index(index), !add_ons[index].service_account_role_arn.is_null()),
        (Some(None), _) => return,
        _ if block.add_on.is_unknown() => return,
        _ => (at(Eks::ADD_ON), false),
    };
    let identities = block.pod_identity.known().into_iter().flatten();
    let has_identity = block.pod_identity.is_unknown()
        || identities
            .into_iter()
            .any(|identity| may_be(&identity.namespace, EBS_NAMESPACE) && may_be(&identity.service_account, EBS_SERVICE_ACCOUNT));
    if !has_role && !has_identity {
        found.warning_at(
            place,
            "The EBS driver has no role",
            format!(
                "The add-on {EBS_DRIVER} is asked for without a role for its service account: unless the role of the nodes may make volumes, it stays DEGRADED and no \
                 volume is made. Add a pod_identity block for {EBS_NAMESPACE} and {EBS_SERVICE_ACCOUNT} (provider::kaas::ebs_csi_policy returns what its role \
                 needs), or leave the add-on out."
            ),
        );
    }
}

/// Where a change leads to another cluster, and why.
fn moved(planned: &ManagementCluster, before: Option<&EksId>, named: bool) -> Vec<(Path, String)> {
    // Blocks that are only known after apply will most likely say what they said.
    if planned.eks.is_unknown() || planned.existing.is_unknown() {
        return Vec::new();
    }
    let (block, name, region) = place::fields(planned);
    let (name, region) = (block.then(name), block.then(region));
    match (before, named) {
        (None, false) => Vec::new(),
        // From the cluster that the provider's kubernetes block points to, or to it.
        (None, true) | (Some(_), false) => vec![(block.into(), "another management cluster is meant".to_owned())],
        (Some(before), true) => {
            let Some(after) = place::of_state(planned) else {
                let is_name = place::named(planned).is_some_and(|(name, _)| name.is_unknown());
                return vec![(if is_name { name } else { region }, "where the cluster will be is not known before apply".to_owned())];
            };
            let mut moved = Vec::new();
            if after.name != before.name {
                moved.push((name, format!("an EKS cluster cannot be renamed (it is {:?})", before.name)));
            }
            if after.region != before.region {
                moved.push((region, format!("an EKS cluster cannot be moved to another region (it is in {})", before.region)));
            }
            moved
        }
    }
}

/// Changes of what is fixed when a cluster is made.
fn replacement(old: &Eks, new: &Eks, marks: &Marks) -> Vec<(Path, String)> {
    let (before, after) = (parsed(old, marks), parsed(new, marks));
    let places = eks::replacement(&before.wish, &after.wish).into_iter().map(|(field, reason)| (place::of(new, &field), reason));
    // What is not known will most likely be what it was; if it is not, the apply says so.
    places.filter(|(path, _)| !is_unknown(&after, path)).collect()
}

/// A replacement destroys what lives on the cluster, so protection refuses it like a destroy.
fn protect(prior: &ManagementCluster, replace: &[(Path, String)], found: &mut Diagnostics) {
    if !is_protected(prior) {
        return;
    }
    for (path, reason) in replace {
        found.error_at(
            path.clone(),
            "Management cluster is protected",
            format!(
                "{}: the EKS cluster {} would be deleted with everything on it. If that is wanted, set deletion_protection = false and apply that first.",
                capitalised(reason),
                shown(prior)
            ),
        );
    }
}

/// What the planned apply does. What the last one did stays told until there is another, so that nothing is shown where nothing changes.
pub fn changes(planned: &ManagementCluster, prior: &ManagementCluster, marks: &Marks) -> Attr<Vec<String>> {
    let (Some(old), Some(new)) = (prior.eks.known(), planned.eks.known()) else { return read::known_changes(prior) };
    let (Some(mut before), Some(after)) = (wish::whole(old, marks), wish::whole(new, marks)) else { return Attr::Unknown };
    if after.version.is_some() {
        before.version = before.version.or_else(|| running(prior));
    }
    let effects = eks::effects(&before, &after);
    if effects.is_empty() { read::known_changes(prior) } else { Attr::Known(effects) }
}

/// The version that runs, where the configuration has left it to AWS.
fn running(prior: &ManagementCluster) -> Option<EksVersion> {
    let (_, minor) = minor_version(prior.kubernetes_version.known()?)?;
    Some(EksVersion { minor })
}

/// A cluster that stays keeps its address.
fn keep(planned: &mut ManagementCluster, prior: &ManagementCluster) {
    for (planned, prior) in [(&mut planned.endpoint, &prior.endpoint), (&mut planned.ca_certificate, &prior.ca_certificate)] {
        if planned.is_unknown() && !prior.is_null() {
            *planned = prior.clone();
        }
    }
}

/// Whether the last look at an EKS cluster found something to go on with.
fn is_unsettled(prior: &ManagementCluster) -> bool {
    prior.status.known().is_some() && read::phase(prior) != Some("Ready")
}

/// Makes an update of the plan, whatever else there is to change.
fn go_on(planned: &mut ManagementCluster, prior: &ManagementCluster, config: &ManagementCluster) {
    planned.status = Attr::Unknown;
    planned.node_groups = Attr::Unknown;
    planned.components = Attr::Unknown;
    planned.platform_version = Attr::Unknown;
    planned.kubernetes_version = Attr::Unknown;
    if config.cluster_classes.is_null() && prior.cluster_classes.is_null() {
        planned.cluster_classes = Attr::Unknown;
    }
    for (planned, prior) in [
        (&mut planned.endpoint, &prior.endpoint),
        (&mut planned.ca_certificate, &prior.ca_certificate),
        (&mut planned.arn, &prior.arn),
        (&mut planned.oidc_issuer, &prior.oidc_issuer),
        (&mut planned.vpc_id, &prior.vpc_id),
        (&mut planned.cluster_security_group_id, &prior.cluster_security_group_id),
    ] {
        if prior.is_null() {
            *planned = Attr::Unknown;
        }
    }
}

fn is_protected(prior: &ManagementCluster) -> bool {
    prior.eks.known().is_some_and(|eks| eks.deletion_protection.known().is_none_or(|protected| *protected))
}

fn parsed(block: &Eks, marks: &Marks) -> Parsed {
    wish::parse(block, marks, &mut Diagnostics::none())
}

fn is_unknown(parsed: &Parsed, path: &Path) -> bool {
    is_below(&parsed.unknown, path)
}

/// Whether a path is one of these, or inside.
pub fn is_below(places: &BTreeSet<Path>, path: &Path) -> bool {
    places.iter().any(|place| path.steps().starts_with(place.steps()))
}

fn shown(prior: &ManagementCluster) -> String {
    prior.id.known().map_or_else(String::new, |id| format!("{id:?}"))
}
