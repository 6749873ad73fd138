//! What the servers of names and certificates share: ports, programs, the hosted zone, and the keys by which cert-manager and external-dns ask Route 53.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{NAME, ZONE};
use crate::aws::Aws;
use crate::programs::Program;
use crate::record;
use crate::servers::Layout;
use crate::state::{AwsPorts, DnsPorts};

/// The IAM user as whom cert-manager asks Route 53.
pub const CERT_MANAGER_USER: &str = "lab-cert-manager";
/// The IAM user as whom external-dns asks Route 53.
pub const EXTERNAL_DNS_USER: &str = "lab-external-dns";
/// What each of them may do, as their documentation says.
const ALLOWED: [(&str, &[&str]); 2] = [
    (
        CERT_MANAGER_USER,
        &[
            "route53:GetChange",
            "route53:ChangeResourceRecordSets",
            "route53:ListResourceRecordSets",
            "route53:ListHostedZonesByName",
            "sts:AssumeRole",
        ],
    ),
    (
        EXTERNAL_DNS_USER,
        &[
            "route53:ChangeResourceRecordSets",
            "route53:ListHostedZones",
            "route53:ListResourceRecordSets",
            "route53:ListTagsForResource",
            "route53:ListTagsForResources",
        ],
    ),
];

/// The programs that write records and get certificates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Programs {
    pub pebble: PathBuf,
    pub cert_manager: PathBuf,
    pub external_dns: PathBuf,
}

impl Programs {
    /// Builds what is missing, which takes minutes when nothing is in the cache.
    ///
    /// # Errors
    /// When one cannot be built.
    pub fn gather() -> Result<Self> {
        Ok(Self {
            pebble: Program::Pebble.executable()?,
            cert_manager: Program::CertManager.executable()?,
            external_dns: Program::ExternalDns.executable()?,
        })
    }
}

/// The settings, in a file of the lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The lab's folder.
    pub lab: PathBuf,
    pub ports: DnsPorts,
    /// The port of moto itself, which the DNS server reads the zones from.
    pub moto: u16,
    pub programs: Programs,
    pub zone_id: String,
    pub zone_name: String,
    /// By which cert-manager finds AWS.
    pub cert_manager: BTreeMap<String, String>,
    /// By which external-dns finds AWS.
    pub external_dns: BTreeMap<String, String>,
}

impl Settings {
    /// Where the lab in `layout` keeps them.
    pub fn file(layout: &Layout) -> PathBuf {
        layout.0.join(NAME).join("settings.json")
    }

    /// Makes the hosted zone and the users, and writes the settings down.
    ///
    /// # Errors
    /// When AWS refuses or the file cannot be written.
    pub fn found(layout: &Layout, aws: &Aws, ports: DnsPorts, aws_ports: AwsPorts, programs: Programs) -> Result<Self> {
        let zone_id = aws.hosted_zone(ZONE)?;
        let mut found = BTreeMap::new();
        for (name, actions) in ALLOWED {
            let user = aws.user(name)?;
            aws.allow(
                "User",
                name,
                &json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}),
            )?;
            found.insert(name, aws.environment(&user));
        }
        let mut environment = |name| found.remove(name).with_context(|| format!("find the user {name}"));
        let settings = Self {
            lab: layout.0.clone(),
            ports,
            moto: aws_ports.moto,
            programs,
            zone_id,
            zone_name: ZONE.to_owned(),
            cert_manager: environment(CERT_MANAGER_USER)?,
            external_dns: environment(EXTERNAL_DNS_USER)?,
        };
        record::write(&Self::file(layout), &settings)?;
        Ok(settings)
    }

    /// Those in a file.
    ///
    /// # Errors
    /// When there is none, or it says something else.
    pub fn read(file: &Path) -> Result<Self> {
        record::read(file)?.with_context(|| format!("find {}", file.display()))
    }

    /// The authority of the lab's own servers, the ACME server's HTTPS among them.
    pub fn authority(&self) -> PathBuf {
        Layout(self.lab.clone()).pki().join("ca.crt")
    }
}
