//! Servers that do not answer, are restarted, or change or lose their keys while a tenant is made, looked at or taken away; and runs that end before it is there.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::Context;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kaas::domain::object::Kind;
use kaas_lab::cluster_api::tenants;
use kaas_lab::terraform::Engine;
use kaas_lab::{Lab, Server, block_on, client};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::delete::{Asleep, Traces, destroy_fails, keep_stopped, wait_reached};
use super::world::{Inside, disturbed, hard, hard_with, home_cluster, inside};
use crate::acceptance::cluster::{self, At, held_topic, kafka, of};
use crate::acceptance::place::{Place, flat, holds, said};

/// Within this time a run that was told to stop has stopped.
const PROMPT: Duration = Duration::from_secs(10);
/// After this time an apply has come to what it waits for.
const WAITING: Duration = Duration::from_secs(10);

fn spawn(place: &Place, verb: &str) -> Child {
    place.workspace.command(&[verb, "-no-color", "-auto-approve"]).spawn().unwrap()
}

/// The exit code, and all that was said as one line.
fn ended(child: Child) -> (Option<i32>, String) {
    let out = child.wait_with_output().unwrap();
    (out.status.code(), flat(&format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))))
}

#[test]
fn a_run_that_ends_before_the_cluster_is_there_is_a_warning_and_the_next_apply_goes_on() {
    let mut lab = disturbed();
    lab.stop(Server::ProcessProvider);
    let (late, stopped) = (Place::new(Engine::OpenTofu, lab.lab()), Place::new(Engine::OpenTofu, lab.lab()));
    late.configure(&hard_with("belated", "", "timeouts {\n create = \"10s\"\n }"));
    let text = flat(&said(&late.apply()));
    let waits = |name: &str| format!("while waiting for the tenant {name}: Cluster kaas-{name}/{name} is Provisioning:");
    holds(&text, &["Warning: The tenant is not ready yet", "The deadline passed", &waits("belated"), "apply waits on"]);
    stopped.configure(&hard("halted"));
    let child = spawn(&stopped, "apply");
    // Its condition is what the message tells.
    cluster::wait("the Cluster to be looked at", || {
        cluster::get(lab.lab(), &home_cluster("halted")).is_some_and(|found| found["status"]["conditions"].is_array())
    });
    std::thread::sleep(Duration::from_secs(2));
    let started = Instant::now();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let (_, text) = ended(child);
    assert!(started.elapsed() < PROMPT, "it took {:?}", started.elapsed());
    holds(&text, &["Interrupt", "Warning: The tenant is not ready yet", "The run was stopped", &waits("halted")]);
    for place in [&late, &stopped] {
        assert_eq!(place.phase(), "Creating");
        assert!(place.tenant()["status"]["message"].as_str().is_some_and(|message| message.contains("Provisioning")), "{}", place.tenant());
        assert_eq!(place.actions(), ["update"]);
    }
    lab.restart(Server::ProcessProvider);
    late.configure(&hard("belated"));
    crate::acceptance::world::each(vec![(&late, "belated"), (&stopped, "halted")], |(place, name)| {
        place.apply();
        assert_eq!(place.phase(), "Ready");
        place.plan_is_empty();
        let traces = Traces::of(lab.lab(), name);
        place.destroy();
        traces.are_gone(lab.lab());
    });
}

#[test]
fn a_management_cluster_that_is_restarted_under_way_ends_neither_a_create_nor_a_destroy() {
    let mut lab = disturbed();
    let name = "shaken";
    let place = Place::new(Engine::OpenTofu, lab.lab());
    place.configure(&hard(name));
    let child = spawn(&place, "apply");
    let release = of(name, Kind::HelmRelease, "cert-manager");
    cluster::wait("the first release", || cluster::get(lab.lab(), &release).is_some());
    lab.restart(Server::Apiserver);
    // Once more while the cluster, or what runs in it, is waited for.
    cluster::wait("the kubeconfig", || {
        tenants::kubeconfig(&lab.lab().kubeconfig(), &format!("kaas-{name}"), name).is_ok_and(|found| found.is_some())
    });
    lab.restart(Server::Apiserver);
    let (code, text) = ended(child);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(place.phase(), "Ready");
    place.plan_is_empty();
    let traces = Traces::of(lab.lab(), name);
    let strimzi = of(name, Kind::HelmRelease, "strimzi-kafka-operator");
    let mut child = spawn(&place, "destroy");
    cluster::wait("the end of Strimzi", || cluster::get(lab.lab(), &strimzi).is_none());
    lab.restart(Server::Apiserver);
    assert!(child.try_wait().unwrap().is_none(), "the destroy had ended before");
    let (code, text) = ended(child);
    assert_eq!(code, Some(0), "{text}");
    traces.are_gone(lab.lab());
}

