//! The do-nothing provider in the real CLIs: every kind of part the framework knows, through protocol and core. No Kubernetes is needed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kaas_lab::own_binary;
use kaas_lab::terraform::{Engine, Install, Planned, Workspace};

const CONFIGURATION: &str = r#"
terraform {
  required_providers {
    nothing = {
      source = "kaas/nothing"
    }
  }
}
variable "label" {}
provider "nothing" {
  greeting = "good day"
}
ephemeral "nothing_lease" "run" {
  holder = "acceptance"
}
data "nothing_echo" "said" {
  text = provider::nothing::repeat("na", 2)
  loud = true
}
resource "nothing_thing" "one" {
  name = "one"
  labels = {
    said = data.nothing_echo.said.said
    mine = var.label
  }
  load {
    entries = 2
    bytes   = 3
  }
}
output "thing" {
  value = nothing_thing.one
}
"#;

#[test]
fn every_kind_of_part_goes_through_the_clis() {
    let provider = own_binary::nothing().unwrap();
    for engine in Engine::available() {
        let place = tempfile::tempdir().unwrap();
        let mut workspace = Workspace::new(engine, place.path(), &provider, Install::Mirror).unwrap();
        workspace.write("main.tf", CONFIGURATION).unwrap();
        workspace.set_variable("label", "a");
        workspace.init().unwrap().succeeded().unwrap();
        workspace.set_env("TF_LOG_PROVIDER", "DEBUG");
        let applied = workspace.apply(&[]).unwrap().succeeded().unwrap();
        let (given, back) = (applied.stderr.matches("lease given out").count(), applied.stderr.matches("lease taken back").count());
        assert!(given > 0 && given == back, "{engine:?}: {given} leases were opened, {back} closed");
        let thing = workspace.output("thing").unwrap();
        assert_eq!(thing["labels"]["said"], "GOOD DAY, NANA", "{engine:?}");
        assert_eq!((&thing["id"], &thing["ballast"]["0001"]), (&"thing/one".into(), &"xxx".into()), "{engine:?}");
        assert_eq!(workspace.plan(&[]).unwrap().0, Planned::Nothing, "{engine:?}");
        let state = std::fs::read_to_string(place.path().join("terraform.tfstate")).unwrap();
        assert!(!state.contains("good day-acceptance"), "{engine:?}: the token is in the state");
        workspace.set_variable("label", "b");
        let plan = workspace.plan_json().unwrap();
        assert_eq!(plan["resource_changes"][0]["change"]["actions"], serde_json::json!(["update"]), "{engine:?}");
        workspace.apply(&[]).unwrap().succeeded().unwrap();
        workspace.destroy(&[]).unwrap().succeeded().unwrap();
        workspace.import("nothing_thing.one", "thing/one").unwrap().succeeded().unwrap();
        let state = workspace.state().unwrap();
        let imported =
            state["values"]["root_module"]["resources"].as_array().unwrap().iter().find(|resource| resource["mode"] == "managed");
        assert_eq!(imported.unwrap()["values"]["id"], "thing/one", "{engine:?}");
    }
}

