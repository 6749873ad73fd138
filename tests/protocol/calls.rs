//! Every rpc, called on a provider with one of everything.

use std::{sync::Arc, time::Duration};

use kaas::{
    framework::value::{Type, Value},
    plugin::{
        Ended,
        listener::Listener,
        msgpack,
        proto::{
            go_plugin::{Empty, grpc_controller_client::GrpcControllerClient},
            tfplugin5::{self as wire, Diagnostic, DynamicValue, RawState, ResourceIdentityData, provider_client::ProviderClient},
        },
    },
};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, transport::Channel};

use super::{
    clients::over,
    test_provider::{TestProvider, identity, identity_type, look, look_type, thing, thing_type, with},
};

pub struct Served {
    pub client: ProviderClient<Channel>,
    channel: Channel,
    server: JoinHandle<Result<(), Ended>>,
    closed: Arc<std::sync::Mutex<Vec<String>>>,
    _end: DropGuard,
}

pub async fn served() -> Served {
    let provider = TestProvider::new();
    let closed = Arc::clone(&provider.closed);
    let end = CancellationToken::new();
    let (listener, place) = Listener::open_tcp(20_000, 40_000).await.unwrap();
    let address = place.address();
    let server = tokio::spawn(kaas::plugin::serve_plain(Arc::new(provider), listener, end.clone()));
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let channel = over(stream).await;
    let client = ProviderClient::new(channel.clone()).max_decoding_message_size(256 << 20).max_encoding_message_size(256 << 20);
    Served { client, channel, server, closed, _end: end.drop_guard() }
}

fn sent(value: &Value, ty: &Type) -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: msgpack::encode(value, ty).unwrap(), json: Vec::new() })
}

fn got(value: Option<DynamicValue>, ty: &Type) -> Value {
    msgpack::decode(&value.unwrap().msgpack, ty).unwrap()
}

fn a_thing(value: &Value) -> Option<DynamicValue> {
    sent(value, &thing_type())
}

fn named(id: &str) -> Option<ResourceIdentityData> {
    Some(ResourceIdentityData { identity_data: sent(&identity(id), &identity_type()) })
}

#[track_caller]
fn assert_error(diagnostics: &[Diagnostic], part: &str) {
    let [one] = diagnostics else { panic!("{diagnostics:?}") };
    assert_eq!(one.severity, 1);
    assert!(format!("{} {}", one.summary, one.detail).contains(part), "{one:?}");
}

pub fn plan(prior: &Value, proposed: &Value) -> wire::plan_resource_change::Request {
    wire::plan_resource_change::Request {
        type_name: "test_thing".to_owned(),
        prior_state: a_thing(prior),
        proposed_new_state: a_thing(proposed),
        config: a_thing(proposed),
        prior_private: br#"{"kept":"1"}"#.to_vec(),
        prior_identity: named("id-0"),
        ..Default::default()
    }
}

