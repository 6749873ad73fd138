//! Tenants of every shape: figures from the smallest to the largest, each choice on and off, drawn in a fixed order.

use std::collections::BTreeMap;

use kaas::domain::external;
use kaas::domain::kafka::version::{KafkaVersion, MetadataVersion};
use kaas::domain::sizing::{Floor, Overrides, Retention, Wish};
use kaas::domain::tenant::{Authentication, Facts, Isolation, KafkaSpec, StorageSpec, TenantSpec};
use serde_json::{Value, json};

/// How many tenants are drawn.
const COUNT: u64 = 120;

/// The tenants, each with what its cluster offers.
pub fn all() -> Vec<(TenantSpec, Facts)> {
    (0..COUNT).map(|seed| draw(&mut Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))).collect()
}

fn draw(dice: &mut Dice) -> (TenantSpec, Facts) {
    let name = *dice.of(&["a", "payments", "a-team-with-a-name-as-long-as-it-can-be1", "t0-1"]);
    let ingress = *dice.of(&["0.01", "0.5", "5", "20", "50", "100", "200"]);
    let fan_out = *dice.of(&["0.01", "1", "10", "150"]);
    let retention = *dice.of(&[
        Retention::from_hours("0.1").unwrap(),
        Retention::from_hours("24").unwrap(),
        Retention::from_hours("168").unwrap(),
        Retention::from_gib(1).unwrap(),
        Retention::from_gib(5000).unwrap(),
    ]);
    let spec = TenantSpec {
        name: name.parse().unwrap(),
        owner: "owner of/the tenant".to_owned(),
        wish: Wish {
            ingress: ingress.parse().unwrap(),
            egress: fan_out.parse().unwrap(),
            retention,
            partitions: dice.maybe(|dice| *dice.of(&[1, 300, 2000])),
        },
        overrides: overrides(dice),
        floor: dice.maybe(|dice| Floor { brokers: *dice.of(&[3, 9]), volume_gib: *dice.of(&[10, 2000]), instance_type: None }),
        kafka: kafka(dice),
        access_groups: dice.of(&[vec![], vec!["team".to_owned()], vec!["idp:group with space".to_owned(), "b".to_owned()]]).clone(),
        allowed_namespaces: dice.of(&[vec![], vec!["apps".to_owned(), "reporting".to_owned()]]).clone(),
        storage: StorageSpec {
            class: dice.maybe(|_| "fast-ssd".to_owned()),
            kms_key_arn: dice.maybe(|_| "arn:aws:kms:eu-central-1:123456789012:key/0f1e".to_owned()),
        },
        labels: dice
            .maybe(|_| BTreeMap::from([("team".to_owned(), "blue".to_owned()), ("example.com/cost".to_owned(), String::new())]))
            .unwrap_or_default(),
        isolation: Isolation::Namespace,
        monitoring: *dice.of(&[false, true]),
        facts: None,
        dns: None,
        tls: None,
        external: None,
        leaving: None,
        mirror: None,
    };
    let facts = *dice.of(&[
        Facts { ebs_csi: false, volume_attributes_classes: false },
        Facts { ebs_csi: true, volume_attributes_classes: false },
        Facts { ebs_csi: true, volume_attributes_classes: true },
    ]);
    (public(spec, dice), facts)
}

/// With names, certificate and listener of every shape that goes together. Drawn last, so that the rest is what it was.
fn public(spec: TenantSpec, dice: &mut Dice) -> TenantSpec {
    let zone = json!({ "domain": "kafka.example.com", "zone_id": "Z0A1", "found": { "id": "Z0A1", "owner": "kaas-payments-0a1b2c3d", "region": "eu-central-1" } });
    let with = |managed_by: &str, role_arn: Value, private: bool| {
        let mut dns = zone.clone();
        dns["managed_by"] = json!(managed_by);
        dns["role_arn"] = role_arn;
        dns["private"] = json!(private);
        dns
    };
    let role = json!("arn:aws:iam::123456789012:role/kaas/payments");
    let dns = dice
        .of(&[
            Value::Null,
            with("external-dns", Value::Null, false),
            with("external-dns", role, false),
            with("provider", Value::Null, true),
            json!({ "domain": "kafka.example.com", "managed_by": "none" }),
        ])
        .clone();
    let pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    let acme = json!({ "directory_url": "https://ca.example.com/dir", "ca_certificate": pem, "external_account": { "key_id": "k" } });
    let tls = dice
        .of(&[
            Value::Null,
            json!({ "issuer": "letsencrypt", "email": "kafka@example.com" }),
            json!({ "issuer": "acme", "acme": acme, "duration_hours": 24, "renew_before_hours": 8 }),
            json!({ "issuer": "cluster-issuer", "cluster_issuer": "corporate" }),
            json!({ "issuer": "secret", "secret": "mine" }),
            json!({ "issuer": "cluster" }),
        ])
        .clone();
    let external = dice
        .of(&[
            Value::Null,
            json!({}),
            json!({ "internal": true, "source_ranges": ["10.0.0.0/8", "2001:db8::/32"], "annotations": { "example.com/pool": "a" } }),
            json!({ "type": "node-port" }),
            json!({ "type": "none" }),
        ])
        .clone();
    let leaving = dice.of(&[Value::Null, json!({ "domain": "old.example.com", "zone_id": "Z0A2" })]).clone();
    let drawn = TenantSpec {
        dns: serde_json::from_value(dns).unwrap(),
        tls: serde_json::from_value(tls).unwrap(),
        external: serde_json::from_value(external).unwrap(),
        leaving: serde_json::from_value(leaving).unwrap(),
        ..spec.clone()
    };
    let fits = external::check_together(drawn.dns.as_ref(), drawn.tls.as_ref(), drawn.external.as_ref()).is_empty();
    if fits { drawn } else { spec }
}

fn overrides(dice: &mut Dice) -> Overrides {
    let enlarged = Overrides { brokers: Some(9), instance_type: Some("m7g.8xlarge".to_owned()), ..Overrides::default() };
    let volumes =
        Overrides { volume_gib: Some(16_000), volume_mib_per_second: Some(1000), volume_iops: Some(16_000), ..Overrides::default() };
    dice.of(&[Overrides::default(), Overrides::default(), enlarged, volumes]).clone()
}

fn kafka(dice: &mut Dice) -> KafkaSpec {
    let version = *dice.of(&KafkaVersion::OFFERED);
    let config: BTreeMap<String, String> =
        [("auto.create.topics.enable", "false"), ("num.io.threads", "12"), ("message.max.bytes", "2000000")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
    KafkaSpec {
        version,
        metadata_version: dice.maybe(|_| MetadataVersion::V4_2),
        config: dice.maybe(|_| config).unwrap_or_default(),
        authentication: *dice.of(&Authentication::ALL),
    }
}

/// The same numbers in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let position = usize::try_from(self.throw() >> 33).unwrap() % choices.len();
        &choices[position]
    }

    /// Something in one of two throws. The same number of throws follows either way.
    fn maybe<T>(&mut self, something: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let drawn = something(self);
        self.of(&[true, false]).then_some(drawn)
    }
}
