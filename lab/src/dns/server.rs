//! DNS by UDP and TCP.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use simple_dns::rdata::{A, AAAA, CNAME, MX, NS, OPT, RData, SOA, TXT};
use simple_dns::{CLASS, CharacterString, Name, OPCODE, Packet, PacketFlag, QTYPE, Question, RCODE as Code, ResourceRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::answer::{Answer, Line, answer};
use super::faults::{Ordered, Silence};
use super::zones::{Zones, plain};

/// The largest question.
const LARGEST: usize = 4096;
/// What an answer by UDP may have without EDNS, in bytes.
const PLAIN_UDP: usize = 512;
/// What this server takes by UDP with EDNS, in bytes.
const EDNS_UDP: u16 = 1232;
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(30);

/// Who asks at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Clients of this machine, who see private zones as those in a network do.
    Everyone,
    /// The ACME server, which sees what the world does.
    Validation,
}

/// Answers until the process ends.
///
/// # Errors
/// When the port is taken.
pub async fn serve(port: u16, view: View, zones: Arc<Zones>, faults: Arc<Ordered>) -> Result<()> {
    let taken = || format!("listen on port {port}: address already in use?");
    let datagrams = Arc::new(UdpSocket::bind(("127.0.0.1", port)).await.with_context(taken)?);
    let listener = TcpListener::bind(("127.0.0.1", port)).await.with_context(taken)?;
    let one = Arc::new(One { view, zones, faults });
    tokio::try_join!(udp(datagrams, one.clone()), tcp(listener, one))?;
    Ok(())
}

/// One port.
struct One {
    view: View,
    zones: Arc<Zones>,
    faults: Arc<Ordered>,
}

async fn udp(socket: Arc<UdpSocket>, one: Arc<One>) -> Result<()> {
    let mut buffer = vec![0; LARGEST];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        let (question, socket, one) = (buffer[..length].to_vec(), socket.clone(), one.clone());
        tokio::spawn(async move {
            if let Some(answer) = one.answer(&question, true).await
                && let Err(error) = socket.send_to(&answer, from).await
            {
                tracing::debug!("answer {from}: {error}");
            }
        });
    }
}

async fn tcp(listener: TcpListener, one: Arc<One>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let one = one.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(stream, &one).await {
                tracing::debug!("a connection ended: {error:#}");
            }
        });
    }
}

async fn connection(mut stream: TcpStream, one: &One) -> Result<()> {
    loop {
        let length = tokio::time::timeout(IDLE, stream.read_u16()).await??;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        if let Some(answer) = one.answer(&question, false).await {
            stream.write_u16(u16::try_from(answer.len())?).await?;
            stream.write_all(&answer).await?;
        }
    }
}

impl One {
    /// The answer to a message, none to what is no question and while silence is ordered.
    async fn answer(&self, question: &[u8], udp: bool) -> Option<Vec<u8>> {
        let silent = match self.faults.now().dns_silent {
            Silence::None => false,
            Silence::Acme => self.view == View::Validation,
            Silence::All => true,
        };
        let question = Packet::parse(question).ok().filter(|question| !silent && !question.has_flags(PacketFlag::RESPONSE))?;
        let found = match question.questions.first().filter(|_| question.opcode() == OPCODE::StandardQuery) {
            Some(asked) => self.find(asked).await.unwrap_or_else(|error| {
                tracing::warn!("answer {}: {error:#}", asked.qname);
                failed(Code::ServerFailure)
            }),
            None => failed(Code::NotImplemented),
        };
        let room = if udp { question.opt().map_or(PLAIN_UDP, |opt| usize::from(opt.udp_packet_size).max(PLAIN_UDP)) } else { usize::MAX };
        let written = write(&question, &found).unwrap_or_else(|error| {
            tracing::warn!("{error:#}");
            write(&question, &failed(Code::ServerFailure)).unwrap_or_default()
        });
        if written.len() <= room {
            return Some(written);
        }
        let mut cut = question.into_reply();
        cut.set_flags(PacketFlag::TRUNCATION);
        cut.build_bytes_vec().ok()
    }

