//! Who gets into EKS and into the Kubernetes of a cluster.

use aws_sdk_eks::types::{AccessScope, AccessScopeType, Cluster};
use k8s_openapi::api::core::v1::Namespace;
use kaas_lab::aws::{Change, Credentials};
use kube::api::{Api, ListParams};
use serde_json::json;

use super::world::{World, refusal, wait};

const POLICY: &str = "arn:aws:eks::aws:cluster-access-policy/";

/// The HTTP status of a question, 200 if it is answered.
async fn asked(cluster: &Cluster, token: String) -> u16 {
    match Api::<Namespace>::all(World::kubernetes(cluster, token)).list(&ListParams::default()).await {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("no answer: {error}"),
    }
}

#[test]
fn only_who_an_access_entry_admits_gets_in_and_only_with_a_token_signed_for_the_cluster() {
    let world = World::new("aws-access");
    world.run(async {
        let blue = world.cluster("blue", "1.35").await;
        let token = |user: &Credentials, cluster: &str| world.aws.kubernetes_token(user, cluster);
        let (admin, stranger) = (world.aws.administrator(), world.aws.stranger());
        assert_eq!(asked(&blue, token(admin, "blue")).await, 200);
        assert_eq!(asked(&blue, token(admin, "green")).await, 401, "made for another cluster");
        let forged = Credentials { secret_access_key: "wrong".to_owned(), ..admin.clone() };
        assert_eq!(asked(&blue, token(&forged, "blue")).await, 401, "signed with another secret");
        let unknown = Credentials { access_key_id: "AKIAUNKNOWN".to_owned(), ..admin.clone() };
        assert_eq!(asked(&blue, token(&unknown, "blue")).await, 401, "a key nobody has");
        assert_eq!(asked(&blue, token(stranger, "blue")).await, 401, "no access entry");
        eks_itself(&world, &forged, &unknown).await;
        entries(&world, &blue).await;
        sessions(&world, &blue).await;
        expiry(&world, &blue).await;
    });
    world.lab.down().unwrap();
}

async fn eks_itself(world: &World, forged: &Credentials, unknown: &Credentials) {
    let (code, message) = refusal(world.eks(world.aws.stranger()).describe_cluster().name("blue").send().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(message.contains("lab-stranger is not authorized to perform: eks:DescribeCluster"), "{message}");
    assert_eq!(refusal(world.eks(forged).list_clusters().send().await).0, "InvalidSignatureException");
    assert_eq!(refusal(world.eks(unknown).list_clusters().send().await).0, "UnrecognizedClientException");
    let sts = |user: &Credentials| format!("{:#}", world.aws.assume(user, "arn:aws:iam::123456789012:role/any").unwrap_err());
    assert!(sts(forged).contains("SignatureDoesNotMatch"), "{}", sts(forged));
    assert!(sts(unknown).contains("InvalidClientTokenId"), "{}", sts(unknown));
}

async fn entries(world: &World, blue: &Cluster) {
    let (eks, stranger) = (world.admin(), world.aws.stranger());
    eks.create_access_entry().cluster_name("blue").principal_arn(&stranger.arn).kubernetes_groups("guests").send().await.unwrap();
    let token = || world.aws.kubernetes_token(stranger, "blue");
    wait("the stranger to be known", || async { (asked(blue, token()).await == 403).then_some(()) }).await;
    let scope = || AccessScope::builder().r#type(AccessScopeType::Cluster).build();
    let associate = |policy: &str| {
        let associate = eks.associate_access_policy().cluster_name("blue").principal_arn(&stranger.arn);
        associate.policy_arn(format!("{POLICY}{policy}")).access_scope(scope())
    };
    associate("AmazonEKSClusterAdminPolicy").send().await.unwrap();
    wait("the stranger to be administrator", || async { (asked(blue, token()).await == 200).then_some(()) }).await;
    let disassociate = eks.disassociate_access_policy().cluster_name("blue").principal_arn(&stranger.arn);
    disassociate.policy_arn(format!("{POLICY}AmazonEKSClusterAdminPolicy")).send().await.unwrap();
    wait("the stranger to be nobody", || async { (asked(blue, token()).await == 403).then_some(()) }).await;
    eks.delete_access_entry().cluster_name("blue").principal_arn(&stranger.arn).send().await.unwrap();
    wait("the stranger to be unknown", || async { (asked(blue, token()).await == 401).then_some(()) }).await;
    assert_eq!(
        refusal(eks.describe_access_entry().cluster_name("blue").principal_arn(&stranger.arn).send().await).0,
        "ResourceNotFoundException"
    );
}

/// A role that is lent: to EKS by its policies, to Kubernetes by its entry.
async fn sessions(world: &World, blue: &Cluster) {
    let role = world.aws.role_for("lab-operator", &world.aws.stranger().arn).unwrap();
    let lent = world.aws.assume(world.aws.stranger(), &role).unwrap();
    assert_eq!(refusal(world.eks(&lent).describe_cluster().name("blue").send().await).0, "AccessDeniedException");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "eks:Describe*", "Resource": "*"}]});
    world.aws.allow("Role", "lab-operator", &policy).unwrap();
    world.eks(&lent).describe_cluster().name("blue").send().await.unwrap();
    let group = "lab:operators";
    world.admin().create_access_entry().cluster_name("blue").principal_arn(&role).kubernetes_groups(group).send().await.unwrap();
    let token = || world.aws.kubernetes_token(&lent, "blue");
    wait("the role to be known", || async { (asked(blue, token()).await == 403).then_some(()) }).await;
    let stolen = Credentials { session_token: None, ..lent.clone() };
    assert_eq!(asked(blue, world.aws.kubernetes_token(&stolen, "blue")).await, 401, "without its session token");
}

async fn expiry(world: &World, blue: &Cluster) {
    world.aws.set(&Change { token_lifetime_s: Some(3.0), ..Change::default() }).unwrap();
    let token = world.aws.kubernetes_token(world.aws.administrator(), "blue");
    assert_eq!(asked(blue, token.clone()).await, 200);
    // The API server relies on what it was told for up to 10 s.
    wait("the token to be too old", || async { (asked(blue, token.clone()).await == 401).then_some(()) }).await;
    assert_eq!(asked(blue, world.aws.kubernetes_token(world.aws.administrator(), "blue")).await, 200);
}
