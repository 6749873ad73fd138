//! A lab with Cluster API and AWS, tenants of the class `kaas-eks`, and what AWS has of them.

use aws_sdk_eks::Client;
use aws_sdk_eks::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_eks::types::{Addon, Cluster, PodIdentityAssociationSummary};
use k8s_openapi::api::core::v1::Node;
use kaas_lab::aws::Aws;
use kaas_lab::terraform::Engine;
use kaas_lab::{Options, TemporaryLab, block_on, client};
use kube::api::{Api, ListParams};
use serde_json::Value;

use crate::acceptance::cluster::{self, At};
use crate::acceptance::place::{Place, Tenant};
use crate::hard::world::{home_cluster, inside};
use crate::names;

pub struct World {
    pub lab: TemporaryLab,
    pub aws: Aws,
    eks: Client,
}

impl World {
    pub fn new(purpose: &str) -> Self {
        Self::with(Options { aws: true, ..Options::named(&format!("{purpose}-{}", std::process::id())) })
    }

    /// With DNS and certificates besides.
    pub fn named(purpose: &str) -> Self {
        Self::with(names::world::options(purpose))
    }

    fn with(options: Options) -> Self {
        let binary = env!("CARGO_BIN_EXE_kaas-lab").into();
        let options = Options { cluster_api: true, pretend_ready: true, lab_binary: Some(binary), ..options };
        let lab = TemporaryLab::with(&options).unwrap();
        let aws = lab.aws().unwrap();
        let user = aws.administrator();
        let credentials = Credentials::new(&user.access_key_id, &user.secret_access_key, None, None, "lab");
        let config = aws_sdk_eks::Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(aws.region()));
        let eks = Client::from_conf(config.endpoint_url(aws.url()).credentials_provider(credentials).build());
        Self { lab, aws, eks }
    }

    /// A folder whose configuration installs the class and makes `tenant`.
    pub fn place(&self, tenant: &Tenant) -> Place {
        let place = Place::new(Engine::OpenTofu, &self.lab);
        self.configure(&place, tenant);
        place
    }

    pub fn configure(&self, place: &Place, tenant: &Tenant) {
        let management = "resource \"kaas_management_cluster\" \"m\" {\n  existing {}\n  cluster_classes = [\"kaas-eks\"]\n}\n";
        let tenant = tenant.with(&format!("{}\n  depends_on = [kaas_management_cluster.m]", tenant.more));
        place.resources(&format!("{management}{}", tenant.block()));
    }

    /// The names of all EKS clusters.
    pub fn clusters(&self) -> Vec<String> {
        block_on(async { Ok(self.eks.list_clusters().send().await?.clusters.unwrap_or_default()) }).unwrap()
    }

    /// What EKS says of a tenant's cluster.
    pub fn cluster(&self, tenant: &str) -> Cluster {
        let name = self.control_plane(tenant)["spec"]["eksClusterName"].as_str().unwrap().to_owned();
        block_on(async { Ok(self.eks.describe_cluster().name(name).send().await?.cluster) }).unwrap().unwrap()
    }

    pub fn add_ons(&self, cluster: &Cluster) -> Vec<Addon> {
        let name = cluster.name().unwrap();
        block_on(async {
            let mut all = Vec::new();
            for add_on in self.eks.list_addons().cluster_name(name).send().await?.addons.unwrap_or_default() {
                all.extend(self.eks.describe_addon().cluster_name(name).addon_name(add_on).send().await?.addon);
            }
            Ok(all)
        })
        .unwrap()
    }

    /// The service accounts that a cluster gives a role, `namespace/name`, sorted.
    pub fn pod_identities(&self, cluster: &Cluster) -> Vec<String> {
        let listed = block_on(async { Ok(self.eks.list_pod_identity_associations().cluster_name(cluster.name().unwrap()).send().await?) });
        let own = |one: &PodIdentityAssociationSummary| Some(format!("{}/{}", one.namespace()?, one.service_account()?));
        let mut all: Vec<String> = listed.unwrap().associations().iter().filter_map(own).collect();
        all.sort();
        all
    }

    /// How many roles of IAM are a tenant's.
    pub fn roles(&self, tenant: &str) -> usize {
        let listed = self.aws.query("iam", &[("Action", "ListRoles"), ("Version", "2010-05-08")]).unwrap();
        listed.matches(&format!("<RoleName>kaas-{tenant}-")).count()
    }

    /// Takes from a tenant's role what external-dns may do.
    pub fn disarm(&self, tenant: &str) {
        let ask = |parameters: &[(&str, &str)]| self.aws.query("iam", &[parameters, &[("Version", "2010-05-08")]].concat()).unwrap();
        let listed = ask(&[("Action", "ListRoles")]);
        let begin = listed.find(&format!("<RoleName>kaas-{tenant}-")).unwrap() + "<RoleName>".len();
        let role = listed[begin..].split('<').next().unwrap();
        ask(&[("Action", "DeleteRolePolicy"), ("RoleName", role), ("PolicyName", "external-dns")]);
    }

    /// The object of Cluster API.
    pub fn home(&self, tenant: &str) -> Value {
        cluster::get(&*self.lab, &home_cluster(tenant)).unwrap()
    }

    /// The object of its provider for AWS.
    pub fn control_plane(&self, tenant: &str) -> Value {
        let home = self.home(tenant);
        let object = kaas::domain::cluster::eks::control_plane(&home).unwrap();
        cluster::get(&*self.lab, &object).unwrap()
    }

    /// The nodes in a tenant's cluster, seen by the kubeconfig that the provider for AWS wrote.
    pub fn nodes(&self, tenant: &str) -> Vec<Node> {
        let inside = inside(&self.lab, tenant);
        block_on(async {
            let nodes: Api<Node> = Api::all(client(&inside.kubeconfig()).await?);
            Ok(nodes.list(&ListParams::default()).await?.items)
        })
        .unwrap()
    }

    /// The ids that EC2 lists for an action, by the element they stand in, of what the filter lets through.
    pub fn filtered(&self, action: &str, element: &str, (filter, value): (&str, &str)) -> Vec<String> {
        self.ids(&[("Action", action), ("Filter.1.Name", filter), ("Filter.1.Value.1", value)], element)
    }

    /// The ids in an answer of EC2.
    pub fn ids(&self, asked: &[(&str, &str)], element: &str) -> Vec<String> {
        let xml = self.aws.query("ec2", asked).unwrap();
        let mut ids: Vec<String> =
            xml.split(&format!("<{element}>")).skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Everything in EC2 that a cluster may leave: networks, what is in them, running machines, addresses. Not network interfaces: moto leaves those of gateways.
    pub fn in_ec2(&self) -> Vec<String> {
        let listed = [
            ("DescribeVpcs", "vpcId"),
            ("DescribeSubnets", "subnetId"),
            ("DescribeSecurityGroups", "groupId"),
            ("DescribeRouteTables", "routeTableId"),
            ("DescribeInternetGateways", "internetGatewayId"),
            ("DescribeAddresses", "allocationId"),
        ];
        let mut all: Vec<String> = listed.iter().flat_map(|(action, element)| self.ids(&[("Action", action)], element)).collect();
        all.extend(self.filtered("DescribeNatGateways", "natGatewayId", ("state", "available")));
        all.extend(self.filtered("DescribeInstances", "instanceId", ("instance-state-name", "running")));
        all
    }
}

/// Applies what is configured; all is well then, and nothing is left to do.
pub fn is_applied(place: &Place) {
    place.apply();
    assert_eq!(place.phase(), "Ready", "{}", place.tenant()["status"]);
    place.plan_is_empty();
}

/// The smallest tenant with an EKS cluster, that may be destroyed. `more` goes into its `cluster`.
pub fn on_eks(name: &str, more: &str) -> Tenant {
    let block = format!("cluster {{\n    class  = \"kaas-eks\"\n    region = \"eu-central-1\"\n    {more}\n  }}");
    Tenant { isolation: "\"cluster\"", ..Tenant::small(name).with(&block) }
}
