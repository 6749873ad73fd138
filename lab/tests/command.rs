//! The lab's own command: what it says of the machine, and of a lab that is up or down.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use kaas_lab::{Options, Server, TemporaryLab};

const LAB: &str = env!("CARGO_BIN_EXE_kaas-lab");

/// What `doctor` says where nothing is on PATH, `home` is the user's, and the environment holds only these variables beside.
fn examined(home: &Path, variables: &[(&str, &Path)]) -> String {
    let mut doctor = Command::new(LAB);
    doctor.arg("doctor").current_dir(home).env_clear().env("HOME", home).env("PATH", home.join("nothing"));
    let ran = doctor.envs(variables.iter().copied()).output().unwrap();
    let said = text(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{said}{}", text(&ran.stderr));
    said
}

/// What the command says of the lab in `folder`.
fn asked(folder: &Path, words: &[&str]) -> Output {
    Command::new(LAB).args(words).args(["--name", "command", "--dir"]).arg(folder).output().unwrap()
}

fn text(said: &[u8]) -> String {
    String::from_utf8(said.to_vec()).unwrap()
}

/// The line that begins so, and the one after it.
fn lines<'a>(said: &'a str, begin: &str) -> [&'a str; 2] {
    let mut lines = said.lines().skip_while(|line| !line.starts_with(begin));
    let first = lines.next().unwrap_or_else(|| panic!("no line begins with {begin:?}:\n{said}"));
    [first, lines.next().unwrap_or_default()]
}

/// Makes of a folder what looks like a JDK.
fn make_jdk(folder: &Path, version: &str) {
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    for program in ["bin/java", "bin/javac"].map(|name| folder.join(name)) {
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::write(folder.join("release"), format!("IMPLEMENTOR=\"nobody\"\nJAVA_VERSION=\"{version}\"\n")).unwrap();
}

#[test]
fn a_tool_that_is_missing_is_told_with_how_to_install_it() {
    let home = tempfile::tempdir().unwrap();
    let said = examined(home.path(), &[]);
    let mut missing = vec![
        ("Maven", "find Maven (mvn) on PATH", "install it: apt install maven"),
        ("C compiler", "find a C compiler (cc) on PATH", "install it: apt install gcc"),
        ("Python", "find Python (python3) on PATH", "install it with venv (apt install python3-venv"),
    ];
    // Go is looked for where its own installer puts it, too.
    if !Path::new("/usr/local/go/bin/go").exists() {
        missing.push(("Go", "find Go on PATH", "install it from https://go.dev/dl and put it on PATH"));
    }
    for (tool, reason, remedy) in missing {
        let [what, how] = lines(&said, &format!("missing  {tool}"));
        assert!(what.ends_with(reason) && how.trim_start().starts_with(remedy), "{what}\n{how}");
    }
    lines(&said, &format!("cache  {}", home.path().join(".cache/kaas-lab").display()));
    assert!(lines(&said, "  etcd ")[0].contains(", will be built: "), "{said}");
}

#[test]
fn a_jdk_is_found_where_java_home_leads_and_where_its_tools_put_it() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().canonicalize().unwrap();
    // Newer than any that this machine may have: of those in the usual folders the newest is taken.
    let (newest, own) = (home.join(".sdkman/candidates/java/99.0.1"), home.join("own"));
    make_jdk(&newest, "99.0.1");
    let is_found = |said: &str, needed: u32, version: &str, folder: &Path| {
        let [line, _] = lines(said, &format!("ok       JDK {needed} or later"));
        assert!(line.ends_with(&format!(" {version} in {}", folder.display())), "{line}");
    };
    let said = examined(&home, &[]);
    is_found(&said, 21, "99.0.1", &newest);
    is_found(&said, 17, "99.0.1", &newest);
    make_jdk(&own, "21.0.1");
    let said = examined(&home, &[("JAVA_HOME", own.as_path())]);
    is_found(&said, 21, "21.0.1", &own);
    is_found(&said, 17, "21.0.1", &own);
    // Too old for the one and new enough for the other.
    make_jdk(&own, "17.0.15");
    let said = examined(&home, &[("JAVA_HOME", own.as_path())]);
    is_found(&said, 21, "99.0.1", &newest);
    is_found(&said, 17, "17.0.15", &own);
}

#[test]
fn a_lab_tells_how_it_is_and_where_its_kubeconfig_is_until_it_is_down() {
    let place = tempfile::tempdir().unwrap();
    let (dir, lab_binary) = (Some(place.path().join("command")), Some(LAB.into()));
    let mut lab = TemporaryLab::with(&Options { dir, lab_binary, pretend_ready: true, ..Options::named("command") }).unwrap();
    let folder = lab.folder().to_owned();

    let status = asked(&folder, &["status"]);
    let said = text(&status.stdout);
    assert_eq!(status.status.code(), Some(0), "{said}{}", text(&status.stderr));
    for server in [Server::Etcd, Server::Apiserver, Server::Controllers, Server::StrimziStandIn] {
        let [line, _] = lines(&said, &format!("  {} ", server.name()));
        let port = lab.port(server).map_or_else(|| "-".to_owned(), |port| port.to_string());
        assert!(line.contains(&format!(" port {port} ")) && line.ends_with("  well"), "{line}");
    }
    let path = asked(&folder, &["kubeconfig"]);
    assert_eq!((path.status.code(), text(&path.stdout)), (Some(0), format!("{}\n", lab.kubeconfig().display())));
    let printed = asked(&folder, &["kubeconfig", "--print"]);
    assert_eq!((printed.status.code(), text(&printed.stdout)), (Some(0), std::fs::read_to_string(lab.kubeconfig()).unwrap() + "\n"));

    lab.stop(Server::Controllers).unwrap();
    let status = asked(&folder, &["status"]);
    let said = text(&status.stdout);
    assert_eq!(status.status.code(), Some(1), "{said}");
    assert!(lines(&said, "  kube-controller-manager ")[0].ends_with("  not well: it does not run"), "{said}");
    assert!(lines(&said, "  kube-apiserver ")[0].ends_with("  well"), "{said}");

    lab.down().unwrap();
    for verb in ["status", "kubeconfig"] {
        let ran = asked(&folder, &[verb]);
        assert_eq!((ran.status.code(), text(&ran.stdout)), (Some(1), String::new()), "{verb}");
        let told = text(&ran.stderr);
        assert!(told.contains(&format!("find a lab in {}: start one with cargo lab up", folder.display())), "{told}");
    }
}
