//! Taking an EKS cluster away, unless tenants live on it.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::{
        eks::{ClusterSeen, ClusterStatus, EksId, Wish, tags},
        names::TENANT_LABEL,
        object::Kind,
    },
    drivers::aws::Aws,
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        failure::{failed, failed_aws},
        management_cluster::{
            ManagementClusterResource,
            eks::{marks::Marks, place, plan, reach, read, run::Work, wish},
            model::ManagementCluster,
        },
    },
};

const DELETE_DEFAULT: Duration = Duration::from_secs(60 * 60);
const SUMMARY: &str = "The EKS cluster is not deleted";

/// Success when it is gone already.
pub async fn delete(resource: &ManagementClusterResource, prior: &ManagementCluster, call: &mut Call) -> Result<(), Diagnostics> {
    let (Some(id), Some(block)) = (place::of_state(prior), prior.eks.known()) else { return Ok(()) };
    let connection = &resource.connection;
    let deadline = Instant::now() + prior.timeouts.delete_or(DELETE_DEFAULT);
    let aws = connection.aws()?;
    let stop = call.stop.clone();
    let work = Work::new(&aws, &id, deadline, &stop);
    let seen = work.look().await.map_err(|error| failed_aws("Cannot look at the EKS cluster", &error))?;
    let Some(cluster) = &seen.cluster else { return read::same_account(resource, &prior.arn, &id).await };
    read::same_cluster(&prior.arn, &cluster.arn)?;
    // One that never came to be guards nothing, and a replacement of a tainted one passes no plan that sees the destruction.
    if !is_stillborn(cluster) {
        let mut found = Diagnostics::none();
        plan::plan_destroy(prior, &mut found);
        if found.has_errors() {
            return Err(found);
        }
        no_tenants(resource, &id, cluster, call).await?;
        if cluster.status != ClusterStatus::Deleting {
            no_fargate(&aws, &id, call).await?;
        }
    }
    let wish = wish::parse(block, &Marks::of(&connection.settings()), &mut Diagnostics::none()).wish;
    let ended = work.until_gone(&wish).await?;
    connection.forget_eks(&id);
    match ended.early {
        None => {
            look_for_rest(&aws, &id, &wish, call).await;
            Ok(())
        }
        Some(early) => {
            Err(Diagnostics::of_error(SUMMARY, format!("{}: {}. Destroy again to go on.", early.why, early.waiting.trim_end_matches('.'))))
        }
    }
}

/// Names what still carries the tags of what was deleted: it costs, and nothing in the state leads to it any more.
async fn look_for_rest(aws: &Aws, id: &EksId, wish: &Wish, call: &mut Call) {
    let marks = tags::part(wish).into_iter().filter(|(key, _)| key.starts_with(tags::PREFIX)).collect();
    // Who may delete a cluster need not be allowed to list all; and what was to be done is done.
    let Ok(left) = aws.eks_tagged(&id.region, &marks).await else { return };
    if !left.is_empty() {
        call.found.warning(
            "Something is left in AWS",
            format!(
                "{id} is deleted, but these carry its tags ({} = {:?}) and the owner's: {}. Another run may have made them, or somebody copied the tags. Delete what is not \
                 needed: it is billed.",
                tags::MANAGEMENT_CLUSTER,
                id.name,
                left.join(", ")
            ),
        );
    }
}

/// Whether the control plane never was there for anyone.
fn is_stillborn(cluster: &ClusterSeen) -> bool {
    cluster.status == ClusterStatus::Failed && (cluster.endpoint.is_none() || tags::is_unfinished(cluster))
}

/// Refuses, before anything is deleted, where AWS would refuse when the nodes are gone already: profiles are never made here, so they are others' to delete.
async fn no_fargate(aws: &Aws, id: &EksId, call: &mut Call) -> Result<(), Diagnostics> {
    let profiles = match aws.eks_fargate_profiles(&id.region, &id.name).await {
        Ok(profiles) => profiles,
        // Who may delete clusters need not be allowed to look for them, and AWS itself deletes no cluster that has any.
        Err(error) => {
            let detail = format!("{}. If there are any, AWS deletes no cluster.", error.report().trim_end_matches('.'));
            call.found.warning("Fargate profiles were not looked for", detail);
            return Ok(());
        }
    };
    if profiles.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = profiles.into_iter().collect();
    Err(Diagnostics::of_error(
        SUMMARY,
        format!(
            "{id} has the Fargate profiles {}, which this resource did not make, and AWS deletes no cluster that has any. Nothing was deleted. Delete them where they \
             were made (aws eks delete-fargate-profile), then destroy again.",
            names.join(", ")
        ),
    ))
}

/// Refuses to take the ground from under tenants.
async fn no_tenants(resource: &ManagementClusterResource, id: &EksId, cluster: &ClusterSeen, call: &Call) -> Result<(), Diagnostics> {
    // Nothing lives where there is no API, and what is being deleted cannot be kept.
    if cluster.endpoint.is_none() || cluster.status == ClusterStatus::Deleting {
        return Ok(());
    }
    let client = resource.connection.eks(id).await?.cluster().stopped_by(call.stop.clone());
    let namespaces = match client.list_metadata(Kind::Namespace, None, Some(TENANT_LABEL)).await {
        Ok(namespaces) => namespaces,
        Err(error) if reach::is_away(&error) => {
            return Err(Diagnostics::of_error(
                SUMMARY,
                format!(
                    "Whether tenants live on it cannot be seen. {} Then destroy again. If you know that there are none, delete the cluster in AWS (aws eks delete-nodegroup, \
                     aws eks delete-cluster); the next plan finds it gone.",
                    reach::told(id, Some(cluster), &error)
                ),
            ));
        }
        Err(error) => return Err(failed("Cannot look for tenants", &error)),
    };
    let label = |namespace: &serde_json::Value| namespace["metadata"]["labels"][TENANT_LABEL].as_str().map(str::to_owned);
    let mut tenants: Vec<String> = namespaces.iter().filter_map(label).collect();
    tenants.sort();
    if tenants.is_empty() {
        return Ok(());
    }
    Err(Diagnostics::of_error(
        "Tenants live on the management cluster",
        format!(
            "{id} is not deleted: the tenants {} live on it or are managed from it, and their data would be lost. Destroy them first, each with deletion_protection = \
             false applied before.",
            tenants.join(", ")
        ),
    ))
}
