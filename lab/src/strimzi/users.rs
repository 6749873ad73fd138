//! KafkaUsers: certificates and passwords in Secrets, credentials, access rules and quotas in Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams};
use kube::runtime::controller::Action;
use serde_json::{Value, json};

use super::api::{CLUSTER_LABEL, KafkaSpec, Quotas, Refusal, UserSpec, invalid, kind, spec};
use super::authorities::fingerprint;
use super::cluster::{Pass, bootstrap, connect, connect_to};
use super::objects::{Owner, object};
use super::operator::{Operator, RESYNC, paused};
use super::pki::{self, Pair};
use super::status::{self, Condition};
use super::{acl, apply};
use crate::kafka::QuotaEntity;

const SIGNED_BY: &str = "strimzi.io/clients-ca-fingerprint";

/// Makes the user what its object says.
pub async fn reconcile(user: Arc<DynamicObject>, operator: Arc<Operator>) -> Result<Action> {
    let Some(cluster) = user.labels().get(CLUSTER_LABEL).cloned() else { return Ok(Action::await_change()) };
    if user.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let ar = kind("KafkaUser", "kafkausers");
    if paused(&user) {
        let body = json!({"observedGeneration": user.metadata.generation});
        status::write(&operator.client, &ar, &user, body, &[Condition::paused()]).await?;
        return Ok(Action::requeue(RESYNC));
    }
    if let Some(pretend) = &operator.pretend {
        return pretend.user(&operator.client, &user).await;
    }
    let namespace = user.namespace().unwrap_or_default();
    let Some(kafka) = kafka(&operator, &namespace, &cluster).await? else { return Ok(Action::requeue(super::operator::SOON)) };
    if kafka.entity_operator.is_none_or(|e| e.user_operator.is_none()) {
        tracing::debug!("the Kafka {namespace}/{cluster} has no user operator");
        return Ok(Action::requeue(RESYNC));
    }
    // Like the real one, the user operator starts after the brokers.
    if !operator.serves(&namespace, &cluster) {
        return Ok(Action::requeue(super::operator::SOON));
    }
    let parsed: UserSpec = spec(&user)?;
    let mut body = json!({"observedGeneration": user.metadata.generation, "username": username(&user.name_any(), &parsed)});
    if parsed.authentication.as_ref().is_some_and(|a| a.kind != "tls-external") {
        body["secret"] = json!(user.name_any());
    }
    match run(&operator, &user, &parsed, &namespace, &cluster).await {
        Ok(()) => {
            status::write(&operator.client, &ar, &user, body, &[Condition::ready()]).await?;
            Ok(Action::requeue(RESYNC))
        }
        // Brokers that restart come back; the object's state has not changed.
        Err(error) if error.downcast_ref::<crate::kafka::Error>().is_some_and(crate::kafka::Error::passing) => Err(error),
        Err(error) => {
            let reason = error.downcast_ref::<Refusal>().map_or("ReconciliationException", |r| r.reason);
            let condition = Condition::not_ready(reason, format!("{error:#}"));
            status::write(&operator.client, &ar, &user, body, &[condition]).await?;
            Err(error)
        }
    }
}

async fn kafka(operator: &Operator, namespace: &str, cluster: &str) -> Result<Option<KafkaSpec>> {
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), namespace, &kind("Kafka", "kafkas"));
    let found = api.get_opt(cluster).await.with_context(|| format!("read Kafka {namespace}/{cluster}"))?;
    found.map(|k| spec(&k)).transpose()
}

/// The principal without `User:`.
pub fn username(name: &str, spec: &UserSpec) -> String {
    match spec.authentication.as_ref().map(|a| a.kind.as_str()) {
        Some("tls" | "tls-external") => format!("CN={name}"),
        _ => name.to_owned(),
    }
}

