//! Towards what is wished, or towards nothing: look, decide, do, wait, and look again, until a deadline.

use std::{
    fmt::Display,
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::eks::{self, ClusterSeen, ClusterStatus, EksId, Next, Seen, Step, Wish, tags},
    drivers::aws::{Aws, Error},
    framework::{attr::Attr, diagnostic::Diagnostics},
    resources::{
        failure::failed_aws,
        management_cluster::eks::{fault, model::Eks, place::at, read},
    },
};

/// Summary of the error that ends the run which lost its beginning to another.
pub const TAKEN_OVER: &str = "Another run makes this EKS cluster";
const STOPPED: &str = "The run was stopped";
/// Between two looks; it grows while nothing is to be done.
const PAUSE: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(2) };
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// How long what ails may take to get well by itself while nothing else is under way: AWS gives pods and capacity about as long.
const AILING_MAX: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(15 * 60) };
/// How often a thing that a step is about may be missing before that is believed.
const MISSING_MAX: u32 = 5;

/// One run at one cluster.
pub struct Work<'a> {
    pub aws: &'a Aws,
    pub id: &'a EksId,
    pub deadline: Instant,
    pub stop: &'a CancellationToken,
    /// Tells the requests of this run from those of others, for AWS does one request of a token once.
    seed: String,
}

/// How a run ended without a failure.
pub struct Ended {
    /// The last look.
    pub seen: Seen,
    /// None: all is as wished.
    pub early: Option<Early>,
}

/// Why a run ended before all was done.
pub struct Early {
    /// "The deadline passed".
    pub why: &'static str,
    /// What was waited for.
    pub waiting: String,
}

impl Display for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.why, self.waiting)
    }
}

impl<'a> Work<'a> {
    pub fn new(aws: &'a Aws, id: &'a EksId, deadline: Instant, stop: &'a CancellationToken) -> Self {
        Self { aws, id, deadline, stop, seed: format!("{:016x}", RandomState::new().build_hasher().finish()) }
    }

    /// Until the cluster is as wished, but for the mark of a beginning: that goes when what stands on the cluster is made, too. `known`: the ARN of
    /// the cluster that is changed; None: it is this run's to make.
    pub async fn until_made(&self, wish: &Wish, known: Option<&Attr<String>>) -> Result<Ended, Diagnostics> {
        let next = |seen: &Seen, run: &eks::Run| {
            self.check_owned(seen, wish, known)?;
            Ok(match eks::next(wish, seen, run) {
                Next::Do(steps) if steps.iter().all(is_finish) => Next::Done,
                next => next,
            })
        };
        self.follow(wish, next, "The EKS cluster cannot be made").await
    }

    /// Until nothing of the cluster is left.
    pub async fn until_gone(&self, wish: &Wish) -> Result<Ended, Diagnostics> {
        self.follow(wish, |seen, run| Ok(eks::next_removal(seen, run)), "The EKS cluster cannot be deleted").await
    }

    /// Names are free again when a cluster is gone: between two looks another may have come that somebody else makes.
    fn check_owned(&self, seen: &Seen, wish: &Wish, known: Option<&Attr<String>>) -> Result<(), Diagnostics> {
        let what = match (&seen.cluster, known) {
            (Some(cluster), Some(known)) => return read::same_cluster(known, &cluster.arn),
            (Some(cluster), None) if cluster.status == ClusterStatus::Deleting => return Ok(()),
            // The other run has brought it to its end already.
            (Some(cluster), None) if is_own(cluster, wish) && !tags::is_unfinished(cluster) => return Err(self.taken_over()),
            (Some(cluster), None) if !is_own_beginning(cluster, wish) => "is another one now, which was not begun here",
            (Some(cluster), None) if cluster.tags.get(tags::RUN) != Some(&wish.run) => return Err(self.taken_over()),
            (None, Some(_)) => "is gone: somebody has deleted it",
            _ => return Ok(()),
        };
        Err(Diagnostics::of_error(
            "Another EKS cluster",
            format!(
                "The EKS cluster {:?} in {} {what}. Nothing was done to it. Plan again to see what there is.",
                self.id.name, self.id.region
            ),
        ))
    }

    /// What tells this run from others.
    pub fn run(&self) -> &str {
        &self.seed
    }