#[test]
fn a_tenant_whose_api_server_is_dead_can_be_looked_at() {
    let (lab, name) = (disturbed(), "silent");
    let place = Place::applied(Engine::OpenTofu, lab.lab(), &hard(name));
    let before = place.tenant();
    let looked = || {
        place.workspace.run(&["apply", "-refresh-only", "-no-color", "-auto-approve"]).unwrap().succeeded().unwrap();
        let tenant = place.tenant();
        for kept in ["bootstrap_servers", "ca_certificate", "cluster_id", "sizing", "kubernetes"] {
            assert_eq!(tenant[kept], before[kept], "{kept}");
        }
        assert_eq!((&tenant["drift"], &tenant["status"]["phase"]), (&json!([]), &json!("NotReady")), "{tenant}");
        assert_eq!(place.actions(), ["update"]);
        tenant["status"].clone()
    };
    // We are the first to see it.
    let asleep = Asleep::now(lab.lab(), Server::ClusterApi);
    keep_stopped(lab.lab(), name, true);
    let status = looked();
    assert_eq!(status["reason"], "Unreachable", "{status}");
    drop(asleep);
    wait_reached(lab.lab(), name, "False");
    let status = looked();
    assert_ne!(status["reason"], "Unreachable", "{status}");
    holds(status["message"].as_str().unwrap(), &[&format!("Cluster kaas-{name}/{name}")]);
    keep_stopped(lab.lab(), name, false);
    wait_reached(lab.lab(), name, "True");
    place.apply();
    assert_eq!(place.tenant(), before);
    place.plan_is_empty();
    place.destroy();
}

#[test]
fn a_kubeconfig_that_was_lost_is_told_and_an_apply_waits_until_it_is_written_again() {
    let (mut lab, name) = (disturbed(), "keyless");
    let place = Place::applied(Engine::OpenTofu, lab.lab(), &hard_with(name, "", "timeouts {\n update = \"4m\"\n }"));
    let (before, traces) = (place.tenant(), Traces::of(lab.lab(), name));
    // It would write the Secret again at once.
    lab.stop(Server::ProcessProvider);
    // Else releases that lack it would be what the apply waits for.
    let asleep = Asleep::now(lab.lab(), Server::FluxStandIn);
    let secret = of(name, Kind::Secret, &format!("{name}-kubeconfig"));
    cluster::delete(lab.lab(), &secret);
    holds(&place.plan_changes(), &["will be updated in-place"]);
    place.workspace.run(&["apply", "-refresh-only", "-no-color", "-auto-approve"]).unwrap().succeeded().unwrap();
    let tenant = place.tenant();
    let status = &tenant["status"];
    assert_eq!((&status["phase"], &status["reason"]), (&json!("NotReady"), &json!("NoKubeconfig")), "{tenant}");
    assert_eq!(status["message"], format!("{secret} does not exist"));
    for kept in ["bootstrap_servers", "ca_certificate", "cluster_id", "sizing", "kubernetes", "drift"] {
        assert_eq!(tenant[kept], before[kept], "{kept}");
    }
    let mut child = spawn(&place, "apply");
    std::thread::sleep(WAITING);
    assert!(child.try_wait().unwrap().is_none(), "it does not wait: {:?}", ended(child));
    lab.restart(Server::ProcessProvider);
    cluster::wait("the kubeconfig", || cluster::get(lab.lab(), &secret).is_some());
    drop(asleep);
    let (code, text) = ended(child);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("Warning: The tenant"), "{text}");
    assert_eq!(place.tenant(), before);
    place.plan_is_empty();
    place.destroy();
    traces.are_gone(lab.lab());
}

