//! Whose credentials are used, in terms of access entries.

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

/// Partition, service, account and resource.
fn parts(arn: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (_, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    Some((partition, service, parts.nth(1)?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
