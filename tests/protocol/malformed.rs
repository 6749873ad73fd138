//! What nobody should send: malformed protobuf and values end the call, never the process.

use kaas::framework::value::Value;
use kaas::plugin::{
    json,
    proto::tfplugin5::{self as wire, DynamicValue},
    type_json,
};
use proptest::{collection, prelude::*, test_runner::Config};
use prost::Message;

use super::{
    calls::{apply, plan, served},
    test_provider::{thing, thing_type, with},
};

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

/// Numbers that look random, the same in each run. Source: Marsaglia, "Xorshift RNGs" (2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    /// One to four bytes changed, put in, or cut off.
    fn disturb(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len().max(1));
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.below(256) as u8),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.below(256) as u8),
            }
        }
        bytes
    }
}

#[tokio::test]
async fn disturbed_requests_are_read_without_a_panic_and_answered_without_a_fault() {
    let mut served = served().await;
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let planning = plan(&Value::Null, &thing()).encode_to_vec();
    let applying = apply(&with(&thing(), "id", "id-1")).encode_to_vec();
    let mut understood = 0;
    // 100,000 requests.
    for turn in 0..50_000 {
        let planning = wire::plan_resource_change::Request::decode(numbers.disturb(&planning).as_slice());
        let applying = wire::apply_resource_change::Request::decode(numbers.disturb(&applying).as_slice());
        // What still is a request goes to the provider, of these a part: each is a call of its own.
        if turn % 10 != 0 {
            continue;
        }
        let mut told = Vec::new();
        if let Ok(request) = planning {
            understood += 1;
            told.extend(served.client.plan_resource_change(request).await.unwrap().into_inner().diagnostics);
        }
        if let Ok(request) = applying {
            understood += 1;
            told.extend(served.client.apply_resource_change(request).await.unwrap().into_inner().diagnostics);
        }
        assert!(told.iter().all(|one| one.summary != "Fault in the provider"), "{told:?}");
    }
    assert!(understood > 1_000, "{understood}");
}
