//! Manifests taken apart, ordered, rewritten, judged and recorded.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::inventory::{Inventory, Phase, record};
use super::object::{parse, rank, sort};
use super::version::check_step;
use super::*;

fn wish() -> Wish {
    Wish {
        components: Component::ALL.into_iter().collect(),
        versions: Versions {
            cert_manager: "v1.21.2".into(),
            cluster_api_operator: "0.29.0".into(),
            cluster_api: "1.13.6".into(),
            flux: "2.9.5".into(),
            strimzi: "1.2.0".into(),
            monitoring: "88.5.3".into(),
            external_dns: "1.21.1".into(),
        },
        on_conflict: OnConflict::Leave,
        aws: Some(AwsProvider { version: "2.13.0".into(), role_arn: Some("arn:aws:iam::1:role/capa".into()), credentials_secret: None }),
        providers: Vec::new(),
        external_dns: Some(ExternalDns {
            domains: vec!["kafka.example.com".into()],
            zone_ids: vec!["Z1".into()],
            owner_id: "platform".into(),
            role_arn: None,
            region: None,
        }),
        image_registry: None,
        is_mirrored: false,
    }
}

fn mirrored() -> Wish {
    Wish { image_registry: Some("mirror.local:5000/all".into()), is_mirrored: true, ..wish() }
}

fn find<'a>(objects: &'a [AnyObject], kind: &str, name: &str) -> &'a Value {
    &objects.iter().find(|object| object.reference.kind == kind && object.reference.name == name).unwrap().body
}

const MANIFEST: &str = "
# A comment before the first object.
apiVersion: v1
kind: Namespace
metadata: {name: cert-manager, creationTimestamp: null}
---
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: cert-manager}}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: sum}, aggregationRule: {clusterRoleSelectors: []}, rules: []}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: w, annotations: {cert-manager.io/inject-ca-from: a/b}}
webhooks: [{name: w.x, clientConfig: {caBundle: Cg==, service: {name: s}}}]
status: {}
";

#[test]
fn documents_become_objects_without_what_others_fill_in() {
    let objects = parse(MANIFEST).unwrap();
    let names: Vec<String> = objects.iter().map(|object| object.reference.to_string()).collect();
    assert_eq!(names, ["Namespace cert-manager", "ServiceAccount cert-manager/a", "ClusterRole sum", "ValidatingWebhookConfiguration w"]);
    assert_eq!(objects[0].body["metadata"], json!({ "name": "cert-manager" }));
    assert!(objects[2].body.get("rules").is_none());
    assert!(objects[3].body["webhooks"][0]["clientConfig"].get("caBundle").is_none() && objects[3].body.get("status").is_none());
}

#[test]
fn what_is_no_manifest_is_told_by_its_document() {
    let error = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(error("---\n# nothing\n"), "it holds no object");
    assert_eq!(error("a: 1\n---\nb: [\n"), "document 1 is no Kubernetes object: it lacks apiVersion");
    assert_eq!(error("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\nb: [\n"), "document 2 is not YAML");
    assert_eq!(error("<html>not found</html>"), "document 1 is no Kubernetes object: it lacks apiVersion");
}

#[test]
fn images_come_from_the_sites_registry() {
    for (image, wanted) in [
        ("quay.io/jetstack/x:v1", "r.local:5000/m/jetstack/x:v1"),
        ("registry:5000/a/b@sha256:00", "r.local:5000/m/a/b@sha256:00"),
        ("nginx", "r.local:5000/m/library/nginx"),
        ("grafana/grafana:9", "r.local:5000/m/grafana/grafana:9"),
        ("r.local:5000/m/x", "r.local:5000/m/x"),
    ] {
        assert_eq!(images::rewritten(image, "r.local:5000/m/"), wanted);
    }
    let mut pod = json!({ "spec": { "initContainers": [{ "image": "a/b" }], "containers": [
        { "image": "c", "args": ["--acme-http01-solver-image=quay.io/jetstack/s:v1", "--x=quay.io/y"] }] } });
    images::rewrite(&mut pod, "r");
    assert_eq!(
        pod,
        json!({ "spec": { "initContainers": [{ "image": "r/a/b" }], "containers": [
        { "image": "r/library/c", "args": ["--acme-http01-solver-image=r/jetstack/s:v1", "--x=quay.io/y"] }] } })
    );
    let text = "replicas: ${N:=1}\n      - image: \"registry.k8s.io/a/b:v1\"\n        image: c.io/d\n  image: ${IMAGE}\n";
    let rewritten = "replicas: ${N:=1}\n      - image: \"r/a/b:v1\"\n        image: r/d\n  image: ${IMAGE}\n";
    assert_eq!(images::rewrite_text(text, "r"), rewritten);
}

