//! Servers that are not there, do not know the user, or changed while nobody looked: clear errors, and the next apply goes on.

use kaas::domain::object::{Kind, ObjectRef};
use kaas_lab::{Options, Server, TemporaryLab, block_on, client};
use serde_json::{Value, json};

use super::cluster::{self, namespace};
use super::place::{Place, Tenant, flat, holds, said};
use super::world::{each_engine, named, ready};

const ADOPT: &str = "resource \"kaas_management_cluster\" \"m\" {\n  existing {}\n}\n";

/// The lab's kubeconfig as JSON.
fn kubeconfig() -> Value {
    serde_json::from_str(&std::fs::read_to_string(ready().kubeconfig()).unwrap()).unwrap()
}

#[test]
fn a_kubeconfig_that_leads_nowhere_is_named() {
    each_engine(|engine| {
        let mut place = Place::new(engine, ready());
        place.resources(&Tenant::small("nowhere").block());
        let mut fails = |file: Option<&str>, context: &str, told: &[&str]| {
            let path = place.workspace.dir().join("kubeconfig");
            if let Some(text) = file {
                std::fs::write(&path, text).unwrap();
            }
            place.workspace.set_variable("kubeconfig", &path);
            place.workspace.set_variable("context", context);
            holds(&place.apply_fails(), told);
        };
        let context = ready().context();
        fails(None, &context, &["Cannot connect to Kubernetes", "/kubeconfig"]);
        fails(Some("{ not yaml"), &context, &["Cannot connect to Kubernetes", "/kubeconfig"]);
        fails(Some(&kubeconfig().to_string()), "elsewhere", &["Cannot connect to Kubernetes", "elsewhere"]);
        let mut dead = kubeconfig();
        dead["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:9");
        fails(Some(&dead.to_string()), &context, &["127.0.0.1:9", "Check that 127.0.0.1:9 is the API server's address"]);
        let mut stranger = kubeconfig();
        stranger["users"][0]["user"] = json!({"token": "stale"});
        fails(Some(&stranger.to_string()), &context, &["expired or belongs to another cluster"]);
        let mut other = kubeconfig();
        other["clusters"][0]["cluster"]["certificate-authority-data"] = other["users"][0]["user"]["client-certificate-data"].clone();
        fails(Some(&other.to_string()), &context, &["certificate", "trusts its certificate"]);
    });
}

/// A token of a service account that may do nothing.
fn powerless_token() -> String {
    block_on(async {
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let request = http::Request::post("/api/v1/namespaces/default/serviceaccounts/default/token")
            .header("content-type", "application/json")
            .body(serde_json::to_vec(&request)?)?;
        let answer: Value = client(&ready().kubeconfig()).await?.request(request).await?;
        Ok(answer["status"]["token"].as_str().unwrap_or_default().to_owned())
    })
    .unwrap()
}

#[test]
fn a_user_who_may_not_is_told_what_he_may_not() {
    each_engine(|engine| {
        let mut place = Place::new(engine, ready());
        let mut weak = kubeconfig();
        weak["users"][0]["user"] = json!({"token": powerless_token()});
        let path = place.workspace.dir().join("kubeconfig");
        std::fs::write(&path, weak.to_string()).unwrap();
        place.workspace.set_variable("kubeconfig", &path);
        place.resources(&Tenant::small("powerless").block());
        holds(&place.apply_fails(), &["system:serviceaccount:default:default", "cannot", "Give the named user a Role or ClusterRole"]);
        place.resources(ADOPT);
        holds(&place.apply_fails(), &["cannot", "ClusterRole"]);
    });
}

#[test]
fn a_name_that_is_taken_is_not_taken_over() {
    each_engine(|engine| {
        let name = named("taken", engine);
        let tenant = Tenant::small(&name);
        let first = Place::applied(engine, ready(), &tenant);
        let second = Place::new(engine, ready());
        second.configure(&tenant);
        let import = format!("import <address of this resource> {}", second.id(&name));
        holds(&second.apply_fails(), &["Name already taken", &format!("The tenant {name} exists already"), &import, "name = "]);
        let owner = "provider \"kaas\" {\n  owner = \"other-team\"\n  kubernetes {\n    config_path = var.kubeconfig\n    config_context = var.context\n  }\n}\n";
        second.write(owner, &tenant.block());
        holds(&second.apply_fails(), &["Name already taken", "made by the owner \"terraform\"", "\"other-team\"", &import]);
        first.plan_is_empty();
        first.destroy();
        cluster::apply(
            ready(),
            &namespace(&name),
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("kaas-{name}")}}),
        );
        second.configure(&tenant);
        holds(&second.apply_fails(), &["Name already taken", "was not made by this provider"]);
        cluster::delete(ready(), &namespace(&name));
    });
}

