//! Whose credentials are used, in terms of access entries.

use super::step::Step;
use super::wish::{AccessEntry, Wish};

/// Whether credentials whose ARN is `caller`, as STS tells it, are let in by the access entry of `principal`. A session is let in by its role's, whose
/// path STS leaves out. Source: EKS user guide, access entries; IAM, "Identifiers".
pub fn lets_in(principal: &str, caller: &str) -> bool {
    if principal == caller {
        return true;
    }
    let [Some(of_entry), Some(of_caller)] = [principal, caller].map(parts) else { return false };
    let role = of_entry.3.strip_prefix("role/").and_then(|role| role.rsplit('/').next());
    let session = of_caller.3.strip_prefix("assumed-role/").and_then(|session| session.split('/').next());
    (of_entry.0, of_entry.2, of_entry.1, of_caller.1) == (of_caller.0, of_caller.2, "iam", "sts") && role.is_some() && role == session
}

/// The policy by which an access entry makes an administrator, in the last part of its ARN. Source: EKS user guide, access policy permissions.
const ADMINISTRATOR: &str = "/AmazonEKSClusterAdminPolicy";

/// The principal that a step lets in no more, or no more as an administrator. What rights Kubernetes gives to an entry's groups is not known here: an entry that
/// keeps groups is taken to keep its rights.
pub fn shut_out<'a>(step: &'a Step, wish: &Wish) -> Option<&'a str> {
    let keeps_groups = |entry: &AccessEntry| !entry.kubernetes_groups.is_empty();
    let is_narrowed =
        |entry: &AccessEntry, policy_arn: &str| entry.policies.get(policy_arn).is_none_or(|policy| !policy.namespaces.is_empty());
    match step {
        Step::DeleteAccessEntry { principal_arn } => Some(principal_arn),
        Step::DisassociatePolicy { principal_arn, policy_arn } | Step::AssociatePolicy { principal_arn, policy_arn } => {
            let entry = wish.access_entries.get(principal_arn)?;
            let is_taken = policy_arn.ends_with(ADMINISTRATOR) && !keeps_groups(entry) && is_narrowed(entry, policy_arn);
            is_taken.then_some(principal_arn.as_str())
        }
        _ => None,
    }
}

/// Partition, service, account and resource.
fn parts(arn: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (_, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    Some((partition, service, parts.nth(1)?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::eks::wish::AccessPolicy;

    #[test]
    fn a_session_is_let_in_by_the_entry_of_its_role() {
        let session = "arn:aws:sts::123456789012:assumed-role/Deploy/run-1";
        for (principal, caller, is_it) in [
            ("arn:aws:iam::123456789012:user/u", "arn:aws:iam::123456789012:user/u", true),
            ("arn:aws:iam::123456789012:user/u", "arn:aws:iam::123456789012:user/v", false),
            ("arn:aws:iam::123456789012:role/Deploy", session, true),
            ("arn:aws:iam::123456789012:role/teams/a/Deploy", session, true),
            ("arn:aws:iam::123456789012:role/Deploy/run-1", session, false),
            ("arn:aws:iam::123456789012:role/run-1", session, false),
            ("arn:aws:iam::999999999999:role/Deploy", session, false),
            ("arn:aws-cn:iam::123456789012:role/Deploy", session, false),
            ("arn:aws:iam::123456789012:user/Deploy", session, false),
            ("", session, false),
        ] {
            assert_eq!(lets_in(principal, caller), is_it, "{principal} {caller}");
        }
    }

    #[test]
    fn who_takes_the_callers_entry_or_its_administration_locks_him_out() {
        let (me, other) = ("arn:aws:iam::123456789012:role/Deploy", "arn:aws:iam::123456789012:role/Other");
        let caller = "arn:aws:sts::123456789012:assumed-role/Deploy/run-1";
        let admin = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
        let view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
        let wish = |policies: &[(&str, &[&str])], groups: &[&str]| {
            let policies = policies.iter().map(|(arn, namespaces)| {
                ((*arn).to_owned(), AccessPolicy { namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect() })
            });
            let entry =
                AccessEntry { kubernetes_groups: groups.iter().map(|name| (*name).to_owned()).collect(), policies: policies.collect() };
            Wish { access_entries: [me, other].map(|who| (who.to_owned(), entry.clone())).into(), ..Wish::default() }
        };
        let text = str::to_owned;
        let delete = |who: &str| Step::DeleteAccessEntry { principal_arn: text(who) };
        let disassociate = |who: &str, policy: &str| Step::DisassociatePolicy { principal_arn: text(who), policy_arn: text(policy) };
        let associate = |who: &str, policy: &str| Step::AssociatePolicy { principal_arn: text(who), policy_arn: text(policy) };
        let (only_view, everywhere, narrow) = (wish(&[(view, &[])], &[]), wish(&[(admin, &[])], &[]), wish(&[(admin, &["a"])], &[]));
        for (step, wish, is_locked) in [
            (delete(me), &only_view, true),
            (delete(other), &only_view, false),
            (disassociate(me, admin), &only_view, true),
            (disassociate(me, view), &everywhere, false),
            (disassociate(other, admin), &only_view, false),
            (disassociate(me, admin), &wish(&[], &["platform"]), false),
            (associate(me, admin), &narrow, true),
            (associate(me, admin), &everywhere, false),
        ] {
            assert_eq!(shut_out(&step, wish).is_some_and(|who| lets_in(who, caller)), is_locked, "{step:?}");
        }
    }
}
