//! What plans of a tenant say, seen as the CLI sees them: values in, planned values and findings out.

mod calls;
mod destroy;
mod destroy_own_cluster;
mod dispensable;
mod existing;
mod failures;
mod held_back;
mod namesake;
mod outside;
mod own_cluster;
mod role;
mod smaller;
mod speed;
mod zones;

use crate::{
    framework::{
        attr::Attr,
        diagnostic::{Diagnostics, Severity},
        erased::{AnyResource, ErasedResource, PlanInput},
        model::{AttributeValue, Model, decode_model, round_trip::round_trips_with},
        number::Number,
        parts::Call,
        value::Value,
    },
    resources::{
        connection::Connection,
        tenant::{
            TenantResource,
            model::{KafkaSettings, StatusReport, Storage, Tenant},
            parse,
        },
        wishes::{Override, Retention, Throughput},
    },
};

/// A planned tenant and what was said of it.
struct Planned {
    tenant: Tenant,
    value: Value,
    replace: Vec<String>,
    found: Diagnostics,
}

impl Planned {
    fn errors(&self) -> Vec<String> {
        let errors = self.found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        errors.map(|error| format!("{}: {}", error.path.as_ref().map_or_else(String::new, ToString::to_string), error.detail)).collect()
    }

    fn sizing_brokers(&self) -> Option<u32> {
        self.tenant.sizing.known().and_then(|sizing| sizing.brokers.known().copied())
    }
}

fn number(text: &str) -> Attr<Number> {
    Attr::Known(text.parse().unwrap())
}

fn config() -> Tenant {
    let mut tenant: Tenant = decode_model(&Tenant::block().null_object(), &mut Diagnostics::none()).unwrap();
    tenant.name = "payments".into();
    tenant.management_cluster = "context/lab".into();
    tenant.isolation = "namespace".into();
    tenant.throughput = Throughput { ingress_mib_per_second: number("1"), egress_mib_per_second: number("2") }.into();
    tenant.retention = Retention { hours: number("24"), gib: Attr::Null }.into();
    tenant
}

fn kafka(version: &str) -> Attr<KafkaSettings> {
    KafkaSettings { version: version.into(), metadata_version: Attr::Null, authentication: Attr::Null, config: Attr::Null }.into()
}

fn brokers(count: u32) -> Attr<Override> {
    let none = Override {
        brokers: Attr::Null,
        instance_type: Attr::Null,
        volume_gib: Attr::Null,
        volume_mib_per_second: Attr::Null,
        volume_iops: Attr::Null,
    };
    Override { brokers: count.into(), ..none }.into()
}

/// What the CLI proposes: the configuration, with prior values where the provider decides.
fn proposed(config: &Value, prior: &Value, computed: &dyn Fn(&str) -> bool) -> Value {
    let Value::Map(config) = config else { return config.clone() };
    Value::Map(
        config
            .iter()
            .map(|(name, value)| {
                (name.clone(), if value.is_null() && computed(name) { prior.attribute(name).clone() } else { value.clone() })
            })
            .collect(),
    )
}

fn plan(config: &Tenant, prior: Option<&Tenant>) -> Planned {
    let resource = ErasedResource::new(TenantResource::new(Connection::default()));
    let (config, prior) = (config.encode(), prior.map_or(Value::Null, AttributeValue::encode));
    let block = &resource.schema().block;
    let computed = |name: &str| block.attribute(name).is_some_and(|attribute| attribute.mode.is_computed());
    let proposed = proposed(&config, &prior, &computed);
    let mut call = Call::default();
    let output = resource.plan(PlanInput { prior, proposed, config }, &mut call);
    let mut found = Diagnostics::none();
    let tenant = decode_model(&output.planned, &mut found).unwrap();
    Planned { tenant, value: output.planned, replace: output.requires_replace.iter().map(ToString::to_string).collect(), found: call.found }
}

/// The state of a tenant that was applied and is ready.
fn state(config: &Tenant) -> Tenant {
    let mut state = plan(config, None).tenant;
    state.bootstrap_servers = "b:9093".into();
    state.ca_certificate = "PEM".into();
    state.cluster_id = "c".into();
    state.status = status("Ready");
    state
}

