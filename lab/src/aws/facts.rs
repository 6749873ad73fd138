//! What moto says of the roles and subnets that a request to EKS names.

use anyhow::Error;
use serde_json::{Map, Value};

use super::eks::refusal::{Answer, Refusal};
use super::eks::route::Action;
use super::eks::{Facts, Subnet, texts};
use super::keys::{Key, element};
use super::moto::Moto;
use super::rights;
use super::signature::decode;

/// Looks up what the request names.
///
/// # Errors
/// When something is not there, as AWS says it.
pub async fn gather(moto: Moto, key: &Key, region: &str, action: Action, body: &Map<String, Value>) -> Answer<Facts> {
    let network = || body.get("resourcesVpcConfig").map(|network| texts(network.get("subnetIds"))).unwrap_or_default();
    let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    match action {
        Action::CreateCluster => {
            role(moto, key, text("roleArn"), "eks.amazonaws.com").await?;
            subnets(moto, region, &network()).await
        }
        Action::UpdateClusterConfig => subnets(moto, region, &network()).await,
        Action::CreateNodegroup => {
            role(moto, key, text("nodeRole"), "ec2.amazonaws.com").await?;
            subnets(moto, region, &texts(body.get("subnets"))).await
        }
        Action::CreatePodIdentityAssociation => {
            role(moto, key, text("roleArn"), "pods.eks.amazonaws.com").await?;
            Ok(Facts::default())
        }
        _ => Ok(Facts::default()),
    }
}

async fn role(moto: Moto, key: &Key, arn: &str, trusted: &str) -> Answer<()> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let found = moto.query("iam", "us-east-1", &[("Action", "GetRole"), ("RoleName", name)]).await;
    let trusts = found.is_ok_and(|xml| {
        element(&xml, "Arn") == Some(arn)
            && element(&xml, "AssumeRolePolicyDocument").is_some_and(|policy| decode(policy).contains(trusted))
    });
    if !trusts {
        let message = format!("Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct");
        return Err(Refusal::parameter(message));
    }
    rights::check(moto, key, "iam:PassRole", arn).await
}

pub async fn subnets(moto: Moto, region: &str, ids: &[String]) -> Answer<Facts> {
    let mut facts = Facts::default();
    for id in ids {
        let answer = moto.query("ec2", region, &[("Action", "DescribeSubnets"), ("SubnetId.1", id)]).await;
        let xml = answer.map_err(|error: Error| Refusal::parameter(format!("The subnet ID '{id}' does not exist ({error:#})")))?;
        let part = |tag: &str| element(&xml, tag).unwrap_or_default().to_owned();
        facts.subnets.insert(id.clone(), Subnet { vpc: part("vpcId"), zone: part("availabilityZone") });
    }
    Ok(facts)
}
