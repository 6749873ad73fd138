//! The door of the ACME server: every request goes to pebble as it is, but new orders while a rate limit is ordered.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::faults::Ordered;
use super::settings::Settings;
use crate::servers::Layout;

/// Where pebble takes orders; its directory says so too.
const NEW_ORDER: &str = "/order-plz";
/// What Let's Encrypt says to the sixth certificate of the same names in a week.
const LIMITED: &str = "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s";

/// Answers until the process ends.
///
/// # Errors
/// When the port is taken or the lab's keys cannot be read.
pub async fn serve(settings: Arc<Settings>, faults: Arc<Ordered>) -> Result<()> {
    let port = settings.ports.acme;
    let door = Arc::new(Door::open(&settings, faults)?);
    let acceptor = TlsAcceptor::from(acceptor(&settings)?);
    let listener =
        TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("listen on port {port}: address already in use?"))?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (door, acceptor) = (door.clone(), acceptor.clone());
        tokio::spawn(async move {
            if let Err(error) = connection(&door, &acceptor, stream).await {
                tracing::debug!("a connection ended: {error:#}");
            }
        });
    }
}

async fn connection(door: &Door, acceptor: &TlsAcceptor, stream: TcpStream) -> Result<()> {
    let stream = acceptor.accept(stream).await?;
    let answer = service_fn(|request| async move {
        let path = request.uri().path().to_owned();
        door.answer(request).await.inspect_err(|error| tracing::warn!("{path}: {error:#}"))
    });
    Ok(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await?)
}

struct Door {
    pebble: u16,
    connector: TlsConnector,
    faults: Arc<Ordered>,
}

impl Door {
    fn open(settings: &Settings, faults: Arc<Ordered>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(settings.authority()).context("read the lab's authority")?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { pebble: settings.ports.pebble, connector: TlsConnector::from(Arc::new(config)), faults })
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        if self.faults.now().acme_rate_limited && request.method() == Method::POST && request.uri().path() == NEW_ORDER {
            return refused();
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await.context("read the request")?.to_bytes();
        let stream = TcpStream::connect(("127.0.0.1", self.pebble)).await.context("reach pebble")?;
        let stream = self.connector.connect(ServerName::try_from("127.0.0.1")?, stream).await.context("reach pebble")?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        // The host goes along: pebble writes its URLs by it, and compares it with what is signed.
        let (mut head, body) = sender.send_request(Request::from_parts(head, Full::new(body))).await.context("ask pebble")?.into_parts();
        let body = body.collect().await.context("read pebble's answer")?.to_bytes();
        connection.abort();
        for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
            head.headers.remove(name);
        }
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

/// The refusal of RFC 8555, 6.6.
fn refused() -> Result<Response<Full<Bytes>>> {
    tracing::info!("an order is refused, as ordered");
    let problem = json!({"type": "urn:ietf:params:acme:error:rateLimited", "detail": LIMITED, "status": 429});
    let response = Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header(header::CONTENT_TYPE, "application/problem+json");
    Ok(response.header(header::RETRY_AFTER, "30").body(Full::new(Bytes::from(problem.to_string())))?)
}

fn acceptor(settings: &Settings) -> Result<Arc<ServerConfig>> {
    let pki = Layout(settings.lab.clone()).pki();
    let certificate = CertificateDer::from_pem_file(pki.join("server.crt")).context("read the lab's certificate")?;
    let key = PrivateKeyDer::from_pem_file(pki.join("server.key")).context("read the lab's key")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key)?))
}
