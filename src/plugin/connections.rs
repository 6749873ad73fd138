//! Clients that connected and proved themselves, as a stream. One that is slow or wrong keeps no other waiting.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::listener::{Listener, Pipe};

/// How long a client may take to prove itself.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// The pause after the system refused a connection, for example for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection to a client that proved itself, or any client where TLS is off.
pub struct Connection(Box<dyn Pipe>);

/// Accepts clients until the stream is dropped.
pub fn accept(listener: Listener, tls: Option<Arc<rustls::ServerConfig>>) -> ReceiverStream<io::Result<Connection>> {
    let (found, connections) = mpsc::channel(16);
    let acceptor = tls.map(TlsAcceptor::from);
    tokio::spawn(async move {
        while !found.is_closed() {
            match listener.accept().await {
                Ok(pipe) => drop(tokio::spawn(welcome(pipe, acceptor.clone(), found.clone()))),
                Err(e) => {
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(connections)
}

async fn welcome(pipe: Box<dyn Pipe>, acceptor: Option<TlsAcceptor>, found: mpsc::Sender<io::Result<Connection>>) {
    let connection = match acceptor {
        None => Connection(pipe),
        Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(pipe)).await {
            Ok(Ok(stream)) => Connection(Box::new(stream)),
            Ok(Err(e)) => return tracing::warn!(error = %e, "a client was refused"),
            Err(_) => return tracing::warn!("a client was refused: it did not prove itself in time"),
        },
    };
    // Fails when the server has ended: the connection ends with it.
    let _ = found.send(Ok(connection)).await;
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
