//! The provider's configuration and the list of what it offers. Clients are made from what is configured here, on the first call that needs one.

use std::collections::BTreeMap;

use crate::{
    drivers::{
        aws::AwsConfig,
        kubernetes::{ExecConfig, KubernetesConfig},
    },
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
    /// How to reach AWS, where management clusters are EKS clusters. What is not said here comes from the environment and the files of the AWS tools, as users of
    /// the aws provider know it: `AWS_REGION`, `AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, SSO, web identity, the instance's role and so on.
    #[tf(block)]
    pub aws: Attr<Aws>,
    /// Labels on every object the provider makes, and tags on everything it makes in AWS: keys and values as Kubernetes allows them.
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
    /// Region of management clusters that do not name their own.
    #[tf(optional)]
    pub region: Attr<String>,
    /// Profile of the AWS configuration files. Its credentials are used even where the environment holds others.
    #[tf(optional)]
    pub profile: Attr<String>,
    /// ARN of a role to assume with those credentials.
    #[tf(optional)]
    pub role_arn: Attr<String>,
    /// What the trust policy of that role asks for.
    #[tf(optional)]
    pub external_id: Attr<String>,
    /// URLs to use in place of AWS's own, by service: `eks`, `iam`, `route53` and `sts` are those that are called. Each begins with `https://` or `http://`.
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
        if let Some(aws) = config.aws.known() {
            check_aws(aws, found);
        }
        for (key, error) in check_labels(config.default_tags.known()) {
            found.error_at(Path::from(Config::DEFAULT_TAGS).key(&key), "Not a label", error);
        }
    }

    fn configure(&self, config: Config, _terraform_version: &str, _found: &mut Diagnostics) {
        // What goes into every object must be known before objects are looked at.
        let is_known = !config.owner.is_unknown() && !config.default_tags.is_unknown();
        let owner = config
            .owner
            .into_known()
            .or_else(|| variable("KAAS_OWNER").filter(|owner| !owner.is_empty()))
            .unwrap_or_else(|| Settings::default().owner);
        self.connection.configure(Settings {
            kubernetes: kubernetes_config(config.kubernetes).filter(|_| is_known),
            aws: aws_config(config.aws).filter(|_| is_known),
            environment: KubernetesConfig::default().with_environment(variable).environment,
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
    let block = match block {
        Attr::Unknown => return None,
        Attr::Null => return Some(KubernetesConfig::default().with_environment(variable)),
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
    Some(config.with_environment(variable))
}

/// What is wrong with `aws {}`.
fn check_aws(aws: &Aws, found: &mut Diagnostics) {
    if aws.external_id.known().is_some() && aws.role_arn.is_null() {
        found.error_at(
            Config::AWS.then(Aws::EXTERNAL_ID),
            "No role to assume",
            "external_id goes with role_arn: it is what the trust policy of the assumed role asks for.",
        );
    }
    for (service, url) in aws.endpoints.known().into_iter().flatten() {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            found.error_at(
                Config::AWS.then(Aws::ENDPOINTS).key(service),
                "Not a URL",
                format!("{url:?} should begin with https:// or http://."),
            );
        }
    }
}

/// The driver's configuration. None while a value is unknown.
fn aws_config(block: Attr<Aws>) -> Option<AwsConfig> {
    let config = match block {
        Attr::Unknown => return None,
        Attr::Null => AwsConfig::default(),
        Attr::Known(block) => AwsConfig {
            region: settled(block.region)?,
            profile: settled(block.profile)?,
            role_arn: settled(block.role_arn)?,
            external_id: settled(block.external_id)?,
            endpoints: settled(block.endpoints)?.unwrap_or_default(),
        },
    };
    // As every SDK reads it; here, so that plans can say where a cluster will be.
    let environment =
        || ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| variable(name).filter(|region| !region.is_empty()));
    Some(AwsConfig { region: config.region.or_else(environment), ..config })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
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

    fn aws() -> Aws {
        decode_model(&Aws::block().null_object(), &mut Diagnostics::none()).unwrap()
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
        let endpoints = Attr::Known([("eks".to_owned(), "localhost".to_owned())].into());
        config.aws = Aws { external_id: "x".into(), endpoints, ..aws() }.into();
        let found = ErasedProvider::new(Kaas::default()).validate(&config.encode());
        let places: Vec<String> = found.iter().filter_map(|found| found.path.as_ref()).map(ToString::to_string).collect();
        assert_eq!(places, ["kubernetes.host", "aws.external_id", "aws.endpoints[\"eks\"]", "default_tags[\"a b\"]"]);
        assert!(found.iter().all(|found| found.severity == crate::framework::diagnostic::Severity::Error));
    }

    #[test]
    fn a_configuration_that_is_not_known_yet_is_taken_and_connects_nowhere() {
        let provider = Kaas::default();
        let mut config = config();
        config.kubernetes = Kubernetes { config_path: Attr::Unknown, ..kubernetes() }.into();
        provider.configure(config, "1.0.0", &mut Diagnostics::none());
        assert!(!provider.connection.is_known(None) && provider.connection.is_known(Some("eks/eu-west-1/platform")));
        let refused = provider.connection.block().err().unwrap();
        assert!(refused.iter().any(|error| error.summary == "Provider configuration not known yet"));
    }
    #[test]
    fn the_aws_block_reaches_the_driver_and_waits_for_what_is_unknown() {
        let block = Aws { region: "eu-west-1".into(), role_arn: "arn".into(), external_id: "x".into(), ..aws() };
        let config = aws_config(block.clone().into()).unwrap();
        assert_eq!(
            (config.region.as_deref(), config.role_arn.as_deref(), config.external_id.as_deref()),
            (Some("eu-west-1"), Some("arn"), Some("x"))
        );
        assert_eq!(aws_config(Aws { profile: Attr::Unknown, ..block }.into()), None);
    }
}