fn status(phase: &str) -> Attr<StatusReport> {
    StatusReport {
        phase: phase.into(),
        reason: Attr::Null,
        message: Attr::Null,
        kafka_version: "4.3.1".into(),
        metadata_version: Attr::Null,
    }
    .into()
}

#[test]
fn every_model_comes_back_as_it_went() {
    round_trips_with::<Tenant>(&[]);
    round_trips_with::<crate::resources::sizing::Sizing>(&[]);
    round_trips_with::<crate::resources::management_cluster::ManagementCluster>(&[]);
}

#[test]
fn the_size_is_known_when_the_plan_is_made_even_where_the_cluster_is_not() {
    let mut config = config();
    config.management_cluster = Attr::Unknown;
    let planned = plan(&config, None);
    assert_eq!(planned.errors(), Vec::<String>::new());
    assert_eq!(planned.sizing_brokers(), Some(3));
    assert!(planned.tenant.id.is_unknown() && planned.tenant.status.is_unknown() && planned.tenant.bootstrap_servers.is_unknown());
    assert_eq!(planned.tenant.kafka_version, "4.3.1".into());
}

#[test]
fn an_unknown_wish_leaves_the_size_unknown() {
    let mut config = config();
    config.throughput = Throughput { ingress_mib_per_second: Attr::Unknown, egress_mib_per_second: number("2") }.into();
    let planned = plan(&config, None);
    assert_eq!(planned.errors(), Vec::<String>::new());
    assert!(planned.tenant.sizing.is_unknown());
}

#[test]
fn a_ready_tenant_plans_nothing() {
    let state = state(&config());
    assert_eq!(plan(&config(), Some(&state)).value, state.encode());
}

#[test]
fn a_tenant_that_is_not_ready_or_has_drifted_is_taken_up_again_in_place() {
    for (phase, drift) in [("Creating", vec![]), ("Ready", vec!["Kafka kaas-payments/payments: spec.x is 1, should be 2".to_owned()])] {
        let mut state = state(&config());
        state.status = status(phase);
        state.drift = Attr::Known(drift);
        let planned = plan(&config(), Some(&state));
        assert!(planned.tenant.status.is_unknown(), "{phase}");
        assert_eq!(planned.tenant.drift, Attr::Known(Vec::new()));
        assert_eq!(planned.replace, Vec::<String>::new());
    }
}

#[test]
fn more_throughput_grows_in_place_and_less_takes_brokers_away_once_their_data_is_moved() {
    let mut large = config();
    large.throughput = Throughput { ingress_mib_per_second: number("200"), egress_mib_per_second: number("400") }.into();
    let grown = plan(&large, Some(&state(&config())));
    assert_eq!((grown.errors(), grown.replace.clone()), (vec![], vec![]));
    assert!(grown.sizing_brokers() > Some(3));
    let shrunk = plan(&config(), Some(&state(&large)));
    assert_eq!(shrunk.errors(), Vec::<String>::new());
    assert_eq!(shrunk.sizing_brokers(), Some(3));
    let told = shrunk.tenant.changes.known().unwrap();
    assert!(told[0].starts_with("data movement: brokers 6 -> 3; partitions are moved off those that go"), "{told:?}");
    let figure = |planned: &Planned| {
        let sizing = planned.tenant.sizing.known().unwrap();
        (sizing.volume_gib.clone(), sizing.instance_type.clone())
    };
    assert_eq!(figure(&shrunk).1, figure(&grown).1, "machines are not made smaller on their own");
    assert!(figure(&shrunk).0.known() >= figure(&grown).0.known(), "volumes cannot shrink");
    assert!(shrunk.tenant.bootstrap_servers.is_unknown(), "they name every broker");
}

#[test]
fn what_cannot_be_undone_is_refused_in_the_plan() {
    type Mistake = (&'static str, fn(&mut Tenant), &'static str);
    let cases: [Mistake; 4] = [
        ("kafka.version", |tenant| tenant.kafka = kafka("4.2.0"), "go from 4.3.1 back to 4.2.0"),
        ("sizing_override.brokers", |tenant| tenant.sizing_override = brokers(2), "three replicas need three brokers"),
        ("isolation", |tenant| tenant.isolation = "cluster".into(), "cannot be moved"),
        ("name", |tenant| tenant.name = "other".into(), "deletion_protection = false"),
    ];
    let mut six = config();
    six.sizing_override = brokers(6);
    for (place, change, words) in cases {
        let mut changed = six.clone();
        change(&mut changed);
        let errors = plan(&changed, Some(&state(&six))).errors();
        assert!(errors.iter().any(|error| error.starts_with(&format!("{place}: ")) && error.contains(words)), "{place}: {errors:?}");
    }
}