#[test]
fn each_component_names_its_files() {
    let paths = |wish: &Wish, component| wish.files(component).into_iter().map(|file| file.path).collect::<Vec<_>>();
    assert_eq!(paths(&wish(), Component::CertManager), ["cert-manager/v1.21.2/cert-manager.yaml"]);
    let url = "https://github.com/fluxcd/flux2/releases/download/v2.9.5/install.yaml";
    assert_eq!(wish().files(Component::Flux)[0].url, url);
    assert!(paths(&wish(), Component::ClusterApi).is_empty(), "the operator fetches its providers");
    let providers = paths(&mirrored(), Component::ClusterApi);
    for path in [
        "cluster-api/v1.13.6/core-components.yaml",
        "cluster-api/v1.13.6/metadata.yaml",
        "cluster-api/v1.13.6/control-plane-components.yaml",
        "cluster-api-provider-aws/v2.13.0/infrastructure-components.yaml",
    ] {
        assert!(providers.contains(&path.to_owned()), "{path}: {providers:?}");
    }
    let registry_alone = Wish { is_mirrored: false, ..mirrored() };
    assert_eq!(paths(&registry_alone, Component::ClusterApi), providers, "their images are to come from the registry, too");
}

#[test]
fn providers_are_objects_of_the_operator() {
    let objects = wish().build(Component::ClusterApi, &BTreeMap::new()).unwrap();
    let kinds: Vec<&str> = objects.iter().map(|object| object.reference.kind.as_str()).filter(|kind| kind.ends_with("Provider")).collect();
    assert_eq!(kinds, ["CoreProvider", "BootstrapProvider", "ControlPlaneProvider", "InfrastructureProvider"]);
    let aws = find(&objects, "InfrastructureProvider", "aws");
    assert_eq!((&aws["spec"]["version"], &aws["metadata"]["namespace"]), (&json!("v2.13.0"), &json!("capa-system")));
    assert_eq!(aws["metadata"]["labels"][COMPONENT_LABEL], "cluster-api");
    let secret = find(&objects, "Secret", aws["spec"]["configSecret"]["name"].as_str().unwrap());
    assert_eq!(secret["data"]["AWS_B64ENCODED_CREDENTIALS"], "Q2c9PQ==");
    assert_eq!(secret["data"]["AWS_CONTROLLER_IAM_ROLE"], "YXJuOmF3czppYW06OjE6cm9sZS9jYXBh");
    let own = AwsProvider { version: "2.13.0".into(), role_arn: None, credentials_secret: Some("mine".into()) };
    let objects = Wish { aws: Some(own), ..wish() }.build(Component::ClusterApi, &BTreeMap::new()).unwrap();
    assert_eq!(find(&objects, "InfrastructureProvider", "aws")["spec"]["configSecret"]["name"], "mine");
}

#[test]
fn without_internet_providers_come_in_config_maps() {
    let wish = mirrored();
    let error = wish.build(Component::ClusterApi, &BTreeMap::new()).unwrap_err().to_string();
    assert!(error.contains("was not fetched"), "{error}");
    let texts = wish.files(Component::ClusterApi).into_iter().map(|file| (file.path, "image: registry.k8s.io/a:v1\n".to_owned())).collect();
    let objects = wish.build(Component::ClusterApi, &texts).unwrap();
    let core = find(&objects, "CoreProvider", "cluster-api");
    let config_map = find(&objects, "ConfigMap", "core-cluster-api-v1.13.6");
    let selected = core["spec"]["fetchConfig"]["selector"]["matchLabels"].as_object().unwrap();
    assert!(selected.iter().all(|(key, value)| config_map["metadata"]["labels"][key] == *value));
    assert_eq!(config_map["metadata"]["labels"]["provider.cluster.x-k8s.io/version"], "v1.13.6");
    assert!(config_map["binaryData"]["components"].is_string() && config_map["data"]["metadata"].is_string());
}

