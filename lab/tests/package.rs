//! The files of a release are what the registries ask for, and both CLIs install the provider from them.

use std::io::Read;
use std::path::Path;
use std::process::Command;

use kaas_lab::package::{self, Package, VERSION};
use kaas_lab::terraform::{Engine, Install, Workspace};

const EXAMPLE: &str = include_str!("../../examples/quickstart/main.tf");
/// Neither CLI's own registry, so that one source address serves both.
const HOST: &str = "example.com";

fn packed(out: &Path) -> Package {
    package::write(&kaas_lab::own_binary::provider().unwrap(), out).unwrap()
}

#[test]
fn the_archive_holds_the_executable_alone_and_the_checksums_are_right() {
    let place = tempfile::tempdir().unwrap();
    let package = packed(place.path());
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&package.archive).unwrap()).unwrap();
    assert_eq!(zip.len(), 1);
    let mut entry = zip.by_index(0).unwrap();
    assert_eq!(entry.name().unwrap(), format!("terraform-provider-kaas_v{VERSION}"));
    assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(0o755));
    let mut executable = Vec::new();
    entry.read_to_end(&mut executable).unwrap();
    assert!(executable == std::fs::read(kaas_lab::own_binary::provider().unwrap()).unwrap(), "another executable came out than went in");

    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(&package.manifest).unwrap()).unwrap();
    assert_eq!(manifest["metadata"]["protocol_versions"][0], "5.0");
    let sums = std::fs::read_to_string(&package.checksums).unwrap();
    assert_eq!(sums.lines().count(), 2, "{sums}");
    let checked =
        Command::new("sha256sum").args(["--check", "--strict"]).arg(&package.checksums).current_dir(place.path()).output().unwrap();
    assert!(checked.status.success(), "{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));

    let before = std::fs::read(&package.archive).unwrap();
    assert!(before == std::fs::read(packed(place.path()).archive).unwrap(), "packing twice gives two archives");
}

#[test]
fn both_clis_install_the_archive_from_a_packed_mirror() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    let package = packed(&place.path().join("dist"));
    let folder = mirror.join(HOST).join("kaas/kaas");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(&package.archive, folder.join(package.archive.file_name().unwrap())).unwrap();
    let config = place.path().join("packed.tfrc");
    std::fs::write(&config, format!("provider_installation {{\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\n", mirror)).unwrap();
    for engine in Engine::available() {
        let dir = place.path().join(format!("{engine:?}"));
        let mut workspace = Workspace::new(engine, &dir, Path::new("/nowhere/terraform-provider-kaas"), Install::Mirror).unwrap();
        workspace.set_env("TF_CLI_CONFIG_FILE", &config);
        workspace.write("main.tf", &EXAMPLE.replace("\"kaas/kaas\"", &format!("\"{HOST}/kaas/kaas\""))).unwrap();
        let init = workspace.init().unwrap().succeeded().unwrap();
        assert!(init.stdout.contains(&format!("Installed {HOST}/kaas/kaas v{VERSION}")), "{engine:?}: {}", init.stdout);
        workspace.run(&["validate", "-no-color"]).unwrap().succeeded().unwrap();
        let locked = std::fs::read_to_string(dir.join(".terraform.lock.hcl")).unwrap();
        assert!(locked.contains(&format!("version = \"{VERSION}\"")), "{engine:?}: {locked}");
    }
}

/// Building for a release takes minutes, so cargo is a script here that notes what it is asked for and gives back the executable there is.
#[test]
fn the_packed_executable_is_built_for_release() {
    let place = tempfile::tempdir().unwrap();
    let (cargo, asked, built) = (place.path().join("cargo"), place.path().join("asked"), place.path().join("built"));
    std::fs::write(&built, "released").unwrap();
    let message = serde_json::json!({"target": {"name": "terraform-provider-kaas", "kind": ["bin"]}, "executable": built});
    std::fs::write(&cargo, format!("#!/bin/sh\necho \"$@\" > '{}'\necho '{message}'\n", asked.display())).unwrap();
    std::fs::set_permissions(&cargo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let out = place.path().join("dist");
    let mut lab = Command::new(env!("CARGO_BIN_EXE_kaas-lab"));
    let ran = lab.arg("package").arg("--out").arg(&out).env("CARGO", &cargo).env("KAAS_PROVIDER_BIN", "/nowhere").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let asked = std::fs::read_to_string(asked).unwrap();
    assert!(asked.starts_with("build ") && asked.contains("--release --package kaas"), "{asked}");
    let archive = String::from_utf8_lossy(&ran.stdout).lines().next().unwrap().to_owned();
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let mut packed = String::new();
    zip.by_index(0).unwrap().read_to_string(&mut packed).unwrap();
    assert_eq!(packed, "released");
}

/// GoReleaser itself runs for a release alone: it builds for minutes.
#[test]
fn goreleaser_makes_the_same_names() {
    let recipe = include_str!("../../.goreleaser.yml");
    for line in [
        "project_name: terraform-provider-kaas",
        "binary: \"{{ .ProjectName }}_v{{ .Version }}\"",
        "- cp target/{{ .Target }}/release/{{ .ProjectName }}{{ .Ext }} target/{{ .Target }}/release/{{ .Name }}",
        "formats: [zip]",
        "files: [none*]",
        "name_template: \"{{ .ProjectName }}_{{ .Version }}_{{ .Os }}_{{ .Arch }}\"",
        "name_template: \"{{ .ProjectName }}_{{ .Version }}_SHA256SUMS\"",
        "name_template: \"{{ .ProjectName }}_{{ .Version }}_manifest.json\"",
    ] {
        assert!(recipe.contains(line), "{line}");
    }
}