#[test]
fn an_unprotected_tenant_may_be_replaced() {
    let mut before = config();
    before.deletion_protection = false.into();
    let mut after = before.clone();
    after.storage = Storage { class: "fast".into(), kms_key_arn: Attr::Null }.into();
    let planned = plan(&after, Some(&state(&before)));
    assert_eq!(planned.errors(), Vec::<String>::new());
    assert_eq!(planned.replace, ["storage.class"]);
    let told = planned.found.iter().find(|told| told.path.as_ref().is_some_and(|path| path.to_string() == "storage.class")).unwrap();
    assert!(told.summary.contains("the data of the tenant \"payments\" is deleted"), "{}", told.summary);
    let mut elsewhere = before.clone();
    elsewhere.management_cluster = Attr::Unknown;
    let planned = plan(&elsewhere, Some(&state(&before)));
    assert_eq!((planned.errors(), planned.replace.clone()), (vec![], vec!["management_cluster".to_owned()]));
    assert!(planned.found.iter().any(|told| told.summary.contains("not known before apply")), "{:?}", planned.found);
}

#[test]
fn a_kafka_that_somebody_raised_is_not_brought_below_what_its_metadata_is_at() {
    let mut config = config();
    config.kafka = kafka("4.2.1");
    let mut raised = state(&config);
    for (metadata, errors) in [(Attr::Null, 0), ("4.2-IV1".into(), 0), ("4.3-IV0".into(), 1)] {
        let status = raised.status.known_mut().unwrap();
        (status.kafka_version, status.metadata_version) = ("4.3.1".into(), metadata);
        let told = plan(&config, Some(&raised)).errors();
        assert_eq!(told.len(), errors, "{told:?}");
        assert!(told.iter().all(|error| error.starts_with("kafka.version: ") && error.contains("from 4.3.1 back to 4.2.1")), "{told:?}");
    }
}

#[test]
fn destroying_a_protected_tenant_is_refused_in_the_plan() {
    let resource = ErasedResource::new(TenantResource::new(Connection::default()));
    for (protected, errors) in [(true, true), (false, false)] {
        let mut config = config();
        config.deletion_protection = protected.into();
        let mut call = Call::default();
        resource.plan(PlanInput { prior: state(&config).encode(), proposed: Value::Null, config: Value::Null }, &mut call);
        assert_eq!(call.found.has_errors(), errors);
    }
}

#[test]
fn everything_wrong_is_told_at_once_and_at_its_place() {
    let mut config = config();
    config.name = "Pay_ments".into();
    config.throughput = Throughput { ingress_mib_per_second: number("0"), egress_mib_per_second: number("-1") }.into();
    config.retention = Retention { hours: number("1"), gib: 5.into() }.into();
    config.kafka = KafkaSettings {
        version: "3.9.0".into(),
        metadata_version: Attr::Null,
        authentication: "password".into(),
        config: Attr::Known(
            [("ssl.keystore.location".to_owned(), "x".to_owned()), ("min.insync.replicas".to_owned(), "1".to_owned())].into(),
        ),
    }
    .into();
    let errors = plan(&config, None).errors();
    for place in [
        "name: ",
        "throughput.ingress_mib_per_second: ",
        "throughput.egress_mib_per_second: ",
        "retention.gib: ",
        "kafka.version: ",
        "kafka.authentication: ",
        "kafka.config[\"ssl.keystore.location\"]: ",
        "kafka.config[\"min.insync.replicas\"]: ",
    ] {
        assert!(errors.iter().any(|error| error.starts_with(place)), "{place} in {errors:#?}");
    }
}

#[test]
fn addresses_that_an_unfinished_tenant_has_not_told_yet_are_known_after_apply() {
    let mut unfinished = state(&config());
    unfinished.status = status("Creating");
    (unfinished.bootstrap_servers, unfinished.ca_certificate, unfinished.cluster_id) = (Attr::Null, Attr::Null, Attr::Null);
    let planned = plan(&config(), Some(&unfinished)).tenant;
    assert!(planned.bootstrap_servers.is_unknown() && planned.ca_certificate.is_unknown() && planned.cluster_id.is_unknown());
    let mut missing = state(&config());
    missing.status = status("Missing");
    assert!(plan(&config(), Some(&missing)).tenant.cluster_id.is_unknown(), "a new Kafka has a new id");
    let mut slow = state(&config());
    slow.status = status("NotReady");
    assert_eq!(plan(&config(), Some(&slow)).tenant.bootstrap_servers, "b:9093".into());
}

