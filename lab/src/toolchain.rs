//! Finding the tools the lab builds and runs with: Go, a JDK, Maven and a C compiler. It looks, and changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::programs::numbers;

/// Strimzi's published classes are Java 21.
pub const STRIMZI_JAVA: u32 = 21;
/// Kafka 4 brokers run from Java 17 on.
pub const KAFKA_JAVA: u32 = 17;

/// The oldest Python that runs moto.
pub const PYTHON: [u32; 2] = [3, 10];

/// The executable `name` on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

/// Whether `file` is there and may be run.
pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Go, with its version (`1.26.8`).
///
/// # Errors
/// When it is not on PATH nor in its usual folder, or does not answer.
pub fn go() -> Result<(PathBuf, String)> {
    let usual = PathBuf::from("/usr/local/go/bin/go");
    let go = on_path("go").or_else(|| is_executable(&usual).then_some(usual)).context("find Go on PATH")?;
    let text = answer(Command::new(&go).args(["env", "GOVERSION"]))?;
    let version = text.trim().trim_start_matches("go").to_owned();
    Ok((go, version))
}

/// Maven, with its version.
///
/// # Errors
/// When it is not on PATH or does not answer.
pub fn mvn() -> Result<(PathBuf, String)> {
    let mvn = on_path("mvn").context("find Maven (mvn) on PATH")?;
    let text = answer(Command::new(&mvn).args(["-B", "-q", "--version"]))?;
    // It colours its answer even for a pipe.
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
    let version = words.find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("unknown").to_owned();
    Ok((mvn, version))
}

/// Python 3 from [`PYTHON`] on, with its version, if it can make virtual environments.
///
/// # Errors
/// When there is none on PATH, or it is too old or without venv and pip.
pub fn python() -> Result<(PathBuf, String)> {
    let python = on_path("python3").context("find Python (python3) on PATH")?;
    let text = answer(Command::new(&python).args(["-c", "import ensurepip, venv, platform; print(platform.python_version())"]))?;
    let version = text.trim().to_owned();
    anyhow::ensure!(numbers(&version) >= PYTHON.to_vec(), "Python {version} in {} is too old", python.display());
    Ok((python, version))
}

/// The C compiler, with the first line of what it says of itself.
///
/// # Errors
/// When neither `$CC` nor `cc` is there, or does not answer.
pub fn cc() -> Result<(PathBuf, String)> {
    let name = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let cc =
        on_path(&name).or_else(|| Some(PathBuf::from(&name)).filter(|p| is_executable(p))).context("find a C compiler (cc) on PATH")?;
    let text = answer(Command::new(&cc).arg("--version"))?;
    let version = text.lines().next().unwrap_or("unknown").to_owned();
    Ok((cc, version))
}

/// A Java development kit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jdk {
    /// The folder that holds `bin/java`.
    pub home: PathBuf,
    /// `17`, `25`.
    pub major: u32,
    /// `17.0.15`.
    pub version: String,
}

impl Jdk {
    /// The `java` command.
    pub fn java(&self) -> PathBuf {
        self.home.join("bin/java")
    }

    /// The kit in `home`, if it has a compiler and says its version.
    pub fn at(home: &Path) -> Option<Self> {
        if !is_executable(&home.join("bin/java")) || !is_executable(&home.join("bin/javac")) {
            return None;
        }
        let version = std::fs::read_to_string(home.join("release")).ok().and_then(|text| release_version(&text)).or_else(|| {
            let out = Command::new(home.join("bin/java")).arg("-version").output().ok()?;
            quoted(&String::from_utf8_lossy(&out.stderr))
        })?;
        Some(Self { home: home.to_owned(), major: major(&version)?, version })
    }
}