    /// Takes a beginning over: its former run ends at its next look, so that one state at most comes to hold the cluster. Waits until AWS shows it.
    pub async fn take_over(&self, cluster: &ClusterSeen, wish: &Wish) -> Result<(), Diagnostics> {
        let failed = |error: Error| failed_aws("Cannot go on with the EKS cluster", &error);
        let set = tags::Tags::from([(tags::RUN.to_owned(), wish.run.clone())]);
        let step = Step::Tag { arn: cluster.arn.clone(), set, remove: Default::default() };
        let mut pause = PAUSE;
        loop {
            match self.perform(wish, &step).await {
                Err(error) if matches!(error, Error::Conflict { .. }) || is_passing(&error) => {}
                done => {
                    done.map_err(failed)?;
                    let seen = self.aws.eks_cluster(&self.id.region, &self.id.name).await.map_err(failed)?;
                    // Gone, finished, or taken over by yet another: the next look tells.
                    let before = cluster.tags.get(tags::RUN);
                    if seen.is_none_or(|seen| seen.tags.get(tags::RUN) != before) {
                        return Ok(());
                    }
                }
            }
            if let Some(why) = self.sleep(&mut pause).await {
                return Err(Diagnostics::of_error(
                    "Cannot go on with the EKS cluster",
                    format!("{why}: AWS does not show its new tags yet."),
                ));
            }
        }
    }

    /// That a beginning is still this run's to finish.
    pub async fn check_mine(&self, wish: &Wish) -> Result<(), Diagnostics> {
        let seen = self.aws.eks_cluster(&self.id.region, &self.id.name).await;
        let seen = seen.map_err(|error| failed_aws("Cannot look at the EKS cluster", &error))?;
        match seen {
            Some(cluster) if is_own_beginning(&cluster, wish) && cluster.tags.get(tags::RUN) == Some(&wish.run) => Ok(()),
            _ => Err(self.taken_over()),
        }
    }

    fn taken_over(&self) -> Diagnostics {
        Diagnostics::of_error(
            TAKEN_OVER,
            format!(
                "The EKS cluster {:?} in {} was taken over, while this run waited, by another run of the same owner that makes a cluster of this name. The other run \
                 will hold it in its state, so this one does not. If the runs are of different configurations, choose another name, and give each configuration its \
                 own owner in the provider block.",
                self.id.name, self.id.region
            ),
        )
    }

    /// One look.
    pub async fn look(&self) -> Result<Seen, Error> {
        self.aws.eks_seen(&self.id.region, &self.id.name).await
    }

    pub async fn perform(&self, wish: &Wish, step: &Step) -> Result<(), Error> {
        self.aws.eks_perform(&self.id.region, wish, step, &self.seed).await
    }

    async fn follow(
        &self,
        wish: &Wish,
        next: impl Fn(&Seen, &eks::Run) -> Result<Next, Diagnostics>,
        summary: &str,
    ) -> Result<Ended, Diagnostics> {
        let mut run: Option<eks::Run> = None;
        let mut pause = PAUSE;
        let mut missing = 0;
        let mut last: Option<Seen> = None;
        let mut ails: Option<(String, Instant)> = None;
        loop {
            let seen = match self.look().await {
                Ok(seen) => seen,
                Err(error) => {
                    // A network that fails for a moment is no reason to give up what takes an hour.
                    if last.is_none() || !is_passing(&error) {
                        return Err(failed_aws("Cannot look at the EKS cluster", &error));
                    }
                    match (self.sleep(&mut pause).await, last.take()) {
                        (Some(why), Some(seen)) => return Ok(Ended { seen, early: Some(Early { why, waiting: error.report() }) }),
                        (_, before) => last = before,
                    }
                    continue;
                }
            };
            let run = run.get_or_insert_with(|| eks::Run::begin(&seen));
            let next = next(&seen, run)?;
            if let Next::Do(steps) = &next {
                self.spare_caller(wish, steps).await?;
            }
            // What ails now may be another thing than before, which has as long to get well.
            ails = match (&next, ails) {
                (Next::Ailing(fault), Some((before, since))) if before == fault.to_string() => Some((before, since)),
                (Next::Ailing(fault), _) => Some((fault.to_string(), Instant::now())),
                _ => None,
            };
            let waiting = match next {
                Next::Done => return Ok(Ended { seen, early: None }),
                Next::Failed(fault) => return Err(fault::told(&fault, wish, summary)),
                Next::Wait(waiting) => waiting,
                Next::Ailing(fault) if ails.as_ref().is_some_and(|(_, since)| since.elapsed() >= AILING_MAX) => {
                    return Err(fault::told(&fault, wish, summary));
                }
                Next::Ailing(fault) => fault.to_string(),
                Next::Do(_) if self.stop.is_cancelled() => return Ok(early(seen, STOPPED, "nothing more was begun".to_owned())),
                Next::Do(steps) => match self.all(wish, &steps, run, &mut missing).await {
                    Ok(None) => {
                        pause = PAUSE;
                        if let Some(why) = self.ended() {
                            let seen = self.look().await.unwrap_or(seen);
                            return Ok(early(seen, why, "what was begun last is under way".to_owned()));
                        }
                        last = Some(seen);
                        continue;
                    }
                    Ok(Some(waiting)) => waiting,
                    Err(error) => return Err(failed_aws(summary, &error)),
                },
            };
            if let Some(why) = self.sleep(&mut pause).await {
                return Ok(early(seen, why, waiting));
            }
            last = Some(seen);
        }
    }

