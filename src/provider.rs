//! The provider's configuration and the list of what it offers. Clients are made from what is configured here, on the first call that needs one.

use std::collections::BTreeMap;

use crate::{
    drivers::kubernetes::{ExecConfig, KubernetesConfig},
    framework::{attr::Attr, diagnostic::Diagnostics, erased::Offers, model::Model, parts::Provider, path::Path},
    resources::{
        connection::{Connection, Settings},
        management_cluster::ManagementClusterResource,
        policies::{CertManagerPolicy, ClusterApiPolicy, EbsCsiPolicy, ExternalDnsPolicy},
        size::Size,
        sizing::SizingDataSource,
        tenant::{TenantResource, check_labels},
    },
};

/// Kafka as a service on Kubernetes: a `kaas_management_cluster` for the platform, a `kaas_tenant` for each application.
///
/// Everything is optional. What is not configured comes from the environment, as users of the kubernetes provider know it: `KUBE_CONFIG_PATH`, `KUBE_CTX`,
/// `KUBECONFIG`, `KUBE_HOST`, `KUBE_TOKEN` and so on. Values may be unknown while planning: no connection is made before a call needs it.
/// API servers are reached through the HTTP proxy that `KUBE_PROXY_URL` or `HTTPS_PROXY` names, except those in `NO_PROXY`. A busy API server that asks for a
/// pause is given it, up to the end of the call's timeout.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Config {
    /// How to reach the Kubernetes API of the management cluster.
    #[tf(block)]
    pub kubernetes: Attr<Kubernetes>,
    /// How to reach AWS. Nothing in this version calls AWS yet.
    #[tf(block)]
    pub aws: Attr<Aws>,
    /// Labels on every object the provider makes: keys and values as Kubernetes allows them.
    #[tf(optional)]
    pub default_tags: Attr<BTreeMap<String, String>>,
    /// Who makes the tenants. A tenant whose creation was interrupted is continued only by the same owner, so give each configuration that shares a
    /// management cluster its own. Where two with one owner make a tenant of one name, the last to begin takes it over, with its own settings; the other ends
    /// with an error and does not hold it. A tenant that is made is never taken over. Defaults to `KAAS_OWNER`, else `terraform`.
    #[tf(optional)]
    pub owner: Attr<String>,
}

/// How to reach a Kubernetes API.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Kubernetes {
    /// Path of a kubeconfig; `~/` is the home directory.
    #[tf(optional)]
    pub config_path: Attr<String>,
    /// Context of the kubeconfig to use instead of its current one.
    #[tf(optional)]
    pub config_context: Attr<String>,
    /// Address of the API server, `https://host:port`, in place of a kubeconfig.
    #[tf(optional)]
    pub host: Attr<String>,
    /// Certificates, in PEM, of the authorities that may sign the API server's certificate.
    #[tf(optional)]
    pub cluster_ca_certificate: Attr<String>,
    /// Client certificate in PEM.
    #[tf(optional)]
    pub client_certificate: Attr<String>,
    /// Key of the client certificate in PEM.
    #[tf(optional, sensitive)]
    pub client_key: Attr<String>,
    /// Bearer token.
    #[tf(optional, sensitive)]
    pub token: Attr<String>,
    /// Accepts any server certificate. For trials only.
    #[tf(optional)]
    pub insecure: Attr<bool>,
    /// Name to expect in the server's certificate in place of the host's.
    #[tf(optional)]
    pub tls_server_name: Attr<String>,
    /// Program that prints credentials.
    #[tf(block)]
    pub exec: Attr<Exec>,
}

/// Program that prints credentials, as kubeconfigs name it.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Exec {
    /// `client.authentication.k8s.io/v1` or `/v1beta1`.
    #[tf(required)]
    pub api_version: Attr<String>,
    /// Program to run.
    #[tf(required)]
    pub command: Attr<String>,
    /// Its arguments.
    #[tf(optional)]
    pub args: Attr<Vec<String>>,
    /// Environment variables it gets besides the provider's own.
    #[tf(optional)]
    pub env: Attr<BTreeMap<String, String>>,
}

/// How to reach AWS.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Aws {
    /// Region.
    #[tf(optional)]
    pub region: Attr<String>,
    /// Profile of the shared configuration files.
    #[tf(optional)]
    pub profile: Attr<String>,
    /// Role to assume.
    #[tf(optional)]
    pub role_arn: Attr<String>,
    /// Addresses to use in place of AWS's own, by service.
    #[tf(optional)]
    pub endpoints: Attr<BTreeMap<String, String>>,
}

/// The kaas provider.
#[derive(Default)]
pub struct Kaas {
    connection: Connection,
}

impl Provider for Kaas {
    const NAME: &'static str = "kaas";
    type Config = Config;

