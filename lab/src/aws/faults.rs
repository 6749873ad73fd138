//! Faults that are ordered beforehand and happen once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A fault to order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Subcommand)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Refuse the next requests of an action, of EKS or another service, as AWS does when there are too many
    Throttle {
        /// Such as DescribeCluster
        action: String,
        /// How many
        times: u32,
    },
    /// Do the next requests of an action and cut the connection instead of answering
    LoseResponse {
        /// Such as CreateCluster
        action: String,
        /// How many
        #[arg(default_value_t = 1)]
        times: u32,
    },
    /// Let the creation of the next node group fail
    FailNodeGroup {
        /// An issue code of node groups
        #[arg(default_value = "NodeCreationFailure")]
        code: String,
        /// What AWS says
        #[arg(default_value = "Instances failed to join the kubernetes cluster")]
        message: String,
    },
    /// Let the creation of the next cluster fail
    FailCluster,
    /// Let the next change that EKS takes its time for fail: of a cluster, a node group or an add-on
    FailUpdate {
        /// An error code of updates
        #[arg(default_value = "OperationNotPermitted")]
        code: String,
        /// What AWS says
        #[arg(default_value = "The service role associated with this operation does not have the required permissions")]
        message: String,
    },
    /// Let an add-on that is there be DEGRADED
    DegradeAddOn {
        cluster: String,
        add_on: String,
        /// An issue code of add-ons
        #[arg(default_value = "InsufficientNumberOfReplicas")]
        code: String,
        /// What AWS says
        #[arg(default_value = "The add-on is unhealthy because it doesn't have the desired number of replicas.")]
        message: String,
    },
}

/// The faults still to happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    throttle: BTreeMap<String, u32>,
    lose: BTreeMap<String, u32>,
    node_group: Vec<Value>,
    cluster: u32,
    update: Vec<Value>,
}

impl Faults {
    /// Remembers a fault. One that happens at once is not for here.
    pub fn order(&mut self, fault: &Fault) {
        match fault {
            Fault::Throttle { action, times } => {
                self.throttle.insert(action.clone(), *times);
            }
            Fault::LoseResponse { action, times } => {
                self.lose.insert(action.clone(), *times);
            }
            Fault::FailNodeGroup { code, message } => self.node_group.push(issue(code, message)),
            Fault::FailCluster => self.cluster += 1,
            Fault::FailUpdate { code, message } => {
                self.update.push(json!({"errorCode": code, "errorMessage": message, "resourceIds": []}));
            }
            Fault::DegradeAddOn { .. } => {}
        }
    }

    pub fn throttles(&mut self, action: &str) -> bool {
        once(&mut self.throttle, action)
    }

    pub fn loses(&mut self, action: &str) -> bool {
        once(&mut self.lose, action)
    }

    /// Why the node group that is made now is going to fail.
    pub fn node_group(&mut self) -> Option<Value> {
        (!self.node_group.is_empty()).then(|| self.node_group.remove(0))
    }

    /// Why the change that begins now is going to fail.
    pub fn update(&mut self) -> Option<Value> {
        (!self.update.is_empty()).then(|| self.update.remove(0))
    }

    pub fn cluster(&mut self) -> bool {
        let fails = self.cluster > 0;
        self.cluster = self.cluster.saturating_sub(1);
        fails
    }
}

/// An issue in the health of something.
pub fn issue(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message, "resourceIds": []})
}

fn once(left: &mut BTreeMap<String, u32>, action: &str) -> bool {
    match left.get_mut(action) {
        Some(times) if *times > 0 => {
            *times -= 1;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_as_often_as_it_was_ordered() {
        let mut faults = Faults::default();
        faults.order(&Fault::Throttle { action: "DescribeCluster".to_owned(), times: 2 });
        assert!(!faults.throttles("ListClusters"));
        assert_eq!([0; 3].map(|_| faults.throttles("DescribeCluster")), [true, true, false]);
        faults.order(&Fault::FailNodeGroup { code: "A".to_owned(), message: "b".to_owned() });
        assert_eq!(faults.node_group().unwrap()["code"], "A");
        assert_eq!(faults.node_group(), None);
    }
}