#[test]
fn a_namespace_deleted_between_plan_and_apply_is_told_and_the_next_plan_makes_it_anew() {
    each_engine(|engine| {
        let name = named("between", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        place.configure(&Tenant { retention: "hours = 48", ..Tenant::small(&name) });
        place.workspace.run(&["plan", "-no-color", "-out=saved"]).unwrap().succeeded().unwrap();
        cluster::delete(ready(), &namespace(&name));
        let ran = place.workspace.run(&["apply", "-no-color", "saved"]).unwrap();
        assert_eq!(ran.code, Some(1));
        holds(&flat(&said(&ran)), &["The tenant is gone", "Plan again"]);
        assert_eq!(place.actions(), ["create"]);
        place.apply();
        place.plan_is_empty();
        place.destroy();
    });
}

#[test]
fn an_object_edited_between_plan_and_apply_is_mended_by_the_saved_plan() {
    each_engine(|engine| {
        let name = named("edited", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        place.configure(&Tenant { retention: "hours = 48", ..Tenant::small(&name) });
        place.workspace.run(&["plan", "-no-color", "-out=saved"]).unwrap().succeeded().unwrap();
        // In a field that the plan changes, in one that it does not, and in one that is nobody's.
        cluster::replace(ready(), &cluster::kafka(&name), "/spec/kafka/config/log.retention.ms", &json!(1000));
        let pool = cluster::of(&name, Kind::KafkaNodePool, "brokers");
        cluster::replace(ready(), &pool, "/spec/resources/limits/memory", &json!("1Gi"));
        cluster::merge(ready(), &pool, &json!({"metadata": {"labels": {"team": "blue"}}}));
        let ran = place.workspace.run(&["apply", "-no-color", "saved"]).unwrap();
        assert_eq!(ran.code, Some(0), "{}", said(&ran));
        place.plan_is_empty();
        let (kafka, pool) = (cluster::get(ready(), &cluster::kafka(&name)).unwrap(), cluster::get(ready(), &pool).unwrap());
        assert_eq!(kafka["spec"]["kafka"]["config"]["log.retention.ms"], 172_800_000);
        assert_ne!(pool["spec"]["resources"]["limits"]["memory"], "1Gi");
        assert_eq!(pool["metadata"]["labels"]["team"], "blue");
        place.destroy();
    });
}

#[test]
fn a_kafka_deleted_between_plan_and_apply_is_made_anew_by_the_saved_plan() {
    each_engine(|engine| {
        let name = named("unmade", engine);
        let place = Place::applied(engine, ready(), &Tenant::small(&name));
        place.configure(&Tenant { retention: "hours = 48", ..Tenant::small(&name) });
        place.workspace.run(&["plan", "-no-color", "-out=saved"]).unwrap().succeeded().unwrap();
        cluster::delete(ready(), &cluster::kafka(&name));
        let ran = place.workspace.run(&["apply", "-no-color", "saved"]).unwrap();
        assert_eq!(ran.code, Some(0), "{}", said(&ran));
        place.plan_is_empty();
        let kafka = cluster::get(ready(), &cluster::kafka(&name)).unwrap();
        assert_eq!(kafka["spec"]["kafka"]["config"]["log.retention.ms"], 172_800_000);
        place.destroy();
    });
}

/// Lets the API server refuse every Kafka of that name as invalid (422), with that reason, until the guard is dropped.
struct Refusal(String);

impl Refusal {
    fn of(kafka: &str, reason: &str) -> Self {
        let guard = Self(format!("refuse-{kafka}"));
        let rule =
            json!({"apiGroups": ["kafka.strimzi.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["kafkas"]});
        let refusing = json!({"expression": format!("object.metadata.name != '{kafka}'"), "message": reason, "reason": "Invalid"});
        guard.make(
            "validatingadmissionpolicies",
            "ValidatingAdmissionPolicy",
            &json!({"matchConstraints": {"resourceRules": [rule]}, "validations": [refusing]}),
        );
        guard.make(
            "validatingadmissionpolicybindings",
            "ValidatingAdmissionPolicyBinding",
            &json!({"policyName": guard.0, "validationActions": ["Deny"]}),
        );
        let listener = json!({"name": "tls", "port": 9093, "type": "internal", "tls": true});
        let probe = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": kafka}, "spec": {"kafka": {"listeners": [listener]}}});
        cluster::wait("the refusal", || {
            guard
                .send("POST", "/apis/kafka.strimzi.io/v1/namespaces/default/kafkas?dryRun=All", &probe)
                .is_err_and(|said| said.contains(reason))
        });
        guard
    }

    fn make(&self, plural: &str, kind: &str, spec: &Value) {
        let object = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": self.0}, "spec": spec});
        self.send("POST", &format!("/apis/admissionregistration.k8s.io/v1/{plural}"), &object).unwrap();
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let request = http::Request::builder().method(method).uri(path).header("content-type", "application/json");
        block_on(async {
            let answer = client(&ready().kubeconfig()).await?.request(request.body(serde_json::to_vec(body)?)?).await;
            Ok(answer.map_err(|error| error.to_string()))
        })
        .unwrap()
    }
}

impl Drop for Refusal {
    fn drop(&mut self) {
        for plural in ["validatingadmissionpolicybindings", "validatingadmissionpolicies"] {
            let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}/{}", self.0);
            // A test that failed before it was made has nothing to take away.
            let _ = self.send("DELETE", &path, &json!({}));
        }
    }
}

#[test]
fn a_kafka_that_the_server_calls_invalid_is_told_with_its_reason_and_the_next_apply_goes_on() {
    each_engine(|engine| {
        let name = named("invalid", engine);
        let refusal = Refusal::of(&name, "brokers of this cluster are full");
        let place = Place::new(engine, ready());
        place.configure(&Tenant::small(&name));
        holds(&place.apply_fails(), &[&cluster::kafka(&name).to_string(), "brokers of this cluster are full"]);
        drop(refusal);
        cluster::wait("the policy to be forgotten", || place.workspace.apply(&[]).unwrap().code == Some(0));
        place.plan_is_empty();
        let refusal = Refusal::of(&name, "nothing may be changed on Fridays");
        place.configure(&Tenant { retention: "hours = 48", ..Tenant::small(&name) });
        holds(&place.apply_fails(), &[&cluster::kafka(&name).to_string(), "nothing may be changed on Fridays"]);
        drop(refusal);
        cluster::wait("the policy to be forgotten", || place.workspace.apply(&[]).unwrap().code == Some(0));
        place.plan_is_empty();
        place.destroy();
    });
}

#[test]
fn a_cluster_without_strimzi_says_what_to_install_and_a_tenant_can_still_be_destroyed() {
    let binary = Some(env!("CARGO_BIN_EXE_kaas-lab").into());
    let name = format!("bare-{}", std::process::id());
    let mut lab = TemporaryLab::with(&Options { pretend_ready: true, lab_binary: binary, ..Options::named(&name) }).unwrap();
    each_engine(|engine| {
        let tenant = Tenant::small(&named("bare", engine));
        let place = Place::applied(engine, &lab, &tenant);
        place.plan_is_empty();
    });
    lab.stop(Server::StrimziStandIn).unwrap();
    for plural in ["kafkas", "kafkanodepools", "kafkausers", "kafkatopics"] {
        cluster::delete(&lab, &ObjectRef::global(Kind::CustomResourceDefinition, format!("{plural}.kafka.strimzi.io")));
    }
    each_engine(|engine| {
        let tenant = Tenant::small(&named("bare", engine));
        let place = Place::new(engine, &lab);
        place.resources(&format!("{ADOPT}{}", tenant.block()));
        let ran = place.workspace.import("kaas_tenant.t", &place.id(&tenant.name)).unwrap();
        assert_eq!(ran.code, Some(0), "{}", said(&ran));
        holds(&place.plan_changes(), &[&format!("{} does not exist", cluster::kafka(&tenant.name))]);
        holds(&place.apply_fails(), &["Strimzi", "Install the Strimzi operator"]);
        place.destroy();
        assert!(cluster::get(&lab, &namespace(&tenant.name)).is_none());
    });
    lab.down().unwrap();
}
