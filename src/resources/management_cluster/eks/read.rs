//! Looking at an EKS cluster, in every phase of its life.

use crate::{
    domain::{
        eks::{self, ClusterSeen, ClusterStatus, EksId, Seen, tags},
        object::Kind,
    },
    framework::{attr::Attr, diagnostic::Diagnostics, parts::Call},
    resources::{
        failure::failed_aws,
        management_cluster::{
            ManagementClusterResource,
            eks::{
                import,
                marks::{self, Marks},
                model::Eks,
                place, reach, report, wish,
            },
            model::{ManagementCluster, blank},
        },
    },
};

const SUMMARY: &str = "Cannot look at the EKS cluster";

/// The cluster as it is now; None when it is gone.
pub async fn read(
    resource: &ManagementClusterResource,
    state: ManagementCluster,
    call: &mut Call,
) -> Result<Option<ManagementCluster>, Diagnostics> {
    let Some(id) = place::of_state(&state) else {
        return Err(Diagnostics::of_error(SUMMARY, "The state does not say where it is. This is a bug of the provider: please report it."));
    };
    let aws = resource.connection.aws()?;
    let seen = aws.eks_seen(&id.region, &id.name).await.map_err(|error| failed_aws(SUMMARY, &error))?;
    let Some(cluster) = &seen.cluster else {
        same_account(resource, &state.arn, &id).await?;
        return Ok(None);
    };
    same_cluster(&state.arn, &cluster.arn)?;
    let marks = Marks::of(&resource.connection.settings());
    let block = match state.eks.known() {
        Some(block) if !block.role_arn.is_null() => refreshed(block, &marks, &seen),
        _ => import::block(&id, &seen, &marks),
    };
    let mut now = ManagementCluster {
        install: state.install.clone(),
        mirror: state.mirror.clone(),
        timeouts: state.timeouts.clone(),
        changes: known_changes(&state),
        ..blank()
    };
    let mut wish = wish::parse(&block, &marks, &mut Diagnostics::none()).wish;
    wish.dropped_tags = marks::dropped(&wish, None, call);
    now.id = id.to_string().into();
    now.existing = Attr::Null;
    report::fill(&mut now, Some(&wish), &seen);
    let drift = eks::drift(&wish, &seen);
    now.eks = block.into();
    now.drift = Attr::Known(drift);
    kubernetes(resource, (&id, cluster), &state, &mut now, call).await?;
    report::without_kubernetes(&mut now, Some(&state), &seen);
    Ok(Some(now))
}

fn refreshed(block: &Eks, marks: &Marks, seen: &Seen) -> Eks {
    let wish = wish::parse(block, marks, &mut Diagnostics::none()).wish;
    report::refreshed(block, &wish, seen)
}

/// What the last change did, as the state tells it.
pub fn known_changes(state: &ManagementCluster) -> Attr<Vec<String>> {
    Attr::Known(state.changes.known().cloned().unwrap_or_default())
}

/// What is seen through the Kubernetes API, where there is one that answers.
async fn kubernetes(
    resource: &ManagementClusterResource,
    (id, cluster): (&EksId, &ClusterSeen),
    state: &ManagementCluster,
    now: &mut ManagementCluster,
    call: &mut Call,
) -> Result<(), Diagnostics> {
    let is_up = matches!(cluster.status, ClusterStatus::Active | ClusterStatus::Updating) && cluster.endpoint.is_some();
    // Of one whose making goes on, the next apply looks at the rest.
    if !is_up || tags::is_unfinished(cluster) {
        return Ok(());
    }
    let management = resource.connection.eks(id).await?;
    let client = management.cluster().stopped_by(call.stop.clone());
    match client.list_metadata(Kind::Namespace, None, None).await {
        Err(error) if reach::is_away(&error) => {
            call.found.warning(
                reach::SUMMARY,
                format!(
                    "{} What is in the cluster was not looked at; its last known state is used.",
                    reach::told(id, Some(cluster), &error)
                ),
            );
            if state.kubernetes_version.is_null() || phase(state) == Some("Unreachable") {
                report::unsettled(now, "Unreachable", &reach::told(id, Some(cluster), &error));
            }
            Ok(())
        }
        Err(error) => Err(Diagnostics::of_error(SUMMARY, reach::told(id, Some(cluster), &error))),
        Ok(_) => resource.see(&client, state, now).await,
    }
}

/// How the state says the cluster is.
pub fn phase(state: &ManagementCluster) -> Option<&str> {
    state.status.known()?.phase.known().map(String::as_str)
}

/// That a cluster which is there is the state's: one of the same name may be in another account, to which other credentials lead.
pub fn same_cluster(known: &Attr<String>, arn: &str) -> Result<(), Diagnostics> {
    match known.known() {
        Some(known) if known != arn => Err(Diagnostics::of_error(
            "Another AWS account",
            format!("The state is of {known}, but the credentials for AWS lead to {arn}. Use those of its account. Nothing was done."),
        )),
        _ => Ok(()),
    }
}

/// That a cluster which is not there is looked for in its own account.
pub async fn same_account(resource: &ManagementClusterResource, known: &Attr<String>, id: &EksId) -> Result<(), Diagnostics> {
    let Some(known) = known.known().and_then(|arn| account(arn)) else { return Ok(()) };
    let caller = resource.connection.aws()?.caller_arn(&id.region).await.map_err(|error| failed_aws(SUMMARY, &error))?;
    match account(&caller) {
        Some(now) if now != known => Err(Diagnostics::of_error(
            "Another AWS account",
            format!(
                "{id} is in the account {known}, but the credentials for AWS are of {now} ({caller}). Use those of its account. If the cluster is gone for good, remove \
                 the resource from the state."
            ),
        )),
        _ => Ok(()),
    }
}

/// The account in an ARN: `arn:aws:eks:eu-west-1:123456789012:cluster/platform`.
fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}
