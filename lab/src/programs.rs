//! The Go programs the lab runs. One found in KUBEBUILDER_ASSETS or on PATH is used as it is, whatever its version; else it is built from
//! its published module, once, into the cache. Versions stand in the `go.mod` files of `lab/programs/` and nowhere else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::go_module::{Change, GoModule, go_module};
use crate::{cache, command, toolchain};

/// A program of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The store of the Kubernetes API server.
    Etcd,
    /// The Kubernetes API server.
    KubeApiserver,
    /// The Kubernetes controllers.
    KubeControllerManager,
    /// OpenTofu's command.
    Tofu,
    /// The generator of custom resource definitions from Go types.
    ControllerGen,
    /// Cluster API's core controllers.
    ClusterApi,
    /// Cluster API's kubeadm bootstrap provider.
    KubeadmBootstrap,
    /// Cluster API's kubeadm control-plane provider.
    KubeadmControlPlane,
    /// Cluster API's provider for AWS.
    ClusterApiAws,
    /// Let's Encrypt's ACME server for tests.
    Pebble,
    /// The controllers of cert-manager that get certificates.
    CertManager,
    /// The writer of DNS records.
    ExternalDns,
}

/// A published Go module and what is built of it.
struct Module {
    go: GoModule,
    programs: &'static [Program],
    expected: &'static str,
}

/// cert-manager waits a minute after it has seen the record of a challenge, for what resolvers on the way may remember. The lab has one server, which remembers
/// nothing, so that the wait would only make every certificate and every renewal a minute later.
const WITHOUT_CACHES: Change = Change { file: "pkg/issuer/acme/dns/dns.go", from: "\tttl := 60\n", to: "\tttl := 1\n" };

static ETCD: Module =
    Module { go: go_module!("etcd", "go.etcd.io/etcd/server/v3"), programs: &[Program::Etcd], expected: "1 to 2 min on two cores" };

static KUBERNETES: Module = Module {
    go: go_module!("kubernetes", "k8s.io/kubernetes"),
    programs: &[Program::KubeApiserver, Program::KubeControllerManager],
    expected: "7 to 10 min on two cores",
};

static OPENTOFU: Module =
    Module { go: go_module!("opentofu", "github.com/opentofu/opentofu"), programs: &[Program::Tofu], expected: "5 to 8 min on two cores" };

static CONTROLLER_GEN: Module = Module {
    go: go_module!("controller-gen", "sigs.k8s.io/controller-tools"),
    programs: &[Program::ControllerGen],
    expected: "about 1 min on two cores",
};

static CLUSTER_API: Module = Module {
    go: go_module!("cluster-api", "sigs.k8s.io/cluster-api"),
    programs: &[Program::ClusterApi, Program::KubeadmBootstrap, Program::KubeadmControlPlane],
    expected: "2 to 4 min on two cores",
};

static CLUSTER_API_AWS: Module = Module {
    go: go_module!("cluster-api-provider-aws", "sigs.k8s.io/cluster-api-provider-aws/v2"),
    programs: &[Program::ClusterApiAws],
    expected: "1 to 3 min on two cores",
};

static PEBBLE: Module =
    Module { go: go_module!("pebble", "github.com/letsencrypt/pebble/v2"), programs: &[Program::Pebble], expected: "some seconds" };

static CERT_MANAGER: Module = Module {
    go: go_module!("cert-manager", "github.com/cert-manager/cert-manager"),
    programs: &[Program::CertManager],
    expected: "2 to 5 min on two cores",
};

static EXTERNAL_DNS: Module = Module {
    go: go_module!("external-dns", "sigs.k8s.io/external-dns"),
    programs: &[Program::ExternalDns],
    expected: "3 to 6 min on two cores",
};

static MODULES: [&Module; 9] =
    [&ETCD, &KUBERNETES, &OPENTOFU, &CONTROLLER_GEN, &CLUSTER_API, &CLUSTER_API_AWS, &PEBBLE, &CERT_MANAGER, &EXTERNAL_DNS];

