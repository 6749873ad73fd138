//! Settings: where they come from, what they become, what is wrong with them, and that secrets stay secret.

use std::fs;
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use tempfile::TempDir;

use crate::drivers::kubernetes::{Cluster, Error, ExecConfig, KubernetesConfig};

fn env<'a>(vars: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    move |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn kubeconfig(name: &str, current: bool) -> String {
    let current = if current { format!("current-context: {name}\n") } else { String::new() };
    format!(
        "apiVersion: v1\nkind: Config\n{current}clusters:\n- name: {name}\n  cluster: {{server: 'https://{name}.example:6443'}}\n\
         contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {name}}}\nusers:\n- name: {name}\n  user: {{token: secret-of-{name}}}\n"
    )
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn from_path(path: &str) -> KubernetesConfig {
    KubernetesConfig { config_path: Some(path.to_owned()), ..Default::default() }
}

fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["test".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// Message and way out of a wrong configuration.
fn fault(config: &KubernetesConfig) -> String {
    let error = Cluster::connect(config).unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error:?}");
    format!("{} | {}", error.report(), error.hint().unwrap())
}

#[test]
fn a_context_names_the_cluster() {
    let dir = TempDir::new().unwrap();
    let cluster = Cluster::connect(&from_path(&write(dir.path(), "one", &kubeconfig("one", true)))).unwrap();
    assert_eq!((cluster.id(), cluster.endpoint(), cluster.ca_certificate()), ("context/one", "https://one.example:6443", None));
}

#[test]
fn a_host_names_the_cluster_with_its_port() {
    for (host, id) in
        [("https://a.example", "host/a.example:443"), ("10.0.0.1:6443", "host/10.0.0.1:6443"), ("https://[::1]:8/", "host/[::1]:8")]
    {
        let config = KubernetesConfig { host: Some(host.into()), ..Default::default() };
        assert_eq!(Cluster::connect(&config).unwrap().id(), id);
    }
}

#[test]
fn the_authority_is_reported_as_it_was_given() {
    let (ca, _) = certificate();
    let config = KubernetesConfig { host: Some("a.example".into()), cluster_ca_certificate: Some(ca.clone()), ..Default::default() };
    let reported = Cluster::connect(&config).unwrap().ca_certificate().unwrap().to_owned();
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(bare(&reported), bare(&ca));
    assert!(reported.lines().all(|line| line.len() <= 64));
}

#[test]
fn several_kubeconfigs_are_merged_and_the_first_one_wins() {
    let dir = TempDir::new().unwrap();
    let first = write(dir.path(), "first", &kubeconfig("one", true));
    let second = write(dir.path(), "second", &kubeconfig("two", true));
    let list = std::env::join_paths([&first, "/nowhere/at/all", &second]).unwrap().into_string().unwrap();
    let vars = [("KUBECONFIG", list.as_str())];
    assert_eq!(Cluster::connect(&KubernetesConfig::default().with_environment(env(&vars))).unwrap().id(), "context/one");
    let vars = [("KUBECONFIG", list.as_str()), ("KUBE_CTX", "two")];
    assert_eq!(Cluster::connect(&KubernetesConfig::default().with_environment(env(&vars))).unwrap().endpoint(), "https://two.example:6443");
}

#[test]
fn what_the_block_says_stands_above_the_environment() {
    let vars =
        [("KUBE_HOST", "other"), ("KUBE_CONFIG_PATH", "/other"), ("KUBE_TOKEN", "from-env"), ("KUBE_CTX", "other"), ("KUBECONFIG", "/x")];
    let by_host = KubernetesConfig { host: Some("own".into()), ..Default::default() }.with_environment(env(&vars));
    assert_eq!((by_host.host.as_deref(), by_host.config_path, by_host.token.as_deref()), (Some("own"), None, Some("from-env")));
    let by_path = KubernetesConfig { config_path: Some("/own".into()), config_context: Some("own".into()), ..Default::default() };
    let by_path = by_path.with_environment(env(&vars));
    assert_eq!((by_path.config_path.as_deref(), by_path.config_context.as_deref()), (Some("/own"), Some("own")));
    assert_eq!((by_path.host, by_path.token), (None, None), "a token of the environment is not sent to a kubeconfig's server");
}