#[test]
fn a_protected_tenant_is_not_replaced_for_a_management_cluster_that_is_not_known_yet() {
    let mut moved = config();
    moved.management_cluster = Attr::Unknown;
    let errors = plan(&moved, Some(&state(&config()))).errors();
    assert!(errors.iter().any(|error| error.starts_with("management_cluster: ") && error.contains("moved block")), "{errors:?}");
    assert_eq!(plan(&moved, None).errors(), Vec::<String>::new());
}

/// A running tenant whose Kafka this provider would not make any more.
fn outdated() -> (Tenant, Tenant) {
    let mut old = config();
    old.kafka = kafka("4.1.0");
    let mut running = state(&config());
    running.kafka = old.kafka.clone();
    running.kafka.known_mut().unwrap().authentication = "tls".into();
    running.kafka_version = "4.1.0".into();
    (old, running)
}

#[test]
fn a_running_version_that_is_no_longer_offered_stays_and_the_offer_is_told_when_something_new_is_asked_for() {
    let (old, running) = outdated();
    assert_eq!(plan(&old, Some(&running)).value, running.encode());
    let mut more = old.clone();
    more.retention = Retention { hours: number("48"), gib: Attr::Null }.into();
    assert_eq!(plan(&more, Some(&running)).errors(), Vec::<String>::new());
    let mut newer = old.clone();
    newer.kafka = kafka("4.3.1");
    assert_eq!(plan(&newer, Some(&running)).errors(), Vec::<String>::new());
    for (asked, prior) in [(kafka("4.1.1"), Some(&running)), (kafka("4.1.0"), None), (kafka("4.1.0"), Some(&state(&config())))] {
        let mut config = old.clone();
        config.kafka = asked;
        let errors = plan(&config, prior).errors();
        assert!(errors.iter().any(|error| error.starts_with("kafka.version: ") && error.contains("offered are 4.2.0")), "{errors:?}");
    }
}

#[test]
fn a_setting_that_became_forbidden_is_refused_in_a_configuration_and_read_in_a_state() {
    let mut tenant = config();
    tenant.kafka = kafka("4.3.1");
    tenant.kafka.known_mut().unwrap().config = Attr::Known([("listeners".to_owned(), "x".to_owned())].into());
    assert!(plan(&tenant, None).errors().iter().any(|error| error.starts_with("kafka.config[\"listeners\"]: ")));
    let read = parse::spec(&tenant, &Connection::default().settings()).unwrap();
    assert_eq!(read.kafka.config.len(), 1);
}

#[test]
fn a_plan_says_what_each_change_does_to_the_running_kafka_and_nothing_where_nothing_changes() {
    let mut before = config();
    before.kafka = kafka("4.3.0");
    let running = state(&before);
    assert_eq!(running.changes, Attr::Known(Vec::new()));
    let mut after = before.clone();
    after.kafka = kafka("4.3.1");
    after.retention = Retention { hours: number("12"), gib: Attr::Null }.into();
    let told = plan(&after, Some(&running)).tenant.changes;
    assert_eq!(told, Attr::Known(vec!["rolling restart: Kafka 4.3.0 -> 4.3.1".to_owned(), "live: retention 24 h -> 12 h".to_owned()]));
    let mut applied = plan(&after, Some(&running)).tenant;
    (applied.status, applied.cluster_id, applied.bootstrap_servers, applied.ca_certificate) =
        (running.status.clone(), "c".into(), "b:9093".into(), "PEM".into());
    assert_eq!(plan(&after, Some(&applied)).value, applied.encode());
    let mut unprotected = after.clone();
    unprotected.deletion_protection = false.into();
    assert_eq!(plan(&unprotected, Some(&applied)).tenant.changes, told);
    after.kafka.known_mut().unwrap().config = Attr::Unknown;
    assert!(plan(&after, Some(&running)).tenant.changes.is_unknown());
}
