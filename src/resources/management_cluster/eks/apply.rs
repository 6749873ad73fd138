//! Making and changing an EKS cluster, and then what every management cluster gets.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use crate::{
    domain::eks::{ClusterSeen, ClusterStatus, EksId, Seen, Step, Wish, tags},
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        parts::{Call, Failed},
    },
    resources::{
        connection::Connection,
        failure::failed_aws,
        management_cluster::{
            ManagementClusterResource,
            eks::{
                marks::{self, Marks},
                model::Eks,
                place::{self, at},
                plan, reach, report,
                run::{Ended, TAKEN_OVER, Work, is_own_beginning},
                wish,
            },
            model::ManagementCluster,
        },
    },
};

const CREATE_DEFAULT: Duration = Duration::from_secs(60 * 60);
const UPDATE_DEFAULT: Duration = Duration::from_secs(3 * 60 * 60);

/// Makes a cluster, or goes on with its own unfinished beginning. A failure leaves no state: the next apply goes on where this one ended.
pub async fn create(
    resource: &ManagementClusterResource,
    mut planned: ManagementCluster,
    call: &mut Call,
) -> Result<ManagementCluster, Diagnostics> {
    let connection = &resource.connection;
    let deadline = Instant::now() + planned.timeouts.create_or(CREATE_DEFAULT);
    let mut wish = demand(connection, &planned, None, call)?;
    let aws = connection.aws()?;
    let id = id(connection, &planned).await?;
    planned.id = id.to_string().into();
    let Some(_making) = connection.making(&id) else {
        let detail = format!("Another resource of this configuration makes {id} at the same time. Give each cluster a name of its own.");
        return Err(at_name("Name already taken", detail));
    };
    let stop = call.stop.clone();
    let work = Work::new(&aws, &id, deadline, &stop);
    work.run().clone_into(&mut wish.run);
    let seen = work.look().await.map_err(|error| failed_aws("Cannot look at the EKS cluster", &error))?;
    if let Some(cluster) = &seen.cluster {
        claim(&id, cluster, &wish)?;
        if !matches!(cluster.status, ClusterStatus::Deleting | ClusterStatus::Failed) {
            work.take_over(cluster, &wish).await?;
        }
        clear(&work, cluster, &wish).await?;
    }
    let made = match work.until_made(&wish, None).await {
        Ok(ended) => settle(resource, &work, &wish, planned, None, ended, call).await,
        Err(failed) => Err(failed),
    };
    let is_lost = made.as_ref().is_err_and(|found| found.iter().any(|error| error.summary == TAKEN_OVER));
    if made.is_err() && !is_lost && work.look().await.is_ok_and(|seen| seen.cluster.is_some()) {
        call.found.warning(
            "A beginning is left",
            format!(
                "The EKS cluster {:?} in {} and what was made for it stay, and are billed, so that the next apply goes on from here. To give it up instead, bring it \
                 into the state (terraform import <address of this resource> {id}) and destroy it.",
                id.name, id.region
            ),
        );
    }
    made
}

/// Changes a cluster in place. A failure answers with what is there.
pub async fn update(
    resource: &ManagementClusterResource,
    prior: ManagementCluster,
    planned: ManagementCluster,
    call: &mut Call,
) -> Result<ManagementCluster, Failed<ManagementCluster>> {
    let protection = planned.eks.known().map(|eks| eks.deletion_protection.clone());
    let timeouts = planned.timeouts.clone();
    match change(resource, &prior, planned, call).await {
        Ok(made) => Ok(made),
        // What was not wholly applied stays unrecorded, so that the next plan shows it again; what is there is looked at. What only the state holds is applied by
        // being stored: a cluster that cannot be mended must still be one that can be unprotected and destroyed.
        Err(diagnostics) => {
            let there = resource.look(prior.clone(), call).await.ok().flatten().unwrap_or(prior);
            let mut reached = ManagementCluster { timeouts, ..there };
            if let (Some(eks), Some(protection)) = (reached.eks.known_mut(), protection) {
                eks.deletion_protection = protection;
            }
            Err(Failed { reached: Some(reached), diagnostics })
        }
    }
}

