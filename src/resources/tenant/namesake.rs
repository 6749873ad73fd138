//! A tenant of the same name on another management cluster, in the same AWS account and region. Cluster API's provider for AWS knows the network of a cluster
//! by its name: the second tenant would be put into the first one's network, and would take parts of that along when it is destroyed.

use std::time::Duration;

use crate::{
    domain::{
        cluster::{Class, eks::is_named_after},
        tenant::TenantSpec,
    },
    framework::{diagnostic::Diagnostics, parts::Call},
    resources::{connection::Connection, tenant::model::Tenant},
};

/// Who has no credentials may be looked for long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Refuses to begin a cluster of the class `kaas-eks` beside the EKS cluster of a namesake. Whoever may not list EKS clusters is let through with a warning: nothing
/// else of a tenant needs that right.
///
/// # Errors
/// The namesake, with the ways out.
pub async fn refuse(connection: &Connection, spec: &TenantSpec, call: &mut Call) -> Result<(), Diagnostics> {
    let Some(own) = spec.own_cluster().filter(|own| own.cluster.class() == Class::Eks) else { return Ok(()) };
    let Some(region) = own.cluster.region.as_deref() else { return Ok(()) };
    if own.cluster.has_own_network() || connection.settings().aws.is_none() {
        return Ok(());
    }
    let aws = connection.aws()?;
    let listed = match tokio::time::timeout(PATIENCE, aws.eks_names(region)).await {
        Ok(Ok(listed)) => listed,
        Ok(Err(error)) => return unseen(region, &error.report(), call),
        Err(_) => return unseen(region, &format!("no answer within {} s", PATIENCE.as_secs()), call),
    };
    let Some(namesake) = listed.into_iter().find(|name| is_named_after(name, &spec.name)) else { return Ok(()) };
    let mut found = Diagnostics::none();
    found.error_at(
        Tenant::NAME,
        "There is a tenant of this name in AWS",
        format!(
            "The EKS cluster {namesake:?} in {region}, in the account of the provider's credentials, is of a tenant {:?} that another management cluster keeps, or was left behind by one. Cluster API's provider for AWS would \
             put this tenant into that one's network, and take parts of it away when one of them is destroyed. Take another name, another region or account, or give the \
             tenant a network of its own by the variables vpcId and subnetIds of its cluster. If nobody needs that EKS cluster, delete it and its network.",
            spec.name.as_str()
        ),
    );
    Err(found)
}

fn unseen(region: &str, why: &str, call: &mut Call) -> Result<(), Diagnostics> {
    let detail = format!(
        "Another management cluster may keep a tenant of this name in the same account and region, and this one would get its network. The EKS clusters in {region} cannot be \
         listed to rule that out: {why}. Allow the provider's credentials eks:ListClusters, or see to the names yourself."
    );
    call.found.warning("It cannot be seen whether there is a tenant of this name in AWS", detail);
    Ok(())
}
