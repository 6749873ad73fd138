//! pebble, the ACME server of Let's Encrypt for tests: it validates by asking the lab's DNS server and signs by a root of its own, new at every start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use crate::kubernetes;
use crate::pki::write_private;
use crate::servers::Layout;
use crate::state::{DnsPorts, Server};

/// How long a certificate of the profile `default` is good for, as Let's Encrypt's are, in seconds.
const DEFAULT_S: u32 = 7_776_000;
/// The key id of an external account that the server knows, and its key (base64url): an account need not be bound to it.
pub const EXTERNAL_ACCOUNT: (&str, &str) = ("kaas-lab", "0opq3T2jm-F9qaK_eLGotwfE0Wwd0weklxx4ynvphgc");

/// Writes its configuration. Certificates of the profile `shortlived` are good for `short_lived_s` seconds.
///
/// # Errors
/// When it cannot be written.
pub fn configure(layout: &Layout, ports: DnsPorts, short_lived_s: u32) -> Result<()> {
    let profile = |what: &str, seconds: u32| json!({"description": what, "validityPeriod": seconds});
    let text = json!({"pebble": {
        "listenAddress": format!("127.0.0.1:{}", ports.pebble),
        "managementListenAddress": format!("127.0.0.1:{}", ports.pebble_management),
        "certificate": layout.pki().join("server.crt"), "privateKey": layout.pki().join("server.key"),
        // Nobody solves by HTTP or TLS here.
        "httpPort": 1, "tlsPort": 1,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
        "externalAccountMACKeys": {EXTERNAL_ACCOUNT.0: EXTERNAL_ACCOUNT.1},
        "retryAfter": {"authz": 1, "order": 1},
        "keyAlgorithm": "ecdsa",
        "profiles": {
            "default": profile("certificates that live as long as those of Let's Encrypt", DEFAULT_S),
            "shortlived": profile("certificates that have to be renewed soon", short_lived_s),
        },
    }});
    write_private(&file(layout), &serde_json::to_string_pretty(&text)?)
}

fn file(layout: &Layout) -> PathBuf {
    layout.data(Server::Pebble).join("pebble.json")
}

/// Its arguments.
pub fn args(layout: &Layout, ports: DnsPorts) -> Vec<String> {
    vec!["-config".to_owned(), file(layout).display().to_string(), "-dnsserver".to_owned(), format!("127.0.0.1:{}", ports.validation)]
}

/// Its variables: no pauses, no refused nonces and no validation saved by an earlier one, which it otherwise deals by chance.
pub fn environment() -> BTreeMap<String, String> {
    let given = [("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0"), ("PEBBLE_AUTHZREUSE", "0")];
    given.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Asks it for its directory.
///
/// # Errors
/// When it does not answer.
pub fn health(layout: &Layout, ports: DnsPorts) -> Result<()> {
    let url = format!("https://127.0.0.1:{}/dir", ports.pebble);
    kubernetes::ask(&url, Some(&layout.pki().join("ca.crt"))).map(|_| ()).context("ask for the directory")
}