async fn change(
    resource: &ManagementClusterResource,
    prior: &ManagementCluster,
    mut planned: ManagementCluster,
    call: &mut Call,
) -> Result<ManagementCluster, Diagnostics> {
    let connection = &resource.connection;
    if planned.changes.is_unknown() {
        planned.changes = Attr::Known(plan::changes(&planned, prior, &Marks::of(&connection.settings())).into_known().unwrap_or_default());
    }
    let deadline = Instant::now() + planned.timeouts.update_or(UPDATE_DEFAULT);
    let wish = demand(connection, &planned, Some(prior), call)?;
    let aws = connection.aws()?;
    let id = id(connection, &planned).await?;
    let stop = call.stop.clone();
    let work = Work::new(&aws, &id, deadline, &stop);
    let ended = work.until_made(&wish, Some(&prior.arn)).await?;
    settle(resource, &work, &wish, planned, Some(prior), ended, call).await
}

/// What is to be made, whose every value is known by now, with what the plan could not check.
fn demand(
    connection: &Connection,
    planned: &ManagementCluster,
    prior: Option<&ManagementCluster>,
    call: &Call,
) -> Result<Wish, Diagnostics> {
    let Some(block) = planned.eks.known() else {
        return Err(Diagnostics::of_error("No EKS cluster", "There is no eks block. This is a bug of the provider: please report it."));
    };
    let marks = Marks::of(&connection.settings());
    let mut wish = wish::demand(block, &marks)?;
    wish.dropped_tags = marks::dropped(&wish, prior, call);
    let mut found = Diagnostics::none();
    if let Some(prior) = prior {
        plan::refuse(prior, block, &marks, &mut found);
    }
    if found.has_errors() { Err(found) } else { Ok(wish) }
}

/// Where the planned cluster is, or will be.
async fn id(connection: &Connection, planned: &ManagementCluster) -> Result<EksId, Diagnostics> {
    if let Some(id) = place::of_state(planned) {
        return Ok(id);
    }
    let region = connection.aws()?.region().await.map_err(|error| failed_aws("No AWS region", &error))?;
    place::wanted(planned, None, Some(&region)).ok_or_else(|| {
        Diagnostics::of_error("Incomplete cluster", "Its name or region is not known. This is a bug of the provider: please report it.")
    })
}

/// Refuses a cluster of that name which is not this owner's own unfinished beginning.
fn claim(id: &EksId, cluster: &ClusterSeen, wish: &Wish) -> Result<(), Diagnostics> {
    let owner = cluster.tags.get(tags::OWNER);
    // One that goes is waited for.
    if is_own_beginning(cluster, wish) || cluster.status == ClusterStatus::Deleting {
        return Ok(());
    }
    let made_by = match owner {
        Some(owner) => format!("made by the owner {owner:?} (this provider's owner is {:?})", wish.owner),
        None => "and was not made by this provider".to_owned(),
    };
    Err(at_name(
        "Name already taken",
        format!(
            "There is an EKS cluster {:?} in {} already, {made_by}. Choose another name, adopt it with existing {{ eks_name = {:?} }}, or take it over with: \
             terraform import <address of this resource> {id}",
            id.name, id.region, id.name
        ),
    ))
}

/// A beginning of which the control plane has failed can only be made anew.
async fn clear(work: &Work<'_>, cluster: &ClusterSeen, wish: &Wish) -> Result<(), Diagnostics> {
    if cluster.status != ClusterStatus::Failed {
        return Ok(());
    }
    match work.until_gone(wish).await?.early {
        None => Ok(()),
        Some(early) => Err(Diagnostics::of_error(
            "The EKS cluster cannot be made",
            format!("What was left of a failed beginning is not gone yet. {early}. Apply again to go on."),
        )),
    }
}

