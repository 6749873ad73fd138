//! The HTTP client of one API server.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, Client, ClientBuilder, ConfigExt};
use tokio::sync::Semaphore;
use tower::BoxError;

/// Until a connection on which answers are due and nothing comes is asked for a sign of life (HTTP/2's PING), and given up without one: in time for another try
/// before [`ANSWER_TIMEOUT`](super::call) has passed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// How long the first request may keep the others waiting for its connection. A handshake that takes longer leads nowhere; then each tries, and fails, for itself.
const OPENING: Duration = Duration::from_secs(3);

/// A client that carries all its requests, watches too, over one connection at a time, where the server speaks HTTP/2 as every API server of Kubernetes does; a proxy before
/// it that speaks HTTP/1.1 alone gets a connection for each concurrent request. What it knows beyond that (credentials, certificates, headers) are kube's layers.
///
/// A server that is reached directly gets each write at once (`TCP_NODELAY`). A new connection ends its handshake and sends its first request in two small writes; else the
/// second waits for the acknowledgement of the first, which the other side's kernel holds back for 40 ms (Linux, `TCP_DELACK_MIN`).
///
/// # Errors
/// When certificates, keys, proxy or credentials cannot be used.
pub(super) fn client(config: kube::Config) -> kube::Result<Client> {
    // How kube goes through proxies it keeps to itself: over HTTP/1.1, with a connection for each concurrent request.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only where another call was faster.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut connector = hyper_timeout::TimeoutConnector::new(connector(&config)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(SIGN_OF_LIFE)
        .http2_keep_alive_timeout(SIGN_OF_LIFE)
        .build::<_, Body>(connector);
    // Requests that come at once would each open a connection before one of them knows that it can carry all.
    let opening = Arc::new(Semaphore::new(1));
    let one_first = tower::service_fn(move |request: Request<Body>| {
        let (http, opening) = (http.clone(), opening.clone());
        async move {
            let _turn = tokio::time::timeout(OPENING, opening.acquire()).await;
            let response = http.request(request).await?;
            opening.close();
            Ok::<_, BoxError>(response)
        }
    });
    let client = ClientBuilder::new(one_first, config.default_namespace.clone()).with_layer(&config.extra_headers_layer()?);
    Ok(match config.auth_layer()? {
        Some(credentials) => client.with_layer(&credentials).with_layer(&config.base_uri_layer()).build(),
        None => client.with_layer(&config.base_uri_layer()).build(),
    })
}

/// Opens connections as kube does, and offers HTTP/2 on them.
fn connector(config: &kube::Config) -> kube::Result<HttpsConnector<HttpConnector>> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(config.rustls_client_config()?).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = name.clone().try_into().map_err(kube::client::RustlsTlsError::InvalidServerName).map_err(kube::Error::RustlsTls)?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_all_versions().wrap_connector(tcp))
}
