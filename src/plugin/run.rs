//! The life of the process: how it is started, served and ended.

use std::{env, io, process::ExitCode, sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use super::{
    connections, handshake,
    listener::{Listener, Place},
    log,
    proto::{
        go_plugin::{
            grpc_broker_server::GrpcBrokerServer, grpc_controller_server::GrpcControllerServer, grpc_stdio_server::GrpcStdioServer,
        },
        health::health_server::HealthServer,
        tfplugin5::provider_server::ProviderServer,
    },
    server::Service,
    side::Side,
    tls::{self, TlsError},
};
use crate::framework::erased::AnyProvider;

/// The largest message in either direction, in bytes: what providers in Go allow.
const MESSAGE_MAX: usize = 256 << 20;
/// How long answers may still go out after the client asked for the end. It kills after two seconds.
const FAREWELL: Duration = Duration::from_millis(400);
/// Where the registries have our providers, and so do configurations.
const NAMESPACE: &str = "kaas";
/// How often is looked whether the client still lives.
const PARENT_PERIOD: Duration = Duration::from_secs(2);
/// How long calls may go on to end in order after the client died.
const ORPHANED: Duration = Duration::from_secs(30);

/// Why the plugin ended other than asked for.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error("{0}")]
    Handshake(#[from] handshake::HandshakeError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("offer a socket: {0}")]
    Listen(#[source] io::Error),
    #[error("tell the client where to connect: {0}")]
    Say(#[source] io::Error),
    #[error("catch signals: {0}")]
    Signals(#[source] io::Error),
    #[error("serve: {0}")]
    Serve(#[from] tonic::transport::Error),
}

/// Serves the provider as the arguments and the environment say, until the client ends it.
pub fn serve(provider: Arc<dyn AnyProvider>) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let served = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--version" | "-version"] => {
            let version = concat!("v", env!("CARGO_PKG_VERSION"));
            handshake::say(&format!("terraform-provider-{} {version}", provider.name())).map_err(Ended::Say)
        }
        ["--debug" | "-debug"] => {
            let source = format!("{NAMESPACE}/{}", provider.name());
            started(provider, Mode::Debug(source))
        }
        ["--debug" | "-debug", source] => started(provider, Mode::Debug((*source).to_owned())),
        _ => started(provider, Mode::Plugin),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // The client shows what a plugin that does not start has said here.
            let _ = io::Write::write_all(&mut io::stderr(), format!("{e}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

enum Mode {
    Plugin,
    /// Under a debugger, for the provider of that source address (`namespace/name`, or with a host).
    Debug(String),
}

fn started(provider: Arc<dyn AnyProvider>, mode: Mode) -> Result<(), Ended> {
    let asked = match mode {
        Mode::Plugin => Some(handshake::read(handshake::variable)?),
        Mode::Debug(_) => None,
    };
    log::start(provider.name(), handshake::variable);
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build().map_err(Ended::Listen)?;
    let served = runtime.block_on(async {
        let end = CancellationToken::new();
        signals(&end, matches!(mode, Mode::Debug(_)))?;
        let (listener, place) = Listener::open().await.map_err(Ended::Listen)?;
        let (tls, line) = match (asked, &mode) {
            (Some(asked), _) => {
                let tls = asked.client_certificate.as_deref().map(tls::mutual).transpose()?;
                let line = handshake::line(&place, tls.as_ref().map_or("", |tls| &tls.certificate), asked.multiplex);
                (tls, line)
            }
            (None, Mode::Debug(source)) => (None, reattach(source, &place)),
            (None, Mode::Plugin) => (None, String::new()),
        };
        handshake::say(&line).map_err(Ended::Say)?;
        let service = Service::new(provider);
        if matches!(mode, Mode::Plugin) {
            tokio::spawn(watch_parent(service.clone(), end.clone()));
        }
        let served = run(service, listener, tls.map(|tls| tls.config), end).await;
        drop(place);
        served
    });
    // Calls that are still running are the client's loss: it asked for the end.
    runtime.shutdown_background();
    served
}

/// Serves the provider without TLS on a listener, until `end` is cancelled. For tests and tools that bring their own process.
///
/// # Errors
/// When the server cannot run.
pub async fn serve_plain(provider: Arc<dyn AnyProvider>, listener: Listener, end: CancellationToken) -> Result<(), Ended> {
    run(Service::new(provider), listener, None, end).await
}

async fn run(service: Service, listener: Listener, tls: Option<Arc<rustls::ServerConfig>>, end: CancellationToken) -> Result<(), Ended> {
    let side = Side { end: end.clone() };
    let stopping = service.clone();
    let provider = ProviderServer::new(service).max_decoding_message_size(MESSAGE_MAX).max_encoding_message_size(MESSAGE_MAX);
    let serving = Server::builder()
        .add_service(provider)
        .add_service(GrpcControllerServer::new(side.clone()))
        .add_service(GrpcStdioServer::new(side.clone()))
        .add_service(GrpcBrokerServer::new(side.clone()))
        .add_service(HealthServer::new(side))
        .serve_with_incoming_shutdown(connections::accept(listener, tls), end.clone().cancelled_owned());
    let ending = async {
        end.cancelled().await;
        stopping.stop();
        sleep(FAREWELL).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = ending => Ok(()),
    }
}

/// Ctrl-C reaches the plugin too, but it is Terraform that decides when to stop; under a debugger there is nobody else to do so.
fn signals(end: &CancellationToken, interrupt_ends: bool) -> Result<(), Ended> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Ended::Signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Ended::Signals)?;
        let end = end.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => if interrupt_ends { end.cancel() },
                    _ = terminate.recv() => end.cancel(),
                }
            }
        });
    }
    #[cfg(not(unix))]
    {
        let end = end.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if interrupt_ends {
                    end.cancel();
                }
            }
        });
    }
    Ok(())
}

/// Ends the plugin when the process that started it has died: nobody is left to take its answers.
async fn watch_parent(service: Service, end: CancellationToken) {
    #[cfg(unix)]
    {
        let parent = std::os::unix::process::parent_id();
        while std::os::unix::process::parent_id() == parent {
            if timeout(PARENT_PERIOD, end.cancelled()).await.is_ok() {
                return;
            }
        }
        tracing::warn!("the process that started the plugin has died; the calls in flight are stopped");
        service.stop();
        let _ = timeout(ORPHANED, service.idle()).await;
        end.cancel();
    }
    #[cfg(not(unix))]
    let _ = (service, end);
}

/// What to set so that the CLIs use this process. The default registry differs per CLI, so both are named.
fn reattach(source: &str, place: &Place) -> String {
    let hosts: &[&str] = if source.matches('/').count() > 1 { &[""] } else { &["registry.terraform.io/", "registry.opentofu.org/"] };
    let how = serde_json::json!({
        "Protocol": "grpc", "ProtocolVersion": 5, "Pid": std::process::id(), "Test": true,
        "Addr": { "Network": place.network(), "String": place.address() },
    });
    let all: serde_json::Map<_, _> = hosts.iter().map(|host| (format!("{host}{source}"), how.clone())).collect();
    format!("TF_REATTACH_PROVIDERS='{}'", serde_json::Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_may_be_as_large_as_those_of_providers_in_go() {
        assert_eq!(MESSAGE_MAX, 256 * 1024 * 1024);
    }
}
