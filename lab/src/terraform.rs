//! Running OpenTofu or Terraform on a folder of its own: nothing of the user's home, environment or network gets in.
//!
//! The provider is installed from a filesystem mirror, as users without a registry do it, or for measurements by a development
//! override, which saves the CLI from hashing the provider at each start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::programs::Program;
use crate::toolchain;

/// The registries whose `kaas/…` the mirror serves: each CLI completes a short source address with its own.
const REGISTRIES: [&str; 2] = ["registry.opentofu.org", "registry.terraform.io"];
/// How the executable of every provider begins; its type name follows.
const EXECUTABLE: &str = "terraform-provider-";
/// The mirror's version of the provider.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Which CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `tofu`, the machine's own or built by the lab.
    OpenTofu,
    /// `terraform`, only if the machine has it: its licence does not let the lab bring it.
    Terraform,
}

impl Engine {
    /// OpenTofu, and Terraform where it is on PATH.
    pub fn available() -> Vec<Self> {
        let terraform = toolchain::on_path("terraform").map(|_| Self::Terraform);
        std::iter::once(Self::OpenTofu).chain(terraform).collect()
    }

    /// The executable, for OpenTofu built first if there is none.
    ///
    /// # Errors
    /// When it is not there or cannot be built.
    pub fn executable(self) -> Result<PathBuf> {
        match self {
            Self::OpenTofu => Program::Tofu.executable(),
            Self::Terraform => toolchain::on_path("terraform").context("find terraform on PATH"),
        }
    }
}

/// How the CLI comes to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    /// From a filesystem mirror, by `init`.
    Mirror,
    /// In place, without `init`.
    DevOverride,
}

/// What a run of the CLI came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Ran {
    /// Itself, if the run succeeded.
    ///
    /// # Errors
    /// With what the CLI printed.
    pub fn succeeded(self) -> Result<Self> {
        let ended = self.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        anyhow::ensure!(self.code == Some(0), "it ended with {ended}\n{}{}", self.stdout, self.stderr);
        Ok(self)
    }

    /// The output as JSON.
    ///
    /// # Errors
    /// When the run failed or it is none.
    pub fn json(self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.succeeded()?.stdout).context("understand the JSON of the CLI")
    }
}

/// What a plan says, by `-detailed-exitcode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// Exit code 0: nothing to do.
    Nothing,
    /// Exit code 2: there are changes.
    Changes,
    /// The plan failed.
    Failed,
}

/// A folder with a configuration, its state, and the CLI's own files.
#[derive(Clone, Debug)]
pub struct Workspace {
    dir: PathBuf,
    binary: PathBuf,
    env: BTreeMap<String, OsString>,
}

impl Workspace {
    /// Prepares the folder `dir` (made if needed) for `engine` with the built `provider`, whose source address is `kaas/` and what follows
    /// `terraform-provider-` in its name (`kaas/kaas` where it is called otherwise).
    ///
    /// # Errors
    /// When the CLI cannot be had or a file not be written.
    pub fn new(engine: Engine, dir: &Path, provider: &Path, install: Install) -> Result<Self> {
        let cli = dir.join(".cli");
        let tmp = cli.join("tmp");
        std::fs::create_dir_all(&tmp).with_context(|| format!("make {}", tmp.display()))?;
        let config = cli.join("config.tfrc");
        std::fs::write(&config, cli_config(&cli, provider, install)?).with_context(|| format!("write {}", config.display()))?;
        let mut env = BTreeMap::from([
            ("HOME".to_owned(), cli.clone().into_os_string()),
            ("TMPDIR".to_owned(), tmp.into_os_string()),
            ("TF_CLI_CONFIG_FILE".to_owned(), config.into_os_string()),
            ("CHECKPOINT_DISABLE".to_owned(), "1".into()),
            ("TF_INPUT".to_owned(), "0".into()),
            ("TF_IN_AUTOMATION".to_owned(), "1".into()),
        ]);
        if let Some(path) = std::env::var_os("PATH") {
            env.insert("PATH".to_owned(), path);
        }
        Ok(Self { dir: dir.to_owned(), binary: engine.executable()?, env })
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Sets a variable of the CLI's and the provider's environment, which is otherwise empty.
    pub fn set_env(&mut self, name: &str, value: impl Into<OsString>) {
        self.env.insert(name.to_owned(), value.into());
    }

    /// Sets an input variable of the configuration.
    pub fn set_variable(&mut self, name: &str, value: impl Into<OsString>) {
        self.set_env(&format!("TF_VAR_{name}"), value);
    }

    /// Writes a file of the configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let file = self.dir.join(name);
        std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))
    }

    /// The CLI with `args`, ready to be spawned: for runs that are to be interrupted.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.dir).env_clear().envs(&self.env).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the CLI with `args` to its end.
    ///
    /// # Errors
    /// When it cannot be started. A run that fails is no error here: look at its code.
    pub fn run(&self, args: &[&str]) -> Result<Ran> {
        let started = Instant::now();
        let out = self.command(args).output().with_context(|| format!("start {}", self.binary.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ran { code: out.status.code(), stdout: text(&out.stdout), stderr: text(&out.stderr), elapsed: started.elapsed() })
    }

    /// `init`.
    ///
    /// # Errors
    /// As [`Workspace::run`].
    pub fn init(&self) -> Result<Ran> {
        self.run(&["init", "-no-color"])
    }

    /// `plan -detailed-exitcode`, and what it said. More arguments such as `-refresh-only` may be given.
    ///
    /// # Errors
    /// As [`Workspace::run`].
    pub fn plan(&self, more: &[&str]) -> Result<(Planned, Ran)> {
        let ran = self.run(&[&["plan", "-no-color", "-detailed-exitcode"], more].concat())?;
        let planned = match ran.code {
            Some(0) => Planned::Nothing,
            Some(2) => Planned::Changes,
            _ => Planned::Failed,
        };
        Ok((planned, ran))
    }

    /// A plan as JSON: it is saved to a file of the folder and shown.
    ///
    /// # Errors
    /// When planning or showing fails.
    pub fn plan_json(&self) -> Result<serde_json::Value> {
        self.run(&["plan", "-no-color", "-out=.plan"])?.succeeded()?;
        self.run(&["show", "-no-color", "-json", ".plan"])?.json()
    }

    /// `apply -auto-approve`.
    ///
    /// # Errors
    /// As [`Workspace::run`].
    pub fn apply(&self, more: &[&str]) -> Result<Ran> {
        self.run(&[&["apply", "-no-color", "-auto-approve"], more].concat())
    }

    /// `destroy -auto-approve`.
    ///
    /// # Errors
    /// As [`Workspace::run`].
    pub fn destroy(&self, more: &[&str]) -> Result<Ran> {
        self.run(&[&["destroy", "-no-color", "-auto-approve"], more].concat())
    }

    /// `import ADDRESS ID`.
    ///
    /// # Errors
    /// As [`Workspace::run`].
    pub fn import(&self, address: &str, id: &str) -> Result<Ran> {
        self.run(&["import", "-no-color", address, id])
    }

    /// The state as JSON.
    ///
    /// # Errors
    /// When it cannot be shown.
    pub fn state(&self) -> Result<serde_json::Value> {
        self.run(&["show", "-no-color", "-json"])?.json()
    }

    /// The value of the output `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn output(&self, name: &str) -> Result<serde_json::Value> {
        self.run(&["output", "-no-color", "-json", name])?.json()
    }
}

