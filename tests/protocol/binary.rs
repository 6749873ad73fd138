//! Our binary as a process, as Terraform starts it.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use kaas::plugin::proto::{
    go_plugin::{Empty, grpc_controller_client::GrpcControllerClient, grpc_stdio_client::GrpcStdioClient},
    health::{HealthCheckRequest, health_client::HealthClient},
    tfplugin5::{self as wire, DynamicValue, RawState, provider_client::ProviderClient},
};
use tempfile::TempDir;
use tokio::{net::UnixStream, process::Command, time::timeout};

use super::calls::unknown_types_are_named;
use super::clients::{BINARY, ClientCertificate, Plugin, command, first_line, over};

async fn started() -> (ClientCertificate, Plugin) {
    let client = ClientCertificate::new();
    let plugin = Plugin::start(&client).await;
    (client, plugin)
}

fn signal(plugin: &Plugin, name: &str) {
    let id = plugin.child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

#[tokio::test]
async fn the_handshake_line_has_six_parts_and_the_socket_is_there() {
    let (_, plugin) = started().await;
    let parts: Vec<_> = plugin.line.split('|').collect();
    assert_eq!((parts.len(), &parts[..3], parts[4]), (6, &["1", "5", "unix"][..], "grpc"), "{}", plugin.line);
    assert!(plugin.socket.exists() && plugin.socket.as_os_str().len() < 104);
}

#[tokio::test]
async fn a_client_that_multiplexes_gets_a_seventh_part() {
    let client = ClientCertificate::new();
    let directory = TempDir::new().unwrap();
    let mut child = command(Some(&client)).env("PLUGIN_MULTIPLEX_GRPC", "true").env("TMPDIR", directory.path()).spawn().unwrap();
    let line = first_line(&mut child).await;
    assert!(line.ends_with("|false") && line.split('|').count() == 7, "{line}");
}

#[tokio::test]
async fn only_the_announced_client_is_let_in_and_wrong_ones_disturb_nobody() {
    let (client, plugin) = started().await;
    // One that connects and says nothing must not keep others waiting.
    let _silent = UnixStream::connect(&plugin.socket).await.unwrap();
    assert!(plugin.refuses(None).await, "a client without a certificate");
    assert!(plugin.refuses(Some(&ClientCertificate::new())).await, "a client with another certificate");
    assert!(!plugin.refuses(Some(&client)).await, "the announced client");
    let mut provider = ProviderClient::new(plugin.channel(&client).await);
    let schema = provider.get_schema(wire::get_provider_schema::Request {}).await.unwrap().into_inner();
    assert!(schema.provider.is_some() && schema.diagnostics.is_empty());
    let can = schema.server_capabilities.unwrap();
    assert!(can.plan_destroy && can.get_provider_schema_optional && !can.move_resource_state);
}

#[tokio::test]
async fn every_rpc_answers_over_mutual_tls() {
    let (client, plugin) = started().await;
    let mut provider = ProviderClient::new(plugin.channel(&client).await);
    unknown_types_are_named(&mut provider).await;

    let number = |text: &str| DynamicValue { msgpack: Vec::new(), json: text.as_bytes().to_vec() };
    let call = |arguments: &[&str]| wire::call_function::Request {
        name: "size".to_owned(),
        arguments: arguments.iter().map(|text| number(text)).collect(),
    };
    let sized = provider.call_function(call(&["5", "10", "72"])).await.unwrap().into_inner();
    assert!(sized.error.is_none() && !sized.result.unwrap().msgpack.is_empty(), "{:?}", sized.error);
    let refused = provider.call_function(call(&["5", "-10", "72"])).await.unwrap().into_inner().error.unwrap();
    assert_eq!(refused.function_argument, Some(1), "{refused:?}");

    // A state of which all but the name is unset is a configuration that says too little.
    let raw_state = Some(RawState { json: br#"{"name":"payments"}"#.to_vec(), ..Default::default() });
    let request = wire::upgrade_resource_state::Request { type_name: "kaas_tenant".to_owned(), version: 0, raw_state };
    let upgraded = provider.upgrade_resource_state(request).await.unwrap().into_inner();
    assert!(upgraded.diagnostics.is_empty(), "{:?}", upgraded.diagnostics);
    let config = upgraded.upgraded_state.clone();
    let request = wire::validate_resource_type_config::Request { type_name: "kaas_tenant".to_owned(), config, client_capabilities: None };
    let validated = provider.validate_resource_type_config(request).await.unwrap().into_inner();
    let told: Vec<&str> = validated.diagnostics.iter().map(|one| one.summary.as_str()).collect();
    assert!(validated.diagnostics.len() >= 2 && validated.diagnostics.iter().all(|one| one.severity == 1), "{told:?}");
    let null = DynamicValue { msgpack: vec![0xc0], json: Vec::new() };
    let request = wire::plan_resource_change::Request {
        type_name: "kaas_tenant".to_owned(),
        prior_state: Some(null),
        proposed_new_state: upgraded.upgraded_state.clone(),
        config: upgraded.upgraded_state,
        ..Default::default()
    };
    let planned = provider.plan_resource_change(request).await.unwrap().into_inner();
    assert!(planned.diagnostics.iter().any(|one| one.summary == "All nodes in one zone"), "{:?}", planned.diagnostics);
    assert!(!planned.planned_state.unwrap().msgpack.is_empty());
}

#[tokio::test]
async fn the_plugin_is_healthy_and_answers_a_stop() {
    let (client, plugin) = started().await;
    let channel = plugin.channel(&client).await;
    let asked = HealthCheckRequest { service: "plugin".to_owned() };
    assert_eq!(HealthClient::new(channel.clone()).check(asked).await.unwrap().into_inner().status, 1);
    let stopped = ProviderClient::new(channel).stop(wire::stop::Request {}).await.unwrap().into_inner();
    assert_eq!(stopped.error, "");
}

#[tokio::test]
async fn a_shutdown_ends_the_process_within_a_second_and_leaves_no_socket() {
    let (client, mut plugin) = started().await;
    let channel = plugin.channel(&client).await;
    // As go-plugin's client does: a stream that stays open.
    let _stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap();
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    let ended = timeout(Duration::from_secs(1), plugin.child.wait()).await.expect("ended in time").unwrap();
    assert_eq!(ended.code(), Some(0));
    assert!(!plugin.socket.exists());
}

#[tokio::test]
async fn an_interrupt_is_ignored_and_a_termination_ends_the_process() {
    let (client, mut plugin) = started().await;
    signal(&plugin, "INT");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut provider = ProviderClient::new(plugin.channel(&client).await);
    provider.get_schema(wire::get_provider_schema::Request {}).await.unwrap();
    signal(&plugin, "TERM");
    let ended = timeout(Duration::from_secs(2), plugin.child.wait()).await.expect("ended in time").unwrap();
    assert_eq!(ended.code(), Some(0));
    assert!(!plugin.socket.exists());
}

#[tokio::test]
async fn started_by_hand_it_says_what_it_is() {
    let output = Command::new(BINARY).env_remove("TF_PLUGIN_MAGIC_COOKIE").output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("terraform init") && said.contains("--debug"), "{said}");
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_client_of_another_protocol_is_told_so() {
    let output = command(None).env("PLUGIN_PROTOCOL_VERSIONS", "4,6").output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("4,6"));
}

#[tokio::test]
async fn an_unreadable_client_certificate_is_an_error_and_not_an_open_door() {
    let output = command(None).env("PLUGIN_CLIENT_CERT", "garbage").output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("PLUGIN_CLIENT_CERT"));
}

#[tokio::test]
async fn under_a_debugger_it_prints_how_to_attach_and_ends_by_an_interrupt() {
    let mut child = Command::new(BINARY).arg("--debug").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let line = first_line(&mut child).await;
    let json = line.strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
    let attach: serde_json::Value = serde_json::from_str(json).unwrap();
    let attach = attach.as_object().unwrap();
    let sources: Vec<&str> = attach.keys().map(String::as_str).collect();
    assert_eq!(sources, ["registry.opentofu.org/kaas/kaas", "registry.terraform.io/kaas/kaas"], "one for the registry of each CLI");
    let one = attach.values().next().unwrap();
    assert_eq!((&one["Protocol"], &one["ProtocolVersion"], &one["Test"]), (&"grpc".into(), &5.into(), &true.into()));
    let stream = UnixStream::connect(one["Addr"]["String"].as_str().unwrap()).await.unwrap();
    ProviderClient::new(over(stream).await).get_schema(wire::get_provider_schema::Request {}).await.unwrap();
    let id = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap().success());
    assert!(timeout(Duration::from_secs(2), child.wait()).await.expect("ended in time").unwrap().success());
}

