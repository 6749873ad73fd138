//! Texts that AWS and Kubernetes take: ARNs, networks, labels, tags.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an ARN stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    IamRole,
    /// A role or a user.
    IamPrincipal,
    KmsKey,
    AccessPolicy,
}

impl Service {
    pub const fn example(self) -> &'static str {
        match self {
            Self::IamRole => "ARN of an IAM role, such as \"arn:aws:iam::111122223333:role/eks\"",
            Self::IamPrincipal => "ARN of an IAM role or user, such as \"arn:aws:iam::111122223333:role/admin\"",
            Self::KmsKey => "ARN of a KMS key (not of an alias), such as \"arn:aws:kms:eu-west-1:111122223333:key/1234abcd-…\"",
            Self::AccessPolicy => "ARN of an access policy, such as \"arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy\"",
        }
    }
}

/// Whether a text is an ARN of such a thing: "arn:partition:service:region:account:resource".
pub fn arn(text: &str, service: Service) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [scheme, partition, name, region, account, resource] = parts[..] else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let below = |prefix: &str| resource.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    let fits = match service {
        Service::IamRole => name == "iam" && is_account && region.is_empty() && below("role/"),
        Service::IamPrincipal => name == "iam" && is_account && region.is_empty() && (below("role/") || below("user/")),
        Service::KmsKey => name == "kms" && is_account && !region.is_empty() && below("key/"),
        Service::AccessPolicy => name == "eks" && below("cluster-access-policy/"),
    };
    scheme == "arn" && partition.starts_with("aws") && fits && !text.contains(char::is_whitespace) && text.len() <= 2048
}

/// A network: its address and how many bits of it count; else why it is none. Bits of a host are refused, as AWS would show them otherwise.
pub fn cidr(text: &str) -> Result<(IpAddr, u32), String> {
    let none = || "no network, such as \"10.0.0.0/16\"".to_owned();
    let (address, bits) = text.split_once('/').ok_or_else(none)?;
    let address: IpAddr = address.parse().map_err(|_| none())?;
    let is_plain = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse::<u32>().ok().filter(|bits| is_plain && *bits <= most).ok_or_else(none)?;
    let network = match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or(0))),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or(0))),
    };
    let canonical = format!("{network}/{bits}");
    if text == canonical { Ok((network, bits)) } else { Err(format!("not how this network is written; write {canonical:?}")) }
}

/// Source: KubernetesNetworkConfigRequest of the EKS API: within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, and between /12 and /24.
pub fn service_network((address, bits): (IpAddr, u32)) -> Result<(), String> {
    let is_private = matches!(address, IpAddr::V4(address) if address.is_private());
    let wide = match address {
        IpAddr::V4(address) if address.octets()[0] == 192 => 16,
        _ => 12,
    };
    if is_private && (wide..=24).contains(&bits) {
        return Ok(());
    }
    Err("no network for Services: one within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, from /12 to /24".to_owned())
}

/// "subnet-" and hexadecimal digits. Longer ones are AWS's affair.
pub fn has_prefix(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// What AWS takes in keys and values of tags.
pub const TAG_TEXT: &str = "letters, digits, spaces and _ . : / = + - @";

pub fn is_tag_text(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}

/// Why EKS or the kubelet refuses a key of a label or taint. EKS counts its prefix among the 63 characters.
pub fn label_key(key: &str) -> Result<(), &'static str> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_prefix = |prefix: &str| {
        let label = |label: &str| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
        };
        prefix.split('.').all(label)
    };
    if key.len() > 63 {
        return Err("too long: EKS takes 63 characters, the prefix included");
    }
    if name.is_empty() || !is_label_text(name) || !prefix.is_none_or(is_prefix) {
        return Err(
            "no key: letters, digits, \"-\", \"_\" and \".\", the first and last a letter or digit, after a domain and \"/\" if need be",
        );
    }
    Ok(())
}

/// Of a label: 1 to 63 characters. Source: labelValue of the EKS API.
pub fn label_value(value: &str) -> bool {
    !value.is_empty() && value.len() <= 63 && is_label_text(value)
}

fn is_label_text(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.chars().all(|c| edge(c) || "-_.".contains(c)) && text.starts_with(edge) && text.ends_with(edge)
}

/// Of a taint: as of a label, or empty.
pub fn taint_value(value: &str) -> bool {
    value.is_empty() || label_value(value)
}

/// Keys in Kubernetes' own domains that a kubelet refuses to set on its node. Source: Kubernetes' NodeRestriction and the kubelet's `--node-labels`; EKS's
/// and EC2's are set by EKS.
pub fn is_reserved(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else { return false };
    let within = |domain: &str| prefix == domain || prefix.ends_with(&format!(".{domain}"));
    let allowed = ["kubelet.kubernetes.io", "node.kubernetes.io"].into_iter().any(within);
    (within("kubernetes.io") || within("k8s.io")) && !allowed || prefix == "eks.amazonaws.com"
}
