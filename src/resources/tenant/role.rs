//! The role with which a tenant's own EKS cluster keeps the tenant's names in Route53, for tenants that name no role: made once the cluster has a
//! control plane, with the pod identities that lead to it, and removed before the cluster goes.
//!
//! Whatever of it an earlier run did is gone on with; what others made is named and left alone.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
};

use serde_json::Value;

use crate::{
    domain::{
        cluster::{
            Class,
            eks::{control_plane, eks_id},
        },
        dns::{DnsSpec, ManagedBy},
        eks::EksId,
        iam::{
            drift::{self, Differing},
            role::{Names, TenantRole, is_same, pod_identities, pod_identity_changes},
        },
        names::TenantName,
        object::{Kind, ObjectRef},
        tenant::TenantSpec,
    },
    drivers::{
        aws::{Aws, Error},
        kubernetes::{self, Cluster},
    },
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{
        connection::Connection,
        failure::{failed, failed_aws},
        tenant::{home, prepare::Prepared, wait::Outcome},
    },
};

/// Annotation on a tenant's namespace: the EKS cluster for which a role was begun, by which the role is found when the cluster is gone.
pub const CLUSTER_ANNOTATION: &str = "kaas.dev/eks-cluster";

const MAKE: &str = "Cannot make the tenant's role";
const REMOVE: &str = "Cannot remove the tenant's role";
const LOOK: &str = "The tenant's role was not compared";

/// Whose role it is.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    pub tenant: &'a TenantName,
    /// Who makes the tenant.
    pub owner: &'a str,
    /// The user's own tags.
    pub tags: &'a BTreeMap<String, String>,
}

impl Holder<'_> {
    fn role(&self, cluster: &EksId) -> TenantRole {
        TenantRole { tenant: self.tenant.clone(), cluster: cluster.clone(), owner: self.owner.to_owned(), tags: self.tags.clone() }
    }

    fn namespace(&self) -> ObjectRef {
        ObjectRef::global(Kind::Namespace, self.tenant.namespace())
    }
}

/// Gives a tenant's own cluster of the class `kaas-eks` its role, if the tenant keeps names by none of its own, and takes it away if it does not any more. The
/// Cluster has to be applied. Its control plane is waited for, and no more: pods get their rights when they start, so the role comes before the nodes. Ends
/// early, in whatever state, when the run is stopped or has no time left.
///
/// # Errors
/// Those of [`keep`] and [`give_up`].
pub async fn settle(prepared: &Prepared, spec: &TenantSpec, call: &Call) -> Result<(), Diagnostics> {
    let Prepared { connection, cluster, deadline, .. } = prepared;
    let is_eks = spec.own_cluster().is_some_and(|own| own.cluster.class() == Class::Eks);
    if !is_eks || connection.settings().aws.is_none() {
        return Ok(());
    }
    let holder = Holder { tenant: &spec.name, owner: &spec.owner, tags: &spec.labels };
    let settled = async {
        let names = names(spec);
        if !names.is_empty() {
            if !matches!(home::until_begun(cluster, &spec.name, *deadline, &call.stop).await?, Outcome::Ready) {
                return Ok(());
            }
            return keep(cluster, &connection.aws()?, holder, &names).await.map(|_| ());
        }
        let namespace = cluster.get(&holder.namespace()).await.map_err(|error| failed(REMOVE, &error))?;
        match namespace.as_ref().and_then(noted) {
            Some(noted) => give_up(cluster, &connection.aws()?, holder, &noted).await,
            None => Ok(()),
        }
    };
    tokio::select! {
        biased;
        () = call.stop.cancelled() => Ok(()),
        settled = settled => settled,
    }
}

/// The names that are kept by a role of the provider's making; those of before as long as they are there.
fn names(spec: &TenantSpec) -> Vec<Names> {
    let kept = spec.dns.iter().chain(&spec.leaving).filter(|dns| dns.role_arn.is_none() && dns.managed_by != ManagedBy::None);
    let named = |dns: &DnsSpec| Some(Names { zone_id: dns.zone()?.to_owned(), domain: dns.names(&spec.name).domain().to_owned() });
    kept.filter_map(named).collect()
}