/// The first JDK of at least version `at_least`: JAVA_HOME, then PATH, then the newest in the folders where systems keep them.
///
/// # Errors
/// When there is none; the message names what was found.
pub fn jdk(at_least: u32) -> Result<Jdk> {
    let found = jdks();
    found.iter().find(|jdk| jdk.major >= at_least).cloned().with_context(|| {
        let seen: Vec<String> = found.iter().map(|jdk| format!("{} in {}", jdk.version, jdk.home.display())).collect();
        let seen = if seen.is_empty() { "no JDK at all".to_owned() } else { seen.join(", ") };
        format!("find a JDK {at_least} or later in JAVA_HOME, on PATH and in the usual folders: found {seen}")
    })
}

/// All JDKs of this machine in the order of preference.
pub fn jdks() -> Vec<Jdk> {
    let mut found: Vec<Jdk> = Vec::new();
    let mut add = |jdk: Jdk| {
        if !found.iter().any(|have| have.home == jdk.home) {
            found.push(jdk);
        }
    };
    let from_path = on_path("java").and_then(|java| java.canonicalize().ok()).and_then(|java| Some(java.parent()?.parent()?.to_owned()));
    for home in std::env::var_os("JAVA_HOME").map(PathBuf::from).into_iter().chain(from_path) {
        if let Some(jdk) = home.canonicalize().ok().as_deref().and_then(Jdk::at) {
            add(jdk);
        }
    }
    let mut usual: Vec<Jdk> = usual_folders().iter().flat_map(|folder| homes_in(folder)).filter_map(|home| Jdk::at(&home)).collect();
    usual.sort_by_key(|jdk| std::cmp::Reverse(jdk.major));
    usual.into_iter().for_each(add);
    found
}

/// Where Linux distributions, macOS, Homebrew, SDKMAN, Gradle, IntelliJ, asdf and mise put JDKs.
fn usual_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = [
        "/usr/lib/jvm",
        "/usr/lib64/jvm",
        "/usr/java",
        "/usr/local/java",
        "/opt",
        "/opt/java",
        "/Library/Java/JavaVirtualMachines",
        "/opt/homebrew/opt",
    ]
    .map(PathBuf::from)
    .to_vec();
    if let Some(home) = std::env::home_dir() {
        let below = [
            ".sdkman/candidates/java",
            ".gradle/jdks",
            ".jdks",
            ".asdf/installs/java",
            ".local/share/mise/installs/java",
            "Library/Java/JavaVirtualMachines",
        ];
        folders.extend(below.map(|folder| home.join(folder)));
    }
    folders
}

/// Every folder in `folder` that may be a JDK, on macOS one level deeper.
fn homes_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.flatten().filter_map(|entry| entry.path().canonicalize().ok());
    entries.flat_map(|home| [home.join("Contents/Home"), home.join("libexec/openjdk.jdk/Contents/Home"), home]).collect()
}

fn release_version(release: &str) -> Option<String> {
    quoted(release.lines().find(|line| line.starts_with("JAVA_VERSION="))?)
}

fn quoted(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

/// `17.0.15` is 17, `1.8.0_402` is 8, `25-ea` is 25.
fn major(version: &str) -> Option<u32> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
    match numbers.next()? {
        1 => numbers.next(),
        n => Some(n),
    }
}

fn answer(command: &mut Command) -> Result<String> {
    let what = format!("{command:?}");
    let out = command.output().with_context(|| format!("run {what}"))?;
    anyhow::ensure!(out.status.success(), "{what} ended with {}: {}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_versions_of_every_age_are_read() {
        for (text, expected) in [("17.0.15", 17), ("25", 25), ("1.8.0_402", 8), ("25-ea", 25)] {
            assert_eq!(major(text), Some(expected), "{text}");
        }
        assert_eq!(major("none"), None);
        assert_eq!(release_version("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"21.0.2\"\n").as_deref(), Some("21.0.2"));
    }

    #[test]
    fn a_folder_without_a_compiler_is_no_jdk() {
        assert_eq!(Jdk::at(tempfile::tempdir().unwrap().path()), None);
    }
}
