//! Names and certificates of a lab as its users have them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, TYPE};

pub use simple_dns::RCODE as Code;

use super::faults::Faults;
use super::pebble::EXTERNAL_ACCOUNT;
use super::settings::{CERT_MANAGER_USER, EXTERNAL_DNS_USER, Settings};
use crate::aws::Aws;
use crate::kubernetes;

/// How long one answer of the DNS server may take.
const ANSWER: Duration = Duration::from_secs(2);

/// The DNS server, the ACME server and the hosted zone of a lab.
#[derive(Clone, Debug)]
pub struct Dns {
    settings: Settings,
    aws: Aws,
}

/// What the DNS server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub code: Code,
    /// The data of the records, as text: `127.64.0.7`.
    pub values: Vec<String>,
    /// Whether the SOA of a zone came with it.
    pub has_soa: bool,
}

impl Dns {
    pub(crate) fn new(settings: Settings, aws: Aws) -> Self {
        Self { settings, aws }
    }

    /// The id of the hosted zone: `Z0ABC`.
    pub fn zone_id(&self) -> &str {
        &self.settings.zone_id
    }

    /// The name of the hosted zone, without a dot at its end.
    pub fn zone_name(&self) -> &str {
        &self.settings.zone_name
    }

    /// Where the DNS server answers, by UDP and TCP.
    pub fn server(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.settings.ports.dns))
    }

    /// The URL of the ACME server's directory.
    pub fn acme_directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.settings.ports.acme)
    }

    /// The authority of the ACME server's own HTTPS, PEM.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn acme_ca(&self) -> Result<String> {
        let file = self.settings.authority();
        std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
    }

    /// The root of the certificates that the ACME server issues, PEM. It is another after each start of the server.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn acme_root(&self) -> Result<String> {
        let url = format!("https://127.0.0.1:{}/roots/0", self.settings.ports.pebble_management);
        kubernetes::ask(&url, Some(&self.settings.authority())).context("ask the ACME server for its root")
    }

    /// Key id and key (base64url) of an external account that the ACME server knows.
    pub fn acme_external_account(&self) -> (&'static str, &'static str) {
        EXTERNAL_ACCOUNT
    }

    /// Variables by which the SDKs of AWS find Route 53, as the user who may do everything.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.aws.environment(self.aws.administrator())
    }

    /// URLs by the names of services, as the provider's `aws { endpoints }` takes them.
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        self.aws.endpoints()
    }

    /// The user as whom cert-manager asks Route 53: [`Aws::allow`] changes what it may do.
    pub fn cert_manager_user(&self) -> &'static str {
        CERT_MANAGER_USER
    }

    /// The user as whom external-dns asks Route 53.
    pub fn external_dns_user(&self) -> &'static str {
        EXTERNAL_DNS_USER
    }

    /// The log of cert-manager on the management cluster; that of `external-dns` lies beside it.
    pub fn log(&self, controller: super::controllers::Controller) -> PathBuf {
        self.folder(controller).join(format!("{}.log", controller.name()))
    }

    /// The folder of a controller of the management cluster: what [`crate::process::marked`] finds its process by.
    pub fn folder(&self, controller: super::controllers::Controller) -> PathBuf {
        self.settings.lab.join(super::NAME).join(controller.name())
    }

    /// The addresses of `name`, none if there are none.
    ///
    /// # Errors
    /// When the server does not answer, or cannot.
    pub fn resolve(&self, name: &str) -> Result<Vec<IpAddr>> {
        let mut found = Vec::new();
        for kind in ["A", "AAAA"] {
            let answer = self.query(name, kind)?;
            let fine = matches!(answer.code, Code::NoError | Code::NameError);
            ensure!(fine, "the lab's DNS server answers {:?} to {name} {kind}", answer.code);
            found.extend(answer.values.iter().filter_map(|value| value.parse::<IpAddr>().ok()));
        }
        Ok(found)
    }

    /// What the DNS server says to a question for `name` and a type (`TXT`).
    ///
    /// # Errors
    /// When it does not answer in time.
    pub fn query(&self, name: &str, kind: &str) -> Result<Answered> {
        let asked = kind_named(kind)?;
        let id = RandomState::new().hash_one(name) as u16;
        let mut question = Packet::new_query(id);
        question.set_flags(PacketFlag::RECURSION_DESIRED);
        let plain = Name::new(name.trim_end_matches('.')).with_context(|| format!("read the name {name}"))?;
        question.questions.push(Question::new(plain, asked.into(), CLASS::IN.into(), false));
        let socket = UdpSocket::bind(("127.0.0.1", 0)).context("open a socket")?;
        socket.set_read_timeout(Some(ANSWER))?;
        socket.connect(self.server())?;
        socket.send(&question.build_bytes_vec()?)?;
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).with_context(|| format!("wait for the answer to {name} {kind}"))?;
        let answer = Packet::parse(&buffer[..length])?;
        ensure!(answer.id() == id, "the answer to {name} {kind} is another's");
        Ok(Answered {
            code: answer.rcode(),
            values: answer.answers.iter().map(|record| text(&record.rdata)).collect(),
            has_soa: answer.name_servers.iter().any(|record| matches!(record.rdata, RData::SOA(_))),
        })
    }

    /// Orders what goes wrong from now on; [`Faults::default`] is nothing.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn order(&self, faults: Faults) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/faults", self.settings.ports.control);
        kubernetes::post(&url, &serde_json::to_value(faults)?).map(|_| ()).context("order faults of the lab's DNS and ACME servers")
    }
}

fn kind_named(kind: &str) -> Result<TYPE> {
    let all = [TYPE::A, TYPE::AAAA, TYPE::CNAME, TYPE::MX, TYPE::NS, TYPE::SOA, TYPE::TXT];
    let found = all.into_iter().find(|known| format!("{known:?}").eq_ignore_ascii_case(kind));
    found.with_context(|| format!("find the type {kind} among those that can be asked for"))
}

fn text(data: &RData<'_>) -> String {
    match data {
        RData::A(a) => Ipv4Addr::from(a.address).to_string(),
        RData::AAAA(a) => Ipv6Addr::from(a.address).to_string(),
        RData::CNAME(name) => name.to_string(),
        RData::NS(name) => name.to_string(),
        RData::MX(mx) => format!("{} {}", mx.preference, mx.exchange),
        RData::SOA(soa) => format!("{} {} {}", soa.mname, soa.rname, soa.serial),
        RData::TXT(text) => String::try_from(text.clone()).unwrap_or_default(),
        other => format!("{other:?}"),
    }
}
