//! A Kubernetes control plane: how kube-apiserver and kube-controller-manager are started, whether they are well, and the kubeconfig of its administrator.
//! The lab's own is one; those of tenants' clusters are others on the same etcd.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{kubernetes, pki};

/// The controllers that a cluster without nodes has work for. Quotas are counted by one, claims and volume attributes classes lose their finalizers by
/// others, roles for custom resources come together by one more.
const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,serviceaccount-controller,clusterrole-aggregation-controller,\
resourcequota-controller,persistentvolumeclaim-protection-controller,root-ca-certificate-publisher-controller,\
volumeattributesclass-protection-controller";
const SERVICE_ADDRESSES: &str = "10.96.0.0/16";

/// Where a control plane keeps its things and which ports on 127.0.0.1 it takes.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// The folder that [`pki::make`] filled.
    pub pki: PathBuf,
    /// The administrator's kubeconfig, which the controllers use.
    pub kubeconfig: PathBuf,
    /// Where kube-apiserver may write.
    pub apiserver_data: PathBuf,
    /// Where kube-controller-manager may write.
    pub controllers_data: PathBuf,
    /// etcd's port.
    pub etcd: u16,
    /// What its keys in etcd begin with: `/registry`.
    pub etcd_prefix: String,
    /// The port of the API.
    pub apiserver: u16,
    /// The port on which the controllers tell their health.
    pub controllers: u16,
}

impl ControlPlane {
    /// One that keeps its things in a folder of its own. Ports: of the API and of the controllers.
    pub fn in_folder(folder: &Path, etcd: u16, etcd_prefix: String, [apiserver, controllers]: [u16; 2]) -> Self {
        Self {
            pki: folder.join("pki"),
            kubeconfig: folder.join("kubeconfig"),
            apiserver_data: folder.join("kube-apiserver"),
            controllers_data: folder.join("kube-controller-manager"),
            etcd,
            etcd_prefix,
            apiserver,
            controllers,
        }
    }

    /// The URL of its API.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.apiserver)
    }

    /// The arguments of kube-apiserver.
    pub fn apiserver_args(&self) -> Vec<String> {
        let pki = |file: &str| self.pki.join(file).display().to_string();
        vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd),
            format!("--etcd-prefix={}", self.etcd_prefix),
            format!("--secure-port={}", self.apiserver),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", self.apiserver_data.display()),
            format!("--tls-cert-file={}", pki("server.crt")),
            format!("--tls-private-key-file={}", pki("server.key")),
            format!("--client-ca-file={}", pki("ca.crt")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", pki("sa.pub")),
            format!("--service-account-signing-key-file={}", pki("sa.key")),
            "--authorization-mode=RBAC".to_owned(),
            format!("--service-cluster-ip-range={SERVICE_ADDRESSES}"),
            // Pods that nothing runs need no tokens.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
        ]
    }

    /// The arguments of kube-controller-manager.
    pub fn controllers_args(&self) -> Vec<String> {
        let pki = |file: &str| self.pki.join(file).display().to_string();
        vec![
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--controllers={CONTROLLERS}"),
            "--leader-elect=false".to_owned(),
            format!("--secure-port={}", self.controllers),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", self.controllers_data.display()),
            format!("--tls-cert-file={}", pki("server.crt")),
            format!("--tls-private-key-file={}", pki("server.key")),
            format!("--service-account-private-key-file={}", pki("sa.key")),
            format!("--root-ca-file={}", pki("ca.crt")),
            // The client's own limit of 20 requests per second is for clusters shared with others.
            "--kube-api-qps=200".to_owned(),
            "--kube-api-burst=400".to_owned(),
        ]
    }

    /// Asks the API server whether it is well.
    ///
    /// # Errors
    /// When it is not, with the reason.
    pub fn apiserver_health(&self) -> Result<()> {
        self.ask(&format!("{}/readyz", self.url()))
    }

    /// Asks the controllers whether they are well.
    ///
    /// # Errors
    /// When they are not, with the reason.
    pub fn controllers_health(&self) -> Result<()> {
        self.ask(&format!("https://127.0.0.1:{}/healthz", self.controllers))
    }

    fn ask(&self, url: &str) -> Result<()> {
        let answer = kubernetes::ask(url, Some(&self.pki.join("ca.crt")))?;
        if answer.starts_with("ok") { Ok(()) } else { bail!("answered {answer}") }
    }

    /// A kubeconfig of the administrator with one context.
    pub fn kubeconfig_text(&self, context: &str, admin: &pki::Admin) -> Value {
        use base64::Engine;
        let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": {
                "server": self.url(),
                "certificate-authority-data": encode(&admin.ca),
            }}],
            "users": [{"name": context, "user": {
                "client-certificate-data": encode(&admin.certificate),
                "client-key-data": encode(&admin.key),
            }}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        })
    }
}
