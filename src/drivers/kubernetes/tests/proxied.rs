//! An API server that only a proxy can reach: a real TLS server behind a CONNECT proxy.

use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::drivers::kubernetes::{Cluster, Error, KubernetesConfig};

const HOST: &str = "https://cluster.example:6443";

/// Answers every request over TLS with a version; its port and the certificate to trust.
async fn api_server() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["cluster.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(connection).await else { continue };
            let _ = tls.read(&mut [0; 4096]).await;
            let body = r#"{"major":"1","minor":"36","gitVersion":"v1.36.3"}"#;
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = tls.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = tls.shutdown().await;
        }
    });
    (port, made.cert.pem())
}

/// Tunnels to `target`, whatever it is asked for; its address and the requests it saw.
async fn connect_proxy(target: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = client.read_u8().await else { break };
                head.push(byte);
            }
            log.lock().unwrap().push(String::from_utf8(head).unwrap());
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { continue };
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (address, seen)
}

fn behind(ca: Option<&str>, vars: &[(&str, &str)]) -> Cluster {
    let config = KubernetesConfig { host: Some(HOST.to_owned()), cluster_ca_certificate: ca.map(str::to_owned), ..Default::default() };
    let env = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Cluster::connect(&config.with_environment(env)).unwrap()
}

#[tokio::test]
async fn a_server_is_reached_through_the_proxy_of_the_environment() {
    let (port, ca) = api_server().await;
    let (proxy, seen) = connect_proxy(port).await;
    for (name, url, authorization) in [
        ("HTTPS_PROXY", format!("http://{proxy}"), None),
        ("https_proxy", proxy.clone(), None),
        // base64 of user:p@ss
        ("KUBE_PROXY_URL", format!("http://user:p%40ss@{proxy}"), Some("Basic dXNlcjpwQHNz")),
    ] {
        let version = behind(Some(&ca), &[(name, &url), ("NO_PROXY", "other.example,10.0.0.0/8")]).version().await;
        assert_eq!(version.map_err(|error| error.report()).unwrap(), "v1.36.3", "{name}");
        let head = seen.lock().unwrap().pop().unwrap();
        assert!(head.starts_with("CONNECT cluster.example:6443 "), "{head}");
        assert_eq!(authorization.is_some(), head.to_ascii_lowercase().contains("proxy-authorization"), "{head}");
        assert!(authorization.is_none_or(|wanted| head.contains(wanted)), "{head}");
    }
}

#[tokio::test]
async fn a_server_that_no_proxy_names_is_not_looked_for_at_the_proxy() {
    let (proxy, seen) = connect_proxy(9).await;
    let cluster = behind(None, &[("HTTPS_PROXY", &format!("http://{proxy}")), ("NO_PROXY", ".example")]);
    assert!(matches!(cluster.version().await, Err(Error::Unreachable { .. })));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_told_without_its_password() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = behind(None, &[("HTTPS_PROXY", &format!("http://user:secret-word@127.0.0.1:{port}"))]).version().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?} {}", error.report()).contains("secret-word"), "{}", error.report());
}
