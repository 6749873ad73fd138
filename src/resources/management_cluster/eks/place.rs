//! Where things of `eks {}` stand in the configuration, and where the cluster is that a configuration names. No I/O.

use crate::{
    domain::eks::EksId,
    framework::{attr::Attr, model::Field, path::Path},
    resources::management_cluster::{
        eks::model::Eks,
        model::{Existing, ManagementCluster},
    },
};

/// The path of a field of the block.
pub fn at(field: Field) -> Path {
    ManagementCluster::EKS.then(field)
}

/// The path of a field of `endpoint {}`.
pub fn endpoint(field: Field) -> Path {
    at(Eks::ENDPOINT).join(&field.into())
}

/// Name and region as a configuration gives them; None where it names no EKS cluster.
pub fn named(config: &ManagementCluster) -> Option<(&Attr<String>, &Attr<String>)> {
    if let Some(eks) = config.eks.known() {
        return Some((&eks.name, &eks.region));
    }
    config.existing.known().filter(|existing| !existing.eks_name.is_null()).map(|existing| (&existing.eks_name, &existing.region))
}

/// Where name and region stand.
pub const fn fields(config: &ManagementCluster) -> (Field, Field, Field) {
    match config.eks {
        Attr::Null => (ManagementCluster::EXISTING, Existing::EKS_NAME, Existing::REGION),
        _ => (ManagementCluster::EKS, Eks::NAME, Eks::REGION),
    }
}

/// The EKS cluster that a configuration names, as far as it is known. A region that is not written is the one the cluster is in, else the provider's.
pub fn wanted(config: &ManagementCluster, prior: Option<&EksId>, provider_region: Option<&str>) -> Option<EksId> {
    let (name, region) = named(config)?;
    let name = name.known()?;
    let region = match region {
        Attr::Unknown => return None,
        Attr::Known(region) => region.clone(),
        Attr::Null => {
            let kept = prior.filter(|prior| prior.name == *name).map(|prior| prior.region.as_str());
            kept.or(provider_region)?.to_owned()
        }
    };
    Some(EksId { region, name: name.clone() })
}

/// The EKS cluster that a state is of.
pub fn of_state(state: &ManagementCluster) -> Option<EksId> {
    state.id.known()?.parse().ok()
}

/// Where what an error is about stands.
pub fn of(_block: &Eks, _field: &crate::domain::eks::Field) -> Path {
    at(Eks::NAME)
}
