//! The port by which a lab asks whether the server is well and orders faults.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::faults::Ordered;

/// Answers until the process ends.
///
/// # Errors
/// When the port is taken.
pub async fn serve(port: u16, faults: Arc<Ordered>) -> Result<()> {
    let listener =
        TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("listen on port {port}: address already in use?"))?;
    loop {
        let (stream, _) = listener.accept().await?;
        let faults = faults.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(&faults, request));
            if let Err(error) = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
}

async fn answer(faults: &Ordered, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.context("read an order")?.to_bytes();
    let done = match head.uri.path() {
        "/health" => Ok(()),
        "/faults" => serde_json::from_slice(&body).context("read the faults").and_then(|wanted| faults.order(wanted)),
        path => Err(anyhow::anyhow!("there is nothing at {path}")),
    };
    let (status, text) = done.map_or_else(|error| (StatusCode::BAD_REQUEST, format!("{error:#}")), |()| (StatusCode::OK, "ok".to_owned()));
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    Ok(response)
}