#[test]
fn a_write_only_value_is_used_and_never_stored() {
    let provider = own_binary::nothing().unwrap();
    let configuration = |secret: &str, version: u32| {
        format!(
            "terraform {{\n  required_providers {{\n    nothing = {{\n      source = \"kaas/nothing\"\n    }}\n  }}\n}}\n\
             resource \"nothing_seal\" \"s\" {{\n  name = \"s\"\n  secret = \"{secret}\"\n  secret_version = {version}\n}}\n\
             output \"letters\" {{\n  value = nothing_seal.s.letters\n}}\n"
        )
    };
    for engine in Engine::available() {
        let place = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(engine, place.path(), &provider, Install::DevOverride).unwrap();
        // Created, then updated from a saved plan, whose file must not hold the secret either.
        workspace.write("main.tf", &configuration("hush-hush", 1)).unwrap();
        workspace.apply(&[]).unwrap().succeeded().unwrap();
        assert_eq!(workspace.output("letters").unwrap(), 9, "{engine:?}");
        assert_eq!(workspace.plan(&[]).unwrap().0, Planned::Nothing, "{engine:?}");
        workspace.write("main.tf", &configuration("hush-hush-hush", 2)).unwrap();
        workspace.run(&["plan", "-no-color", "-out=saved"]).unwrap().succeeded().unwrap();
        let shown = workspace.run(&["show", "-no-color", "-json", "saved"]).unwrap().succeeded().unwrap().stdout;
        let planned: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert!(planned["resource_changes"][0]["change"]["after"]["secret"].is_null(), "{engine:?}: {planned}");
        workspace.run(&["apply", "-no-color", "saved"]).unwrap().succeeded().unwrap();
        assert_eq!(workspace.output("letters").unwrap(), 14, "{engine:?}");
        let state = std::fs::read_to_string(place.path().join("terraform.tfstate")).unwrap();
        assert!(state.contains("nothing_seal") && !state.contains("hush"), "{engine:?}: the secret is in the state");
        workspace.destroy(&[]).unwrap().succeeded().unwrap();
    }
}

#[test]
fn a_provider_under_a_debugger_serves_both_clis_under_its_own_name() {
    let provider = own_binary::nothing().unwrap();
    let mut running = Command::new(provider).arg("--debug").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let attach = line.trim().strip_prefix("TF_REATTACH_PROVIDERS='").and_then(|rest| rest.strip_suffix('\'')).unwrap().to_owned();
    for engine in Engine::available() {
        let place = tempfile::tempdir().unwrap();
        // There is no provider to install: only the one that runs can answer.
        let mut workspace =
            Workspace::new(engine, place.path(), Path::new("/nowhere/terraform-provider-nothing"), Install::DevOverride).unwrap();
        workspace.set_env("TF_REATTACH_PROVIDERS", &attach);
        workspace.write("main.tf", CONFIGURATION).unwrap();
        workspace.set_variable("label", "a");
        workspace.apply(&[]).unwrap().succeeded().unwrap();
        assert_eq!(workspace.output("thing").unwrap()["id"], "thing/one", "{engine:?}");
    }
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn what_the_provider_refuses_the_clis_show_at_its_place() {
    let provider = own_binary::nothing().unwrap();
    for engine in Engine::available() {
        let place = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(engine, place.path(), &provider, Install::DevOverride).unwrap();
        let refused = |text: &str, expected: &str| {
            workspace.write("main.tf", text).unwrap();
            let (planned, ran) = workspace.plan(&[]).unwrap();
            assert_eq!(planned, Planned::Failed, "{engine:?}");
            let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(expected), "{engine:?}: {said}");
        };
        let with = |text: &str| {
            format!("terraform {{\n  required_providers {{\n    nothing = {{\n      source = \"kaas/nothing\"\n    }}\n  }}\n}}\n{text}")
        };
        refused(
            &with("provider \"nothing\" {\n  greeting = \" \"\n}\nresource \"nothing_thing\" \"x\" {\n  name = \"x\"\n}\n"),
            "Empty greeting",
        );
        refused(&with("data \"nothing_echo\" \"x\" {\n  text = \"\"\n}\n"), "Empty text");
        refused(&with("ephemeral \"nothing_lease\" \"x\" {\n  holder = \"\"\n}\n"), "Nobody holds the lease");
        refused(&with("output \"x\" {\n  value = provider::nothing::repeat(\"abcd\", 1000000)\n}\n"), "longer than 1048576 bytes.");
        refused(
            &with("resource \"nothing_thing\" \"x\" {\n  name = \"x\"\n  load {\n    entries = 1001\n    bytes = 1\n  }\n}\n"),
            "At most 1000",
        );
    }
}
