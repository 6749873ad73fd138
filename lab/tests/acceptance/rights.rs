//! A user with no more rights than the guide names.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kaas::domain::rights::{For, cluster_role};
use kaas_lab::terraform::Engine;
use kaas_lab::{Lab, block_on, client};
use kube::Client;
use kube::api::{Api, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::place::{Place, Tenant, flat, said};
use super::world::ready;

/// Of a new service account of the namespace `default`, bound to `role`.
pub fn token(lab: &Lab, name: &str, role: &Value) -> String {
    block_on(async {
        let client = client(&lab.kubeconfig()).await?;
        Api::<ClusterRole>::all(client.clone()).create(&PostParams::default(), &parsed(role)).await?;
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role["metadata"]["name"] },
            "subjects": [{ "kind": "ServiceAccount", "namespace": "default", "name": name }],
        });
        Api::<ClusterRoleBinding>::all(client.clone()).create(&PostParams::default(), &parsed(&binding)).await?;
        unbound_token(&client, name).await
    })
    .unwrap()
}

/// Of a new service account of the namespace `default`.
pub async fn unbound_token(client: &Client, name: &str) -> anyhow::Result<String> {
    let account = json!({ "metadata": { "name": name } });
    Api::<ServiceAccount>::namespaced(client.clone(), "default").create(&PostParams::default(), &parsed(&account)).await?;
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": 3600 } });
    let request = http::Request::post(format!("/api/v1/namespaces/default/serviceaccounts/{name}/token"));
    let request = request.header("content-type", "application/json").body(body.to_string().into_bytes())?;
    let answer: Value = client.request(request).await?;
    Ok(answer["status"]["token"].as_str().unwrap().to_owned())
}

fn parsed<T: DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap()
}

/// A configuration of `lab`'s cluster for the user of a token.
pub fn place_of(lab: &Lab, token: &str) -> Place {
    let mut place = Place::new(Engine::OpenTofu, lab);
    let mut kubeconfig: Value = serde_json::from_str(&std::fs::read_to_string(lab.kubeconfig()).unwrap()).unwrap();
    kubeconfig["users"][0]["user"] = json!({ "token": token });
    place.workspace.write("kubeconfig", &kubeconfig.to_string()).unwrap();
    let file = place.workspace.dir().join("kubeconfig");
    place.workspace.set_variable("kubeconfig", file);
    place
}

const ADOPTED: &str = "resource \"kaas_management_cluster\" \"m\" {\n  existing {}\n}\n";

#[test]
fn a_user_with_the_rights_of_the_guide_lives_a_tenants_whole_life() {
    let lab = ready();
    let token = token(lab, "operator", &cluster_role("kaas-operator", For { namespaces: true, ..For::default() }));
    let place = place_of(lab, &token);
    let tenant = Tenant::small("rights").with("access {\n    groups = [\"developers\"]\n  }");
    place.resources(&(ADOPTED.to_owned() + &tenant.block()));
    place.apply();
    place.plan_is_empty();
    place.resources(&(ADOPTED.to_owned() + &Tenant { ingress: "2", more: String::new(), ..tenant }.block()));
    place.apply();
    place.plan_is_empty();
    place.destroy();
}

#[test]
fn what_a_user_may_not_do_is_named_with_its_verbs_before_anything_is_made() {
    let lab = ready();
    let mut role = cluster_role("kaas-almost", For { namespaces: true, ..For::default() });
    let rules = role["rules"].as_array_mut().unwrap();
    rules.retain(|rule| rule["resources"] != json!(["rolebindings"]));
    rules.iter_mut().filter(|rule| rule["resources"] == json!(["kafkanodepools"])).for_each(|rule| rule["verbs"] = json!(["get", "list"]));
    let place = place_of(lab, &token(lab, "almost", &role));
    place.resources(ADOPTED);
    let ran = place.workspace.apply(&[]).unwrap();
    let told = said(&ran);
    assert_eq!(ran.code, Some(1), "{told}");
    assert!(told.contains("Not allowed what tenants need"), "{told}");
    let line = flat(&told);
    assert!(line.contains("rolebindings.rbac.authorization.k8s.io (create, delete, get, list, patch)"), "{told}");
    assert!(line.contains("kafkanodepools.kafka.strimzi.io (create, delete, patch, watch)"), "{told}");
    assert!(!line.contains("kafkas.kafka.strimzi.io") && !line.contains("namespaces ("), "{told}");
}
