//! Whether the Kubernetes API of an EKS cluster can be reached from here.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        eks::{ClusterSeen, EksId},
        object::Kind,
    },
    drivers::kubernetes::{Cluster, Error},
    resources::connection::PRIVATE,
};

pub const SUMMARY: &str = "The Kubernetes API of the EKS cluster cannot be reached";

/// How long a new cluster may take until its name is known everywhere and its maker is let in.
const NEW: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(5 * 60) };
/// How long an access entry may take until it counts.
const LET_IN: Duration = if cfg!(test) { Duration::from_millis(5) } else { Duration::from_secs(60) };
const PAUSE: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(5) };

/// Waits until the API answers and knows who asks. That a cluster which is not new cannot be reached is said by one try.
pub async fn until_answers(cluster: &Cluster, is_new: bool, deadline: Instant, stop: &CancellationToken) -> Result<(), Error> {
    let begin = Instant::now();
    loop {
        let error = match cluster.list_metadata(Kind::Namespace, None, None).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let patience = match (is_new, is_shut(&error)) {
            (true, _) if is_away(&error) => NEW,
            (false, true) => LET_IN,
            _ => return Err(error),
        };
        if stop.is_cancelled() || Instant::now() + PAUSE >= deadline.min(begin + patience) {
            return Err(error);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return Err(error),
        }
    }
}

/// Whether what is in the cluster cannot be looked at from here, though it may be well.
pub const fn is_away(error: &Error) -> bool {
    is_shut(error) || matches!(error, Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Cut { .. })
}

/// Whether the API lets nobody in with these credentials.
const fn is_shut(error: &Error) -> bool {
    matches!(error, Error::Unauthorized { .. } | Error::Forbidden { .. })
}

/// Why, and what to do.
pub fn told(id: &EksId, cluster: Option<&ClusterSeen>, error: &Error) -> String {
    let report = error.report();
    let endpoint = cluster.map(|cluster| &cluster.access_from);
    let way_out = match error {
        Error::Unauthorized { .. } | Error::Forbidden { .. } => {
            "Give the principal of IAM that the provider uses an access_entry with the policy AmazonEKSClusterAdminPolicy.".to_owned()
        }
        _ if endpoint.is_some_and(|endpoint| !endpoint.public) => PRIVATE.to_owned(),
        _ if endpoint.is_some_and(|endpoint| !endpoint.public_cidrs.is_empty()) => {
            "See that endpoint.public_cidrs holds the address from which this machine reaches the internet, and the proxies in HTTPS_PROXY and NO_PROXY.".to_owned()
        }
        _ => error.hint().unwrap_or_default(),
    };
    format!("{id}: {}. {way_out}", report.trim_end_matches('.')).trim_end().to_owned()
}