    /// Refuses, before the first of these steps, to take the access of whose credentials are used: neither this run nor the next could get in again.
    async fn spare_caller(&self, wish: &Wish, steps: &[Step]) -> Result<(), Diagnostics> {
        let shut_out: Vec<&str> = steps.iter().filter_map(|step| eks::shut_out(step, wish)).collect();
        if shut_out.is_empty() {
            return Ok(());
        }
        let caller = self.aws.caller_arn(&self.id.region).await;
        let caller = caller.map_err(|error| failed_aws("Cannot see whose access is taken away", &error))?;
        let Some(principal_arn) = shut_out.into_iter().find(|principal| eks::lets_in(principal, &caller)) else { return Ok(()) };
        let mut found = Diagnostics::none();
        found.error_at(
            at(Eks::ACCESS_ENTRY),
            "This would lock the provider out",
            format!(
                "The access entry of {principal_arn}, or its rights of an administrator, are to go, by which the provider itself ({caller}) gets into {}. Nothing was \
                 changed. Keep its access_entry block with the policy AmazonEKSClusterAdminPolicy for the whole cluster; or \
                 give another principal an access_entry with the policy AmazonEKSClusterAdminPolicy, apply that, and remove this one with the credentials of that \
                 other principal.",
                self.id
            ),
        );
        Err(found)
    }

    /// Does the steps. Some: one of them cannot be done now, but may be later.
    async fn all(&self, wish: &Wish, steps: &[Step], run: &mut eks::Run, missing: &mut u32) -> Result<Option<String>, Error> {
        for step in steps {
            match self.perform(wish, step).await {
                Ok(()) => {
                    *missing = 0;
                    run.done.insert(step.clone());
                }
                // A name that somebody else has taken is no matter of waiting.
                Err(error @ Error::Conflict { .. }) if *step == Step::CreateCluster => return Err(error),
                Err(error) if matches!(error, Error::Conflict { .. }) || is_passing(&error) => return Ok(Some(error.report())),
                // Somebody took it away meanwhile: the next look tells.
                Err(error @ Error::NotFound { .. }) if *missing < MISSING_MAX => {
                    *missing += 1;
                    return Ok(Some(error.report()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Waits a while, longer each time. Some: why it is not to be waited any more.
    async fn sleep(&self, pause: &mut Duration) -> Option<&'static str> {
        let until = (Instant::now() + *pause).min(self.deadline);
        *pause = (*pause * 3 / 2).min(PAUSE_MAX);
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.stop.cancelled() => {}
        }
        self.ended()
    }

    fn ended(&self) -> Option<&'static str> {
        if self.stop.is_cancelled() {
            Some(STOPPED)
        } else if Instant::now() >= self.deadline {
            Some("The deadline passed")
        } else {
            None
        }
    }
}

/// Whether this is what an owner's own creation has begun and not ended.
pub fn is_own_beginning(cluster: &ClusterSeen, wish: &Wish) -> bool {
    is_own(cluster, wish) && tags::is_unfinished(cluster)
}

fn is_own(cluster: &ClusterSeen, wish: &Wish) -> bool {
    cluster.tags.get(tags::OWNER) == Some(&wish.owner) && cluster.tags.get(tags::MANAGEMENT_CLUSTER) == Some(&wish.name)
}

/// The last step of a creation.
fn is_finish(step: &Step) -> bool {
    matches!(step, Step::Tag { set, remove, .. } if set.is_empty() && remove.contains(tags::PHASE))
}

/// Whether the same request may well succeed later.
const fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Throttled { .. } | Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Server { .. })
}

const fn early(seen: Seen, why: &'static str, waiting: String) -> Ended {
    Ended { seen, early: Some(Early { why, waiting }) }
}
