//! From an AWS account to Kafka in one apply, but for what a provider of AWS makes: that comes from the lab's AWS.

use std::collections::BTreeSet;

use kaas_lab::aws::{Change, Platform};
use kaas_lab::terraform::Engine;
use kaas_lab::{Server, process};

use super::place::Place;
use crate::eks::world::{World, one_line};

/// Far less than an apply takes, though kube-apiserver remembers a good token for 10 s; AWS: 900.
const TOKEN_LIFETIME_S: f64 = 4.0;

/// What aws.tf makes, unknown until it is applied as there.
fn made_elsewhere(world: &World) -> String {
    let role = |name: &str| world.aws.role(name, "pods.eks.amazonaws.com").unwrap();
    let (driver, cluster_api) = (role("lab-ebs-csi"), role("lab-cluster-api"));
    let (cluster, node) = (&world.ready.cluster_role_arn, &world.ready.node_role_arn);
    format!(
        r#"
resource "terraform_data" "aws" {{
  input = {{
    subnet_ids           = {:?}
    zones                = []
    key_arn              = "arn:aws:kms:{}:123456789012:key/0d990263-018e-4e65-a703-eff731de951e"
    cluster_role_arn     = "{cluster}"
    node_role_arn        = "{node}"
    ebs_csi_role_arn     = "{driver}"
    cluster_api_role_arn = "{cluster_api}"
  }}
}}

locals {{
  aws = terraform_data.aws.output
}}
"#,
        world.ready.subnet_ids,
        world.aws.region()
    )
}

fn place(world: &World, engine: Engine, name: &str) -> Place {
    let mut place = Place::without_cluster(engine);
    for (variable, value) in world.aws.environment(world.aws.administrator()) {
        place.workspace.set_env(&variable, value);
    }
    place.workspace.set_variable("name", name);
    place.workspace.set_variable("region", world.aws.region());
    place.workspace.set_variable("deletion_protection", "false");
    // The lab's AWS brings the operators with its clusters.
    place.workspace.set_variable("install", "false");
    // The lab has no machines for the class that the example names.
    place.workspace.write("lab.auto.tfvars", "cluster_class = { name = \"process\", namespace = \"kaas-system\" }\n").unwrap();
    place.workspace.write("aws.tf", &made_elsewhere(world)).unwrap();
    let classes = "output \"classes\" {\n  value = kaas_management_cluster.platform.cluster_classes\n}\n";
    place.workspace.write("classes.tf", classes).unwrap();
    place.write(&[("main.tf", "aws-complete/main.tf"), ("tenants.tf", "aws-complete/tenants.tf")]);
    place
}

/// What there is outside EKS that a cluster, its tenants or somebody for them may have made.
fn outside(world: &World) -> BTreeSet<String> {
    let asked = [
        ("ec2", "DescribeSecurityGroups", "groupId"),
        ("ec2", "DescribeTags", "resourceId"),
        ("iam", "ListRoles", "Arn"),
        ("iam", "ListPolicies", "Arn"),
    ];
    let listed = asked.map(|(service, action, what)| {
        // Policies of AWS's own are many, and nobody's making.
        let answer = world.aws.query(service, &[("Action", action), ("Scope", "Local")]).unwrap();
        let tag = format!("<{what}>");
        let named = answer.split(tag.as_str()).skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned());
        named.collect::<Vec<_>>()
    });
    listed.into_iter().flatten().collect()
}

#[test]
fn an_aws_account_becomes_kafka_in_one_apply_and_is_left_as_it_was() {
    let world = World::new("aws-complete");
    // No token outlives the making of a tenant with a cluster of its own.
    world.aws.set(&Change { platform: Some(Platform::Full), token_lifetime_s: Some(TOKEN_LIFETIME_S), ..Change::default() }).unwrap();
    let mut refused = 0;
    for engine in Engine::available() {
        let name = format!("platform-{engine:?}").to_lowercase();
        let place = place(&world, engine, &name);
        let before = outside(&world);
        place.comes_up();
        assert!(tokens_refused(&world) > refused, "{engine:?}: no token was too old, so renewal was not seen");
        refused = tokens_refused(&world);
        assert_eq!(world.clusters(), [name.as_str()]);
        for output in ["endpoint", "ca_certificate", "oidc_issuer", "security_group_id"] {
            assert!(place.workspace.output(output).unwrap().is_string(), "{engine:?}: no {output}");
        }
        let servers = place.workspace.output("bootstrap_servers").unwrap();
        assert!(servers["payments"].is_string() && servers["audit"].is_string(), "{engine:?}: {servers}");
        let classes = place.workspace.output("classes").unwrap();
        assert_eq!(classes, serde_json::json!(["kaas-aws", "kaas-eks"]), "{engine:?}: the classes that webhooks accepted");
        keeps_its_tenants(&world, &place, &name);
        assert_eq!(outside(&world).len(), before.len() + 1, "the cluster's security group");
        place.workspace.destroy(&[]).unwrap().succeeded().unwrap();
        assert_eq!(world.clusters(), Vec::<String>::new());
        assert_eq!(outside(&world), before);
        assert_eq!(process::marked(&world.lab.folder().join("aws-eks-stand-in")), []);
    }
    world.lab.down().unwrap();
}

/// How many tokens were refused by their age.
fn tokens_refused(world: &World) -> usize {
    std::fs::read_to_string(world.lab.log(Server::AwsEks)).unwrap().matches("s old, at most").count()
}

/// Where tenants are in no state or in another, the cluster under them is not taken away.
fn keeps_its_tenants(world: &World, place: &Place, name: &str) {
    let file = place.workspace.dir().join("terraform.tfstate");
    let whole = std::fs::read(&file).unwrap();
    place.workspace.run(&["state", "rm", "kaas_tenant.payments", "kaas_tenant.audit"]).unwrap().succeeded().unwrap();
    let refused = place.workspace.destroy(&["-target=kaas_management_cluster.platform"]).unwrap();
    let told = one_line(&refused.stderr);
    assert_eq!(refused.code, Some(1), "{told}");
    assert!(told.contains("Tenants live on the management cluster") && told.contains("the tenants audit, payments"), "{told}");
    assert_eq!(world.clusters(), [name.to_owned()]);
    std::fs::write(&file, whole).unwrap();
    place.plans_nothing();
}
