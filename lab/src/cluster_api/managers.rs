//! Cluster API's controllers as processes: core, kubeadm bootstrap, kubeadm control plane, and the provider for AWS, in a lab without
//! AWS as a judge of manifests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::kubernetes;
use crate::programs::Program;
use crate::servers::Layout;
use crate::state::{ClusterApiPorts, ManagerPorts, Server};

/// After this long without an answer of a tenant's API server core says so in `RemoteConnectionProbe`. Its own default is 50 s; it asks every 10 s.
const REMOTE_CONNECTION_GRACE: &str = "15s";

/// How long the provider for AWS waits between two looks at what it waits for.
const WAIT_INFRASTRUCTURE: &str = "2s";

/// The executables.
#[derive(Clone, Debug)]
pub struct Programs {
    core: PathBuf,
    bootstrap: PathBuf,
    control_plane: PathBuf,
    aws: PathBuf,
}

impl Programs {
    /// Builds what is missing.
    ///
    /// # Errors
    /// When one cannot be built.
    pub fn gather() -> Result<Self> {
        Ok(Self {
            core: Program::ClusterApi.executable()?,
            bootstrap: Program::KubeadmBootstrap.executable()?,
            control_plane: Program::KubeadmControlPlane.executable()?,
            aws: Program::ClusterApiAws.executable()?,
        })
    }

    /// The executable of `server`.
    ///
    /// # Errors
    /// When `server` is none of Cluster API's controllers.
    pub fn of(&self, server: Server) -> Result<&PathBuf> {
        match server {
            Server::ClusterApi => Ok(&self.core),
            Server::KubeadmBootstrap => Ok(&self.bootstrap),
            Server::KubeadmControlPlane => Ok(&self.control_plane),
            Server::ClusterApiAws => Ok(&self.aws),
            other => bail!("{} is no controller of Cluster API", other.name()),
        }
    }
}

/// How many ports the controllers take.
pub const PORTS: usize = 12;

/// Deals out `ports` to the controllers.
pub fn dealt([a, b, c, d, e, f, g, h, i, j, k, l]: [u16; PORTS]) -> ClusterApiPorts {
    let manager = |webhook, health, diagnostics| ManagerPorts { webhook, health, diagnostics };
    ClusterApiPorts { core: manager(a, b, c), bootstrap: manager(d, e, f), control_plane: manager(g, h, i), aws: manager(j, k, l) }
}

/// The ports of `server`.
///
/// # Errors
/// When `server` is none of Cluster API's controllers.
fn ports_of(server: Server, ports: ClusterApiPorts) -> Result<ManagerPorts> {
    match server {
        Server::ClusterApi => Ok(ports.core),
        Server::KubeadmBootstrap => Ok(ports.bootstrap),
        Server::KubeadmControlPlane => Ok(ports.control_plane),
        Server::ClusterApiAws => Ok(ports.aws),
        other => bail!("{} is no controller of Cluster API", other.name()),
    }
}

/// Puts the serving certificate where the controllers look for it.
///
/// # Errors
/// When it cannot be written.
pub fn prepare(layout: &Layout) -> Result<()> {
    let folder = certificates(layout);
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    for (from, to) in [("server.crt", "tls.crt"), ("server.key", "tls.key")] {
        // Its permissions come along.
        std::fs::copy(layout.pki().join(from), folder.join(to)).with_context(|| format!("copy {from} for the webhooks"))?;
    }
    Ok(())
}

fn certificates(layout: &Layout) -> PathBuf {
    layout.pki().join("webhooks")
}

/// The arguments of `server`. `aws`: whether there is an AWS for the provider to ask.
///
/// # Errors
/// When `server` is none of Cluster API's controllers.
pub fn args(server: Server, layout: &Layout, ports: ClusterApiPorts, aws: bool) -> Result<Vec<String>> {
    let ports = ports_of(server, ports)?;
    let mut args = vec![
        format!("--kubeconfig={}", layout.kubeconfig().display()),
        "--leader-elect=false".to_owned(),
        format!("--diagnostics-address=127.0.0.1:{}", ports.diagnostics),
        "--insecure-diagnostics".to_owned(),
        format!("--health-addr=127.0.0.1:{}", ports.health),
        format!("--webhook-port={}", ports.webhook),
        // A server without certificates ends, even one whose webhooks nobody calls.
        format!("--webhook-cert-dir={}", certificates(layout).display()),
    ];
    match server {
        Server::ClusterApiAws => {
            args.push("--feature-gates=EKS=true,MachinePool=true,EKSEnableIAM=false".to_owned());
            if aws {
                // Its own is a minute.
                args.push(format!("--wait-infra-period={WAIT_INFRASTRUCTURE}"));
            } else {
                // Its controllers see no object, so that none calls AWS; its admission sees all.
                args.push("--namespace=nobody".to_owned());
            }
        }
        Server::ClusterApi => {
            args.push("--feature-gates=ClusterTopology=true,MachinePool=true".to_owned());
            args.push(format!("--remote-connection-grace-period={REMOTE_CONNECTION_GRACE}"));
        }
        // Without the gate their webhooks refuse the templates of a ClusterClass.
        _ => args.push("--feature-gates=ClusterTopology=true,MachinePool=true".to_owned()),
    }
    Ok(args)
}

/// Variables of `server` where there is no AWS.
pub fn environment(server: Server) -> BTreeMap<String, String> {
    let aws: &[(&str, &str)] = match server {
        // It wants credentials at its start and uses none.
        Server::ClusterApiAws => &[
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "lab"),
            ("AWS_SECRET_ACCESS_KEY", "lab"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ],
        _ => &[],
    };
    aws.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Asks `server` whether it is well, its webhooks included.
///
/// # Errors
/// When it is not, with the reason.
pub fn health(server: Server, ports: ClusterApiPorts) -> Result<()> {
    let answer = kubernetes::ask(&format!("http://127.0.0.1:{}/readyz", ports_of(server, ports)?.health), None)?;
    if answer.starts_with("ok") { Ok(()) } else { bail!("answered {answer}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_for_aws_sees_objects_only_where_there_is_an_aws() {
        let ports = dealt([0; PORTS]);
        let layout = Layout("/lab".into());
        let nobody = |aws| args(Server::ClusterApiAws, &layout, ports, aws).unwrap().contains(&"--namespace=nobody".to_owned());
        assert!(nobody(false) && !nobody(true));
        assert_eq!(environment(Server::ClusterApiAws)["AWS_ACCESS_KEY_ID"], "lab");
        assert!(args(Server::Etcd, &layout, ports, false).is_err());
    }
}
