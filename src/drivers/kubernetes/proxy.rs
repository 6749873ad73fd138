//! Which proxy the environment names for one API server.

use std::net::IpAddr;

use http::Uri;

use super::config::Environment;
use super::error::{Error, Result};

/// The environment's proxy for one server. As in Go's tools, this machine itself and what NO_PROXY names are reached directly.
pub(in crate::drivers) fn proxy(server: &Uri, environment: &Environment) -> Result<Option<Uri>> {
    let Some(url) = &environment.proxy_url else { return Ok(None) };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    let loopback = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let mut entries = environment.no_proxy.iter().flat_map(|list| list.split(',')).map(str::trim);
    if loopback || entries.any(|entry| excepts(entry, &host, ip, port)) {
        return Ok(None);
    }
    // The address may hold a password, so it is not repeated.
    let wrong = || Error::config("the proxy's address is not a URL", "Correct KUBE_PROXY_URL or HTTPS_PROXY: http://name:port.");
    // A proxy without a scheme is an HTTP one, as for curl and Go.
    let url = if url.contains("://") { url.clone() } else { format!("http://{url}") };
    let url: Uri = url.parse().map_err(|_| wrong())?;
    match url.scheme_str() {
        Some("http" | "https") if url.host().is_some() => Ok(Some(url)),
        Some("http" | "https") => Err(wrong()),
        other => {
            let message = format!("a proxy that speaks {} cannot be used", other.unwrap_or_default());
            Err(Error::config(message, "Set KUBE_PROXY_URL or HTTPS_PROXY to an HTTP proxy: http://name:port."))
        }
    }
}

/// Whether an entry of NO_PROXY names the server: `*`, a name and all below it, an address, a network such as 10.0.0.0/8, each but the last with or
/// without a port.
fn excepts(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if let Some((network, bits)) = entry.split_once('/') {
        return match (network.parse(), bits.parse(), ip) {
            (Ok(network), Ok(bits), Some(ip)) => is_in(ip, network, bits),
            _ => false,
        };
    }
    let entry = match entry.rsplit_once(':') {
        Some((name, wanted)) if !name.contains(':') || name.ends_with(']') => match wanted.parse::<u16>() {
            Ok(wanted) if wanted == port => name,
            _ => return false,
        },
        _ => entry,
    };
    if let Ok(named) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
        return ip == Some(named);
    }
    let name = entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    name == "*" || (!name.is_empty() && (host == name || host.ends_with(&format!(".{name}"))))
}

fn is_in(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (ip, network, width) = match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => (u128::from(ip.to_bits()), u128::from(network.to_bits()), 32),
        (IpAddr::V6(ip), IpAddr::V6(network)) => (ip.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    // A shift by the whole width, as of /0 in 128 bits, leaves nothing to differ.
    bits <= width && (ip ^ network).checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(server: &str, url: &str, no_proxy: &str) -> Result<Option<String>> {
        let environment = Environment { proxy_url: Some(url.to_owned()), no_proxy: Some(no_proxy.to_owned()), ..Environment::default() };
        Ok(proxy(&server.parse().unwrap(), &environment)?.map(|url| url.to_string()))
    }

    #[test]
    fn servers_that_no_proxy_names_are_reached_directly() {
        let direct = |server: &str, no_proxy: &str| through(server, "http://p:3128", no_proxy).unwrap().is_none();
        for (server, no_proxy) in [
            ("https://a.example", "example"),
            ("https://a.example", "x, .example"),
            ("https://a.example", "*.Example"),
            ("https://a.example:6443", "a.example:6443"),
            ("https://a.example", "a.example:443"),
            ("https://a.example", "*"),
            ("https://10.1.2.3", "10.0.0.0/8"),
            ("https://10.1.2.3", "10.1.2.3"),
            ("https://[fd00::1]:6443", "fd00::/8"),
            ("https://[fd00::1]:6443", "[fd00::1]:6443"),
            ("https://[fd00::1]:6443", "fd00::1"),
            ("https://[fd00::1]", "::/0"),
            ("https://127.0.0.1:6443", ""),
            ("https://localhost", ""),
        ] {
            assert!(direct(server, no_proxy), "{server} with {no_proxy}");
        }
        for (server, no_proxy) in [
            ("https://a.example", ""),
            ("https://an.example", "n.example"),
            ("https://a.example:6443", "a.example:443"),
            ("https://11.1.2.3", "10.0.0.0/8,10.0.0.0/40,fd00::/8"),
            ("https://a.example", "10.0.0.0/8"),
        ] {
            assert!(!direct(server, no_proxy), "{server} with {no_proxy}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_told_without_its_password() {
        for (url, told) in
            [("http://u:secret@", "not a URL"), ("socks5://u:secret@p:1080", "speaks socks5"), ("http://u:secret@a b", "not a URL")]
        {
            let error = through("https://a.example", url, "").unwrap_err().report();
            assert!(error.contains(told) && !error.contains("secret"), "{error}");
        }
        assert_eq!(through("https://a.example", "p:3128", "").unwrap().as_deref(), Some("http://p:3128/"));
    }
}
