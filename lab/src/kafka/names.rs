//! How the client finds the addresses of brokers' names: as the system does, by a list, or by asking one DNS server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;

use super::Error;
use crate::load_balancer;

/// How long one answer may take, and how often is asked: datagrams get lost.
const ANSWER: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;
/// How many names may lead to one another.
const ALIASES: u32 = 8;
const A: u16 = 1;
const CNAME: u16 = 5;

/// Who is asked for the addresses of a name.
#[derive(Debug, Clone, Default)]
pub enum Names {
    /// The system.
    #[default]
    System,
    /// Nobody: they are these, and no others have any.
    Listed(Arc<BTreeMap<String, IpAddr>>),
    /// This DNS server, for addresses of IPv4.
    Server(SocketAddr),
}

/// What a DNS server says of a name.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Addresses(Vec<IpAddr>),
    /// It is another name for this one.
    Alias(String),
    /// There is no address.
    Nothing(String),
}

impl Names {
    /// The addresses of `host`; none where the system shall be asked.
    pub(super) async fn addresses(&self, host: &str) -> Result<Option<Vec<IpAddr>>, Error> {
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match (self, literal) {
            (Self::System, _) => Ok(None),
            (_, Ok(address)) => Ok(Some(vec![address])),
            (Self::Listed(list), _) => {
                let missing = || Error::Name { name: host.to_owned(), reason: "it is not in the list".to_owned() };
                list.get(host).map(|address| Some(vec![*address])).ok_or_else(missing)
            }
            (Self::Server(server), _) => follow(*server, host).await.map(Some),
        }
    }
}

async fn follow(server: SocketAddr, host: &str) -> Result<Vec<IpAddr>, Error> {
    let failed = |reason: String| Error::Name { name: host.to_owned(), reason: format!("the DNS server {server}: {reason}") };
    let mut name = host.to_owned();
    for _ in 0..ALIASES {
        // A load balancer's, which no zone of a lab holds.
        if let Some(address) = load_balancer::address_of(&name) {
            return Ok(vec![address.into()]);
        }
        match ask(server, &name).await.map_err(failed)? {
            Answer::Addresses(found) => return Ok(found),
            Answer::Alias(other) => name = other,
            Answer::Nothing(why) => return Err(failed(format!("{name} {why}"))),
        }
    }
    Err(failed(format!("more than {ALIASES} names lead to one another")))
}

async fn ask(server: SocketAddr, name: &str) -> Result<Answer, String> {
    let unspecified: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let mut last = "no answer".to_owned();
    for _ in 0..TRIES {
        let mut id = [0; 2];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| "no random number".to_owned())?;
        let question = question(id, name)?;
        let asked = async {
            let socket = UdpSocket::bind((unspecified, 0)).await?;
            socket.connect(server).await?;
            socket.send(&question).await?;
            let mut answer = vec![0; 4096];
            loop {
                let length = socket.recv(&mut answer).await?;
                // One to an earlier question may come late.
                if answer[..length].starts_with(&id) {
                    answer.truncate(length);
                    return std::io::Result::Ok(answer);
                }
            }
        };
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(Ok(answer)) => return read(&answer).ok_or_else(|| "an answer that cannot be read".to_owned()),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = format!("no answer within {} s", ANSWER.as_secs()),
        }
    }
    Err(last)
}

/// The message that asks for the addresses of `name` (RFC 1035, 4.1).
fn question(id: [u8; 2], name: &str) -> Result<Vec<u8>, String> {
    // Recursion desired; one question.
    let mut message = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        let length =
            u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length)).ok_or_else(|| format!("{name} is no name"))?;
        message.push(length);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    Ok(message)
}

/// What an answer says; none if it is cut or broken.
fn read(message: &[u8]) -> Option<Answer> {
    let number = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    match message.get(3)? & 15 {
        0 => {}
        3 => return Some(Answer::Nothing("does not exist".to_owned())),
        code => return Some(Answer::Nothing(format!("is refused with code {code}"))),
    }
    let mut at = 12;
    for _ in 0..number(4)? {
        at = name_at(message, at)?.1 + 4;
    }
    let (mut addresses, mut alias) = (Vec::new(), None);
    for _ in 0..number(6)? {
        at = name_at(message, at)?.1;
        let (kind, length) = (number(at)?, usize::from(number(at + 8)?));
        let data = message.get(at + 10..at + 10 + length)?;
        match kind {
            A => addresses.push(IpAddr::from(<[u8; 4]>::try_from(data).ok()?)),
            CNAME => alias = Some(name_at(message, at + 10)?.0),
            _ => {}
        }
        at += 10 + length;
    }
    Some(match (addresses.is_empty(), alias) {
        (false, _) => Answer::Addresses(addresses),
        (true, Some(other)) => Answer::Alias(other),
        (true, None) => Answer::Nothing("has no address".to_owned()),
    })
}

