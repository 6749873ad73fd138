//! What nobody should send: malformed protobuf and values end the call, never the process.

use kaas::plugin::{
    json,
    proto::tfplugin5::{self as wire, DynamicValue},
    type_json,
};
use proptest::{collection, prelude::*, test_runner::Config};
use prost::Message;

use super::{calls::served, test_provider::thing_type};

fn decode_all(bytes: &[u8]) {
    let _ = wire::plan_resource_change::Request::decode(bytes);
    let _ = wire::upgrade_resource_state::Request::decode(bytes);
    let _ = wire::get_provider_schema::Response::decode(bytes);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(10_000) })]

    #[test]
    fn random_protobuf_and_json_never_panic(bytes in collection::vec(any::<u8>(), 0..96), text in "[\\[\\]{}\",:a-e0-9.-]{0,40}") {
        decode_all(&bytes);
        let _ = type_json::decode(text.as_bytes());
        let _ = json::decode(text.as_bytes(), &thing_type());
        let _ = json::decode(&bytes, &thing_type());
    }
}

#[tokio::test]
async fn values_that_do_not_fit_are_named_and_the_next_call_works() {
    let mut served = served().await;
    for msgpack in [vec![0xc1], vec![0x81], vec![0xa1, b'x'], vec![0xdd, 0xff, 0xff, 0xff, 0xff], vec![0xc0, 0xc0]] {
        let config = Some(DynamicValue { msgpack, json: Vec::new() });
        let request =
            wire::validate_resource_type_config::Request { type_name: "test_thing".to_owned(), config, client_capabilities: None };
        let answer = served.client.validate_resource_type_config(request).await.unwrap().into_inner();
        assert!(answer.diagnostics[0].summary.contains("Unreadable"), "{answer:?}");
    }
    assert!(served.client.get_schema(wire::get_provider_schema::Request {}).await.is_ok());
}
