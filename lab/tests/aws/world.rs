//! A lab with AWS, and clusters in it.

use std::time::{Duration, Instant};

use aws_sdk_eks::Client;
use aws_sdk_eks::config::{BehaviorVersion, Credentials as SdkCredentials, Region};
use aws_sdk_eks::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eks::types::{AuthenticationMode, Cluster, ClusterStatus, CreateAccessConfigRequest, NodegroupStatus, VpcConfigRequest};
use base64::Engine;
use kaas_lab::TemporaryLab;
use kaas_lab::aws::{Aws, Change, Credentials, Prepared};
use kube::config::AuthInfo;

/// How long anything may take here: other tests use the machine too.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct World {
    pub lab: TemporaryLab,
    pub aws: Aws,
    pub ready: Prepared,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub fn new(purpose: &str) -> Self {
        let lab = TemporaryLab::with_aws(purpose).unwrap();
        let aws = lab.aws().unwrap();
        aws.set(&Change { delay_s: Some(0.3), ..Change::default() }).unwrap();
        let ready = aws.prepare().unwrap();
        Self { lab, aws, ready, runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap() }
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// EKS as the user with these credentials.
    pub fn eks(&self, user: &Credentials) -> Client {
        let credentials = SdkCredentials::new(&user.access_key_id, &user.secret_access_key, user.session_token.clone(), None, "lab");
        let config = aws_sdk_eks::Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(self.aws.region()));
        Client::from_conf(config.endpoint_url(self.aws.url()).credentials_provider(credentials).build())
    }

    /// EKS as the administrator.
    pub fn admin(&self) -> Client {
        self.eks(self.aws.administrator())
    }

    pub fn network(&self) -> VpcConfigRequest {
        VpcConfigRequest::builder().set_subnet_ids(Some(self.ready.subnet_ids.clone())).build()
    }

    /// Creates a cluster and waits until it is active.
    pub async fn cluster(&self, name: &str, version: &str) -> Cluster {
        let access = CreateAccessConfigRequest::builder().authentication_mode(AuthenticationMode::Api).build();
        let create = self.admin().create_cluster().name(name).version(version).role_arn(&self.ready.cluster_role_arn);
        create.resources_vpc_config(self.network()).access_config(access).send().await.unwrap();
        self.until(name, ClusterStatus::Active).await
    }

    pub async fn describe(&self, name: &str) -> Cluster {
        self.admin().describe_cluster().name(name).send().await.unwrap().cluster.unwrap()
    }

    pub async fn until(&self, name: &str, status: ClusterStatus) -> Cluster {
        let started = Instant::now();
        loop {
            let cluster = self.describe(name).await;
            if cluster.status.as_ref() == Some(&status) {
                return cluster;
            }
            assert!(started.elapsed() < PATIENCE, "{name} is not {status}: {cluster:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the node group has this status.
    pub async fn group_until(&self, cluster: &str, group: &str, status: NodegroupStatus) -> aws_sdk_eks::types::Nodegroup {
        let started = Instant::now();
        loop {
            let shown = self.admin().describe_nodegroup().cluster_name(cluster).nodegroup_name(group).send().await.unwrap();
            let shown = shown.nodegroup.unwrap();
            if shown.status.as_ref() == Some(&status) {
                return shown;
            }
            assert!(started.elapsed() < PATIENCE, "{group} is not {status}: {shown:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Kubernetes by a token, trusting the authority that EKS names.
    pub fn kubernetes(cluster: &Cluster, token: String) -> kube::Client {
        let pem = base64::engine::general_purpose::STANDARD.decode(cluster.certificate_authority().unwrap().data().unwrap()).unwrap();
        let der = rustls::pki_types::pem::PemObject::from_pem_slice(&pem).map(|der: rustls::pki_types::CertificateDer<'_>| der.to_vec());
        let mut config = kube::Config::new(cluster.endpoint().unwrap().parse().unwrap());
        config.root_cert = Some(vec![der.unwrap()]);
        config.default_retry = false;
        config.auth_info = AuthInfo { token: Some(token.into()), ..AuthInfo::default() };
        kube::Client::try_from(config).unwrap()
    }
}

/// The code and message of a refusal.
pub fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    outcome: Result<T, SdkError<E, R>>,
) -> (String, String) {
    let error = outcome.unwrap_err();
    let service = error.as_service_error().unwrap_or_else(|| panic!("not refused by the service: {error:?}"));
    (service.code().unwrap_or_default().to_owned(), service.message().unwrap_or_default().to_owned())
}

/// Waits until `look` gives something.
pub async fn wait<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
