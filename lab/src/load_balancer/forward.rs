//! Passing on TCP connections from the ports of one address to targets, in turn over those that accept.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::source_range::SourceRange;

/// How long a target may take to accept before the next is asked.
const CONNECT: Duration = Duration::from_secs(2);
/// How soon a listener that cannot accept (no file descriptors) tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// What is done with a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    pub targets: Vec<SocketAddr>,
    /// Who may connect; empty: everybody.
    pub sources: Vec<SourceRange>,
}

impl Rules {
    fn admit(&self, from: IpAddr) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|range| range.holds(from))
    }
}

/// One address at work. Dropped, it listens no more and its connections are cut.
pub struct Forward {
    address: Ipv4Addr,
    /// Says to other labs that the address is taken, whatever its ports.
    _claim: UdpSocket,
    rules: watch::Sender<Rules>,
    ports: BTreeMap<u16, JoinSet<()>>,
}

impl Forward {
    /// An address that listens on no port yet.
    pub fn new(address: Ipv4Addr, claim: UdpSocket) -> Self {
        Self { address, _claim: claim, rules: watch::Sender::new(Rules::default()), ports: BTreeMap::new() }
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Listens on these ports and no others. Connections there are go on, also those that new rules would not admit, as with a cloud's.
    ///
    /// # Errors
    /// When a port cannot be listened on.
    pub async fn set(&mut self, ports: &BTreeSet<u16>, rules: Rules) -> Result<()> {
        self.rules.send_replace(rules);
        self.ports.retain(|port, _| ports.contains(port));
        for &port in ports {
            if self.ports.contains_key(&port) {
                continue;
            }
            let listener = TcpListener::bind((self.address, port)).await.with_context(|| format!("listen on {}:{port}", self.address))?;
            let mut work = JoinSet::new();
            work.spawn(accept(listener, self.rules.subscribe()));
            self.ports.insert(port, work);
        }
        Ok(())
    }
}

async fn accept(listener: TcpListener, rules: watch::Receiver<Rules>) {
    let mut connections = JoinSet::new();
    let mut turn = 0_usize;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, from)) = accepted else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let rules = rules.borrow().clone();
                if !rules.admit(from.ip()) {
                    tracing::info!("{from} is in no source range: closed");
                    continue;
                }
                turn = turn.wrapping_add(1);
                connections.spawn(pass(client, rules.targets, turn));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn pass(mut client: TcpStream, targets: Vec<SocketAddr>, turn: usize) {
    let begin = turn.checked_rem(targets.len()).unwrap_or_default();
    for target in targets[begin..].iter().chain(&targets[..begin]) {
        if let Ok(Ok(mut server)) = tokio::time::timeout(CONNECT, TcpStream::connect(target)).await {
            // Small messages that wait for one another.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            // How a connection ends is its two ends' business.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

    /// A server that says its letter to everybody.
    async fn server(letter: u8) -> SocketAddr {
        let listener = TcpListener::bind((HERE, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                client.write_all(&[letter]).await.unwrap();
            }
        });
        address
    }

    async fn hear(port: u16) -> Option<u8> {
        TcpStream::connect((HERE, port)).await.ok()?.read_u8().await.ok()
    }

    async fn forward(rules: Rules) -> (Forward, u16) {
        let [port] = crate::ports::free().unwrap();
        let mut forward = Forward::new(HERE, UdpSocket::bind((HERE, 0)).unwrap());
        forward.set(&[port].into(), rules).await.unwrap();
        (forward, port)
    }

    #[tokio::test]
    async fn connections_go_in_turn_to_the_targets_that_accept() {
        let [nobody] = crate::ports::free().unwrap();
        let targets = vec![server(b'a').await, (HERE, nobody).into(), server(b'b').await];
        let (mut forward, port) = forward(Rules { targets, sources: vec![] }).await;
        let mut heard = BTreeMap::new();
        for _ in 0..6 {
            *heard.entry(hear(port).await.unwrap()).or_insert(0) += 1;
        }
        assert_eq!(heard.len(), 2, "{heard:?}");
        forward.set(&[port].into(), Rules { targets: vec![server(b'c').await], sources: vec![] }).await.unwrap();
        assert_eq!(hear(port).await, Some(b'c'));
        drop(forward);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(hear(port).await, None, "a dropped one still listens");
    }

    #[tokio::test]
    async fn only_its_source_ranges_are_let_in() {
        let targets = vec![server(b'a').await];
        let sources = vec!["10.0.0.0/8".parse().unwrap()];
        let (mut forward, port) = forward(Rules { targets: targets.clone(), sources }).await;
        assert_eq!(hear(port).await, None);
        let sources = vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        forward.set(&[port].into(), Rules { targets, sources }).await.unwrap();
        assert_eq!(hear(port).await, Some(b'a'));
    }
}