async fn run(operator: &Operator, user: &DynamicObject, spec: &UserSpec, namespace: &str, cluster: &str) -> Result<()> {
    let name = user.name_any();
    let principal = username(&name, spec);
    let rules = match &spec.authorization {
        Some(a) if a.kind == "simple" => acl::wanted(&format!("User:{principal}"), &a.acls).map_err(|e| invalid(e.to_string()))?,
        Some(a) => return Err(invalid(format!("authorization of type {} is not supported", a.kind))),
        None => Vec::new(),
    };
    let mut admin = connect(operator, namespace, cluster).await?;
    match spec.authentication.as_ref().map(|a| a.kind.as_str()) {
        Some("tls") => certificate(operator, user, spec, namespace, cluster).await?,
        Some("scram-sha-512") => {
            let (password, new) = password(operator, user, spec, namespace, cluster).await?;
            if new || !admin.scram_users().await?.contains(&name) {
                admin.set_scram(&name, &password).await?;
            }
        }
        _ => {}
    }
    // A Kafka without an authorizer has no access rules (54: security disabled).
    match admin.acls(Some(&format!("User:{principal}"))).await {
        Ok(current) => {
            let (add, remove) = acl::difference(&current, &rules);
            if !add.is_empty() {
                admin.create_acls(&add).await?;
            }
            if !remove.is_empty() {
                admin.delete_acls(&remove).await?;
            }
            if !add.is_empty() || !remove.is_empty() {
                settle(operator, namespace, cluster, &format!("User:{principal}"), &rules).await?;
            }
        }
        Err(error) if error.code() == Some(54) && rules.is_empty() => {}
        Err(error) if error.code() == Some(54) => {
            return Err(invalid("Simple authorization ACL rules are configured but not supported in the Kafka cluster configuration."));
        }
        Err(error) => return Err(error.into()),
    }
    let quotas = spec.quotas.as_ref().map(quota_values).unwrap_or_default();
    admin.set_quotas(&QuotaEntity::User(principal), &quotas).await?;
    Ok(())
}

/// Waits until every broker knows the rules: they learn of them one after the other, and a user called ready should not be refused.
async fn settle(operator: &Operator, namespace: &str, cluster: &str, principal: &str, rules: &[crate::kafka::Acl]) -> Result<()> {
    let nodes = operator.running(namespace, cluster).context("find the running Kafka")?;
    for broker in bootstrap(&nodes).split(',').filter(|b| !b.is_empty()) {
        let mut admin = connect_to(operator, namespace, cluster, broker).await?;
        for _ in 0..50 {
            let mut seen = admin.acls(Some(principal)).await?;
            seen.sort();
            if seen == rules {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// Quotas in Kafka's keys.
pub fn quota_values(quotas: &Quotas) -> BTreeMap<String, f64> {
    #[expect(clippy::cast_precision_loss, reason = "Kafka keeps quotas as doubles")]
    let whole = |value: Option<u64>| value.map(|v| v as f64);
    let values = [
        ("producer_byte_rate", whole(quotas.producer_byte_rate)),
        ("consumer_byte_rate", whole(quotas.consumer_byte_rate)),
        ("request_percentage", whole(quotas.request_percentage)),
        ("controller_mutation_rate", quotas.controller_mutation_rate),
    ];
    values.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?))).collect()
}

async fn certificate(operator: &Operator, user: &DynamicObject, spec: &UserSpec, namespace: &str, cluster: &str) -> Result<()> {
    let name = user.name_any();
    let ca = clients_ca(operator, namespace, cluster).await?;
    let print = fingerprint(&ca.certificate);
    if let Some(found) = apply::secret(&operator.client, namespace, &name).await? {
        let signed = found.annotations().get(SIGNED_BY) == Some(&print) && !found.annotations().contains_key("strimzi.io/force-renew");
        let values = apply::values(&found);
        if signed && ["ca.crt", "user.crt", "user.key"].iter().all(|k| values.contains_key(*k)) {
            return Ok(());
        }
    }
    let days = spec.authentication.as_ref().and_then(|a| a.validity_days).unwrap_or(365);
    let pair = pki::leaf(&ca, None, &name, &[], days)?;
    let data = [("ca.crt", ca.certificate), ("user.crt", pair.certificate), ("user.key", pair.key)];
    let data = data.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    let mut head = head(user, cluster);
    head["metadata"]["annotations"] = json!({SIGNED_BY: print});
    apply::write_secret(&operator.client, namespace, head, &data).await
}

fn head(user: &DynamicObject, cluster: &str) -> Value {
    let name = user.name_any();
    let owner = Owner { kind: "KafkaUser", name: name.clone(), uid: user.uid().unwrap_or_default() };
    let labels = [
        ("app.kubernetes.io/instance", name.as_str()),
        ("app.kubernetes.io/managed-by", "strimzi-user-operator"),
        ("app.kubernetes.io/name", "strimzi-user-operator"),
        ("app.kubernetes.io/part-of", &format!("strimzi-{name}")),
        ("strimzi.io/cluster", cluster),
        ("strimzi.io/kind", "KafkaUser"),
    ];
    let labels = labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    object("v1", "Secret", &name, &labels, Some(&owner))
}

async fn clients_ca(operator: &Operator, namespace: &str, cluster: &str) -> Result<Pair> {
    let read = |name: String, key: &'static str| async move {
        let secret = apply::secret(&operator.client, namespace, &name).await?;
        secret.and_then(|s| apply::values(&s).remove(key)).with_context(|| format!("find {key} in the Secret {namespace}/{name}"))
    };
    let certificate = read(format!("{cluster}-clients-ca-cert"), "ca.crt").await?;
    let key = read(format!("{cluster}-clients-ca"), "ca.key").await?;
    Ok(Pair { certificate, key })
}

