//! The hosted zones as Route 53 lists them: read anew at every question, but not more often than ten times a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::Mutex;

use crate::aws::keys::{element, elements};
use crate::aws::moto::{Moto, rest};

/// How old an answer of Route 53 may be.
const FRESH: Duration = Duration::from_millis(100);

/// A hosted zone. Names are in lower case and without the last dot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    pub id: String,
    pub name: String,
    pub private: bool,
    pub records: Vec<RecordSet>,
}

/// All records of a name and a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    pub name: String,
    /// `A`, `TXT`, ...
    pub kind: String,
    pub ttl_s: u32,
    pub content: Content,
}

/// What a record set says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Values as Route 53 writes them.
    Values(Vec<String>),
    /// What is at another name.
    Alias(String),
}

/// The zones of a lab's Route 53.
pub struct Zones {
    moto: Moto,
    last: Mutex<Option<(Instant, Arc<Vec<Zone>>)>>,
}

impl Zones {
    pub fn new(port: u16) -> Self {
        Self { moto: Moto { port }, last: Mutex::new(None) }
    }

    /// All zones with all their records.
    ///
    /// # Errors
    /// When Route 53 does not answer.
    pub async fn now(&self) -> Result<Arc<Vec<Zone>>> {
        let mut last = self.last.lock().await;
        if let Some((read, zones)) = last.as_ref().filter(|(read, _)| read.elapsed() < FRESH) {
            tracing::trace!("zones of {} ms ago", read.elapsed().as_millis());
            return Ok(zones.clone());
        }
        let zones = Arc::new(self.read().await?);
        *last = Some((Instant::now(), zones.clone()));
        Ok(zones)
    }

    async fn read(&self) -> Result<Vec<Zone>> {
        let listed = self.ask("/2013-04-01/hostedzone", "").await.context("list hosted zones")?;
        let mut zones: Vec<Zone> = elements(&listed, "HostedZone").filter_map(zone).collect();
        for zone in &mut zones {
            let mut from = String::from("maxitems=300");
            loop {
                let path = format!("/2013-04-01/hostedzone/{}/rrset", zone.id);
                let page = self.ask(&path, &from).await.with_context(|| format!("list the records of {}", zone.name))?;
                zone.records.extend(elements(&page, "ResourceRecordSet").filter_map(record_set));
                if element(&page, "IsTruncated") != Some("true") {
                    break;
                }
                let next = |tag| element(&page, tag).unwrap_or_default();
                let beginning = format!("maxitems=300&name={}&type={}", next("NextRecordName"), next("NextRecordType"));
                ensure!(beginning != from, "Route 53 gives the same page of {} again", zone.name);
                from = beginning;
            }
        }
        Ok(zones)
    }

    async fn ask(&self, path: &str, query: &str) -> Result<String> {
        let answer = self.moto.send(rest("GET", "route53", path, query, "")?).await?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        ensure!(answer.status().is_success(), "{}: {text}", answer.status());
        Ok(text)
    }
}

fn zone(xml: &str) -> Option<Zone> {
    let id = element(xml, "Id")?.rsplit('/').next()?.to_owned();
    Some(Zone { id, name: plain(element(xml, "Name")?), private: element(xml, "PrivateZone") == Some("true"), records: Vec::new() })
}

fn record_set(xml: &str) -> Option<RecordSet> {
    let content = match element(xml, "AliasTarget") {
        Some(target) => Content::Alias(plain(element(target, "DNSName")?)),
        None => Content::Values(elements(xml, "Value").map(value).collect()),
    };
    // Of an alias Route 53 answers with the seconds of what it names: load balancers have 60.
    let ttl_s = element(xml, "TTL").and_then(|text| text.parse().ok()).unwrap_or(60);
    Some(RecordSet { name: plain(element(xml, "Name")?), kind: element(xml, "Type")?.to_owned(), ttl_s, content })
}

/// A name as it is compared; Route 53 writes `*` as `\052`.
pub fn plain(name: &str) -> String {
    name.trim_end_matches('.').replace("\\052", "*").to_lowercase()
}

/// A value without the escapes of XML. moto writes the SOA it makes as Python prints it: `{'Value': '...'}`.
fn value(xml: &str) -> String {
    let text = xml
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    match text.strip_prefix("{'Value': '").and_then(|rest| rest.strip_suffix("'}")) {
        Some(inner) => inner.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_set_is_read_with_its_escapes() {
        let xml = "<Name>\\052.Pay.example.test.</Name><Type>TXT</Type><TTL>30</TTL><ResourceRecords><ResourceRecord><Value>&quot;a=b&quot;</Value></ResourceRecord></ResourceRecords>";
        let read = record_set(xml).unwrap();
        assert_eq!((read.name.as_str(), read.kind.as_str(), read.ttl_s), ("*.pay.example.test", "TXT", 30));
        assert_eq!(read.content, Content::Values(vec!["\"a=b\"".to_owned()]));
        assert_eq!(value("{'Value': 'ns-1.x. a.b. 1 2 3 4 5'}"), "ns-1.x. a.b. 1 2 3 4 5");
        let alias =
            "<Name>a.b.</Name><Type>A</Type><AliasTarget><HostedZoneId>Z</HostedZoneId><DNSName>LB.aws.com.</DNSName></AliasTarget>";
        assert_eq!(record_set(alias).unwrap().content, Content::Alias("lb.aws.com".to_owned()));
    }
}