#[test]
fn flux_is_reduced_to_what_is_used() {
    let deployment = |name: &str| {
        format!(
            "---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}, namespace: flux-system, labels: {{app.kubernetes.io/component: {name}}}}}, \
             spec: {{template: {{spec: {{containers: [{{name: manager, image: \"ghcr.io/fluxcd/{name}:v1\", args: [\"--events-addr=http://n./\", \
             --watch-all-namespaces=true]}}]}}}}}}}}\n"
        )
    };
    let text: String = ["source-controller", "helm-controller", "notification-controller", "kustomize-controller"].map(deployment).concat();
    let role = "---\n{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: crd-controller, labels: \
                {app.kubernetes.io/component: flux}}}\n";
    let texts = BTreeMap::from([("flux2/v2.9.5/install.yaml".to_owned(), text + role)]);
    let objects = mirrored().build(Component::Flux, &texts).unwrap();
    let names: Vec<String> = objects.iter().map(|object| object.reference.to_string()).collect();
    assert_eq!(names, ["ClusterRole crd-controller", "Deployment flux-system/source-controller", "Deployment flux-system/helm-controller"]);
    let container = &objects[1].body["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "mirror.local:5000/all/fluxcd/source-controller:v1");
    assert_eq!(container["args"], json!(["--events-addr=", "--watch-all-namespaces=true"]));
}

#[test]
fn the_shared_layer_is_made_of_releases() {
    for (component, name, source) in [
        (Component::Strimzi, "strimzi-kafka-operator", "oci://mirror.local:5000/all/strimzi-helm/strimzi-kafka-operator"),
        (Component::Monitoring, "kube-prometheus-stack", "oci://mirror.local:5000/all/prometheus-community/charts/kube-prometheus-stack"),
        (Component::ExternalDns, "external-dns", "oci://mirror.local:5000/all/charts/external-dns"),
    ] {
        let objects = mirrored().build(component, &BTreeMap::new()).unwrap();
        assert_eq!(find(&objects, "OCIRepository", name)["spec"]["url"], source);
        let release = find(&objects, "HelmRelease", name);
        assert_eq!(release["metadata"]["namespace"], "kaas-system");
        assert!(release["spec"].get("kubeConfig").is_none() && release["spec"]["values"].to_string().contains("mirror.local:5000/all"));
    }
    let plain = wish().build(Component::ExternalDns, &BTreeMap::new()).unwrap();
    assert_eq!(find(&plain, "HelmRelease", "external-dns")["spec"]["chart"]["spec"]["version"], "1.21.1");
    assert_eq!(
        find(&plain, "HelmRelease", "external-dns")["spec"]["values"]["extraArgs"],
        json!(["--zone-id-filter=Z1", "--aws-zone-match-parent"])
    );
}

#[test]
fn supported_steps_are_let_through_and_others_say_the_way() {
    let step = |part: &str, from: &str, to: &str| check_step(&Part(part.to_owned()), from, to).err().map(|error| error.to_string());
    for (part, from, to) in [
        ("cert-manager", "1.20.0", "1.21.2"),
        ("cert-manager", "1.21.2", "1.21.1"),
        ("cluster-api", "1.10.0", "1.13.6"),
        ("flux", "2.3.0", "2.9.5"),
        ("cluster-api-operator", "0.20.0", "0.29.0"),
        ("cluster-api-provider-aws", "2.9.0", "2.13.0"),
        ("monitoring", "80.0.0", "88.5.3"),
        ("flux", "a build of mine", "2.9.5"),
    ] {
        assert_eq!(step(part, from, to), None);
    }
    assert!(step("cert-manager", "1.19.0", "1.21.2").unwrap().contains("apply a 1.20 version first"));
    assert!(step("cluster-api", "1.9.0", "1.13.6").unwrap().contains("apply a 1.12 version first"));
    assert!(step("flux", "1.9.0", "2.0.0").unwrap().contains("another major version"));
    assert!(step("strimzi", "1.2.0", "1.1.0").unwrap().contains("do not go back"));
}

fn object(api_version: &str, kind: &str, name: &str) -> AnyObject {
    let metadata = json!({ "name": name, "namespace": "n", "generation": 2 });
    AnyObject::of(json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata })).unwrap()
}