/// Gives the cluster that Cluster API has made for the tenant its role, as [`ensure`] does, and notes on the tenant's namespace first that it has one. None: the
/// Cluster is none of EKS, or its control plane does not say yet which EKS cluster it is.
///
/// # Errors
/// Those of [`ensure`], and what the management cluster refuses.
pub async fn keep(management: &Cluster, aws: &Aws, holder: Holder<'_>, names: &[Names]) -> Result<Option<String>, Diagnostics> {
    let failed = |error: kubernetes::Error| failed(MAKE, &error);
    let Some(found) = management.get(&home::object(holder.tenant)).await.map_err(failed)? else { return Ok(None) };
    let Some(control_plane) = control_plane(&found) else { return Ok(None) };
    let Some(found) = management.get(&control_plane).await.map_err(failed)? else { return Ok(None) };
    let Some(cluster) = eks_id(&found) else { return Ok(None) };
    let noted = cluster.to_string();
    management.annotate(&holder.namespace(), &[(CLUSTER_ANNOTATION, Some(&noted))]).await.map_err(failed)?;
    ensure(aws, holder, &cluster, names).await.map(Some)
}

/// The EKS cluster that has a role, as the tenant's namespace says.
pub fn noted(namespace: &Value) -> Option<EksId> {
    namespace["metadata"]["annotations"][CLUSTER_ANNOTATION].as_str()?.parse().ok()
}

