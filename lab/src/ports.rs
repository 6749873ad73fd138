//! Free ports on 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// Below the range from which Linux gives out ports of outgoing connections (32768 on), so that none of those takes a port between
/// the choice here and the server's start.
const LOWEST: u16 = 18_000;
const HIGHEST: u16 = 32_000;

/// `N` different ports nobody listens on.
///
/// # Errors
/// When there are too few.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut held: Vec<TcpListener> = Vec::with_capacity(N);
    let mut ports = [0; N];
    let span = HIGHEST - LOWEST;
    let start = seed() % span;
    for step in 0..span {
        let port = LOWEST + (start + step) % span;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            ports[held.len()] = port;
            held.push(listener);
        }
        if held.len() == N {
            return Ok(ports);
        }
    }
    bail!("find {N} free ports between {LOWEST} and {HIGHEST} on 127.0.0.1")
}

/// Two labs that start at once look at different places.
fn seed() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(std::process::id()) & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_can_be_listened_on() {
        let [a, b, c] = free().unwrap();
        assert!(a != b && b != c && a != c);
        for port in [a, b, c] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }
}
