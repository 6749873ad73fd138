//! The provider's configuration as its resources use it: settings that arrive once, clients that are made on the first call that needs one.
//!
//! A management cluster is known by its id. `eks/<region>/<name>` leads there by AWS; every other id is of the cluster that the provider's `kubernetes {}`
//! block, or the environment, points to.

mod management;
mod zones;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use tokio::sync::OnceCell;

use crate::{
    domain::eks::EksId,
    drivers::{
        aws::{Aws, AwsConfig},
        kubernetes::{Cluster, Environment, KubernetesConfig},
    },
    framework::diagnostic::Diagnostics,
    resources::failure::{failed, failed_aws},
};

pub use management::{Making, Management, Registry, foresee_tenants, look_up, look_up_mirror};

/// What resources need to know of the provider's configuration.
#[derive(Clone)]
pub struct Settings {
    /// None while the configuration holds unknown values, as it may during a plan.
    pub kubernetes: Option<KubernetesConfig>,
    /// None while the configuration holds unknown values.
    pub aws: Option<AwsConfig>,
    /// Proxies, as the environment says.
    pub environment: Environment,
    /// Who makes the tenants: an unfinished tenant is only continued by its own owner.
    pub owner: String,
    /// Labels on every object and tags in AWS, besides the provider's own.
    pub labels: BTreeMap<String, String>,
}

/// Shared by all resources of a provider. Cheap to clone.
#[derive(Clone, Default)]
pub struct Connection(Arc<RwLock<Option<Arc<Configured>>>>);

struct Configured {
    settings: Settings,
    aws: OnceLock<Aws>,
    /// The cluster that the `kubernetes {}` block points to.
    block: OnceLock<Management>,
    /// EKS clusters. Each is asked for its address once.
    eks: Mutex<BTreeMap<EksId, Arc<OnceCell<Management>>>>,
    /// Ids of the management clusters that are being made.
    making: management::Names,
    /// What hosted zones hold.
    zones: zones::Zones,
}

impl Configured {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            aws: OnceLock::new(),
            block: OnceLock::new(),
            eks: Mutex::default(),
            making: management::Names::default(),
            zones: zones::Zones::default(),
        }
    }
}

impl Connection {
    /// Takes a configuration. A later one replaces it, with new clients.
    pub fn configure(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(Configured::new(settings)));
    }

    /// Whether a client of this management cluster can be made, or what it takes is still unknown.
    pub fn is_known(&self, id: Option<&str>) -> bool {
        self.configured().is_some_and(|configured| match id {
            Some(id) if EksId::is_meant(id) => configured.settings.aws.is_some(),
            _ => configured.settings.kubernetes.is_some(),
        })
    }

    /// The provider's settings, as given or as they are by default.
    pub fn settings(&self) -> Settings {
        self.configured().map_or_else(Settings::default, |configured| configured.settings.clone())
    }

    /// The region that the provider is configured for; None where only AWS's own configuration files may say it.
    pub fn region(&self) -> Option<String> {
        self.configured()?.settings.aws.as_ref()?.region.clone()
    }

    /// None while another call makes the management cluster of this id.
    pub fn making(&self, id: &EksId) -> Option<Making> {
        Making::of(&self.configured()?.making, &id.to_string())
    }

    /// The management cluster of an id; None: the one that the `kubernetes {}` block points to, for which no request is sent.
    pub async fn management(&self, id: Option<&str>) -> Result<Management, Diagnostics> {
        match id {
            Some(id) if EksId::is_meant(id) => match id.parse() {
                Ok(id) => self.eks(&id).await,
                Err(wrong) => Err(Diagnostics::of_error("Not the id of a management cluster", format!("{wrong}."))),
            },
            _ => self.block(),
        }
    }

    /// The cluster that the `kubernetes {}` block points to. Sends no request.
    pub fn block(&self) -> Result<Management, Diagnostics> {
        let configured = self.demand()?;
        if let Some(management) = configured.block.get() {
            return Ok(management.clone());
        }
        let Some(kubernetes) = &configured.settings.kubernetes else { return Err(not_known("kubernetes", "the cluster")) };
        let cluster = Cluster::connect(kubernetes).map_err(|error| failed("Cannot connect to Kubernetes", &error))?;
        let management = Management::new(cluster, kubernetes.environment.clone());
        Ok(configured.block.get_or_init(|| management).clone())
    }

    /// The client of AWS. Sends no request.
    pub fn aws(&self) -> Result<Aws, Diagnostics> {
        let configured = self.demand()?;
        let Some(aws) = &configured.settings.aws else { return Err(not_known("aws", "AWS")) };
        Ok(configured.aws.get_or_init(|| Aws::new(aws.clone())).clone())
    }

    /// An EKS cluster, whose address AWS is asked for once.
    pub async fn eks(&self, id: &EksId) -> Result<Management, Diagnostics> {
        let aws = self.aws()?;
        let configured = self.demand()?;
        let known = Arc::clone(configured.eks.lock().unwrap_or_else(PoisonError::into_inner).entry(id.clone()).or_default());
        let found = known.get_or_try_init(async || {
            let cluster = by_aws(&aws, id, &configured.settings.environment).await?;
            Ok(Management::new(cluster, configured.settings.environment.clone()))
        });
        found.await.cloned()
    }

    /// Forgets where an EKS cluster is: a later one of its name is elsewhere.
    pub fn forget_eks(&self, id: &EksId) {
        if let Some(configured) = self.configured() {
            configured.eks.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
    }

    fn configured(&self) -> Option<Arc<Configured>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn demand(&self) -> Result<Arc<Configured>, Diagnostics> {
        self.configured()
            .ok_or_else(|| Diagnostics::of_error("Provider not configured", "The provider was called before it was configured."))
    }
}

