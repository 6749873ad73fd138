//! Which action of EKS a request is for, by its method and path.

/// What can be asked of EKS here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    CreateCluster,
    ListClusters,
    DescribeCluster,
    DeleteCluster,
    UpdateClusterConfig,
    UpdateClusterVersion,
    AssociateEncryptionConfig,
    DescribeClusterVersions,
    ListUpdates,
    DescribeUpdate,
    CreateNodegroup,
    ListNodegroups,
    DescribeNodegroup,
    DeleteNodegroup,
    ListFargateProfiles,
    UpdateNodegroupConfig,
    UpdateNodegroupVersion,
    CreateAddon,
    ListAddons,
    DescribeAddon,
    UpdateAddon,
    DeleteAddon,
    DescribeAddonVersions,
    CreateAccessEntry,
    ListAccessEntries,
    DescribeAccessEntry,
    UpdateAccessEntry,
    DeleteAccessEntry,
    AssociateAccessPolicy,
    ListAssociatedAccessPolicies,
    DisassociateAccessPolicy,
    ListAccessPolicies,
    CreatePodIdentityAssociation,
    ListPodIdentityAssociations,
    DescribePodIdentityAssociation,
    UpdatePodIdentityAssociation,
    DeletePodIdentityAssociation,
    TagResource,
    UntagResource,
    ListTagsForResource,
}

impl Action {
    /// Its name in AWS: `CreateCluster`.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

/// An action and what its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub action: Action,
    /// The cluster; of the actions on tags the ARN.
    pub cluster: String,
    /// The node group, add-on, principal, association or update.
    pub item: String,
    /// The access policy.
    pub policy: String,
}

/// The route of a request. `segments`: the path's, decoded.
pub fn route(method: &str, segments: &[String]) -> Option<Route> {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let action = match (method, words.as_slice()) {
        ("POST", ["clusters"]) => Action::CreateCluster,
        ("GET", ["clusters"]) => Action::ListClusters,
        ("GET", ["clusters", _]) => Action::DescribeCluster,
        ("DELETE", ["clusters", _]) => Action::DeleteCluster,
        ("POST", ["clusters", _, "update-config"]) => Action::UpdateClusterConfig,
        ("POST", ["clusters", _, "updates"]) => Action::UpdateClusterVersion,
        ("GET", ["clusters", _, "updates"]) => Action::ListUpdates,
        ("GET", ["clusters", _, "updates", _]) => Action::DescribeUpdate,
        ("POST", ["clusters", _, "encryption-config", "associate"]) => Action::AssociateEncryptionConfig,
        ("GET", ["cluster-versions"]) => Action::DescribeClusterVersions,
        ("GET", ["addons", "supported-versions"]) => Action::DescribeAddonVersions,
        ("GET", ["access-policies"]) => Action::ListAccessPolicies,
        ("GET", ["tags", _]) => Action::ListTagsForResource,
        ("POST", ["tags", _]) => Action::TagResource,
        ("DELETE", ["tags", _]) => Action::UntagResource,
        (_, ["clusters", _, part, rest @ ..]) => part_action(method, part, rest)?,
        _ => return None,
    };
    let word = |at: usize| segments.get(at).cloned().unwrap_or_default();
    Some(Route { action, cluster: word(1), item: word(3), policy: word(5) })
}

fn part_action(method: &str, part: &str, rest: &[&str]) -> Option<Action> {
    Some(match (method, part, rest) {
        ("POST", "node-groups", []) => Action::CreateNodegroup,
        ("GET", "node-groups", []) => Action::ListNodegroups,
        ("GET", "node-groups", [_]) => Action::DescribeNodegroup,
        ("DELETE", "node-groups", [_]) => Action::DeleteNodegroup,
        ("POST", "node-groups", [_, "update-config"]) => Action::UpdateNodegroupConfig,
        ("POST", "node-groups", [_, "update-version"]) => Action::UpdateNodegroupVersion,
        ("GET", "fargate-profiles", []) => Action::ListFargateProfiles,
        ("POST", "addons", []) => Action::CreateAddon,
        ("GET", "addons", []) => Action::ListAddons,
        ("GET", "addons", [_]) => Action::DescribeAddon,
        ("POST", "addons", [_, "update"]) => Action::UpdateAddon,
        ("DELETE", "addons", [_]) => Action::DeleteAddon,
        ("POST", "access-entries", []) => Action::CreateAccessEntry,
        ("GET", "access-entries", []) => Action::ListAccessEntries,
        ("GET", "access-entries", [_]) => Action::DescribeAccessEntry,
        ("POST", "access-entries", [_]) => Action::UpdateAccessEntry,
        ("DELETE", "access-entries", [_]) => Action::DeleteAccessEntry,
        ("POST", "access-entries", [_, "access-policies"]) => Action::AssociateAccessPolicy,
        ("GET", "access-entries", [_, "access-policies"]) => Action::ListAssociatedAccessPolicies,
        ("DELETE", "access-entries", [_, "access-policies", _]) => Action::DisassociateAccessPolicy,
        ("POST", "pod-identity-associations", []) => Action::CreatePodIdentityAssociation,
        ("GET", "pod-identity-associations", []) => Action::ListPodIdentityAssociations,
        ("GET", "pod-identity-associations", [_]) => Action::DescribePodIdentityAssociation,
        ("POST", "pod-identity-associations", [_]) => Action::UpdatePodIdentityAssociation,
        ("DELETE", "pod-identity-associations", [_]) => Action::DeletePodIdentityAssociation,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &str, path: &[&str]) -> Option<Route> {
        route(method, &path.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_path_names_the_action_and_what_it_is_done_to() {
        let found = routed("DELETE", &["clusters", "c", "access-entries", "arn:p", "access-policies", "arn:q"]).unwrap();
        assert_eq!(found.action.name(), "DisassociateAccessPolicy");
        assert_eq!((found.cluster.as_str(), found.item.as_str(), found.policy.as_str()), ("c", "arn:p", "arn:q"));
        assert_eq!(routed("POST", &["clusters", "c", "addons", "a", "update"]).unwrap().action, Action::UpdateAddon);
        assert_eq!(routed("PUT", &["clusters"]), None);
        assert_eq!(routed("POST", &["clusters", "c", "fargate-profiles"]), None);
    }
}
