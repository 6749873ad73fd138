//! Where an EKS cluster is, as ids of management clusters say it: `eks/<region>/<name>`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How such ids begin.
const PREFIX: &str = "eks/";

/// An EKS cluster in the account that the credentials are of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EksId {
    pub region: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} should be eks/<region>/<name>, such as \"eks/eu-west-1/platform\"")]
pub struct EksIdError(String);

impl EksId {
    /// Whether an id of a management cluster is meant as that of an EKS cluster.
    pub fn is_meant(id: &str) -> bool {
        id.starts_with(PREFIX)
    }
}

impl FromStr for EksId {
    type Err = EksIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/')) {
            Some((region, name)) if !region.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { region: region.to_owned(), name: name.to_owned() })
            }
            _ => Err(EksIdError(text.to_owned())),
        }
    }
}

impl fmt::Display for EksId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.region, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = EksId { region: "eu-west-1".to_owned(), name: "platform".to_owned() };
        assert_eq!((id.to_string().as_str(), id.to_string().parse()), ("eks/eu-west-1/platform", Ok(id.clone())));
        assert!(EksId::is_meant("eks/x") && !EksId::is_meant("context/eks/eu-west-1/platform"));
    }

    #[test]
    fn what_names_no_cluster_is_refused() {
        for wrong in ["", "eks/", "eks/eu-west-1", "eks/eu-west-1/", "eks//platform", "eks/eu-west-1/platform/payments", "context/platform"]
        {
            assert!(wrong.parse::<EksId>().is_err(), "{wrong:?}");
        }
    }
}