#[test]
fn readiness_is_judged_by_kind() {
    let with = |object: &AnyObject, more: Value| {
        let mut live = object.body.clone();
        more.as_object().unwrap().iter().for_each(|(key, value)| live[key] = value.clone());
        ready::pending(object, Some(&live))
    };
    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "Why", "message": "because" });
    let crd = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "a");
    assert_eq!(with(&crd, json!({ "status": { "conditions": [condition("Established", "True")] } })), None);
    assert_eq!(with(&crd, json!({})), Some("it is not served yet".into()));
    let deployment = object("apps/v1", "Deployment", "a");
    let status = |seen: u64, updated: u64, available: &str| {
        json!({ "spec": { "replicas": 2 }, "status": { "observedGeneration": seen,
        "updatedReplicas": updated, "conditions": [condition("Available", available)] } })
    };
    assert_eq!(with(&deployment, status(2, 2, "True")), None);
    for (live, told) in [(status(1, 2, "True"), "newest change"), (status(2, 1, "True"), "1 of 2"), (status(2, 2, "False"), "because")] {
        assert!(with(&deployment, live).unwrap().contains(told));
    }
    assert!(ready::pending(&deployment, None).unwrap().contains("does not exist"));
    let provider = object("operator.cluster.x-k8s.io/v1alpha2", "CoreProvider", "cluster-api");
    let status = |ready: &str, installed: &str| {
        json!({ "spec": { "version": "v1.13.6" }, "status": { "observedGeneration": 2, "installedVersion": installed,
        "conditions": [condition("ProviderInstalled", "True"), condition("Ready", ready)] } })
    };
    assert_eq!(with(&provider, status("True", "v1.13.6")), None);
    assert!(with(&provider, status("True", "v1.13.0")).unwrap().contains("1.13.0 is installed"));
    assert!(with(&provider, status("False", "v1.13.6")).unwrap().contains("Why: because"));
    assert!(with(&provider, json!({})).unwrap().contains("is the Cluster API Operator running?"));
    let mut hook = object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w");
    hook.body["metadata"]["annotations"] = json!({ "cert-manager.io/inject-ca-from": "a/b" });
    assert!(with(&hook, json!({ "webhooks": [{ "name": "w", "clientConfig": {} }] })).unwrap().contains("cainjector"));
    assert_eq!(with(&hook, json!({ "webhooks": [{ "name": "w", "clientConfig": { "caBundle": "eA==" } }] })), None);
    let job = object("batch/v1", "Job", "a");
    assert!(with(&job, json!({ "status": { "conditions": [condition("Failed", "True")] } })).unwrap().contains("failed: because"));
}

#[test]
fn what_the_server_leaves_out_is_no_drift() {
    let mut wanted = object("apps/v1", "Deployment", "a");
    wanted.body["spec"] = json!({ "paused": false, "replicas": 1, "template": { "spec": { "containers": [{ "name": "a", "env": [] }] } } });
    let live = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a", "namespace": "n", "generation": 2 },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [{ "name": "a" }] } } } });
    assert_eq!(ready::drift_lines(&wanted, Some(&live)), ["Deployment n/a: spec.replicas is 2, should be 1"]);
    assert_eq!(ready::drift_lines(&wanted, None), ["Deployment n/a does not exist"]);
}

#[test]
fn of_a_former_version_goes_what_the_new_one_lacks_but_no_definition() {
    let reference = |kind: &str, name: &str| object("v1", kind, name).reference;
    let former =
        [reference("Namespace", "a"), reference("ConfigMap", "gone"), reference("ConfigMap", "kept"), reference("Service", "gone")];
    let wanted = [object("v1", "ConfigMap", "kept")];
    let names: Vec<String> = outdated(&former, &wanted).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["Service n/gone", "ConfigMap n/gone"]);
}

