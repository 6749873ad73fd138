//! Pod identities of clusters that somebody else makes: those of tenants, by Cluster API.

use std::collections::BTreeMap;

use super::perform::until_propagated;
use super::{Eks, once};
use crate::domain::eks::tags::Tags;
use crate::domain::eks::{PodIdentity, PodIdentitySeen, Step, Wish};
use crate::drivers::aws::{Aws, Error, Result};

impl Aws {
    /// The pod identities of a cluster; None: there is no such cluster.
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn pod_identities(&self, region: &str, cluster: &str) -> Result<Option<BTreeMap<PodIdentity, PodIdentitySeen>>> {
        match Eks::of(self, region, cluster).await.pod_identities().await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes one, with these tags. A role that IAM has just made is waited for until EKS knows it.
    ///
    /// `token_seed`: one for each run of a resource. The same pod identity of the same run is the same request to EKS.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the service account has another role; when AWS refuses or cannot be asked.
    pub async fn make_pod_identity(
        &self,
        region: &str,
        cluster: &str,
        identity: &PodIdentity,
        tags: &Tags,
        token_seed: &str,
    ) -> Result<()> {
        let eks = Eks::of(self, region, cluster).await;
        let wish = Wish { name: cluster.to_owned(), tags: tags.clone(), ..Wish::default() };
        let once = once::token(token_seed, &Step::CreatePodIdentity { identity: identity.clone() }, &wish);
        until_propagated(|| eks.create_pod_identity(tags.clone(), identity, &once)).await
    }

    /// Deletes one. Success when it or the cluster is gone already.
    ///
    /// # Errors
    /// When AWS refuses or cannot be asked.
    pub async fn delete_pod_identity(&self, region: &str, cluster: &str, association_id: &str) -> Result<()> {
        Eks::of(self, region, cluster).await.delete_pod_identity(association_id).await
    }
}