#[test]
fn every_fault_of_a_kubeconfig_names_the_file_and_the_way_out() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str, text: &str| write(dir.path(), name, text);
    let missing = fault(&from_path("/nowhere/kubeconfig"));
    assert!(missing.contains("read kubeconfig /nowhere/kubeconfig") && missing.contains("No such file"), "{missing}");
    assert!(missing.contains("config_path"), "{missing}");
    assert!(fault(&from_path(dir.path().to_str().unwrap())).contains("directory"));

    let no_current = fault(&from_path(&path("none", &kubeconfig("one", false))));
    assert!(no_current.contains("no current context") && no_current.contains("one"), "{no_current}");
    let wrong = KubernetesConfig { config_context: Some("two".into()), ..from_path(&path("wrong", &kubeconfig("one", true))) };
    let wrong = fault(&wrong);
    assert!(wrong.contains("no context \"two\"") && wrong.contains("the contexts one"), "{wrong}");
    let no_ca =
        kubeconfig("one", true).replace("https://one.example:6443'", "https://one.example:6443', certificate-authority: /nowhere/ca");
    let no_ca = fault(&from_path(&path("ca", &no_ca)));
    assert!(no_ca.contains("/nowhere/ca"), "{no_ca}");
}

#[test]
fn a_kubeconfig_that_is_not_yaml_is_not_quoted() {
    let dir = TempDir::new().unwrap();
    let fault = fault(&from_path(&write(dir.path(), "bad", "users:\n- name: a\n  user: {token: [secret-token\n")));
    assert!(fault.contains("wrong YAML at line") && !fault.contains("secret-token"), "{fault}");
}

#[test]
fn wrong_certificates_and_addresses_are_told_before_any_request() {
    let host = || KubernetesConfig { host: Some("a.example".into()), ..Default::default() };
    let (pem, key) = certificate();
    for junk in ["", "junk", &STANDARD.encode(&pem)] {
        let config = KubernetesConfig { cluster_ca_certificate: Some(junk.to_owned()), ..host() };
        let fault = fault(&config);
        assert!(fault.contains("cluster_ca_certificate holds no certificate") && fault.contains("base64decode"), "{fault}");
    }
    let alone = KubernetesConfig { client_certificate: Some(pem.clone()), ..host() };
    assert!(fault(&alone).contains("without client_key"));
    let swapped = KubernetesConfig { client_certificate: Some(pem.clone()), client_key: Some(pem.clone()), ..host() };
    assert!(fault(&swapped).contains("client_key holds no private key"));
    assert!(Cluster::connect(&KubernetesConfig { client_certificate: Some(pem), client_key: Some(key), ..host() }).is_ok());
    assert!(fault(&KubernetesConfig { host: Some("ftp://x".into()), ..Default::default() }).contains("neither https nor http"));
    assert!(fault(&KubernetesConfig { host: Some("https://a b".into()), ..Default::default() }).contains("not an address"));
    assert!(fault(&KubernetesConfig { config_path: Some("/x".into()), ..host() }).contains("both host and config_path"));
    assert!(fault(&KubernetesConfig::default().with_environment(env(&[]))).contains("no Kubernetes cluster is configured"));
}

#[test]
fn secrets_never_show() {
    let exec = ExecConfig {
        command: "aws".into(),
        env: vec![("KEY".into(), "secret-env".into())],
        args: vec!["secret-arg".into()],
        ..Default::default()
    };
    let config = KubernetesConfig {
        token: Some("secret-token".into()),
        client_key: Some("secret-key".into()),
        exec: Some(exec),
        host: Some("a.example".into()),
        ..Default::default()
    };
    let config = config.with_environment(env(&[("HTTPS_PROXY", "http://user:secret-proxy@p")]));
    let shown = format!("{config:?}");
    assert!(shown.contains("aws") && shown.contains("KEY") && !shown.contains("secret"), "{shown}");
}

#[cfg(unix)]
#[tokio::test]
async fn an_exec_plugin_that_fails_is_told_without_what_it_printed() {
    let script = "echo secret-output; echo 'log in first' >&2; exit 3";
    let exec = ExecConfig {
        api_version: "client.authentication.k8s.io/v1".into(),
        command: "sh".into(),
        args: vec!["-c".into(), script.into()],
        env: Vec::new(),
    };
    let cluster =
        Cluster::connect(&KubernetesConfig { host: Some("http://127.0.0.1:9".into()), exec: Some(exec), ..Default::default() }).unwrap();
    let error = cluster.version().await.unwrap_err();
    assert!(error.report().contains("exit status: 3: log in first"), "{}", error.report());
    assert!(!format!("{error:?} {}", error.report()).contains("secret-output"));
}
