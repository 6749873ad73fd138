//! In which order the machines and the Kafka of a tenant change: machines grow before Kafka does, and Kafka shrinks before its machines do. What is told here is
//! their kind; their number is that of the brokers, of those that are there or those that are planned, whichever are more.

use super::{Class, ClusterSpec};

/// The cluster in which both the Kafka that runs and the planned one find room: as planned, but with the machines that are there. For a Kafka whose brokers
/// become smaller. None: the machines stay the same, so the planned cluster is it. A class of the user's own says by its variables what its machines are.
///
/// The instance types are those that the sizings say.
pub fn roomy(prior: (&ClusterSpec, &str), planned: (&ClusterSpec, &str)) -> Option<ClusterSpec> {
    let ((prior, sized_before), (planned, sized)) = (prior, planned);
    let mut roomy = planned.clone();
    if planned.class() == Class::Own {
        roomy.variables = prior.variables.clone();
        return (roomy != *planned).then_some(roomy);
    }
    let before = prior.node_machine_type.as_deref().unwrap_or(sized_before);
    roomy.node_machine_type = Some(before.to_owned());
    (before != planned.node_machine_type.as_deref().unwrap_or(sized)).then_some(roomy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LARGE: &str = "m7g.4xlarge";
    const SMALL: &str = "m7g.2xlarge";

    fn with_nodes(machine: Option<&str>) -> ClusterSpec {
        ClusterSpec { node_machine_type: machine.map(str::to_owned), ..ClusterSpec::default() }
    }

    #[test]
    fn machines_stay_large_until_kafka_needs_no_large_ones() {
        let sized = with_nodes(None);
        assert_eq!(roomy((&sized, LARGE), (&sized, SMALL)), Some(with_nodes(Some(LARGE))));
        assert_eq!(roomy((&with_nodes(Some("r7g.4xlarge")), LARGE), (&sized, SMALL)), Some(with_nodes(Some("r7g.4xlarge"))));
        assert_eq!(roomy((&sized, LARGE), (&with_nodes(Some(LARGE)), SMALL)), None);
        assert_eq!(roomy((&sized, SMALL), (&sized, SMALL)), None);
    }

    #[test]
    fn of_a_class_of_the_users_own_the_variables_stay() {
        let class = |machine: &str| ClusterSpec {
            class: "metal".to_owned(),
            class_namespace: Some("platform".to_owned()),
            variables: [("machine".to_owned(), json!(machine))].into(),
            ..ClusterSpec::default()
        };
        assert_eq!(roomy((&class("large"), LARGE), (&class("small"), SMALL)), Some(class("large")));
        assert_eq!(roomy((&class("large"), LARGE), (&class("large"), SMALL)), None);
    }

    #[test]
    fn everything_else_is_as_planned() {
        let mut planned = with_nodes(None);
        planned.kubernetes_version = "1.37.0".parse().ok();
        let roomy = roomy((&with_nodes(None), LARGE), (&planned, SMALL));
        assert_eq!(roomy.and_then(|cluster| cluster.kubernetes_version), planned.kubernetes_version);
    }
}
