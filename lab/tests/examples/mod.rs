//! Every example of `examples/` as a user would run it: applied, planned empty, imported, destroyed.

mod aws;
mod place;

use std::collections::BTreeSet;

use kaas_lab::terraform::{Engine, Planned};
use kaas_lab::{TemporaryLab, objects};

use place::{Place, example, folder, version};

/// What the tests here run. An example that is not here is run by nobody.
const EXERCISED: [&str; 19] = [
    "aws-complete/main.tf",
    "aws-complete/tenants.tf",
    "data-sources/kaas_sizing/data-source.tf",
    "functions/cert_manager_policy/function.tf",
    "functions/cluster_api_policy/function.tf",
    "functions/ebs_csi_policy/function.tf",
    "functions/external_dns_policy/function.tf",
    "functions/size/function.tf",
    "own-cluster-class/main.tf",
    "provider/provider.tf",
    "quickstart/main.tf",
    "resources/kaas_management_cluster/import-by-identity.tf",
    "resources/kaas_management_cluster/import-by-string-id.tf",
    "resources/kaas_management_cluster/import.sh",
    "resources/kaas_management_cluster/resource.tf",
    "resources/kaas_tenant/import-by-identity.tf",
    "resources/kaas_tenant/import-by-string-id.tf",
    "resources/kaas_tenant/import.sh",
    "resources/kaas_tenant/resource.tf",
];

/// What needs a provider and an account that no test has. Its formatting is checked, and it says itself that it is not run.
const NOT_RUN: [&str; 2] = ["aws-complete/aws.tf", "tenant-public-name/main.tf"];

#[test]
fn no_example_is_left_out() {
    let mut found = BTreeSet::new();
    let mut open = vec![folder()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension != "md") {
                found.insert(path.strip_prefix(folder()).unwrap().display().to_string());
            }
        }
    }
    assert_eq!(found, EXERCISED.into_iter().chain(NOT_RUN).map(str::to_owned).collect());
}

#[test]
fn examples_are_formatted_as_the_clis_format() {
    let place = tempfile::tempdir().unwrap();
    for engine in Engine::available() {
        let workspace = place::workspace(engine, place.path());
        let ran = workspace.run(&["fmt", "-check", "-recursive", "-diff", &folder().display().to_string()]).unwrap();
        assert_eq!(ran.code, Some(0), "{engine:?}: {}", ran.stdout);
    }
}

#[test]
fn the_quickstart_comes_and_goes() {
    let lab = TemporaryLab::up("quickstart", true).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    for engine in Engine::available() {
        let mut place = Place::new(&lab, engine);
        place.workspace.set_variable("kubeconfig", lab.kubeconfig());
        place.workspace.set_variable("context", lab.context());
        place.write(&[("main.tf", "quickstart/main.tf")]);
        place.comes_up();
        assert!(place.workspace.output("bootstrap_servers").unwrap().is_string());
        place.goes(&before);
    }
    lab.down().unwrap();
}

/// With the lab's own class for the one that the example names, which makes machines that the lab has not.
#[test]
fn a_tenant_on_a_cluster_class_of_ones_own_comes_and_goes() {
    let lab = TemporaryLab::with_cluster_api("own-class", true).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    for engine in Engine::available() {
        let mut place = Place::new(&lab, engine);
        place.workspace.set_variable("kubeconfig", lab.kubeconfig());
        place.workspace.set_variable("context", lab.context());
        // The class has neither workers nor machines of a control plane.
        let class = r#"
class                  = { name = "process", namespace = "kaas-system" }
class_variables        = { region = "cellar" }
worker_class           = null
control_plane_replicas = null
"#;
        place.workspace.write("lab.auto.tfvars", class).unwrap();
        place.write(&[("main.tf", "own-cluster-class/main.tf")]);
        place.comes_up();
        assert!(place.workspace.output("bootstrap_servers").unwrap().is_string());
        place.goes(&before);
    }
    lab.down().unwrap();
}

#[test]
fn sizes_are_told_without_any_cluster() {
    for engine in Engine::available() {
        let place = Place::without_cluster(engine);
        place.write(&[
            ("provider.tf", "provider/provider.tf"),
            ("data.tf", "data-sources/kaas_sizing/data-source.tf"),
            ("f.tf", "functions/size/function.tf"),
        ]);
        place.comes_up();
        let candidate = place.workspace.output("candidate").unwrap();
        let storage = place.workspace.output("storage_gib").unwrap();
        // Both examples ask for the same.
        assert_eq!(candidate["total_storage_gib"], storage);
        assert!(place.workspace.output("why").unwrap()["brokers"].as_str().unwrap().contains("MiB"), "no arithmetic");
    }
}

#[test]
fn policies_are_written_without_any_cloud() {
    for engine in Engine::available() {
        let place = Place::without_cluster(engine);
        let names = ["cert_manager_policy", "cluster_api_policy", "ebs_csi_policy", "external_dns_policy"];
        let files = names.map(|name| (format!("{name}.tf"), format!("functions/{name}/function.tf")));
        let mut written = vec![("provider.tf", "provider/provider.tf")];
        written.extend(files.iter().map(|(to, from)| (to.as_str(), from.as_str())));
        place.write(&written);
        place.comes_up();
        for name in names {
            let text = place.workspace.output(name).unwrap();
            let policy: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
            assert!(!policy["Statement"].as_array().unwrap().is_empty(), "{name}");
        }
    }
}

#[test]
fn resources_are_made_imported_in_every_way_and_destroyed() {
    let lab = TemporaryLab::up("examples", true).unwrap();
    let before = objects::settled(&lab.kubeconfig()).unwrap();
    for engine in Engine::available() {
        let place = Place::new(&lab, engine);
        place.write(&[
            ("provider.tf", "provider/provider.tf"),
            ("cluster.tf", "resources/kaas_management_cluster/resource.tf"),
            ("tenant.tf", "resources/kaas_tenant/resource.tf"),
        ]);
        place.comes_up();
        assert!(place.workspace.output("payments_size").unwrap().is_string());

        place.forget();
        for name in ["kaas_management_cluster", "kaas_tenant"] {
            let script = example(&format!("resources/{name}/import.sh"));
            let words: Vec<&str> = script.lines().find(|line| line.starts_with("terraform import")).unwrap().split_whitespace().collect();
            place.workspace.import(words[2], words[3]).unwrap().succeeded().unwrap();
        }
        place.plans_nothing();
        place.imports_by("import-by-string-id.tf");
        if version(engine) >= (1, 12) {
            place.imports_by("import-by-identity.tf");
        }

        // The examples leave protection on, so they cannot be destroyed by mistake.
        let refused = place.workspace.destroy(&[]).unwrap();
        assert!(refused.code == Some(1) && refused.stderr.contains("deletion_protection = false"), "{engine:?}: {}", refused.stderr);
        let unprotected =
            ["payments", "orders"].map(|name| format!("resource \"kaas_tenant\" \"{name}\" {{\n  deletion_protection = false\n}}\n"));
        place.workspace.write("override.tf", &unprotected.concat()).unwrap();
        let (planned, ran) = place.workspace.plan(&[]).unwrap();
        assert!(planned == Planned::Changes && ran.stdout.contains("0 to add, 2 to change, 0 to destroy"), "{engine:?}: {}", ran.stdout);
        place.workspace.apply(&[]).unwrap().succeeded().unwrap();
        place.goes(&before);
    }
    lab.down().unwrap();
}