/// Where a program comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The machine has its own.
    Machine(PathBuf),
    /// The lab built it before.
    Cache(PathBuf),
    /// It is still to be built; how long that takes.
    Missing(&'static str),
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::Tofu,
        Self::ControllerGen,
        Self::ClusterApi,
        Self::KubeadmBootstrap,
        Self::KubeadmControlPlane,
        Self::ClusterApiAws,
        Self::Pebble,
        Self::CertManager,
        Self::ExternalDns,
    ];
    /// What tenants in namespaces need.
    pub const NAMESPACES: [Self; 4] = [Self::Etcd, Self::KubeApiserver, Self::KubeControllerManager, Self::Tofu];

    /// The name of the executable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::Tofu => "tofu",
            Self::ControllerGen => "controller-gen",
            Self::ClusterApi => "cluster-api",
            Self::KubeadmBootstrap => "cluster-api-kubeadm-bootstrap",
            Self::KubeadmControlPlane => "cluster-api-kubeadm-control-plane",
            Self::ClusterApiAws => "cluster-api-provider-aws",
            Self::Pebble => "pebble",
            Self::CertManager => "cert-manager",
            Self::ExternalDns => "external-dns",
        }
    }

    fn module(self) -> &'static Module {
        match self {
            Self::Etcd => &ETCD,
            Self::KubeApiserver | Self::KubeControllerManager => &KUBERNETES,
            Self::Tofu => &OPENTOFU,
            Self::ControllerGen => &CONTROLLER_GEN,
            Self::ClusterApi | Self::KubeadmBootstrap | Self::KubeadmControlPlane => &CLUSTER_API,
            Self::ClusterApiAws => &CLUSTER_API_AWS,
            Self::Pebble => &PEBBLE,
            Self::CertManager => &CERT_MANAGER,
            Self::ExternalDns => &EXTERNAL_DNS,
        }
    }

    /// The Go package of the command.
    fn package(self) -> String {
        let below = match self {
            // Its commands are not in the published module: the lab's own module has one.
            Self::CertManager => return ".".to_owned(),
            Self::Etcd | Self::ClusterApi | Self::ClusterApiAws | Self::ExternalDns => "",
            Self::Pebble => "/cmd/pebble",
            Self::KubeApiserver => "/cmd/kube-apiserver",
            Self::KubeControllerManager => "/cmd/kube-controller-manager",
            Self::Tofu => "/cmd/tofu",
            Self::ControllerGen => "/cmd/controller-gen",
            Self::KubeadmBootstrap => "/bootstrap/kubeadm",
            Self::KubeadmControlPlane => "/controlplane/kubeadm",
        };
        format!("{}{below}", self.module().go.path)
    }

    /// The version the lab pins (`v1.36.3`). A program of the machine may have another.
    ///
    /// # Errors
    /// When its `go.mod` does not require the module.
    pub fn version(self) -> Result<&'static str> {
        self.module().go.version()
    }

    /// Where it comes from, without building anything.
    ///
    /// # Errors
    /// When the cache has no place.
    pub fn origin(self) -> Result<Origin> {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(|folder| PathBuf::from(folder).join(self.name()));
        if let Some(own) = assets.filter(|file| toolchain::is_executable(file)).or_else(|| toolchain::on_path(self.name())) {
            return Ok(Origin::Machine(own));
        }
        let held = cache::held(&self.module().slot()?)?;
        Ok(held.map_or(Origin::Missing(self.module().expected), |folder| Origin::Cache(folder.join(self.name()))))
    }

    /// The executable, built first if there is none.
    ///
    /// # Errors
    /// When Go is missing or the build fails.
    pub fn executable(self) -> Result<PathBuf> {
        match self.origin()? {
            Origin::Machine(file) | Origin::Cache(file) => Ok(file),
            Origin::Missing(_) => {
                let module = self.module();
                Ok(cache::ensure(&module.slot()?, |folder| module.build(folder))?.join(self.name()))
            }
        }
    }
}

/// The oldest Go that builds all programs, as their `go.mod` files say: `1.26.6`.
pub fn go_needed() -> &'static str {
    MODULES.iter().map(|module| module.go.go_needed()).max_by_key(|version| numbers(version)).unwrap_or_default()
}

/// The numbers of a version, to compare by.
pub fn numbers(version: &str) -> Vec<u32> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
}

impl Module {
    fn slot(&self) -> Result<String> {
        let slot = format!("{}-{}", self.go.name, self.go.version()?.trim_start_matches('v'));
        // With the command and the change to the source it is another program of the same version.
        Ok(if self.change().is_some() { format!("{slot}-{:016x}", self.go.digest()) } else { slot })
    }

    fn build(&self, folder: &Path) -> Result<()> {
        let (go, _) = toolchain::go()?;
        let source = self.go.laid_out()?;
        if let Some(change) = self.change() {
            self.go.change(&go, source.path(), change)?;
        }
        for program in self.programs {
            let mut build = Command::new(&go);
            build.current_dir(source.path()).args(["build", "-trimpath", "-ldflags", &self.linker_flags()?, "-o"]);
            build.arg(folder.join(program.name())).arg(program.package());
            command::run_shown(&mut build, &format!("building {} {}", program.name(), self.go.version()?), self.expected)?;
        }
        Ok(())
    }

    /// What is other in the published source before it is built.
    fn change(&self) -> Option<&'static Change> {
        (self.go.name == CERT_MANAGER.go.name).then_some(&WITHOUT_CACHES)
    }

    /// Kubernetes takes its version from its own build scripts: without it a server calls itself v0.0.0-master.
    fn linker_flags(&self) -> Result<String> {
        if self.go.name != "kubernetes" {
            return Ok("-s -w".to_owned());
        }
        let version = self.go.version()?;
        let parts = numbers(version);
        let (major, minor) = (parts.first().copied().unwrap_or_default(), parts.get(1).copied().unwrap_or_default());
        let base = "k8s.io/component-base/version";
        Ok(format!(
            "-s -w -X {base}.gitVersion={version} -X {base}.gitMajor={major} -X {base}.gitMinor={minor} -X k8s.io/client-go/pkg/version.gitVersion={version}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_one_pinned_version() {
        for program in Program::ALL {
            let version = program.version().unwrap();
            assert!(version.starts_with('v') && numbers(version).len() == 3, "{}: {version}", program.name());
        }
        assert!(numbers(go_needed()) >= vec![1, 26]);
    }

    #[test]
    fn a_kubernetes_server_is_told_its_version() {
        let flags = KUBERNETES.linker_flags().unwrap();
        let version = Program::KubeApiserver.version().unwrap();
        assert!(flags.contains(&format!("component-base/version.gitVersion={version} ")), "{flags}");
        assert!(flags.contains(".gitMajor=1 "), "{flags}");
    }
}