/// An account in a tenant's cluster that may do anything, and a token of it.
fn token(own: &Inside, account: &str) -> String {
    block_on(async {
        let client = client(&own.kubeconfig()).await?;
        let params = PatchParams::apply("test");
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "kube-system");
        let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
        accounts.patch(account, &params, &Patch::Apply(body)).await?;
        let bindings: Api<ClusterRoleBinding> = Api::all(client);
        let body = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": account},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}]});
        bindings.patch(account, &params, &Patch::Apply(body)).await?;
        let made = accounts.create_token_request(account, &PostParams::default(), &TokenRequest::default()).await?;
        made.status.and_then(|status| status.token).context("get a token")
    })
    .unwrap()
}

/// The tenant's kubeconfig with another way to log in.
fn with_token(lab: &Lab, name: &str, token: &str) -> String {
    let text = tenants::kubeconfig(&lab.kubeconfig(), &format!("kaas-{name}"), name).unwrap().unwrap();
    let mut whole: Value = serde_norway::from_str(&text).unwrap();
    whole["users"][0]["user"] = json!({"token": token});
    whole.to_string()
}

fn write(lab: &Lab, name: &str, kubeconfig: &str) {
    let secret = of(name, Kind::Secret, &format!("{name}-kubeconfig"));
    cluster::merge(lab, &secret, &json!({"data": {"value": STANDARD.encode(kubeconfig)}}));
}

/// Whether the cluster that a kubeconfig leads to takes its credentials.
fn is_taken(kubeconfig: &str) -> bool {
    let config = Kubeconfig::from_yaml(kubeconfig).unwrap();
    block_on(async {
        let client = kube::Client::try_from(kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?)?;
        match Api::<Namespace>::all(client).list(&ListParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 401 => Ok(false),
            other => Ok(other.map(|_| true)?),
        }
    })
    .unwrap()
}

#[test]
fn credentials_that_are_replaced_under_way_are_read_anew() {
    let mut lab = disturbed();
    let name = "rekeyed";
    let place = Place::applied(Engine::OpenTofu, lab.lab(), &hard(name));
    let (traces, own) = (Traces::of(lab.lab(), name), inside(lab.lab(), name));
    // It would put its own credentials back.
    lab.stop(Server::ProcessProvider);
    let (first, second) = (with_token(lab.lab(), name, &token(&own, "first")), with_token(lab.lab(), name, &token(&own, "second")));
    write(lab.lab(), name, &with_token(lab.lab(), name, "nobody's"));
    holds(
        &destroy_fails(&place),
        &["The tenant's cluster refuses the credentials", &format!("Secret kaas-{name}/{name}-kubeconfig"), "see that its controller runs"],
    );
    write(lab.lab(), name, &first);
    let topic = of(name, Kind::KafkaTopic, "held");
    cluster::apply(&own, &topic, &held_topic(name, "held"));
    let child = spawn(&place, "destroy");
    cluster::wait("the topic's deletion", || {
        cluster::get(&own, &topic).is_some_and(|found| !found["metadata"]["deletionTimestamp"].is_null())
    });
    block_on(async {
        let accounts: Api<ServiceAccount> = Api::namespaced(client(&own.kubeconfig()).await?, "kube-system");
        Ok(accounts.delete("first", &DeleteParams::default()).await.map(drop)?)
    })
    .unwrap();
    cluster::wait("the first token to be refused", || !is_taken(&first));
    assert!(is_taken(&second));
    write(lab.lab(), name, &second);
    cluster::merge(&own, &topic, &json!({"metadata": {"finalizers": null}}));
    cluster::wait("the Kafka to go", || cluster::get(&own, &kafka(name)).is_none());
    lab.restart(Server::ProcessProvider);
    let (code, text) = ended(child);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("Warning: The tenant"), "{text}");
    traces.are_gone(lab.lab());
}
