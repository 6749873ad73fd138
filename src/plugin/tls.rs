//! AutoMTLS: both ends of the connection prove themselves with certificates made for this one process.
//!
//! Terraform's client certificate is an ECDSA P-521 CA used as end entity, which the usual verifiers refuse. It is known beforehand, so it is
//! compared byte for byte, and the handshake's signature proves that the peer holds its key.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime, pem::PemObject},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

/// Why no secure connection can be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("read the client certificate in PLUGIN_CLIENT_CERT: {0}")]
    ClientCertificate(#[source] rustls::pki_types::pem::Error),
    #[error("make the plugin's certificate: {0}")]
    OwnCertificate(#[from] rcgen::Error),
    #[error("set up TLS: {0}")]
    Config(#[from] Error),
}

/// The plugin's end of the connection.
pub struct Tls {
    pub config: Arc<ServerConfig>,
    /// The plugin's certificate as the handshake line shows it: base64 without padding.
    pub certificate: String,
}

/// Makes the plugin's end for the one client whose certificate is given as PEM.
///
/// # Errors
/// When the certificate cannot be read, or none can be made.
pub fn mutual(client_pem: &str) -> Result<Tls, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let announced = CertificateDer::from_pem_slice(client_pem.as_bytes()).map_err(TlsError::ClientCertificate)?;
    let key = rcgen::KeyPair::generate()?;
    // The client connects to "localhost" and looks at the alternative names only.
    let own = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(Announced { certificate: announced, provider }))
        .with_single_cert(vec![own.der().clone()], private)?;
    // Newer clients refuse a peer that names no protocol.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Tls { config: Arc::new(config), certificate: STANDARD_NO_PAD.encode(own.der()) })
}

/// Accepts exactly the certificate that was announced.
#[derive(Debug)]
struct Announced {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Announced {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if presented.as_ref() == self.certificate.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::General("the client's certificate is not the one that was announced".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
