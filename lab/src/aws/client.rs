//! The lab's AWS as its users have it: where it is, with which keys, what is prepared in it, and how faults are ordered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use http::Request;
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::faults::Fault;
use super::keys::element;
use super::moto::{Moto, Signer, query, rest};
use super::settings::Change;
use super::token::mint::Recipe;
use super::{NAME, Platform, REGION, servers};
use crate::kubernetes::block_on;
use crate::record;

/// The services that can be reached, by the ids their SDKs give them in variables, and their names in endpoint maps.
const SERVICES: [(&str, &str); 6] =
    [("EKS", "eks"), ("IAM", "iam"), ("STS", "sts"), ("EC2", "ec2"), ("ROUTE_53", "route53"), ("KMS", "kms")];
/// The file with the keys of the lab's users.
const CREDENTIALS: &str = "credentials.json";

/// A key of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Of a role that is lent.
    #[serde(default)]
    pub session_token: Option<String>,
    /// ARN of the user, of a role with the session.
    pub arn: String,
}

/// What a cluster needs of other services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// In two zones.
    pub subnet_ids: Vec<String>,
    pub vpc_id: String,
    /// Of the control plane.
    pub cluster_role_arn: String,
    /// Of node groups.
    pub node_role_arn: String,
}

/// The AWS of a lab.
#[derive(Clone, Debug)]
pub struct Aws {
    port: u16,
    folder: PathBuf,
    administrator: Credentials,
    stranger: Credentials,
}

#[derive(Serialize, Deserialize)]
struct Users {
    administrator: Credentials,
    stranger: Credentials,
}

impl Aws {
    /// Makes the lab's users: one who may do everything, one who may do nothing. `folder`: the lab's.
    pub(crate) fn found(port: u16, folder: &Path) -> Result<Self> {
        let front = Front { port };
        let users = Users { administrator: front.user("lab-administrator")?, stranger: front.user("lab-stranger")? };
        let everything = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}).to_string();
        let name = [("UserName", "lab-administrator"), ("PolicyName", "everything"), ("PolicyDocument", &everything)];
        front.iam("PutUserPolicy", &name)?;
        record::write(&folder.join(NAME).join(CREDENTIALS), &users)?;
        Self::open(port, folder)
    }

    /// The AWS of the lab in `folder`.
    pub(crate) fn open(port: u16, folder: &Path) -> Result<Self> {
        let folder = folder.join(NAME);
        let file = folder.join(CREDENTIALS);
        let text = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        let users: Users = serde_json::from_slice(&text).with_context(|| format!("understand {}", file.display()))?;
        Ok(Self { port, folder, administrator: users.administrator, stranger: users.stranger })
    }

    /// Where it keeps its things.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where all its services are.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The region in which [`Aws::prepare`] makes things.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// URLs by the services' names, as the provider's `aws { endpoints }` takes them.
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        SERVICES.map(|(_, name)| (name.to_owned(), self.url())).into()
    }

    /// The user who may do everything.
    pub fn administrator(&self) -> &Credentials {
        &self.administrator
    }

    /// A user who may do nothing.
    pub fn stranger(&self) -> &Credentials {
        &self.stranger
    }

    /// Variables by which the SDKs and CLIs of AWS find this AWS, as the user with these credentials.
    pub fn environment(&self, user: &Credentials) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = SERVICES.map(|(id, _)| (format!("AWS_ENDPOINT_URL_{id}"), self.url())).into();
        let own = [
            ("AWS_ACCESS_KEY_ID", user.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &user.secret_access_key),
            ("AWS_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        all.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        all.extend(user.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN".to_owned(), token.clone())));
        all
    }

    /// Subnets of the default network and roles as a cluster and its node groups need them. May be repeated.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn prepare(&self) -> Result<Prepared> {
        let front = Front { port: self.port };
        let xml = front.ask("ec2", &[("Action", "DescribeSubnets"), ("Filter.1.Name", "default-for-az"), ("Filter.1.Value.1", "true")])?;
        let subnet_ids: Vec<String> = super::keys::elements(&xml, "subnetId").take(2).map(str::to_owned).collect();
        ensure!(subnet_ids.len() == 2, "moto has no two subnets");
        let vpc_id = element(&xml, "vpcId").context("find the network of the subnets")?.to_owned();
        let cluster_role_arn = self.role("lab-eks-cluster", "eks.amazonaws.com")?;
        let node_role_arn = self.role("lab-eks-node", "ec2.amazonaws.com")?;
        Ok(Prepared { subnet_ids, vpc_id, cluster_role_arn, node_role_arn })
    }

    /// A user of this AWS called `name`, new, with a key and without rights.
    ///
    /// # Errors
    /// When there is one already, or moto does not answer.
    pub fn user(&self, name: &str) -> Result<Credentials> {
        Front { port: self.port }.user(name)
    }

    /// The id of a new public hosted zone of Route 53 called `name`.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn hosted_zone(&self, name: &str) -> Result<String> {
        let unique = super::eks::new_id(16);
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
             <CallerReference>{unique}</CallerReference></CreateHostedZoneRequest>"
        );
        let request = rest("POST", "route53", "/2013-04-01/hostedzone", "", &body)?;
        let xml = Front { port: self.port }.send(request).with_context(|| format!("make the hosted zone {name} in the lab's AWS"))?;
        let id = element(&xml, "Id").context("find the id of the hosted zone")?;
        Ok(id.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// The ARN of the role `name` that the service `principal` may assume (`pods.eks.amazonaws.com`), made if there is none.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn role(&self, name: &str, principal: &str) -> Result<String> {
        self.role_of(name, &json!({"Service": principal}))
    }

    /// The ARN of the role `name` that a user or role of this AWS may assume, made if there is none.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn role_for(&self, name: &str, arn: &str) -> Result<String> {
        self.role_of(name, &json!({"AWS": arn}))
    }

    fn role_of(&self, name: &str, principal: &Value) -> Result<String> {
        let front = Front { port: self.port };
        let trust = json!({"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]}]});
        let made = front.iam("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust.to_string())]);
        let xml = made.or_else(|_| front.iam("GetRole", &[("RoleName", name)]))?;
        Ok(element(&xml, "Arn").context("find the ARN of a role")?.to_owned())
    }

    /// Lets a role or user (`kind`: `Role` or `User`) do what the policy says.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn allow(&self, kind: &str, name: &str, policy: &Value) -> Result<()> {
        let owner = format!("{kind}Name");
        let parameters = [(owner.as_str(), name), ("PolicyName", "lab"), ("PolicyDocument", &policy.to_string())];
        Front { port: self.port }.iam(&format!("Put{kind}Policy"), &parameters).map(|_| ())
    }

    /// A token of the user with these credentials for the Kubernetes of a cluster in [`REGION`], as `aws eks get-token` makes it.
    pub fn kubernetes_token(&self, user: &Credentials, cluster: &str) -> String {
        let host = format!("sts.{REGION}.amazonaws.com");
        let recipe = Recipe::new(&user.access_key_id, &user.secret_access_key, REGION, &host, cluster, time::OffsetDateTime::now_utc());
        Recipe { session_token: user.session_token.as_deref(), ..recipe }.token()
    }

    /// Lends the user with these credentials the role `arn`.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn assume(&self, user: &Credentials, arn: &str) -> Result<Credentials> {
        let front = Front { port: self.port };
        let asked = [("Action", "AssumeRole"), ("RoleArn", arn), ("RoleSessionName", "lab")];
        let xml = front.ask_as(Some(Signer { access_key: &user.access_key_id, secret: &user.secret_access_key }), "sts", &asked)?;
        let part = |tag: &str| element(&xml, tag).map(str::to_owned).with_context(|| format!("find {tag} in moto's answer"));
        Ok(Credentials {
            access_key_id: part("AccessKeyId")?,
            secret_access_key: part("SecretAccessKey")?,
            session_token: Some(part("SessionToken")?),
            arn: part("Arn")?,
        })
    }

    /// What a service other than EKS (`ec2`, `iam`) answers to a request with these parameters, `Action` among them: XML.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn query(&self, service: &str, parameters: &[(&str, &str)]) -> Result<String> {
        Front { port: self.port }.ask(service, parameters)
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// When the stand-in does not take it.
    pub fn order(&self, fault: &Fault) -> Result<()> {
        self.post("/_lab/fault", &serde_json::to_value(fault)?)
    }

    /// Changes how long things take and what runs in clusters. What that needs is built first.
    ///
    /// # Errors
    /// When something cannot be built, or the stand-in does not take it.
    pub fn set(&self, change: &Change) -> Result<()> {
        change.platform.map_or(Ok(()), Platform::gather)?;
        self.post("/_lab/settings", &serde_json::to_value(change)?)
    }

    /// The kubeconfig of the administrator of a cluster in [`REGION`], which needs no AWS.
    pub fn kubeconfig(&self, cluster: &str) -> PathBuf {
        servers::folder(&self.folder, &format!("{REGION}/{cluster}")).join("kubeconfig")
    }

    fn post(&self, path: &str, body: &Value) -> Result<()> {
        let request = Request::post(path).header(http::header::HOST, "lab").body(Full::new(bytes::Bytes::from(body.to_string())))?;
        block_on(async {
            let answer = Moto { port: self.port }.send(request).await?;
            let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            ensure!(answer.status().is_success(), "{}", said["message"].as_str().unwrap_or("the lab's AWS refused"));
            Ok(())
        })
    }
}