/// The name at a place of a message, and where the rest goes on. A name may end in a pointer to where it, or its end, stood before.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut name, mut after) = (String::new(), None);
    // As many steps as a message of UDP can have labels.
    for _ in 0..message.len() {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => return Some((name, after.unwrap_or(at + 1))),
            1..=63 => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(std::str::from_utf8(message.get(at + 1..at + 1 + length)?).ok()?);
                at += 1 + length;
            }
            192.. => {
                after = after.or(Some(at + 2));
                at = ((length & 63) << 8) | usize::from(*message.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to `question` with these records after it: kind, data.
    fn answer(question: &[u8], records: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] |= 0x84;
        message[7] = u8::try_from(records.len()).unwrap();
        for (kind, data) in records {
            message.extend_from_slice(&[192, 12]);
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
            message.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend_from_slice(data);
        }
        message
    }

    /// `other` before the rest of the question's name.
    fn alias() -> Vec<u8> {
        [&[5_u8][..], b"other", &[192, 21]].concat()
    }

    #[test]
    fn answers_are_read_and_broken_ones_are_not() {
        let question = question([7, 8], "broker-0.example.test").unwrap();
        let two = answer(&question, &[(A, vec![127, 64, 0, 1]), (A, vec![127, 64, 0, 2])]);
        assert_eq!(read(&two), Some(Answer::Addresses(vec!["127.64.0.1".parse().unwrap(), "127.64.0.2".parse().unwrap()])));
        assert_eq!(read(&answer(&question, &[(CNAME, alias())])), Some(Answer::Alias("other.example.test".to_owned())));
        assert_eq!(read(&answer(&question, &[])), Some(Answer::Nothing("has no address".to_owned())));
        let mut unknown = answer(&question, &[]);
        unknown[3] |= 3;
        assert_eq!(read(&unknown), Some(Answer::Nothing("does not exist".to_owned())));
        for length in 0..two.len() {
            assert!(!matches!(read(&two[..length]), Some(Answer::Addresses(all)) if all.len() == 2), "cut at {length}");
        }
        let endless = answer(&question, &[(CNAME, vec![192, u8::try_from(question.len() + 12).unwrap()])]);
        assert_eq!(read(&endless), None, "a name that points to itself");
    }

    #[tokio::test]
    async fn a_server_is_asked_again_and_names_are_followed() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let names = Names::Server(server.local_addr().unwrap());
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            for turn in 0.. {
                let (length, from) = server.recv_from(&mut buffer).await.unwrap();
                let records: &[(u16, Vec<u8>)] = match turn {
                    0 => continue,
                    1 => &[(CNAME, alias())],
                    _ => &[(A, vec![127, 64, 0, 1])],
                };
                server.send_to(&answer(&buffer[..length], records), from).await.unwrap();
            }
        });
        assert_eq!(names.addresses("broker-0.example.test").await.unwrap(), Some(vec!["127.64.0.1".parse().unwrap()]));
        assert_eq!(
            names.addresses("lb-127-70-1-2.elb.eu-central-1.amazonaws.com").await.unwrap(),
            Some(vec!["127.70.1.2".parse().unwrap()])
        );
        assert_eq!(names.addresses("127.0.0.1").await.unwrap(), Some(vec!["127.0.0.1".parse().unwrap()]));
        assert!(names.addresses("no..name").await.is_err());
    }

    #[tokio::test]
    async fn a_list_knows_no_other_names() {
        let names = Names::Listed(Arc::new(BTreeMap::from([("a.test".to_owned(), "127.64.0.1".parse().unwrap())])));
        assert_eq!(names.addresses("a.test").await.unwrap(), Some(vec!["127.64.0.1".parse().unwrap()]));
        assert!(names.addresses("b.test").await.unwrap_err().to_string().contains("b.test"));
    }
}
