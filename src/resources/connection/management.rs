//! One management cluster: its client, and what is found out of it once for all tenants that live on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use crate::{
    domain::{
        manifests::{self, EBS_DRIVER},
        names::TenantName,
        object::{Kind, ObjectRef},
        releases::mirror,
        tenant::{Facts, TenantSpec},
    },
    drivers::kubernetes::{Cluster, Environment, Error},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

/// A management cluster. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Management(Arc<Known>);

struct Known {
    cluster: Cluster,
    /// How the clusters of tenants are reached: through the same proxies.
    environment: Environment,
    facts: OnceCell<Facts>,
    uid: OnceCell<Option<String>>,
    /// The registry of clusters of tenants, as it was when the first of them was looked at.
    mirror: OnceCell<Registry>,
    /// Clients of the tenants' own clusters, by the tenant's name.
    own_clusters: Mutex<BTreeMap<String, Cluster>>,
    /// Names of the tenants that are being made.
    making: Names,
}

/// Names of what is being made, shared by all calls.
pub type Names = Arc<Mutex<BTreeSet<String>>>;

/// The right to make what has a name, until it is dropped. An unfinished beginning is gone on with by its owner, so of two resources with one name in one
/// apply each would take the other's for its own.
pub struct Making {
    names: Names,
    name: String,
}

impl Making {
    /// None while another call makes what has this name.
    pub fn of(names: &Names, name: &str) -> Option<Self> {
        let is_first = names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        is_first.then(|| Self { names: Arc::clone(names), name: name.to_owned() })
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

impl Management {
    pub fn new(cluster: Cluster, environment: Environment) -> Self {
        Self(Arc::new(Known {
            cluster,
            environment,
            facts: OnceCell::new(),
            uid: OnceCell::new(),
            mirror: OnceCell::new(),
            own_clusters: Mutex::default(),
            making: Names::default(),
        }))
    }

    /// Its client.
    pub fn cluster(&self) -> Cluster {
        self.0.cluster.clone()
    }

    /// None while another call makes a tenant of this name.
    pub fn making(&self, name: &str) -> Option<Making> {
        Making::of(&self.0.making, name)
    }

    /// What the manifests of tenants depend on.
    pub async fn facts(&self) -> Result<Facts, Diagnostics> {
        self.0.facts.get_or_try_init(|| look_up(&self.0.cluster)).await.copied()
    }

    /// The registry that charts and images of tenants' own clusters come from, looked up once: for looking at tenants. One that changes meanwhile is a
    /// difference in the next plan.
    pub async fn mirror(&self) -> Result<Registry, Error> {
        self.0.mirror.get_or_try_init(|| look_up_mirror(&self.0.cluster)).await.cloned()
    }

    /// The client of a tenant's own cluster, one for all calls; None while Cluster API has written no kubeconfig for it. `through`: this cluster, as the call
    /// uses it.
    pub async fn own_cluster(&self, through: &Cluster, name: &TenantName) -> Result<Option<Cluster>, Error> {
        if let Some(cluster) = self.own_clusters().get(name.as_str()).cloned() {
            return Ok(Some(cluster));
        }
        let secret = ObjectRef::namespaced(Kind::Secret, name.namespace(), name.kubeconfig_secret());
        let id = format!("{}/{}", through.id(), name);
        let Some(cluster) = through.behind(&id, &secret, &self.0.environment).await? else { return Ok(None) };
        self.own_clusters().insert(name.to_string(), cluster.clone());
        Ok(Some(cluster))
    }

    /// Forgets the client of a tenant's own cluster: a later one of its name is another cluster.
    pub fn forget_own_cluster(&self, name: &TenantName) {
        self.own_clusters().remove(name.as_str());
    }

    /// The UID of the cluster's `kube-system` namespace, which tells clusters apart whatever they are called; None where this user may not see it.
    pub async fn uid(&self) -> Option<String> {
        let looked_up = self.0.uid.get_or_init(async || {
            let namespace = self.0.cluster.get(&ObjectRef::global(Kind::Namespace, "kube-system")).await.ok().flatten()?;
            namespace["metadata"]["uid"].as_str().map(str::to_owned)
        });
        looked_up.await.clone()
    }

    /// With this client for the own cluster of a tenant.
    #[cfg(test)]
    pub fn with_own_cluster(&self, tenant: &str, cluster: Cluster) {
        self.own_clusters().insert(tenant.to_owned(), cluster);
    }

    fn own_clusters(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Cluster>> {
        self.0.own_clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins the lists by which the tenants of a management cluster are looked at: who looks at the cluster mostly looks at its tenants next, and the CLI takes its
/// time between the two. A state without the tenants pays for it with some lists that nobody reads.
pub fn foresee_tenants(cluster: &Cluster) {
    cluster.foresee(Kind::Namespace, |namespace| {
        let kinds = |wish: TenantSpec| manifests::kinds_at_home(wish.own_cluster().is_some()).to_vec();
        TenantSpec::of_namespace(namespace).map(kinds).unwrap_or_default()
    });
}

/// The registry that charts and images of tenants' own clusters come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registry {
    /// As the management cluster says; None: where their projects publish them.
    Said(Option<String>),
    /// This user may not see what it says.
    Unseen,
}

impl Registry {
    /// What a tenant takes that was made with the registry it has `kept`: what cannot be seen is no reason to leave that one.
    pub fn or_kept(self, kept: Option<String>) -> Option<String> {
        match self {
            Self::Said(registry) => registry,
            Self::Unseen => kept,
        }
    }
}

/// The registry that a management cluster names now.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn look_up_mirror(cluster: &Cluster) -> Result<Registry, Error> {
    match cluster.get(&mirror::record()).await {
        Ok(record) => Ok(Registry::Said(record.as_ref().and_then(mirror::registry))),
        Err(Error::Forbidden { .. }) => Ok(Registry::Unseen),
        Err(error) => Err(error),
    }
}

/// What a cluster offers on which a tenant's Kafka runs.
pub async fn look_up(cluster: &Cluster) -> Result<Facts, Diagnostics> {
    let looked = |error: Error| failed("Cannot look at the cluster", &error);
    let driver = ObjectRef::global(Kind::CsiDriver, EBS_DRIVER);
    let ebs_csi = cluster.get(&driver).await.map_err(looked)?.is_some();
    let volume_attributes_classes = ebs_csi && cluster.server_serves(Kind::VolumeAttributesClass).await.map_err(looked)?;
    Ok(Facts { ebs_csi, volume_attributes_classes })
}
