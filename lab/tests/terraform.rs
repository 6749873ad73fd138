//! Both CLIs find the provider without a registry and without anything of the user's home.

use kaas_lab::terraform::{Engine, Install, Planned, Workspace};

const CONFIGURATION: &str = r#"
terraform {
  required_providers {
    kaas = {
      source = "kaas/kaas"
    }
  }
}
"#;

#[test]
fn init_installs_the_provider_from_the_mirror() {
    // Installing needs an executable, not one that answers.
    let provider = std::path::Path::new(env!("CARGO_BIN_EXE_kaas-lab"));
    for engine in Engine::available() {
        let place = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(engine, place.path(), provider, Install::Mirror).unwrap();
        workspace.write("main.tf", CONFIGURATION).unwrap();
        let ran = workspace.init().unwrap().succeeded().unwrap();
        assert!(ran.stdout.contains("Installed kaas/kaas v") || ran.stdout.contains("Installed registry."), "{engine:?}: {}", ran.stdout);
    }
}

#[test]
fn plans_are_told_apart_by_what_they_find() {
    for engine in Engine::available() {
        let place = tempfile::tempdir().unwrap();
        let mut workspace = Workspace::new(engine, place.path(), std::path::Path::new("/nowhere/provider"), Install::Mirror).unwrap();
        workspace.set_variable("value", "one");
        workspace.write("main.tf", "variable \"value\" {}\nresource \"terraform_data\" \"x\" {\n  input = var.value\n}\noutput \"x\" {\n  value = terraform_data.x.output\n}\n").unwrap();
        workspace.init().unwrap().succeeded().unwrap();
        assert_eq!(workspace.plan(&[]).unwrap().0, Planned::Changes, "{engine:?}");
        workspace.apply(&[]).unwrap().succeeded().unwrap();
        assert_eq!(workspace.plan(&[]).unwrap().0, Planned::Nothing, "{engine:?}");
        assert_eq!(workspace.output("x").unwrap(), "one");
        assert_eq!(workspace.plan_json().unwrap()["resource_changes"][0]["change"]["actions"][0], "no-op");
        workspace.write("main.tf", "nonsense").unwrap();
        assert_eq!(workspace.plan(&[]).unwrap().0, Planned::Failed, "{engine:?}");
    }
}
