//! The versions of the charts in a tenant's cluster: pinned, each to be overridden.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Component;

/// Chart versions the user names. None: the pinned one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComponentVersions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_controller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_csi: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_dns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strimzi: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_cleaner: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{found:?} is no chart version for {}: write the full version without ranges, such as {pinned:?}", component.name())]
pub struct VersionFormatError {
    pub component: Component,
    pub found: String,
    pub pinned: &'static str,
}

impl ComponentVersions {
    /// The chart version to install.
    pub fn of(&self, component: Component) -> &str {
        self.named(component).unwrap_or_else(|| pinned(component))
    }

    const fn field(&self, component: Component) -> &Option<String> {
        match component {
            Component::CloudController => &self.cloud_controller,
            Component::Network => &self.network,
            Component::EbsCsi => &self.ebs_csi,
            Component::CertManager => &self.cert_manager,
            Component::Monitoring => &self.monitoring,
            Component::ExternalDns => &self.external_dns,
            Component::Strimzi => &self.strimzi,
            Component::DrainCleaner => &self.drain_cleaner,
        }
    }

    fn named(&self, component: Component) -> Option<&str> {
        self.field(component).as_deref()
    }

    /// Every version that is a range or none at all: a range would change a running tenant without a plan.
    pub fn check(&self) -> Vec<VersionFormatError> {
        let wrong = |component: Component| {
            let found = self.named(component).filter(|text| !is_version(text))?;
            Some(VersionFormatError { component, found: found.to_owned(), pinned: pinned(component) })
        };
        Component::ALL.into_iter().filter_map(wrong).collect()
    }
}

/// The newest that were seen to go together; cert-manager's charts carry a "v".
const fn pinned(component: Component) -> &'static str {
    match component {
        Component::CloudController => "0.0.10",
        Component::Network => "1.19.6",
        Component::EbsCsi => "2.64.0",
        Component::CertManager => "v1.21.2",
        Component::Monitoring => "88.5.3",
        Component::ExternalDns => "1.21.1",
        Component::Strimzi => "1.2.0",
        Component::DrainCleaner => "1.6.1",
    }
}

/// "1.2.3", "v1.2.3", "1.2.3-rc.1", "1.2.3+build".
fn is_version(text: &str) -> bool {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let (core, rest) = plain.find(['-', '+']).map_or((plain, ""), |at| plain.split_at(at));
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        && rest.len() != 1
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_versions_are_versions_and_what_the_user_names_wins() {
        assert!(Component::ALL.iter().all(|component| is_version(pinned(*component))));
        let versions = ComponentVersions { strimzi: Some("1.1.0".into()), ..ComponentVersions::default() };
        assert_eq!((versions.of(Component::Strimzi), versions.of(Component::CertManager)), ("1.1.0", "v1.21.2"));
        assert!(versions.check().is_empty());
    }

    #[test]
    fn a_range_is_refused() {
        for text in ["", "1.2", "1.x", ">=1.2.0", "~1.2.0", "1.2.0 ", "latest", "1.2.0-", "*"] {
            let versions = ComponentVersions { cert_manager: Some(text.into()), ..ComponentVersions::default() };
            let errors = versions.check();
            assert_eq!(errors.len(), 1, "{text}");
            assert!(errors[0].to_string().contains("for cert-manager: write the full version"), "{}", errors[0]);
        }
    }
}
