//! Keys and certificates of a lab's Kubernetes: one authority, a serving certificate, an administrator, the key of service accounts.

use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// How long a lab's certificates live: longer than any lab.
const VALIDITY: Duration = Duration::days(365);
/// The names and addresses the servers of a lab are reached by.
const SERVER_NAMES: [&str; 5] = ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// What a kubeconfig needs, as PEM.
pub struct Admin {
    /// The authority's certificate.
    pub ca: String,
    /// The administrator's certificate, of group `system:masters`.
    pub certificate: String,
    /// The administrator's private key.
    pub key: String,
}

/// Writes `ca.crt`, `ca.key`, `server.crt`, `server.key`, `sa.pub` and `sa.key` to `folder` and returns the administrator's credentials.
///
/// # Errors
/// When a file cannot be written.
pub fn make(folder: &Path) -> Result<Admin> {
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mut authority = params("kaas-lab-ca", &[])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut server = params("kaas-lab-server", &SERVER_NAMES)?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server_key = KeyPair::generate()?;
    let server = server.signed_by(&server_key, &authority)?;

    let mut admin = params("kaas-lab-admin", &[])?;
    admin.distinguished_name.push(DnType::OrganizationName, "system:masters");
    admin.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let admin_key = KeyPair::generate()?;
    let admin = admin.signed_by(&admin_key, &authority)?;

    let accounts = KeyPair::generate()?;
    let files = [
        ("ca.crt", authority.pem()),
        ("ca.key", authority.key().serialize_pem()),
        ("server.crt", server.pem()),
        ("server.key", server_key.serialize_pem()),
        ("sa.pub", accounts.public_key_pem()),
        ("sa.key", accounts.serialize_pem()),
    ];
    for (name, text) in files {
        write_private(&folder.join(name), &text)?;
    }
    Ok(Admin { ca: authority.pem(), certificate: admin.pem(), key: admin_key.serialize_pem() })
}

/// Writes a file only its owner may read.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.create(true).truncate(true).write(true).mode(0o600).open(path).with_context(|| format!("open {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))
}

fn params(common_name: &str, names: &[&str]) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = OffsetDateTime::now_utc();
    // A machine's clock may step back a little after the lab started.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + VALIDITY;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
