//! The labs that journeys share. A static is never dropped, so a guardian process takes each lab down once the test binary has ended,
//! however it ended.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use kaas_lab::terraform::Engine;
use kaas_lab::{Lab, Options, Server, own_binary};

/// A lab for all journeys of this binary.
pub struct Shared {
    pub lab: Lab,
    /// Closes when this process ends.
    _lifeline: ChildStdin,
}

static READY: LazyLock<Shared> = LazyLock::new(|| Shared::up("ready", false));
static OPERATED: LazyLock<Mutex<Shared>> = LazyLock::new(|| Mutex::new(Shared::up("operated", false)));
static PROVIDER: LazyLock<PathBuf> = LazyLock::new(|| own_binary::provider().unwrap());

/// The lab where every Kafka is Ready at once.
pub fn ready() -> &'static Lab {
    &READY.lab
}

/// The lab whose operator may be stopped: one journey at a time. It begins with the operator stopped.
pub fn operated() -> Operated {
    let mut shared = OPERATED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.lab.stop(Server::StrimziStandIn).unwrap();
    Operated(shared)
}

/// The built provider.
pub fn provider() -> PathBuf {
    PROVIDER.clone()
}

/// Lets every CLI of this machine make the journey, side by side.
pub fn each_engine<T: Send>(journey: impl Fn(Engine) -> T + Sync) -> Vec<T> {
    each(Engine::available(), journey)
}

/// Does the same with every one, side by side.
pub fn each<A: Send, T: Send>(all: Vec<A>, act: impl Fn(A) -> T + Sync) -> Vec<T> {
    let act = &act;
    std::thread::scope(|scope| {
        let threads: Vec<_> = all.into_iter().map(|one| scope.spawn(move || act(one))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// A name of its own for each CLI's tenant.
pub fn named(purpose: &str, engine: Engine) -> String {
    match engine {
        Engine::OpenTofu => format!("{purpose}-tofu"),
        Engine::Terraform => format!("{purpose}-terraform"),
    }
}

/// A lab whose operator this journey stops and starts.
pub struct Operated(MutexGuard<'static, Shared>);

impl Operated {
    pub fn lab(&self) -> &Lab {
        &self.0.lab
    }

    pub fn start_operator(&mut self) {
        self.0.lab.restart(Server::StrimziStandIn).unwrap();
    }

    pub fn stop_operator(&mut self) {
        self.0.lab.stop(Server::StrimziStandIn).unwrap();
    }
}

impl Shared {
    /// A lab that pretends: no Kafka runs.
    pub fn up(purpose: &str, cluster_api: bool) -> Self {
        Self::with(&Options { pretend_ready: true, cluster_api, ..Options::named(&format!("{purpose}-{}", std::process::id())) })
    }

    /// A lab as told.
    pub fn with(options: &Options) -> Self {
        let (name, binary) = (&options.name, env!("CARGO_BIN_EXE_kaas-lab"));
        let options = Options { owned: true, lab_binary: Some(binary.into()), ..options.clone() };
        let mut guardian = Command::new("/bin/sh");
        // A group of its own: Ctrl-C at the tests must not end it.
        guardian
            .args(["-c", "cat; exec \"$0\" down --name \"$1\"", binary, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0);
        let lifeline = guardian.spawn().unwrap().stdin.take().unwrap();
        Self { lab: Lab::up(&options).unwrap().0, _lifeline: lifeline }
    }
}
