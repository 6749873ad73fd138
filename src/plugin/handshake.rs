//! What go-plugin's client and the plugin agree on before they talk: environment variables one way, one line on stdout the other.

use std::{
    env,
    io::{self, Write},
};

use super::listener::Place;

const COOKIE_KEY: &str = "TF_PLUGIN_MAGIC_COOKIE";
/// Not a secret: it only tells a start by Terraform from a start by hand.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// The major version of the protocol that is served.
const PROTOCOL: &str = "5";

/// Why the plugin does not start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HandshakeError {
    #[error(
        "This is a plugin of Terraform and OpenTofu; it is not meant to be started by hand.\n\
         Declare the provider in a configuration and run `terraform init` or `tofu init`, which start it by themselves.\n\
         To run it under a debugger, start it with --debug; --version shows its version."
    )]
    ByHand,
    #[error("the client speaks the plugin protocols {0}, this provider speaks {PROTOCOL}: use Terraform 0.12 or later, or OpenTofu")]
    Protocol(String),
}

/// What the client asked for.
#[derive(Debug)]
pub struct Asked {
    /// PEM of the client's certificate; None when the user switched TLS off (TF_DISABLE_PLUGIN_TLS).
    pub client_certificate: Option<String>,
    /// Whether the client knows about multiplexed brokers and expects an answer to that.
    pub multiplex: bool,
}

/// Reads what the client asked for, by a lookup of environment variables.
///
/// # Errors
/// When no client started the process, or one that speaks another protocol.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Asked, HandshakeError> {
    if variable(COOKIE_KEY).as_deref() != Some(COOKIE) {
        return Err(HandshakeError::ByHand);
    }
    // Absent in very old clients, which then speak version 5.
    let versions = variable("PLUGIN_PROTOCOL_VERSIONS").unwrap_or_else(|| PROTOCOL.to_owned());
    if !versions.split(',').any(|version| version.trim() == PROTOCOL) {
        return Err(HandshakeError::Protocol(versions));
    }
    Ok(Asked {
        client_certificate: variable("PLUGIN_CLIENT_CERT").filter(|pem| !pem.is_empty()),
        multiplex: variable("PLUGIN_MULTIPLEX_GRPC").is_some_and(|flag| !flag.is_empty()),
    })
}

/// An environment variable, if it is set and text.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The line that tells the client where to connect. The certificate is empty without TLS.
pub fn line(place: &Place, certificate: &str, multiplex: bool) -> String {
    let (network, address) = (place.network(), place.address());
    // Clients that did not ask for multiplexing do not know a seventh part.
    let seventh = if multiplex { "|false" } else { "" };
    format!("1|{PROTOCOL}|{network}|{address}|grpc|{certificate}{seventh}")
}

/// Writes a line to stdout, which belongs to the handshake.
///
/// # Errors
/// When nobody reads it.
pub fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Asked, HandshakeError> {
        read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_the_cookie_it_was_started_by_hand() {
        assert_eq!(asked(&[]).unwrap_err(), HandshakeError::ByHand);
        assert_eq!(asked(&[(COOKIE_KEY, "1")]).unwrap_err(), HandshakeError::ByHand);
    }

    #[test]
    fn the_version_is_found_in_any_order_and_assumed_when_absent() {
        assert!(asked(&[(COOKIE_KEY, COOKIE), ("PLUGIN_PROTOCOL_VERSIONS", "6,5")]).is_ok());
        assert!(asked(&[(COOKIE_KEY, COOKIE)]).is_ok());
        let wrong = asked(&[(COOKIE_KEY, COOKIE), ("PLUGIN_PROTOCOL_VERSIONS", "6,15")]).unwrap_err();
        assert!(matches!(wrong, HandshakeError::Protocol(_)));
    }

    #[test]
    fn the_line_has_six_parts_and_a_seventh_on_request() {
        let place = Place::Tcp("127.0.0.1:10000".parse().unwrap());
        assert_eq!(line(&place, "abc", false), "1|5|tcp|127.0.0.1:10000|grpc|abc");
        assert_eq!(line(&place, "", true), "1|5|tcp|127.0.0.1:10000|grpc||false");
    }
}