/// The password of a user and whether Kafka does not know it yet.
async fn password(operator: &Operator, user: &DynamicObject, spec: &UserSpec, namespace: &str, cluster: &str) -> Result<(String, bool)> {
    let name = user.name_any();
    let secret = apply::secret(&operator.client, namespace, &name).await?.map(|s| apply::values(&s)).unwrap_or_default();
    let current = secret.get("password").cloned();
    let given = spec.authentication.as_ref().and_then(|a| a.password.as_ref());
    let wanted = match given {
        None => current.clone(),
        Some(from) => {
            let text = |path: &str| from.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (secret, key) = (text("/valueFrom/secretKeyRef/name"), text("/valueFrom/secretKeyRef/key"));
            let found = apply::secret(&operator.client, namespace, &secret).await?.and_then(|s| apply::values(&s).remove(&key));
            Some(found.ok_or_else(|| invalid(format!("Secret {secret} with the key {key} of the password of {name} does not exist")))?)
        }
    };
    if wanted.is_some() && wanted == current && secret.contains_key("sasl.jaas.config") {
        return Ok((wanted.unwrap_or_default(), false));
    }
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("make a password"))?;
    let made = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    let password = wanted.unwrap_or(made);
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
    let jaas = format!("{module} required username=\"{name}\" password=\"{password}\";");
    let data = [("password".to_owned(), password.clone()), ("sasl.jaas.config".to_owned(), jaas)].into();
    apply::write_secret(&operator.client, namespace, head(user, cluster), &data).await?;
    Ok((password, true))
}

/// Takes a deleted user's rules, quotas and credentials out of Kafka.
pub async fn forget(operator: &Operator, user: &DynamicObject) -> Result<()> {
    let namespace = user.namespace().unwrap_or_default();
    let Some(cluster) = user.labels().get(CLUSTER_LABEL) else { return Ok(()) };
    if operator.running(&namespace, cluster).is_none() {
        return Ok(());
    }
    let mut admin = connect(operator, &namespace, cluster).await?;
    let name = user.name_any();
    for principal in [name.clone(), format!("CN={name}")] {
        remove(&mut admin, &principal).await?;
    }
    Ok(())
}

async fn remove(admin: &mut crate::kafka::Client, principal: &str) -> Result<()> {
    let acls = match admin.acls(Some(&format!("User:{principal}"))).await {
        Err(error) if error.code() == Some(54) => Vec::new(),
        other => other?,
    };
    if !acls.is_empty() {
        admin.delete_acls(&acls).await?;
    }
    admin.set_quotas(&QuotaEntity::User(principal.to_owned()), &BTreeMap::new()).await?;
    if admin.scram_users().await?.contains(principal) {
        admin.delete_scram(principal).await?;
    }
    Ok(())
}

/// Removes what users left that were deleted while nobody watched. Without a user operator, Kafka's users are somebody else's.
pub async fn sweep(operator: &Operator, pass: &Pass<'_>) -> Result<()> {
    if pass.spec.entity_operator.as_ref().is_none_or(|e| e.user_operator.is_none()) {
        return Ok(());
    }
    let (namespace, cluster) = (&pass.model.namespace, &pass.model.cluster);
    let api: Api<DynamicObject> = Api::namespaced_with(operator.client.clone(), namespace, &kind("KafkaUser", "kafkausers"));
    let users = api.list(&ListParams::default().labels(&format!("{CLUSTER_LABEL}={cluster}"))).await.context("list KafkaUsers")?;
    let known: BTreeSet<String> = users.items.iter().flat_map(|u| [u.name_any(), format!("CN={}", u.name_any())]).collect();
    let mut admin = connect(operator, namespace, cluster).await?;
    let mut found = admin.scram_users().await?;
    if let Ok(acls) = admin.acls(None).await {
        found.extend(acls.iter().filter_map(|a| a.principal.strip_prefix("User:").map(str::to_owned)));
    }
    found.extend(admin.user_quotas().await?.into_iter().filter_map(|(e, _)| match e {
        QuotaEntity::User(name) => Some(name),
        QuotaEntity::DefaultUser => None,
    }));
    for principal in found.into_iter().filter(|p| !known.contains(p) && p != "*") {
        tracing::info!("remove what the user {principal} left");
        remove(&mut admin, &principal).await?;
    }
    Ok(())
}
