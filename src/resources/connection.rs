//! The provider's configuration as its resources use it: settings that arrive once, a client that is made on the first call that needs one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use crate::{
    domain::{
        manifests::EBS_DRIVER,
        names::TenantName,
        object::{Kind, ObjectRef},
        tenant::Facts,
    },
    drivers::kubernetes::{Cluster, Error, KubernetesConfig},
    framework::diagnostic::Diagnostics,
    resources::failure::failed,
};

/// What resources need to know of the provider's configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// None while the configuration holds unknown values, as it may during a plan.
    pub kubernetes: Option<KubernetesConfig>,
    /// Who makes the tenants: an unfinished tenant is only continued by its own owner.
    pub owner: String,
    /// Labels on every object, besides the provider's own.
    pub labels: BTreeMap<String, String>,
}

/// Shared by all resources of a provider. Cheap to clone.
#[derive(Clone, Default)]
pub struct Connection(Arc<RwLock<Option<Arc<Configured>>>>);

struct Configured {
    settings: Settings,
    cluster: OnceLock<Cluster>,
    /// What the cluster offers, looked up once for all tenants.
    facts: tokio::sync::OnceCell<Facts>,
    uid: tokio::sync::OnceCell<Option<String>>,
    /// Clients of the tenants' own clusters, by the tenant's name.
    own_clusters: Mutex<BTreeMap<String, Cluster>>,
    /// Names of the tenants that are being made.
    making: Mutex<BTreeSet<String>>,
}

/// The right to make the tenant of a name, until it is dropped. An unfinished namespace is gone on with by its owner, so of two resources with one name in
/// one apply each would take the other's beginning for its own.
pub struct Making {
    configured: Arc<Configured>,
    name: String,
}

impl Drop for Making {
    fn drop(&mut self) {
        self.configured.making.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

impl Connection {
    /// None while another call makes a tenant of this name.
    pub fn making(&self, name: &str) -> Option<Making> {
        let configured = self.configured()?;
        let is_first = configured.making.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        is_first.then(|| Making { configured: Arc::clone(&configured), name: name.to_owned() })
    }

    /// Leads to this cluster.
    #[cfg(test)]
    pub fn to(cluster: Cluster) -> Self {
        let connection = Self::default();
        let configured = Configured {
            settings: Settings { kubernetes: Some(KubernetesConfig::default()), ..Settings::default() },
            cluster: OnceLock::from(cluster),
            facts: tokio::sync::OnceCell::new(),
            uid: tokio::sync::OnceCell::new(),
            own_clusters: Mutex::default(),
            making: Mutex::default(),
        };
        *connection.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(configured));
        connection
    }

    /// With this client for the own cluster of a tenant.
    #[cfg(test)]
    pub fn with_own_cluster(self, tenant: &str, cluster: Cluster) -> Self {
        if let Some(configured) = self.configured() {
            configured.own_clusters.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.to_owned(), cluster);
        }
        self
    }

    /// Takes a configuration. A later one replaces it, with a new client.
    pub fn configure(&self, settings: Settings) {
        let configured = Configured {
            settings,
            cluster: OnceLock::new(),
            facts: tokio::sync::OnceCell::new(),
            uid: tokio::sync::OnceCell::new(),
            own_clusters: Mutex::default(),
            making: Mutex::default(),
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(configured));
    }

    /// Whether a client can be made, or the configuration is still unknown.
    pub fn is_known(&self) -> bool {
        self.configured().is_some_and(|configured| configured.settings.kubernetes.is_some())
    }

    /// The provider's settings, as given or as they are by default.
    pub fn settings(&self) -> Settings {
        self.configured().map_or_else(Settings::default, |configured| configured.settings.clone())
    }

    /// The client of the cluster that the `kubernetes {}` block points to. Sends no request.
    pub fn cluster(&self) -> Result<Cluster, Diagnostics> {
        let configured = self.configured();
        let Some(configured) = configured else {
            return Err(Diagnostics::of_error("Provider not configured", "The provider was called before it was configured."));
        };
        if let Some(cluster) = configured.cluster.get() {
            return Ok(cluster.clone());
        }
        let Some(kubernetes) = &configured.settings.kubernetes else {
            return Err(Diagnostics::of_error(
                "Provider configuration not known yet",
                "The provider's kubernetes block holds values that are only known after apply, but the cluster is needed now. Apply what the block depends \
                 on first.",
            ));
        };
        let cluster = Cluster::connect(kubernetes).map_err(|error| failed("Cannot connect to Kubernetes", &error))?;
        Ok(configured.cluster.get_or_init(|| cluster).clone())
    }

    /// What the manifests of tenants depend on.
    pub async fn facts(&self) -> Result<Facts, Diagnostics> {
        let cluster = self.cluster()?;
        match self.configured() {
            Some(configured) => configured.facts.get_or_try_init(|| look_up(&cluster)).await.copied(),
            None => look_up(&cluster).await,
        }
    }

    /// The client of a tenant's own cluster, one for all calls; None while Cluster API has written no kubeconfig for it.
    pub async fn own_cluster(&self, management: &Cluster, name: &TenantName) -> Result<Option<Cluster>, Error> {
        let configured = self.configured();
        let clients = || configured.as_ref().map(|configured| configured.own_clusters.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(cluster) = clients().and_then(|clients| clients.get(name.as_str()).cloned()) {
            return Ok(Some(cluster));
        }
        let environment = self.settings().kubernetes.map(|kubernetes| kubernetes.environment).unwrap_or_default();
        let secret = ObjectRef::namespaced(Kind::Secret, name.namespace(), name.kubeconfig_secret());
        let id = format!("{}/{}", management.id(), name);
        let Some(cluster) = management.behind(&id, &secret, &environment).await? else { return Ok(None) };
        if let Some(mut clients) = clients() {
            clients.insert(name.to_string(), cluster.clone());
        }
        Ok(Some(cluster))
    }

    /// Forgets the client of a tenant's own cluster: a later one of its name is another cluster.
    pub fn forget_own_cluster(&self, name: &TenantName) {
        if let Some(configured) = self.configured() {
            configured.own_clusters.lock().unwrap_or_else(PoisonError::into_inner).remove(name.as_str());
        }
    }

    /// The UID of the cluster's `kube-system` namespace, which tells clusters apart whatever they are called; None where this user may not see it.
    pub async fn cluster_uid(&self) -> Option<String> {
        let cluster = self.cluster().ok()?;
        let configured = self.configured()?;
        let looked_up = configured.uid.get_or_init(async || {
            let namespace = cluster.get(&ObjectRef::global(Kind::Namespace, "kube-system")).await.ok().flatten()?;
            namespace["metadata"]["uid"].as_str().map(str::to_owned)
        });
        looked_up.await.clone()
    }

    fn configured(&self) -> Option<Arc<Configured>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
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

impl Default for Settings {
    fn default() -> Self {
        Self { kubernetes: None, owner: "terraform".to_owned(), labels: BTreeMap::new() }
    }
}