    fn validate(&self, config: &Config, found: &mut Diagnostics) {
        if let Some(kubernetes) = config.kubernetes.known()
            && kubernetes.host.known().is_some()
            && kubernetes.config_path.known().is_some()
        {
            found.error_at(
                Config::KUBERNETES.then(Kubernetes::HOST),
                "Two ways to reach Kubernetes",
                "host and config_path exclude each other: give the address with its credentials, or a kubeconfig.",
            );
        }
        if config.aws.known().is_some() {
            found.warning_at(
                Config::AWS,
                "aws is not used",
                "Nothing in this version of the provider calls AWS: the aws block has no effect yet.",
            );
        }
        for (key, error) in check_labels(config.default_tags.known()) {
            found.error_at(Path::from(Config::DEFAULT_TAGS).key(&key), "Not a label", error);
        }
    }

    fn configure(&self, config: Config, _terraform_version: &str, _found: &mut Diagnostics) {
        // What goes into every object must be known before objects are looked at.
        let is_known = !config.owner.is_unknown() && !config.default_tags.is_unknown();
        let environment = || std::env::var("KAAS_OWNER").ok().filter(|owner| !owner.is_empty());
        let owner = config.owner.into_known().or_else(environment).unwrap_or_else(|| Settings::default().owner);
        self.connection.configure(Settings {
            kubernetes: kubernetes_config(config.kubernetes).filter(|_| is_known),
            owner,
            labels: config.default_tags.into_known().unwrap_or_default(),
        });
    }

    fn offers(&self) -> Offers {
        Offers::default()
            .resource(ManagementClusterResource::new(self.connection.clone()))
            .resource(TenantResource::new(self.connection.clone()))
            .data_source(SizingDataSource)
            .function(Size)
            .function(ExternalDnsPolicy)
            .function(CertManagerPolicy)
            .function(ClusterApiPolicy)
            .function(EbsCsiPolicy)
    }
}

/// The driver's configuration, completed from the environment. None while a value is unknown.
fn kubernetes_config(block: Attr<Kubernetes>) -> Option<KubernetesConfig> {
    let environment = |name: &str| std::env::var(name).ok();
    let block = match block {
        Attr::Unknown => return None,
        Attr::Null => return Some(KubernetesConfig::default().with_environment(environment)),
        Attr::Known(block) => block,
    };
    let exec = match block.exec {
        Attr::Unknown => return None,
        Attr::Null => None,
        Attr::Known(exec) => Some(ExecConfig {
            api_version: settled(exec.api_version)?.unwrap_or_default(),
            command: settled(exec.command)?.unwrap_or_default(),
            args: settled(exec.args)?.unwrap_or_default(),
            env: settled(exec.env)?.unwrap_or_default().into_iter().collect(),
        }),
    };
    let config = KubernetesConfig {
        config_path: settled(block.config_path)?,
        config_context: settled(block.config_context)?,
        host: settled(block.host)?,
        cluster_ca_certificate: settled(block.cluster_ca_certificate)?,
        client_certificate: settled(block.client_certificate)?,
        client_key: settled(block.client_key)?,
        token: settled(block.token)?,
        exec,
        insecure: settled(block.insecure)?,
        tls_server_name: settled(block.tls_server_name)?,
        ..KubernetesConfig::default()
    };
    Some(config.with_environment(environment))
}

/// The value of a setting that is not unknown.
fn settled<T>(setting: Attr<T>) -> Option<Option<T>> {
    match setting {
        Attr::Unknown => None,
        Attr::Null => Some(None),
        Attr::Known(value) => Some(Some(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{
        erased::{AnyProvider, ErasedProvider},
        model::{AttributeValue, decode_model, round_trip::round_trips},
    };

    fn config() -> Config {
        decode_model(&Config::block().null_object(), &mut Diagnostics::none()).unwrap()
    }

    fn kubernetes() -> Kubernetes {
        decode_model(&Kubernetes::block().null_object(), &mut Diagnostics::none()).unwrap()
    }

    #[test]
    fn the_configuration_comes_back_as_it_went() {
        round_trips::<Config>();
    }

    #[test]
    fn what_excludes_each_other_or_cannot_be_a_label_is_told_at_its_place() {
        let mut config = config();
        config.kubernetes = Kubernetes { host: "https://a:6443".into(), config_path: "~/.kube/config".into(), ..kubernetes() }.into();
        config.default_tags = Attr::Known([("a b".to_owned(), "x".to_owned())].into());
        config.aws = Aws { region: Attr::Null, profile: Attr::Null, role_arn: Attr::Null, endpoints: Attr::Null }.into();
        let found = ErasedProvider::new(Kaas::default()).validate(&config.encode());
        let places: Vec<String> = found.iter().filter_map(|found| found.path.as_ref()).map(ToString::to_string).collect();
        assert_eq!(places, ["kubernetes.host", "aws", "default_tags[\"a b\"]"]);
        assert_eq!(found.iter().filter(|found| found.severity == crate::framework::diagnostic::Severity::Error).count(), 2);
    }

    #[test]
    fn a_configuration_that_is_not_known_yet_is_taken_and_connects_nowhere() {
        let provider = Kaas::default();
        let mut config = config();
        config.kubernetes = Kubernetes { config_path: Attr::Unknown, ..kubernetes() }.into();
        provider.configure(config, "1.0.0", &mut Diagnostics::none());
        assert!(!provider.connection.is_known());
        let refused = provider.connection.cluster().unwrap_err();
        assert!(refused.iter().any(|error| error.summary == "Provider configuration not known yet"));
    }
}