fn cli_config(cli: &Path, provider: &Path, install: Install) -> Result<String> {
    let provider = std::path::absolute(provider)?;
    let name = type_name(&provider);
    match install {
        Install::DevOverride => {
            let folder = quoted(provider.parent().context("find the folder of the provider")?);
            let lines: String = REGISTRIES.iter().map(|registry| format!("    \"{registry}/kaas/{name}\" = {folder}\n")).collect();
            Ok(format!("provider_installation {{\n  dev_overrides {{\n{lines}  }}\n}}\n"))
        }
        Install::Mirror => {
            let mirror = cli.join("mirror");
            for registry in REGISTRIES {
                let folder = mirror.join(registry).join("kaas").join(name).join(VERSION).join(platform());
                std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
                let link = folder.join(format!("{EXECUTABLE}{name}_v{VERSION}"));
                if link.symlink_metadata().is_ok() {
                    std::fs::remove_file(&link)?;
                }
                std::os::unix::fs::symlink(&provider, &link).with_context(|| format!("link {}", link.display()))?;
            }
            Ok(format!("provider_installation {{\n  filesystem_mirror {{\n    path = {}\n  }}\n}}\n", quoted(&mirror)))
        }
    }
}

/// The type name of a provider, by its executable's name.
fn type_name(provider: &Path) -> &str {
    let name = provider.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.strip_prefix(EXECUTABLE));
    name.unwrap_or("kaas")
}

/// A path as a string of HCL.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

/// The platform as the CLIs name it: `linux_amd64`.
pub fn platform() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}_{arch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_serves_both_registries_and_is_the_only_source() {
        let folder = tempfile::tempdir().unwrap();
        let config = cli_config(folder.path(), Path::new("/x/terraform-provider-kaas"), Install::Mirror).unwrap();
        assert!(config.contains("filesystem_mirror") && !config.contains("direct"), "{config}");
        for registry in REGISTRIES {
            let file = folder.path().join(format!("mirror/{registry}/kaas/kaas/{VERSION}/{}/{EXECUTABLE}kaas_v{VERSION}", platform()));
            assert_eq!(std::fs::read_link(file).unwrap(), Path::new("/x/terraform-provider-kaas"));
        }
    }

    #[test]
    fn an_override_names_the_providers_folder() {
        let config = cli_config(Path::new("/c"), Path::new("/x/terraform-provider-kaas"), Install::DevOverride).unwrap();
        assert!(config.contains("\"registry.opentofu.org/kaas/kaas\" = \"/x\""), "{config}");
        let config = cli_config(Path::new("/c"), Path::new("/x/terraform-provider-nothing"), Install::DevOverride).unwrap();
        assert!(config.contains("\"registry.opentofu.org/kaas/nothing\" = \"/x\""), "{config}");
    }

    #[test]
    fn a_failed_run_shows_what_the_cli_said() {
        let ran = Ran { code: Some(1), stdout: "out".into(), stderr: "because".into(), elapsed: Duration::ZERO };
        assert!(format!("{:#}", ran.succeeded().unwrap_err()).contains("because"));
    }
}