/// Removes the role of that cluster, and then the note of it.
///
/// # Errors
/// Those of [`remove`], and what the management cluster refuses.
pub async fn give_up(management: &Cluster, aws: &Aws, holder: Holder<'_>, cluster: &EksId) -> Result<(), Diagnostics> {
    remove(aws, holder, cluster).await?;
    match management.annotate(&holder.namespace(), &[(CLUSTER_ANNOTATION, None)]).await {
        Ok(_) | Err(kubernetes::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(failed(REMOVE, &error)),
    }
}

/// Makes the role for these names and the pod identities that lead to it, or brings them to that, and answers with the role's ARN. The cluster has to be there.
///
/// # Errors
/// A cluster that is not found, a role or pod identity of somebody else in the way, and what AWS refuses.
pub async fn ensure(aws: &Aws, holder: Holder<'_>, cluster: &EksId, names: &[Names]) -> Result<String, Diagnostics> {
    let failed = |error: Error| failed_aws(MAKE, &error);
    let EksId { region, name } = cluster;
    let Some(seen) = aws.eks_cluster(region, name).await.map_err(failed)? else { return Err(elsewhere(holder, cluster)) };
    let wish = holder.role(cluster).wish(&seen.arn, names).map_err(|wrong| Diagnostics::of_error(MAKE, format!("{wrong}.")))?;
    let arn = aws.put_role(&wish).await.map_err(failed)?;
    let Some(found) = aws.pod_identities(region, name).await.map_err(failed)? else { return Err(elsewhere(holder, cluster)) };
    let changes = pod_identity_changes(&pod_identities(&arn), &found, &wish.tags);
    if let Some(foreign) = changes.foreign.first() {
        return Err(Diagnostics::of_error(
            "A service account has another role",
            format!(
                "In EKS cluster {name:?} in {region}, a pod identity that kaas did not make gives {}/{} the role {}. Delete it, so that the tenant {} can keep its \
                 DNS records with a role of its own, or name that role in the tenant.",
                foreign.namespace, foreign.service_account, foreign.role_arn, holder.tenant
            ),
        ));
    }
    for id in &changes.delete {
        aws.delete_pod_identity(region, name, id).await.map_err(failed)?;
    }
    // EKS does one request of a token once, and this run's are its own.
    let token_seed = format!("{:016x}", RandomState::new().build_hasher().finish());
    for identity in &changes.create {
        aws.make_pod_identity(region, name, identity, &wish.tags, &token_seed).await.map_err(failed)?;
    }
    Ok(arn)
}

/// Removes what [`ensure`] made, in the other order. Success where there is nothing of it, or only what is others'; the cluster may be gone.
///
/// # Errors
/// When AWS refuses or cannot be asked.
pub async fn remove(aws: &Aws, holder: Holder<'_>, cluster: &EksId) -> Result<(), Diagnostics> {
    let failed = |error: Error| failed_aws(REMOVE, &error);
    let (role, EksId { region, name }) = (holder.role(cluster), cluster);
    let found = aws.pod_identities(region, name).await.map_err(failed)?.unwrap_or_default();
    for id in pod_identity_changes(&[], &found, &role.tags()).delete {
        aws.delete_pod_identity(region, name, &id).await.map_err(failed)?;
    }
    match aws.role(&role.name()).await.map_err(failed)? {
        Some(found) if is_same(&role.tags(), &found.tags) => aws.delete_role(&found.name).await.map_err(failed),
        _ => Ok(()),
    }
}

/// What differs of the role and the pod identities that [`settle`] gave a tenant's own cluster, as the tenant's namespace says. That AWS cannot be asked is no
/// reason to fail a plan: it is a warning.
pub async fn differing(connection: &Connection, namespace: &Value, spec: &TenantSpec, call: &mut Call) -> Vec<String> {
    let names = names(spec);
    let stays = namespace["metadata"]["deletionTimestamp"].is_null() && !names.is_empty() && connection.settings().aws.is_some();
    let Some(cluster) = noted(namespace).filter(|_| stays) else { return Vec::new() };
    let holder = Holder { tenant: &spec.name, owner: &spec.owner, tags: &spec.labels };
    let look = async { differences(&connection.aws()?, holder, &cluster, &names).await };
    let looked = tokio::select! {
        biased;
        () = call.stop.cancelled() => return Vec::new(),
        looked = look => looked,
    };
    let of_tenant = |told: &str| format!("Of the tenant {}: {told}", spec.name);
    match looked {
        Ok(Differing { lines, foreign }) => {
            foreign.iter().for_each(|told| call.found.warning("Something is in the way of the tenant's role", of_tenant(told)));
            lines
        }
        Err(found) => {
            found.iter().for_each(|told| call.found.warning(LOOK, of_tenant(&told.detail)));
            Vec::new()
        }
    }
}

/// What is not as [`ensure`] makes it.
///
/// # Errors
/// A cluster that is not found, and what AWS refuses.
pub async fn differences(aws: &Aws, holder: Holder<'_>, cluster: &EksId, names: &[Names]) -> Result<Differing, Diagnostics> {
    let failed = |error: Error| failed_aws(LOOK, &error);
    let (role, EksId { region, name }) = (holder.role(cluster), cluster);
    let role_name = role.name();
    let (seen, live, identities) = tokio::join!(aws.eks_cluster(region, name), aws.role(&role_name), aws.pod_identities(region, name));
    let (Some(seen), Some(identities)) = (seen.map_err(failed)?, identities.map_err(failed)?) else {
        return Err(elsewhere(holder, cluster));
    };
    let live = live.map_err(failed)?;
    let wish = role.wish(&seen.arn, names).map_err(|wrong| Diagnostics::of_error(LOOK, format!("{wrong}.")))?;
    let mut found = drift::of_role(&wish, live.as_ref());
    if let Some(live) = live {
        let Differing { lines, foreign } = drift::of_pod_identities(&pod_identities(&live.arn), &identities, &wish.tags);
        found.lines.extend(lines);
        found.foreign.extend(foreign);
    }
    Ok(found)
}

/// Where the credentials lead to another account than the cluster's.
fn elsewhere(holder: Holder<'_>, EksId { region, name }: &EksId) -> Diagnostics {
    Diagnostics::of_error(
        "The tenant's EKS cluster is not found",
        format!(
            "Cluster API says that the tenant {} lives in EKS cluster {name:?} in {region}, and the account that the provider's credentials are of has none. \
             Configure the provider's aws block for the account in which Cluster API makes clusters, or name a role in the tenant.",
            holder.tenant
        ),
    )
}
