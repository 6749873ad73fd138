//! What a test asks of a tenant's cluster: its kubeconfig, as Cluster API's contract hands it out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;

use crate::{kubernetes, pki};

/// The text of the kubeconfig in the Secret `<cluster>-kubeconfig` of the management cluster; none while there is no Secret.
///
/// # Errors
/// When the management cluster does not answer or the Secret lacks its value.
pub fn kubeconfig(management: &Path, namespace: &str, cluster: &str) -> Result<Option<String>> {
    kubernetes::block_on(async {
        let api: Api<Secret> = Api::namespaced(kubernetes::client(management).await?, namespace);
        let name = format!("{cluster}-kubeconfig");
        let Some(secret) = api.get_opt(&name).await.with_context(|| format!("read the Secret {namespace}/{name}"))? else {
            return Ok(None);
        };
        let value =
            secret.data.and_then(|mut data| data.remove("value")).with_context(|| format!("find the kubeconfig in {namespace}/{name}"))?;
        Ok(Some(String::from_utf8(value.0).with_context(|| format!("read the kubeconfig in {namespace}/{name}"))?))
    })
}

/// As [`kubeconfig`], written to a file in `folder`, for what wants a file.
///
/// # Errors
/// When there is no Secret, or as [`kubeconfig`].
pub fn kubeconfig_file(management: &Path, namespace: &str, cluster: &str, folder: &Path) -> Result<PathBuf> {
    let text = kubeconfig(management, namespace, cluster)?.with_context(|| format!("find the Secret {namespace}/{cluster}-kubeconfig"))?;
    let file = folder.join(format!("{namespace}.{cluster}.kubeconfig"));
    pki::write_private(&file, &text)?;
    Ok(file)
}
