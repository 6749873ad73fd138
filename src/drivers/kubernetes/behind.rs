//! The API server of a tenant's own cluster, by the kubeconfig that Cluster API keeps in a Secret of the management cluster.
//!
//! The kubeconfig stays in memory, and its Secret is read again when its credentials are refused: those of EKS are rewritten every ten minutes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::config::Kubeconfig;
use serde_json::Value;

use super::client::client;
use super::config::Environment;
use super::error::{Error, Result};
use super::resolve::{Resolved, completed, file_error};
use super::{Cluster, Connect, Login, client_error};
use crate::domain::object::ObjectRef;

/// Where Cluster API puts a kubeconfig in its Secret. Source: Cluster API, contract of control planes.
const KEY: &str = "value";

impl Cluster {
    /// The cluster that the kubeconfig in `secret` of this one leads to, called `id`; None: there is no such Secret.
    ///
    /// Such a kubeconfig must be complete in itself: one that starts a program or names a file of this machine is refused.
    ///
    /// # Errors
    /// When the Secret cannot be read or holds no usable kubeconfig.
    pub async fn behind(&self, id: &str, secret: &ObjectRef, environment: &Environment) -> Result<Option<Self>> {
        let Some(kept) = self.get(secret).await? else { return Ok(None) };
        let resolved = resolved(id, secret, &kept, environment)?;
        let endpoint = resolved.config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let first = Arc::new(Mutex::new(Some(resolved.config)));
        let (management, environment, secret, name) = (self.clone(), environment.clone(), secret.clone(), id.to_owned());
        let connect: Connect = Box::new(move || {
            let (management, environment, secret, id) = (management.clone(), environment.clone(), secret.clone(), name.clone());
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            Box::pin(async move {
                let config = match first {
                    Some(config) => config,
                    None => match management.get(&secret).await? {
                        Some(kept) => resolved_again(&id, &secret, &kept, &environment)?,
                        None => return Err(Error::config(format!("{secret} is gone"), SECRET_WAY_OUT)),
                    },
                };
                client(config).map(Login::from).map_err(|error| client_error(&id, error))
            })
        });
        Ok(Some(Self::new(id.to_owned(), endpoint, resolved.address, resolved.ca_certificate, connect)))
    }
}

const SECRET_WAY_OUT: &str =
    "Cluster API writes it when the cluster's control plane is up; see the Cluster object and its provider's controller.";

fn resolved_again(id: &str, secret: &ObjectRef, kept: &Value, environment: &Environment) -> Result<kube::Config> {
    resolved(id, secret, kept, environment).map(|resolved| resolved.config)
}

fn resolved(id: &str, secret: &ObjectRef, kept: &Value, environment: &Environment) -> Result<Resolved> {
    let unusable = |what: &str| Error::config(format!("the kubeconfig in {secret} {what}"), SECRET_WAY_OUT);
    let encoded = kept["data"][KEY].as_str().ok_or_else(|| unusable("is missing: there is no key \"value\""))?;
    let bytes = STANDARD.decode(encoded).map_err(|_| unusable("is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| unusable("is not text"))?;
    let place = secret.to_string();
    let kubeconfig = Kubeconfig::from_yaml(&text).map_err(|error| file_error(Path::new(&place), error))?;
    let users = || kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    if users().any(|user| user.exec.is_some() || user.auth_provider.is_some()) {
        return Err(unusable("starts a program to log in, which a kubeconfig from a cluster may not"));
    }
    let of_users = users().any(|user| user.client_certificate.is_some() || user.client_key.is_some() || user.token_file.is_some());
    let mut clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    if of_users || clusters.any(|cluster| cluster.certificate_authority.is_some()) {
        return Err(unusable("names files, which are not on this machine"));
    }
    let config = kube::Config::try_from(kubeconfig).map_err(|error| file_error(Path::new(&place), error))?;
    completed(Some(id.to_owned()), config, environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::Kind;
    use crate::drivers::kubernetes::tests::{Reply, server, status};
    use serde_json::json;

    fn secret() -> ObjectRef {
        ObjectRef::namespaced(Kind::Secret, "kaas-a", "a-kubeconfig")
    }

    fn kubeconfig(user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: \
             {{server: \"https://10.0.0.1:6443\"}}}}]\nusers: [{{name: u, user: {user}}}]\n"
        )
    }

    async fn behind(text: &str) -> Result<Option<Cluster>> {
        let data = STANDARD.encode(text);
        let object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a-kubeconfig", "namespace": "kaas-a" }, "data": { "value": data } });
        let (management, _) = server(move |_, _| Reply::Json(200, object.clone()));
        management.behind("tenant/a", &secret(), &Environment::default()).await
    }

    #[tokio::test]
    async fn a_kubeconfig_of_a_secret_leads_to_its_server() {
        let cluster = behind(&kubeconfig("{token: very-secret}")).await.unwrap().unwrap();
        assert_eq!((cluster.id(), cluster.endpoint()), ("tenant/a", "https://10.0.0.1:6443"));
        assert!(!format!("{cluster:?}").contains("very-secret"));
    }

    #[tokio::test]
    async fn a_kubeconfig_that_reaches_for_this_machine_is_refused() {
        let exec = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: rm}}";
        for (user, told) in
            [(exec, "starts a program"), ("{tokenFile: /etc/passwd}", "names files"), ("{client-key: /etc/k}", "names files")]
        {
            let error = behind(&kubeconfig(user)).await.unwrap_err().report();
            assert!(error.contains(told), "{error}");
        }
        let error = behind("{token: very-secret").await.unwrap_err().report();
        assert!(error.contains("not a kubeconfig") && !error.contains("very-secret"), "{error}");
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_leads_nowhere() {
        let (management, _) = server(|_, _| Reply::Json(404, status(404, "NotFound", "not found", "a-kubeconfig")));
        assert!(management.behind("tenant/a", &secret(), &Environment::default()).await.unwrap().is_none());
    }
}