fn any_object() -> impl Strategy<Value = AnyObject> {
    let kinds = prop_oneof![
        Just(("v1", "Namespace")),
        Just(("apiextensions.k8s.io/v1", "CustomResourceDefinition")),
        Just(("v1", "ServiceAccount")),
        Just(("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")),
        Just(("v1", "Secret")),
        Just(("v1", "Service")),
        Just(("apps/v1", "Deployment")),
        Just(("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")),
        Just(("cert-manager.io/v1", "Certificate")),
        Just(("operator.cluster.x-k8s.io/v1alpha2", "CoreProvider")),
    ];
    (kinds, "[a-z]{1,6}", "[ -~]{0,12}").prop_map(|((api_version, kind), name, data)| {
        let mut made = object(api_version, kind, &name);
        made.body["spec"] = json!({ "text": data });
        made
    })
}

proptest! {
    #[test]
    fn any_order_of_documents_becomes_an_order_of_installation(mut objects in proptest::collection::vec(any_object(), 0..24)) {
        let mut before: Vec<String> = objects.iter().map(|object| object.reference.to_string()).collect();
        sort(&mut objects);
        let order = ["Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRoleBinding", "Secret", "Service", "Deployment",
            "MutatingWebhookConfiguration"];
        let place = |object: &AnyObject| order.iter().position(|kind| *kind == object.reference.kind).unwrap_or(order.len());
        prop_assert!(objects.windows(2).all(|pair| place(&pair[0]) <= place(&pair[1])));
        prop_assert!(objects.windows(2).all(|pair| rank(&pair[0].reference) <= rank(&pair[1].reference)));
        let mut after: Vec<String> = objects.iter().map(|object| object.reference.to_string()).collect();
        before.sort();
        after.sort();
        prop_assert_eq!(before, after);
        let mut back: Vec<AnyRef> = removal_order(&objects);
        back.reverse();
        prop_assert_eq!(back, objects.iter().map(|object| object.reference.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn a_record_reads_back_what_it_writes_but_for_secrets(objects in proptest::collection::vec(any_object(), 0..12), count in 0_usize..3) {
        let former = objects.iter().take(count).map(|object| object.reference.clone()).collect();
        let mut inventory = Inventory {
            component: Component::Flux, phase: Phase::Installing, versions: wish().versions_of(Component::Flux),
            settings: wish().settings_of(Component::Flux), checksums: BTreeMap::from([("a".into(), "b".into())]), objects, former,
        };
        for object in inventory.objects.iter_mut().filter(|object| object.reference.kind == "Secret") {
            object.body["data"] = json!({ "password": "geheim" });
        }
        let manifest = inventory.manifest().unwrap();
        prop_assert_eq!(&manifest.object, &record(Component::Flux));
        let read = Inventory::read(&manifest.body).unwrap();
        for object in inventory.objects.iter_mut().filter(|object| object.reference.kind == "Secret") {
            object.body.as_object_mut().unwrap().remove("data");
        }
        prop_assert_eq!(read, inventory);
    }

    #[test]
    fn every_image_is_rewritten_once(path in "[a-z]{1,5}(/[a-z]{1,5}){0,2}", host in prop_oneof![Just(""), Just("quay.io/"), Just("localhost/"), Just("h:1/")]) {
        let image = format!("{host}{path}:v1");
        let once = images::rewritten(&image, "r.local/m");
        let tagged = format!("{path}:v1");
        prop_assert!(once.starts_with("r.local/m/") && once.ends_with(&tagged));
        prop_assert_eq!(images::rewritten(&once, "r.local/m"), once);
    }
}

#[test]
fn a_record_that_was_changed_is_told() {
    let error = Inventory::read(&json!({ "metadata": { "name": "kaas-install-flux" }, "data": {} })).unwrap_err().to_string();
    assert_eq!(error, "ConfigMap kaas-system/kaas-install-flux holds no record of an installation: its head is missing");
}