#[tokio::test]
async fn under_a_debugger_it_takes_the_place_of_the_provider_that_it_is_told() {
    for (source, told) in [
        ("example.com/team/kaas", &["example.com/team/kaas"][..]),
        ("team/kaas", &["registry.opentofu.org/team/kaas", "registry.terraform.io/team/kaas"]),
    ] {
        let mut child = Command::new(BINARY).args(["--debug", source]).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let line = first_line(&mut child).await;
        let json = line.strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
        let attach: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(attach.as_object().unwrap().keys().collect::<Vec<_>>(), told, "{source}");
    }
}

#[tokio::test]
async fn logs_are_json_lines_with_the_keys_that_terraform_reads() {
    let client = ClientCertificate::new();
    let mut started = command(Some(&client));
    let directory = TempDir::new().unwrap();
    started.env("TF_LOG_PROVIDER_KAAS", "debug").env("TMPDIR", directory.path());
    let mut child = started.spawn().unwrap();
    let line = first_line(&mut child).await;
    let socket = line.split('|').nth(3).unwrap();
    drop(UnixStream::connect(socket).await.unwrap());
    tokio::time::sleep(Duration::from_millis(200)).await;
    child.kill().await.unwrap();
    let said = String::from_utf8(child.wait_with_output().await.unwrap().stderr).unwrap();
    let log: serde_json::Value = serde_json::from_str(said.lines().next().expect("a refused client is logged")).unwrap();
    assert_eq!(log["@level"], "warn");
    assert!(log["@message"].is_string() && log["@timestamp"].as_str().unwrap().len() == "2006-01-02T15:04:05.000000Z".len(), "{log}");
}

#[tokio::test]
async fn it_is_ready_quickly() {
    let client = ClientCertificate::new();
    let begun = Instant::now();
    let _plugin = Plugin::start(&client).await;
    // The target of the released binary is 10 ms; this one is not optimised and shares the machine with other tests.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
