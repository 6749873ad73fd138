//! How the client finds the addresses of brokers' names: as the system does, by a list, or by asking one DNS server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use tokio::net::UdpSocket;

use super::Error;
use crate::load_balancer;

/// How long one answer may take, and how often is asked: datagrams get lost.
const ANSWER: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;
/// How many names may lead to one another.
const ALIASES: u32 = 8;

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

/// The message that asks for the addresses of `name`.
fn question(id: [u8; 2], name: &str) -> Result<Vec<u8>, String> {
    let told = |error: simple_dns::SimpleDnsError| format!("{name} is no name: {error}");
    let mut message = Packet::new_query(u16::from_be_bytes(id));
    message.set_flags(PacketFlag::RECURSION_DESIRED);
    let plain = name.trim_end_matches('.');
    // The library takes an empty label for the end of the name.
    if plain.split('.').any(str::is_empty) {
        return Err(format!("{name} is no name"));
    }
    let asked = Name::new(plain).map_err(told)?;
    message.questions.push(Question::new(asked, TYPE::A.into(), CLASS::IN.into(), false));
    message.build_bytes_vec().map_err(told)
}

/// What an answer says; none if it is cut or broken.
fn read(message: &[u8]) -> Option<Answer> {
    let message = Packet::parse(message).ok()?;
    match message.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Some(Answer::Nothing("does not exist".to_owned())),
        code => return Some(Answer::Nothing(format!("is refused: {code:?}"))),
    }
    let (mut addresses, mut alias) = (Vec::new(), None);
    for record in &message.answers {
        match &record.rdata {
            RData::A(found) => addresses.push(Ipv4Addr::from(found.address).into()),
            RData::CNAME(other) => alias = Some(other.0.to_string()),
            _ => {}
        }
    }
    Some(match (addresses.is_empty(), alias) {
        (false, _) => Answer::Addresses(addresses),
        (true, Some(other)) => Answer::Alias(other),
        (true, None) => Answer::Nothing("has no address".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types of records, as messages name them.
    const A: u16 = 1;
    const CNAME: u16 = 5;

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
