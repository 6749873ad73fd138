//! What a lab asks of etcd itself: how many keys begin with a prefix, and to forget them. By etcd's JSON gateway, on 127.0.0.1.

use anyhow::{Context, Result};
use base64::Engine;
use serde_json::{Value, json};

use crate::kubernetes;

/// How many keys of the etcd on `port` begin with `prefix`.
///
/// # Errors
/// When etcd does not answer.
pub fn count(port: u16, prefix: &str) -> Result<u64> {
    let mut question = range(prefix);
    question["count_only"] = json!(true);
    let answer = ask(port, "/v3/kv/range", &question).with_context(|| format!("count etcd's keys below {prefix}"))?;
    number(&answer, "count")
}

/// Removes every key of the etcd on `port` that begins with `prefix`, and says how many there were.
///
/// # Errors
/// When etcd does not answer.
pub fn remove(port: u16, prefix: &str) -> Result<u64> {
    let answer = ask(port, "/v3/kv/deleterange", &range(prefix)).with_context(|| format!("remove etcd's keys below {prefix}"))?;
    number(&answer, "deleted")
}

fn ask(port: u16, path: &str, question: &Value) -> Result<Value> {
    let answer = kubernetes::post(&format!("http://127.0.0.1:{port}{path}"), question)?;
    serde_json::from_str(&answer).with_context(|| format!("read etcd's answer {answer}"))
}

/// All keys that begin with `prefix`: from it to the next text that does not, which has the last byte raised.
fn range(prefix: &str) -> Value {
    let encode = |key: &[u8]| base64::engine::general_purpose::STANDARD.encode(key);
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    json!({"key": encode(prefix.as_bytes()), "range_end": encode(&end)})
}

/// Numbers come as texts; zero is left out.
fn number(answer: &Value, field: &str) -> Result<u64> {
    match answer.get(field) {
        None => Ok(0),
        Some(value) => value.as_str().and_then(|text| text.parse().ok()).with_context(|| format!("find {field} in etcd's answer {answer}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_before_the_next_prefix() {
        assert_eq!(range("/a/"), json!({"key": "L2Ev", "range_end": "L2Ew"}));
    }

    #[test]
    fn a_count_left_out_is_zero() {
        assert_eq!(number(&json!({"header": {}}), "count").unwrap(), 0);
        assert_eq!(number(&json!({"count": "12"}), "count").unwrap(), 12);
        assert!(number(&json!({"count": true}), "count").is_err());
    }
}