    async fn find(&self, asked: &Question<'_>) -> Result<Answer> {
        let QTYPE::TYPE(kind) = asked.qtype else { return Ok(failed(Code::NotImplemented)) };
        let (name, kind) = (plain(&asked.qname.to_string()), format!("{kind:?}"));
        let found = answer(&self.zones.now().await?, &name, &kind, self.view == View::Validation);
        tracing::debug!("{:?} {name} {kind}: {:?} {}", self.view, found.code, found.lines.len());
        Ok(found)
    }
}

fn failed(code: Code) -> Answer {
    Answer { code, lines: Vec::new(), soa: None }
}

/// The bytes of an answer.
fn write(question: &Packet<'_>, found: &Answer) -> Result<Vec<u8>> {
    let mut reply = Packet::new_reply(question.id());
    reply.questions.clone_from(&question.questions);
    *reply.rcode_mut() = found.code;
    if found.code != Code::Refused {
        reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    }
    if question.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    if question.opt().is_some() {
        *reply.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: EDNS_UDP, version: 0 });
    }
    for line in &found.lines {
        reply.answers.push(record(line)?);
    }
    if let Some(line) = &found.soa {
        reply.name_servers.push(record(line)?);
    }
    reply.build_bytes_vec_compressed().context("write an answer")
}

fn record(line: &Line) -> Result<ResourceRecord<'_>> {
    let data = data(&line.kind, &line.value).with_context(|| format!("write the {} record of {}: {}", line.kind, line.name, line.value))?;
    Ok(ResourceRecord::new(named(&line.name)?, CLASS::IN, line.ttl_s, data))
}

/// What Route 53 writes as text, as a record's data.
fn data<'a>(kind: &str, value: &'a str) -> Result<RData<'a>> {
    let value = value.trim();
    let words: Vec<&'a str> = value.split_whitespace().collect();
    let word = |number: usize| words.get(number).copied().context("find a field");
    Ok(match kind {
        "A" => RData::A(A { address: value.parse::<Ipv4Addr>()?.into() }),
        "AAAA" => RData::AAAA(AAAA { address: value.parse::<Ipv6Addr>()?.into() }),
        "CNAME" => RData::CNAME(CNAME(named(value)?)),
        "NS" => RData::NS(NS(named(value)?)),
        "MX" => RData::MX(MX { preference: word(0)?.parse()?, exchange: named(word(1)?)? }),
        "SOA" => RData::SOA(SOA {
            mname: named(word(0)?)?,
            rname: named(word(1)?)?,
            serial: word(2)?.parse()?,
            refresh: word(3)?.parse()?,
            retry: word(4)?.parse()?,
            expire: word(5)?.parse()?,
            minimum: word(6)?.parse()?,
        }),
        "TXT" => {
            let mut text = TXT::new();
            for string in strings(value) {
                text.add_char_string(CharacterString::try_from(string)?);
            }
            RData::TXT(text)
        }
        other => anyhow::bail!("the lab's DNS server has no records of type {other}"),
    })
}

fn named(name: &str) -> Result<Name<'_>> {
    Name::new(name.trim_end_matches('.')).with_context(|| format!("read the name {name}"))
}

/// The strings of a TXT value: `"one" "two"`, with `\"` and `\\` in them.
fn strings(value: &str) -> Vec<String> {
    let (mut all, mut current, mut escaped) = (Vec::new(), None::<String>, false);
    for c in value.chars() {
        match (&mut current, c) {
            (Some(text), _) if escaped => {
                text.push(c);
                escaped = false;
            }
            (Some(_), '\\') => escaped = true,
            (Some(_), '"') => all.extend(current.take()),
            (Some(text), _) => text.push(c),
            (None, '"') => current = Some(String::new()),
            (None, _) => {}
        }
    }
    if all.is_empty() { vec![value.to_owned()] } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_route_53_become_records() {
        assert_eq!(
            strings(r#""heritage=external-dns,external-dns/owner=kaas" "a\"b\\""#),
            ["heritage=external-dns,external-dns/owner=kaas", r#"a"b\"#]
        );
        assert_eq!(data("A", "127.64.0.7").unwrap(), RData::A(A { address: 0x7f40_0007 }));
        assert!(data("A", "here").is_err());
        let soa = data("SOA", "ns-2048.awsdns-64.net. hostmaster.example.com. 1 7200 900 1209600 86400").unwrap();
        assert!(matches!(&soa, RData::SOA(soa) if soa.mname.to_string() == "ns-2048.awsdns-64.net" && soa.minimum == 86400), "{soa:?}");
    }
}