fn at_name(summary: &str, detail: String) -> Diagnostics {
    let mut found = Diagnostics::none();
    found.error_at(at(Eks::NAME), summary, detail);
    found
}

/// With the control plane as it is now: what every management cluster gets, and the report.
async fn settle(
    resource: &ManagementClusterResource,
    work: &Work<'_>,
    wish: &Wish,
    mut planned: ManagementCluster,
    prior: Option<&ManagementCluster>,
    ended: Ended,
    call: &mut Call,
) -> Result<ManagementCluster, Diagnostics> {
    let Ended { mut seen, early } = ended;
    marks::remember(wish, call);
    let Some(cluster) = &mut seen.cluster else {
        return Err(Diagnostics::of_error(
            "The EKS cluster is not begun",
            early.map_or_else(|| "It is gone again.".to_owned(), |early| format!("{early}.")),
        ));
    };
    let begun = tags::is_unfinished(cluster).then(|| (cluster.arn.clone(), tags::of_beginning(&cluster.tags)));
    if early.is_none() {
        // As it will be when this call has ended well.
        cluster.tags.remove(tags::PHASE);
    }
    report::fill(&mut planned, Some(wish), &seen);
    let made = match early {
        Some(early) => {
            call.found.warning(
                "The EKS cluster is not ready yet",
                format!("{}: {}. The next plan shows how far it is, and apply goes on.", early.why, early.waiting.trim_end_matches('.')),
            );
            let phase = if prior.is_none() { "Creating" } else { "Updating" };
            report::unsettled(&mut planned, phase, &early.waiting);
            report::without_kubernetes(&mut planned, prior, &seen);
            planned
        }
        None => with_kubernetes(resource, work, planned, prior, &seen, call).await?,
    };
    // Last of all: a creation that fails after this could not be gone on with, only imported.
    match begun {
        Some((arn, marks)) => finish(work, wish, arn, marks).await.map(|()| made),
        None => Ok(made),
    }
}

/// An API that this machine cannot reach is told, and the cluster is one all the same.
async fn with_kubernetes(
    resource: &ManagementClusterResource,
    work: &Work<'_>,
    mut planned: ManagementCluster,
    prior: Option<&ManagementCluster>,
    seen: &Seen,
    call: &mut Call,
) -> Result<ManagementCluster, Diagnostics> {
    let cluster = resource.connection.eks(work.id).await?.cluster().stopped_by(call.stop.clone()).patient_until(work.deadline);
    match reach::until_answers(&cluster, prior.is_none(), work.deadline, work.stop).await {
        Ok(()) => resource.make(&cluster, planned, prior, work.deadline, call).await,
        Err(error) if reach::is_away(&error) && needs_nothing(&planned) => {
            let told = reach::told(work.id, seen.cluster.as_ref(), &error);
            call.found.warning(reach::SUMMARY, told.clone());
            report::unsettled(&mut planned, "Unreachable", &told);
            report::without_kubernetes(&mut planned, prior, seen);
            Ok(planned)
        }
        Err(error) => Err(Diagnostics::of_error(reach::SUMMARY, reach::told(work.id, seen.cluster.as_ref(), &error))),
    }
}

/// Whether nothing was asked for that is made in the cluster.
fn needs_nothing(planned: &ManagementCluster) -> bool {
    planned.install.is_null() && planned.cluster_classes.known().is_none_or(BTreeSet::is_empty)
}

/// Notes that the cluster is held by a state, unless another run took the beginning over. What an import brought into the state is its own to finish.
async fn finish(work: &Work<'_>, wish: &Wish, arn: String, marks: BTreeSet<String>) -> Result<(), Diagnostics> {
    if !wish.run.is_empty() {
        work.check_mine(wish).await?;
    }
    let step = Step::Tag { arn, set: tags::Tags::new(), remove: marks };
    work.perform(wish, &step).await.map_err(|error| failed_aws("Cannot note that the EKS cluster was made", &error))
}
