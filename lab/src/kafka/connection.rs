//! One connection to one broker: TCP, TLS, SASL, and requests that wait for their answer. No retries.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{CONNECT_TIMEOUT, Error, REQUEST_TIMEOUT, Security, scram, text};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to the broker at `address` (`host:port`).
pub struct Connection {
    address: String,
    stream: Box<dyn Stream>,
    correlation: i32,
}

/// Answers larger than this are taken for garbage.
const LARGEST_ANSWER: usize = 256 << 20;

impl Connection {
    /// Connects and authenticates.
    ///
    /// # Errors
    /// Refused, timed out, or a certificate that does not verify.
    pub async fn open(address: &str, security: &Security) -> Result<Self, Error> {
        let late = || Error::Timeout { act: "connect", address: address.to_owned(), seconds: CONNECT_TIMEOUT.as_secs() };
        let stream = timeout(CONNECT_TIMEOUT, Self::stream(address, security)).await.map_err(|_| late())??;
        let mut connection = Self { address: address.to_owned(), stream, correlation: 0 };
        if let Some((user, password)) = &security.scram {
            timeout(CONNECT_TIMEOUT, scram::authenticate(&mut connection, user, password)).await.map_err(|_| late())??;
        }
        Ok(connection)
    }

    async fn stream(address: &str, security: &Security) -> Result<Box<dyn Stream>, Error> {
        let failed = |source| Error::Connect { address: address.to_owned(), source };
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let tcp = match security.names.addresses(host).await? {
            None => TcpStream::connect(address).await,
            Some(found) => {
                let port: u16 = port.parse().map_err(|_| Error::Name { name: address.to_owned(), reason: "it has no port".to_owned() })?;
                TcpStream::connect(&*found.into_iter().map(|ip| (ip, port).into()).collect::<Vec<SocketAddr>>()).await
            }
        };
        let tcp = tcp.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        let Some(config) = &security.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(host.to_owned()).map_err(|e| Error::Certificates(e.to_string()))?;
        let connector = tokio_rustls::TlsConnector::from(config.clone());
        Ok(Box::new(connector.connect(name, tcp).await.map_err(failed)?))
    }

    /// Where this connection leads.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// The connection is cut, the answer is late or not to be read. Error codes inside the answer are the caller's.
    pub async fn call<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response, Error> {
        self.correlation += 1;
        let frame = self.encode(version, request)?;
        let late = Error::Timeout { act: "request", address: self.address.clone(), seconds: REQUEST_TIMEOUT.as_secs() };
        let mut answer = timeout(REQUEST_TIMEOUT, self.exchange(&frame)).await.map_err(|_| late)??;
        let codec = |e: &dyn std::fmt::Display| Error::Codec(e.to_string());
        ResponseHeader::decode(&mut answer, R::Response::header_version(version)).map_err(|e| codec(&e))?;
        R::Response::decode(&mut answer, version).map_err(|e| codec(&e))
    }

    fn encode<R: Request>(&self, version: i16, request: &R) -> Result<Bytes, Error> {
        let codec = |e: &dyn std::fmt::Display| Error::Codec(e.to_string());
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(text("kaas-lab")));
        let mut body = BytesMut::new();
        header.encode(&mut body, R::header_version(version)).map_err(|e| codec(&e))?;
        request.encode(&mut body, version).map_err(|e| codec(&e))?;
        let mut frame = BytesMut::with_capacity(body.len() + 4);
        frame.put_i32(i32::try_from(body.len()).map_err(|e| codec(&e))?);
        frame.extend_from_slice(&body);
        Ok(frame.freeze())
    }

    async fn exchange(&mut self, frame: &[u8]) -> Result<Bytes, Error> {
        let address = self.address.clone();
        let failed = |source| Error::Io { address: address.clone(), source };
        self.stream.write_all(frame).await.map_err(failed)?;
        self.stream.flush().await.map_err(failed)?;
        let size = self.stream.read_u32().await.map_err(failed)? as usize;
        if size > LARGEST_ANSWER {
            return Err(Error::Codec(format!("an answer of {size} bytes")));
        }
        let mut buffer = vec![0; size];
        self.stream.read_exact(&mut buffer).await.map_err(failed)?;
        Ok(Bytes::from(buffer))
    }
}