pub fn apply(planned: &Value) -> wire::apply_resource_change::Request {
    wire::apply_resource_change::Request {
        type_name: "test_thing".to_owned(),
        prior_state: a_thing(&Value::Null),
        planned_state: a_thing(planned),
        planned_private: br#"{"planned":"yes"}"#.to_vec(),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_schema_shows_everything_that_is_offered() {
    let mut served = served().await;
    let schema = served.client.get_schema(wire::get_provider_schema::Request {}).await.unwrap().into_inner();
    let block = schema.resource_schemas["test_thing"].block.as_ref().unwrap();
    assert_eq!(schema.resource_schemas["test_thing"].version, 1);
    let secret = block.attributes.iter().find(|attribute| attribute.name == "secret").unwrap();
    assert!(secret.write_only && secret.optional && !secret.computed);
    assert_eq!(secret.r#type, br#""string""#);
    assert_eq!((block.block_types[0].type_name.as_str(), block.block_types[0].nesting), ("label", 2));
    assert!(schema.data_source_schemas.contains_key("test_look") && schema.ephemeral_resource_schemas.contains_key("test_lease"));
    assert_eq!(schema.functions["double"].parameters[0].name, "number");
    let identities =
        served.client.get_resource_identity_schemas(wire::get_resource_identity_schemas::Request {}).await.unwrap().into_inner();
    let id = &identities.identity_schemas["test_thing"].identity_attributes[0];
    assert!(id.required_for_import && !id.optional_for_import);
    let functions = served.client.get_functions(wire::get_functions::Request {}).await.unwrap().into_inner();
    assert_eq!(functions.functions, schema.functions);
}

#[tokio::test]
async fn the_provider_configuration_is_checked_and_goes_back_unchanged() {
    let mut served = served().await;
    let config = sent(&with(&look(), "name", "wrong"), &look_type());
    let request = wire::prepare_provider_config::Request { config: config.clone() };
    let answer = served.client.prepare_provider_config(request).await.unwrap().into_inner();
    assert_eq!(answer.prepared_config, config);
    assert_error(&answer.diagnostics, "Choose another one.");
    let step = answer.diagnostics[0].attribute.as_ref().unwrap().steps[0].selector.clone();
    assert_eq!(step, Some(wire::attribute_path::step::Selector::AttributeName("name".to_owned())));
    let request = wire::configure::Request { terraform_version: "1.99".to_owned(), config, client_capabilities: None };
    let answer = served.client.configure(request).await.unwrap().into_inner();
    assert_eq!((answer.diagnostics[0].severity, answer.diagnostics[0].detail.as_str()), (2, "By 1.99."));
}

#[tokio::test]
async fn write_only_values_are_refused_for_clients_that_would_store_them() {
    let mut served = served().await;
    let config = a_thing(&with(&thing(), "secret", "s3cret"));
    let mut request =
        wire::validate_resource_type_config::Request { type_name: "test_thing".to_owned(), config, client_capabilities: None };
    let answer = served.client.validate_resource_type_config(request.clone()).await.unwrap().into_inner();
    assert_error(&answer.diagnostics, "Write-only");
    request.client_capabilities = Some(wire::ClientCapabilities { write_only_attributes_allowed: true, deferral_allowed: false });
    let answer = served.client.validate_resource_type_config(request).await.unwrap().into_inner();
    assert_eq!(answer.diagnostics, []);
}

#[tokio::test]
async fn an_object_is_planned_applied_and_read_with_its_private_data_and_identity() {
    let mut served = served().await;
    let planned = served.client.plan_resource_change(plan(&Value::Null, &thing())).await.unwrap().into_inner();
    let state = got(planned.planned_state.clone(), &thing_type());
    assert!(state.attribute("id").is_unknown());
    assert_eq!(planned.requires_replace.len(), 1);
    assert_eq!(planned.planned_identity, None, "another object's identity is not the new one's");
    assert_eq!(planned.planned_private, br#"{"kept":"1","planned":"yes"}"#);
    let request = wire::apply_resource_change::Request { planned_private: planned.planned_private, ..apply(&state) };
    let applied = served.client.apply_resource_change(request).await.unwrap().into_inner();
    assert_eq!(got(applied.new_state.clone(), &thing_type()).attribute("id"), &Value::from("id-1"));
    assert_eq!(applied.private, br#"{"applied":"yes","kept":"1","planned":"yes"}"#);
    assert_eq!(applied.new_identity, named("id-1"));
    let request = wire::read_resource::Request {
        type_name: "test_thing".to_owned(),
        current_state: applied.new_state.clone(),
        private: applied.private.clone(),
        current_identity: applied.new_identity.clone(),
        ..Default::default()
    };
    let read = served.client.read_resource(request).await.unwrap().into_inner();
    assert_eq!((read.new_state, read.private, read.new_identity), (applied.new_state, applied.private, applied.new_identity));
    let update = served.client.plan_resource_change(plan(&thing(), &thing())).await.unwrap().into_inner();
    assert_eq!(update.planned_identity, named("id-0"));
}

#[tokio::test]
async fn a_destroy_is_planned_and_leaves_null_and_a_gone_object_reads_as_null() {
    let mut served = served().await;
    let planned = served.client.plan_resource_change(plan(&thing(), &Value::Null)).await.unwrap().into_inner();
    assert_eq!(got(planned.planned_state, &thing_type()), Value::Null);
    let applied = served.client.apply_resource_change(apply(&Value::Null)).await.unwrap().into_inner();
    assert_eq!((got(applied.new_state, &thing_type()), applied.new_identity), (Value::Null, None));
    let current_state = a_thing(&with(&thing(), "name", "gone"));
    let request = wire::read_resource::Request { type_name: "test_thing".to_owned(), current_state, ..Default::default() };
    assert_eq!(got(served.client.read_resource(request).await.unwrap().into_inner().new_state, &thing_type()), Value::Null);
}

#[tokio::test]
async fn a_stop_ends_a_running_apply_with_what_it_reached_and_spares_later_ones() {
    let mut served = served().await;
    let mut other = served.client.clone();
    let running = tokio::spawn(async move { other.apply_resource_change(apply(&with(&thing(), "name", "slow"))).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    served.client.stop(wire::stop::Request {}).await.unwrap();
    let answer = timeout(Duration::from_secs(5), running).await.expect("ended by the stop").unwrap().unwrap().into_inner();
    assert_error(&answer.diagnostics, "Half done.");
    assert_eq!(got(answer.new_state, &thing_type()).attribute("id"), &Value::from("id-1"));
    let mut later = served.client.clone();
    let later = tokio::spawn(async move { later.apply_resource_change(apply(&with(&thing(), "name", "slow"))).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!later.is_finished());
    later.abort();
}

#[tokio::test]
async fn a_shutdown_ends_the_server_within_a_second_whatever_is_in_flight() {
    for name in ["slow", "stubborn"] {
        let served = served().await;
        let mut other = served.client.clone();
        let running = tokio::spawn(async move { other.apply_resource_change(apply(&with(&thing(), "name", name))).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!running.is_finished(), "{name}");
        GrpcControllerClient::new(served.channel).shutdown(Empty {}).await.unwrap();
        timeout(Duration::from_secs(1), served.server).await.unwrap_or_else(|_| panic!("{name} holds the server up")).unwrap().unwrap();
        // What heeds the end still says what it reached.
        if name == "slow" {
            let answer = timeout(Duration::from_secs(1), running).await.expect("ended by the shutdown").unwrap().unwrap().into_inner();
            assert_error(&answer.diagnostics, "Half done.");
        }
    }
}

#[tokio::test]
async fn a_panic_ends_its_call_and_not_the_process() {
    let mut served = served().await;
    let broken = with(&thing(), "name", "panic in plan");
    let planned = served.client.plan_resource_change(plan(&Value::Null, &broken)).await.unwrap().into_inner();
    assert_error(&planned.diagnostics, "PlanResourceChange");
    let prior = with(&thing(), "id", "id-1");
    let request = wire::apply_resource_change::Request { prior_state: a_thing(&prior), ..apply(&with(&prior, "name", "panic in apply")) };
    let applied = served.client.apply_resource_change(request).await.unwrap().into_inner();
    assert_error(&applied.diagnostics, "an apply that breaks");
    assert_eq!(got(applied.new_state, &thing_type()), prior, "the object is not forgotten");
    assert_eq!(applied.private, br#"{"planned":"yes"}"#);
}

#[tokio::test]
async fn an_object_is_imported_by_id_or_by_identity() {
    let mut served = served().await;
    let by_id = wire::import_resource_state::Request { type_name: "test_thing".to_owned(), id: "a".to_owned(), ..Default::default() };
    let by_identity =
        wire::import_resource_state::Request { type_name: "test_thing".to_owned(), identity: named("a"), ..Default::default() };
    for request in [by_id.clone(), by_identity] {
        let answer = served.client.import_resource_state(request).await.unwrap().into_inner();
        let [imported] = answer.imported_resources.as_slice() else { panic!("{answer:?}") };
        assert_eq!(imported.type_name, "test_thing");
        assert_eq!(got(imported.state.clone(), &thing_type()).attribute("id"), &Value::from("a"));
        assert_eq!(imported.identity, named("a"));
    }
    let none = wire::import_resource_state::Request { id: "none".to_owned(), ..by_id };
    let answer = served.client.import_resource_state(none).await.unwrap().into_inner();
    assert_error(&answer.diagnostics, "No such thing");
    assert!(answer.imported_resources.is_empty());
}

#[tokio::test]
async fn stored_state_is_read_by_version() {
    let mut served = served().await;
    let stored = |version, json: &str| wire::upgrade_resource_state::Request {
        type_name: "test_thing".to_owned(),
        version,
        raw_state: Some(RawState { json: json.as_bytes().to_vec(), ..Default::default() }),
    };
    let answer = served.client.upgrade_resource_state(stored(1, r#"{"name":"n","gone":1}"#)).await.unwrap().into_inner();
    let state = got(answer.upgraded_state, &thing_type());
    assert_eq!((state.attribute("name"), state.attribute("id")), (&Value::from("n"), &Value::Null));
    assert_eq!(state.attribute("label"), &Value::List(Vec::new()), "blocks that are not there are empty and not null");
    let answer = served.client.upgrade_resource_state(stored(0, r#"{"title":"t"}"#)).await.unwrap().into_inner();
    assert_eq!(got(answer.upgraded_state, &thing_type()).attribute("name"), &Value::from("t"));
    let answer = served.client.upgrade_resource_state(stored(7, "{}")).await.unwrap().into_inner();
    assert_error(&answer.diagnostics, "version 7");
    let mut flat = stored(1, "");
    flat.raw_state = Some(RawState { flatmap: [("name".to_owned(), "n".to_owned())].into(), ..Default::default() });
    let answer = served.client.upgrade_resource_state(flat).await.unwrap().into_inner();
    assert_error(&answer.diagnostics, "0.12");
    let raw_identity = Some(RawState { json: br#"{"id":"a"}"#.to_vec(), ..Default::default() });
    let request = wire::upgrade_resource_identity::Request { type_name: "test_thing".to_owned(), version: 0, raw_identity };
    assert_eq!(served.client.upgrade_resource_identity(request).await.unwrap().into_inner().upgraded_identity, named("a"));
}

#[tokio::test]
async fn a_data_source_is_read_also_when_it_is_larger_than_four_mib() {
    let mut served = served().await;
    let config = sent(&with(&look(), "name", "big"), &look_type());
    let type_name = "test_look".to_owned();
    let request = wire::validate_data_source_config::Request { type_name: type_name.clone(), config: config.clone() };
    assert_eq!(served.client.validate_data_source_config(request).await.unwrap().into_inner().diagnostics, []);
    let request = wire::read_data_source::Request { type_name: type_name.clone(), config, ..Default::default() };
    let state = got(served.client.read_data_source(request).await.unwrap().into_inner().state, &look_type());
    assert!(matches!(state.attribute("found"), Value::String(text) if text.len() == 8 << 20));
    let config = sent(&with(&look(), "name", "x".repeat(8 << 20)), &look_type());
    let request = wire::read_data_source::Request { type_name, config, ..Default::default() };
    assert_eq!(served.client.read_data_source(request).await.unwrap().into_inner().diagnostics, []);
}

#[tokio::test]
async fn an_ephemeral_resource_is_opened_renewed_and_closed_with_its_private_data() {
    let mut served = served().await;
    let (type_name, config) = ("test_lease".to_owned(), sent(&look(), &look_type()));
    let request = wire::validate_ephemeral_resource_config::Request { type_name: type_name.clone(), config: config.clone() };
    assert_eq!(served.client.validate_ephemeral_resource_config(request).await.unwrap().into_inner().diagnostics, []);
    let request = wire::open_ephemeral_resource::Request { type_name: type_name.clone(), config, client_capabilities: None };
    let opened = served.client.open_ephemeral_resource(request).await.unwrap().into_inner();
    assert_eq!(got(opened.result, &look_type()).attribute("found"), &Value::from("opened"));
    assert_eq!(opened.renew_at.unwrap().seconds, 60);
    let request = wire::renew_ephemeral_resource::Request { type_name: type_name.clone(), private: opened.private.clone() };
    let renewed = served.client.renew_ephemeral_resource(request).await.unwrap().into_inner();
    assert_eq!(renewed.private.unwrap(), br#"{"lease":"7","renewed":"yes"}"#);
    let request = wire::close_ephemeral_resource::Request { type_name, private: opened.private };
    served.client.close_ephemeral_resource(request).await.unwrap();
    assert_eq!(*served.closed.lock().unwrap(), ["7"]);
}

#[tokio::test]
async fn a_function_answers_or_says_which_argument_is_wrong() {
    let mut served = served().await;
    let call = |name: &str, arguments: &[Value]| wire::call_function::Request {
        name: name.to_owned(),
        arguments: arguments.iter().filter_map(|argument| sent(argument, &Type::Number)).collect(),
    };
    let answer = served.client.call_function(call("double", &[21_i64.into()])).await.unwrap().into_inner();
    assert_eq!(got(answer.result, &Type::Number), Value::from(42_i64));
    let half = Value::Number("0.5".parse().unwrap());
    let wrong = served.client.call_function(call("double", &[half])).await.unwrap().into_inner().error.unwrap();
    assert_eq!((wrong.text.as_str(), wrong.function_argument), ("Not a whole number", Some(0)));
    for request in [call("double", &[]), call("treble", &[1_i64.into()])] {
        let answer = served.client.call_function(request).await.unwrap().into_inner();
        assert!(answer.result.is_none() && answer.error.is_some());
    }
}

/// Calls an rpc with a type that does not exist and expects a message that names it.
macro_rules! unknown_types {
    ($client:expr, $($rpc:ident { $field:ident }),* $(,)?) => {
        $({
            let request = wire::$rpc::Request { $field: "test_nothing".to_owned(), ..Default::default() };
            let answer = $client.$rpc(request).await.unwrap().into_inner();
            assert_error(&answer.diagnostics, "test_nothing");
        })*
    };
}

#[tokio::test]
async fn every_rpc_names_a_type_that_it_does_not_know() {
    unknown_types_are_named(&mut served().await.client).await;
}

/// Of any provider.
pub async fn unknown_types_are_named(client: &mut ProviderClient<Channel>) {
    unknown_types!(
        client,
        validate_resource_type_config { type_name },
        validate_data_source_config { type_name },
        upgrade_resource_state { type_name },
        upgrade_resource_identity { type_name },
        read_resource { type_name },
        plan_resource_change { type_name },
        apply_resource_change { type_name },
        import_resource_state { type_name },
        move_resource_state { target_type_name },
        read_data_source { type_name },
        generate_resource_config { type_name },
        validate_ephemeral_resource_config { type_name },
        open_ephemeral_resource { type_name },
        renew_ephemeral_resource { type_name },
        close_ephemeral_resource { type_name },
        validate_list_resource_config { type_name },
        plan_action { action_type },
        validate_action_config { type_name },
    );
    let request = wire::list_resource::Request { type_name: "test_nothing".to_owned(), ..Default::default() };
    let event = client.list_resource(request).await.unwrap().into_inner().message().await.unwrap().unwrap();
    assert_error(&event.diagnostic, "test_nothing");
    let request = wire::invoke_action::Request { action_type: "test_nothing".to_owned(), ..Default::default() };
    let event = client.invoke_action(request).await.unwrap().into_inner().message().await.unwrap().unwrap();
    let Some(wire::invoke_action::event::Type::Completed(completed)) = event.r#type else { panic!("{event:?}") };
    assert_error(&completed.diagnostics, "test_nothing");
    let metadata = client.get_metadata(wire::get_metadata::Request {}).await.unwrap_err();
    assert_eq!(metadata.code(), Code::Unimplemented);
}
