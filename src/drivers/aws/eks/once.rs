//! Tokens by which EKS knows a request again: the same request of the same run is carried out once, however often it arrives.

use std::fmt::Debug;

use aws_sigv4::sign::v4::calculate_signature;

use crate::domain::eks::{Step, Wish};

/// How many hexadecimal digits of the hash are used: 128 bits.
const DIGITS: usize = 32;

/// The token of a step: another one for another seed, and for other contents of the request.
pub(super) fn token(seed: &str, step: &Step, wish: &Wish) -> String {
    let hashed = |contents: &dyn Debug| {
        // HMAC-SHA256, hexadecimal.
        let mut text = calculate_signature(seed, format!("{} {step:?} {contents:?}", wish.name).as_bytes());
        text.truncate(DIGITS);
        text
    };
    match step {
        Step::CreateCluster
        | Step::UpdateEndpoint
        | Step::UpdateNetwork
        | Step::UpdateLogging
        | Step::UpdateSupport
        | Step::EncryptSecrets => {
            let Wish { version, role_arn, subnet_ids, security_group_ids, service_cidr, endpoint, secrets_key_arn, .. } = wish;
            let Wish { log_types, support_type, deletion_protection, tags, owner, .. } = wish;
            hashed(&(
                (version, role_arn, subnet_ids, security_group_ids, service_cidr, endpoint, secrets_key_arn),
                (log_types, support_type, deletion_protection, tags, owner),
            ))
        }
        Step::CreateAccessEntry { principal_arn } | Step::UpdateAccessEntry { principal_arn } => {
            hashed(&(wish.access_entries.get(principal_arn), &wish.tags, &wish.owner))
        }
        Step::CreateNodeGroup { name, .. } | Step::UpdateNodeGroup { name, .. } => {
            hashed(&(wish.node_groups.get(name), &wish.tags, &wish.owner, wish.version))
        }
        Step::CreateAddOn { name, .. } | Step::UpdateAddOn { name, .. } => hashed(&(wish.add_ons.get(name), &wish.tags, &wish.owner)),
        Step::CreatePodIdentity { .. } => hashed(&(&wish.tags, &wish.owner)),
        // All that their requests say stands in the step, or they have no token: repeating them does no harm.
        _ => hashed(&()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::eks::NodeGroup;

    fn create() -> Step {
        Step::CreateNodeGroup { name: "system".into(), group: "system-1f2e3d".into(), desired: 2 }
    }

    #[test]
    fn the_same_request_of_the_same_run_has_the_same_token() {
        let mut wish = Wish { name: "prod".into(), ..Wish::default() };
        wish.node_groups.insert("system".into(), NodeGroup::default());
        let first = token("run", &create(), &wish);
        assert_eq!(first.len(), DIGITS);
        wish.add_ons.insert("coredns".into(), Default::default());
        assert_eq!(token("run", &create(), &wish), first, "what the request does not say changes nothing");
    }

    #[test]
    fn another_run_another_cluster_and_other_contents_have_other_tokens() {
        let mut wish = Wish { name: "prod".into(), ..Wish::default() };
        let mut tokens = std::collections::BTreeSet::new();
        assert!(tokens.insert(token("run", &create(), &wish)));
        assert!(tokens.insert(token("another run", &create(), &wish)));
        wish.node_groups.insert("system".into(), NodeGroup::default());
        assert!(tokens.insert(token("run", &create(), &wish)));
        assert!(tokens.insert(token(
            "run",
            &Step::UpdateNodeGroup { name: "system".into(), group: "system-1f2e3d".into(), desired: None },
            &wish
        )));
        wish.name = "test".into();
        assert!(tokens.insert(token("run", &create(), &wish)));
    }
}
