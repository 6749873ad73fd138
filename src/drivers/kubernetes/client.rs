//! The HTTP client of one API server.

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Client, ClientBuilder, ConfigExt};
use tower::{BoxError, util::MapErrLayer};

/// A client as kube makes it, but that a server which is reached directly gets each write at once (`TCP_NODELAY`). A new connection ends its handshake and sends
/// its first request in two small writes; else the second waits for the acknowledgement of the first, which the other side's kernel holds back for 40 ms
/// (Linux, `TCP_DELACK_MIN`).
///
/// # Errors
/// When certificates, keys, proxy or credentials cannot be used.
pub(super) fn client(config: kube::Config) -> kube::Result<Client> {
    // How kube goes through proxies it keeps to itself.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only where another call was faster.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut connector = hyper_timeout::TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
    let client = ClientBuilder::new(http, config.default_namespace.clone())
        .with_layer(&MapErrLayer::new(BoxError::from))
        .with_layer(&config.extra_headers_layer()?);
    Ok(match config.auth_layer()? {
        Some(credentials) => client.with_layer(&credentials).with_layer(&config.base_uri_layer()).build(),
        None => client.with_layer(&config.base_uri_layer()).build(),
    })
}