/// The door, asked with the lab's own key.
#[derive(Clone, Copy)]
struct Front {
    port: u16,
}

impl Front {
    fn user(self, name: &str) -> Result<Credentials> {
        let made = self.iam("CreateUser", &[("UserName", name)])?;
        let key = self.iam("CreateAccessKey", &[("UserName", name)])?;
        let part = |xml: &str, tag: &str| element(xml, tag).map(str::to_owned).with_context(|| format!("find {tag} in moto's answer"));
        Ok(Credentials {
            access_key_id: part(&key, "AccessKeyId")?,
            secret_access_key: part(&key, "SecretAccessKey")?,
            session_token: None,
            arn: part(&made, "Arn")?,
        })
    }

    fn iam(self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let all: Vec<(&str, &str)> = [("Action", action)].into_iter().chain(parameters.iter().copied()).collect();
        self.ask("iam", &all).with_context(|| format!("{action} in the lab's AWS"))
    }

    fn ask(self, service: &str, parameters: &[(&str, &str)]) -> Result<String> {
        self.ask_as(None, service, parameters)
    }

    fn ask_as(self, signer: Option<Signer<'_>>, service: &str, parameters: &[(&str, &str)]) -> Result<String> {
        self.send(query(service, REGION, signer, parameters)?)
    }

    fn send(self, request: Request<Full<bytes::Bytes>>) -> Result<String> {
        block_on(async {
            let answer = Moto { port: self.port }.send(request).await?;
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            ensure!(
                answer.status().is_success(),
                "{}: {}",
                element(&text, "Code").unwrap_or("failed"),
                element(&text, "Message").unwrap_or(&text)
            );
            Ok(text)
        })
    }
}
