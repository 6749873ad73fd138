//! Versions of EKS clusters: a minor of Kubernetes; AWS chooses the patch level.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A minor version of Kubernetes, "1.34".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EksVersion {
    pub minor: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EksVersionError {
    #[error("{found:?} is no version of EKS; write major and minor version, such as 1.34")]
    Format { found: String },
    #[error("EKS cannot go from {from} back to {to}: a control plane is never downgraded; stay at {from} or above")]
    Downgrade { from: EksVersion, to: EksVersion },
}

impl FromStr for EksVersion {
    type Err = EksVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let format = || EksVersionError::Format { found: text.to_owned() };
        let minor = text.strip_prefix("1.").ok_or_else(format)?;
        if minor.is_empty()
            || minor.len() > 3
            || (minor.len() > 1 && minor.starts_with('0'))
            || !minor.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(format());
        }
        Ok(Self { minor: minor.parse().map_err(|_| format())? })
    }
}

impl fmt::Display for EksVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_a_minor_and_nothing_else() {
        assert_eq!("1.34".parse(), Ok(EksVersion { minor: 34 }));
        assert_eq!(EksVersion { minor: 34 }.to_string(), "1.34");
        for wrong in ["", "1", "1.", "v1.34", "1.34.2", "2.1", "1.034", "1.x", "1.+4", "1.99999999999"] {
            assert_eq!(wrong.parse::<EksVersion>(), Err(EksVersionError::Format { found: wrong.to_owned() }));
        }
    }
}
