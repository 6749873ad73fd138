//! What Terraform does to start and reach a plugin.

use std::{io, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::UnixStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};

pub const BINARY: &str = env!("CARGO_BIN_EXE_terraform-provider-kaas");
pub const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// A client's certificate as go-plugin makes it: ECDSA P-521, a CA although it is used as end entity.
pub struct ClientCertificate {
    pub pem: String,
    der: CertificateDer<'static>,
    key: Vec<u8>,
}

impl ClientCertificate {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), key: key.serialize_der() }
    }
}

/// The plugin as a process, after its handshake.
pub struct Plugin {
    pub child: Child,
    pub line: String,
    pub socket: PathBuf,
    pub certificate: Vec<u8>,
    /// Takes the socket of a plugin that a test kills.
    _directory: TempDir,
}

pub fn command(client: Option<&ClientCertificate>) -> Command {
    let mut command = Command::new(BINARY);
    command.env("TF_PLUGIN_MAGIC_COOKIE", COOKIE).env("PLUGIN_PROTOCOL_VERSIONS", "6,5");
    command.env("PLUGIN_MIN_PORT", "10000").env("PLUGIN_MAX_PORT", "25000").env_remove("PLUGIN_MULTIPLEX_GRPC");
    if let Some(client) = client {
        command.env("PLUGIN_CLIENT_CERT", &client.pem);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub async fn first_line(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    timeout(Duration::from_secs(20), lines.next_line()).await.expect("the first line comes in time").unwrap().unwrap_or_default()
}

impl Plugin {
    pub async fn start(client: &ClientCertificate) -> Self {
        let directory = TempDir::new().unwrap();
        let mut child = command(Some(client)).env("TMPDIR", directory.path()).spawn().unwrap();
        let line = first_line(&mut child).await;
        let parts: Vec<_> = line.split('|').collect();
        let (socket, certificate) = (PathBuf::from(parts[3]), STANDARD_NO_PAD.decode(parts[5]).unwrap());
        Self { socket, certificate, child, line, _directory: directory }
    }

    /// Connects as the client whose certificate is given, or without one.
    pub async fn connect(&self, client: Option<&ClientCertificate>) -> io::Result<TlsStream<UnixStream>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.certificate.clone())).unwrap();
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut config = match client {
            Some(client) => {
                let key = PrivateKeyDer::try_from(client.key.clone()).unwrap();
                config.with_client_auth_cert(vec![client.der.clone()], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = UnixStream::connect(&self.socket).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// Whether the server ends the connection of this client before a single byte of HTTP/2. In TLS 1.3 the client's own handshake is done by then.
    pub async fn refuses(&self, client: Option<&ClientCertificate>) -> bool {
        let Ok(mut stream) = self.connect(client).await else { return true };
        timeout(Duration::from_secs(5), stream.read_u8()).await.expect("the server answers").is_err()
    }

    pub async fn channel(&self, client: &ClientCertificate) -> Channel {
        let stream = self.connect(Some(client)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        over(stream).await
    }
}

/// A gRPC channel over one connection.
pub async fn over<T>(stream: T) -> Channel
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let mut once = Some(stream);
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.take();
        async move { stream.map(TokioIo::new).ok_or_else(|| io::Error::other("the connection is used up")) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.unwrap()
}
