//! The labs with Cluster API that journeys share, tenants with a cluster of their own, and a way into these clusters.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::cluster_api::{class, tenants};
use kaas_lab::{Lab, Server};
use tempfile::TempDir;

use crate::acceptance::cluster::At;
use crate::acceptance::place::Tenant;
use crate::acceptance::world::Shared;

static READY: LazyLock<Shared> = LazyLock::new(|| Shared::up("hard", true));
static DISTURBED: LazyLock<Mutex<Shared>> = LazyLock::new(|| Mutex::new(Shared::up("disturbed", true)));

/// The lab where clusters come up, and every Kafka in them is Ready at once. Its servers are never stopped.
pub fn ready() -> &'static Lab {
    &READY.lab
}

/// The lab whose servers may be stopped: one journey at a time. Those that an earlier journey left stopped run again.
pub fn disturbed() -> Disturbed {
    let mut shared = DISTURBED.lock().unwrap_or_else(PoisonError::into_inner);
    let stopped: Vec<Server> =
        shared.lab.servers().iter().filter(|running| !running.handle.alive()).map(|running| running.server).collect();
    for server in stopped {
        shared.lab.restart(server).unwrap();
    }
    Disturbed(shared)
}

/// A lab whose servers this journey stops and starts.
pub struct Disturbed(MutexGuard<'static, Shared>);

impl Disturbed {
    pub fn lab(&self) -> &Lab {
        &self.0.lab
    }

    pub fn stop(&mut self, server: Server) {
        self.0.lab.stop(server).unwrap();
    }

    pub fn restart(&mut self, server: Server) {
        self.0.lab.restart(server).unwrap();
    }
}

/// The smallest tenant with a cluster of the lab's class, that may be destroyed.
pub fn hard(name: &str) -> Tenant {
    hard_with(name, "", "")
}

/// As [`hard`], with further settings of its cluster, and further attributes and blocks of the tenant.
pub fn hard_with(name: &str, cluster: &str, more: &str) -> Tenant {
    let (class, namespace) = (class::CLASS, class::NAMESPACE);
    let block = format!("cluster {{\n    class = \"{class}\"\n    class_namespace = \"{namespace}\"\n    {cluster}\n  }}\n  {more}");
    Tenant { isolation: "\"cluster\"", ..Tenant::small(name).with(&block) }
}

/// Settings of a cluster that has nodes for brokers, of this type.
pub fn with_nodes(machine: &str) -> String {
    format!("broker_worker_class = \"brokers\"\n variables = {{\n nodeMachineType = \"{machine}\"\n }}")
}

/// The object of Cluster API for a tenant's cluster.
pub fn home_cluster(tenant: &str) -> ObjectRef {
    ObjectRef::namespaced(Kind::Cluster, format!("kaas-{tenant}"), tenant)
}

/// The API server of a tenant's own cluster.
pub struct Inside {
    _folder: TempDir,
    file: PathBuf,
}

impl At for Inside {
    fn kubeconfig(&self) -> PathBuf {
        self.file.clone()
    }
}

/// A way into a tenant's cluster.
pub fn inside(lab: &Lab, tenant: &str) -> Inside {
    let folder = tempfile::tempdir().unwrap();
    let file = tenants::kubeconfig_file(&lab.kubeconfig(), &format!("kaas-{tenant}"), tenant, folder.path()).unwrap();
    Inside { _folder: folder, file }
}
