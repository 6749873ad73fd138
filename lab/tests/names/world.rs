//! The labs with names that journeys share, and tenants that have some.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use aws_sdk_route53::Client;
use aws_sdk_route53::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use kaas_lab::dns::{Dns, Faults};
use kaas_lab::terraform::Engine;
use kaas_lab::{Lab, Options};
use serde_json::Value;

use crate::acceptance::place::{Place, Tenant};
use crate::acceptance::world::Shared;

static READY: LazyLock<Shared> = LazyLock::new(|| Shared::with(&Options { pretend_ready: true, ..options("names") }));
static BROKEN: LazyLock<Mutex<Shared>> =
    LazyLock::new(|| Mutex::new(Shared::with(&Options { pretend_ready: true, ..options("nameless") })));

/// A lab with names: real Kafka, unless it is told to pretend.
pub fn options(purpose: &str) -> Options {
    Options { aws: true, dns: true, ..Options::named(&format!("{purpose}-{}", std::process::id())) }
}

/// The lab where certificates are issued and records written, and every Kafka is Ready at once.
pub fn ready() -> &'static Lab {
    &READY.lab
}

/// The lab in which things may be made to fail: one journey at a time. What an earlier journey broke works again.
pub fn broken() -> Broken {
    let shared = BROKEN.lock().unwrap_or_else(PoisonError::into_inner);
    shared.lab.dns().unwrap().order(Faults::default()).unwrap();
    Broken(shared)
}

pub struct Broken(MutexGuard<'static, Shared>);

impl Broken {
    pub fn lab(&self) -> &Lab {
        &self.0.lab
    }
}

/// An empty configuration, with the credentials by which the provider finds the lab's Route 53.
pub fn place(engine: Engine, lab: &Lab) -> Place {
    let mut place = Place::new(engine, lab);
    for (name, value) in lab.dns().unwrap().environment() {
        place.workspace.set_env(&name, value);
    }
    place
}

/// The domain of all tenants; their zone has this name, too.
pub fn domain(dns: &Dns) -> String {
    dns.zone_name().to_owned()
}

/// A `dns` block in the lab's zone.
pub fn dns_block(dns: &Dns, more: &str) -> String {
    format!("dns {{\n    zone_id = \"{}\"\n    domain = \"{}\"\n    {more}\n  }}", dns.zone_id(), domain(dns))
}

/// A `tls` block with the lab's ACME server; `more` goes into its `acme`.
pub fn acme_block(dns: &Dns, more: &str) -> String {
    let ca = dns.acme_ca().unwrap();
    format!(
        "tls {{\n    issuer = \"acme\"\n    email = \"kafka@example.test\"\n    acme {{\n      directory_url = \"{}\"\n      ca_certificate = <<-PEM\n{}\n      PEM\n      {more}\n    }}\n  }}",
        dns.acme_directory(),
        ca.trim_end()
    )
}

/// The smallest tenant with names and a certificate.
pub fn named(dns: &Dns, name: &str) -> Tenant {
    Tenant::small(name).with(&format!("{}\n  {}", dns_block(dns, ""), acme_block(dns, "")))
}

/// Route 53 as AWS's own SDK asks it, with all rights.
pub struct Route53 {
    client: Client,
    zone: String,
}

impl Route53 {
    pub fn of(lab: &Lab) -> Self {
        let aws = lab.aws().unwrap();
        let user = aws.administrator();
        let credentials = Credentials::new(&user.access_key_id, &user.secret_access_key, user.session_token.clone(), None, "lab");
        let config = aws_sdk_route53::Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(aws.region()));
        let client = Client::from_conf(config.endpoint_url(aws.url()).credentials_provider(credentials).build());
        Self { client, zone: lab.dns().unwrap().zone_id().to_owned() }
    }

    /// The record sets of a tenant, `A bootstrap.t.example.test`, sorted.
    pub fn of_tenant(&self, tenant: &str) -> Vec<String> {
        let inside = format!("{tenant}.");
        let listed = kaas_lab::block_on(async {
            let listed = self.client.list_resource_record_sets().hosted_zone_id(&self.zone).max_items(300).send().await?;
            Ok(listed.resource_record_sets)
        });
        let names = listed.unwrap().into_iter().map(|set| format!("{} {}", set.r#type, set.name.trim_end_matches('.')));
        let mut names: Vec<String> =
            names.filter(|name| name.contains(&format!(".{inside}")) || name.contains(&format!(" {inside}"))).collect();
        names.sort();
        names
    }

    /// Writes a record set, as somebody else would.
    pub fn write(&self, name: &str, kind: RrType, value: &str) {
        self.change(ChangeAction::Upsert, name, kind, value);
    }

    pub fn delete(&self, name: &str, kind: RrType, value: &str) {
        self.change(ChangeAction::Delete, name, kind, value);
    }

    fn change(&self, action: ChangeAction, name: &str, kind: RrType, value: &str) {
        let value = ResourceRecord::builder().value(value).build().unwrap();
        let set = ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value).build().unwrap();
        let change = Change::builder().action(action).resource_record_set(set).build().unwrap();
        let batch = ChangeBatch::builder().changes(change).build().unwrap();
        let changed = kaas_lab::block_on(async {
            Ok(self.client.change_resource_record_sets().hosted_zone_id(&self.zone).change_batch(batch).send().await?)
        });
        changed.unwrap();
    }
}

/// What a tenant's state says of its certificate.
pub fn certificate(place: &Place) -> Value {
    place.tenant()["certificate"].clone()
}