#[cfg(test)]
impl Connection {
    /// Leads to this cluster.
    pub fn to(cluster: Cluster) -> Self {
        let connection = Self::default();
        connection.configure(Settings { kubernetes: Some(KubernetesConfig::default()), ..Settings::default() });
        if let Some(configured) = connection.configured() {
            let _ = configured.block.set(Management::new(cluster, Environment::default()));
        }
        connection
    }

    /// Asks this AWS beside the cluster that it leads to.
    pub fn with_aws(self, aws: Aws) -> Self {
        let block = self.block();
        self.configure(Settings { aws: Some(AwsConfig::default()), ..self.settings() });
        if let (Some(configured), Ok(block)) = (self.configured(), block) {
            let _ = configured.aws.set(aws);
            let _ = configured.block.set(block);
        }
        self
    }

    /// Asks this AWS, and finds this cluster there.
    pub fn with_eks(self, aws: Aws, id: &EksId, cluster: Cluster) -> Self {
        self.configure(Settings { aws: Some(AwsConfig::default()), ..self.settings() });
        if let Some(configured) = self.configured() {
            let _ = configured.aws.set(aws);
            let known = OnceCell::from(Management::new(cluster, Environment::default()));
            configured.eks.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), Arc::new(known));
        }
        self
    }

    /// With this client for the own cluster of a tenant.
    pub fn with_own_cluster(self, tenant: &str, cluster: Cluster) -> Self {
        if let Ok(management) = self.block() {
            management.with_own_cluster(tenant, cluster);
        }
        self
    }
}

/// The way out where a private endpoint cannot be reached.
pub const PRIVATE: &str = "The endpoint is private: run the provider in the cluster's VPC or in a network that is connected to it, with a resolver that knows the VPC's names; \
                           or open a public endpoint to this machine (endpoint { public = true, public_cidrs = […] }).";

async fn by_aws(aws: &Aws, id: &EksId, environment: &Environment) -> Result<Cluster, Diagnostics> {
    let summary = "Cannot reach the management cluster";
    let seen = aws.eks_cluster(&id.region, &id.name).await.map_err(|error| failed_aws(summary, &error))?;
    let Some(seen) = seen else {
        return Err(Diagnostics::of_error(
            summary,
            format!(
                "There is no EKS cluster {:?} in {} in the account that the credentials for AWS are of. Use the credentials of its account, or make it first (-target). If it is \
                 gone for good, remove its tenants from the state (terraform state rm).",
                id.name, id.region
            ),
        ));
    };
    let (Some(endpoint), Some(ca_certificate)) = (&seen.endpoint, &seen.ca_certificate) else {
        return Err(Diagnostics::of_error(
            summary,
            format!(
                "The EKS cluster {:?} in {} has no address yet: its status is {}. Try again when it is ACTIVE.",
                id.name, id.region, seen.status
            ),
        ));
    };
    let source = aws.token_source(&id.region, &id.name);
    let cluster =
        Cluster::by_token(&id.to_string(), endpoint, ca_certificate, source, environment).map_err(|error| failed(summary, &error))?;
    Ok(if seen.access_from.public { cluster } else { cluster.when_unreachable(PRIVATE) })
}

fn not_known(block: &str, what: &str) -> Diagnostics {
    Diagnostics::of_error(
        "Provider configuration not known yet",
        format!(
            "The provider's {block} block holds values that are only known after apply, but {what} is needed now. Apply what the block depends on first."
        ),
    )
}

impl Default for Settings {
    fn default() -> Self {
        Self { kubernetes: None, aws: None, environment: Environment::default(), owner: "terraform".to_owned(), labels: BTreeMap::new() }
    }
}
