//! Digests and versions in the forms Flux writes them.

use serde_json::Value;

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of values: equal values have equal digests, whatever the order of their keys.
pub fn of_values(values: &serde_json::Map<String, Value>) -> String {
    let mut text = String::new();
    canonical(&Value::Object(values.clone()), &mut text);
    format!("sha256:{}", sha256(text.as_bytes()))
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let sorted: std::collections::BTreeMap<_, _> = fields.iter().collect();
            for (key, value) in sorted {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            items.iter().for_each(|item| canonical(item, text));
            text.push(']');
        }
        scalar => {
            text.push_str(&scalar.to_string());
            text.push(';');
        }
    }
}

/// `1.2.0` of `v1.2.0`; none if it is no exact version.
pub fn version(text: &str) -> Option<&str> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let core = bare.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    (parts.len() == 3 && numbers).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_versions_are_versions() {
        for (text, expected) in [
            ("1.2.0", Some("1.2.0")),
            ("v1.21.1", Some("1.21.1")),
            ("1.0.0-rc.1", Some("1.0.0-rc.1")),
            ("1.x", None),
            ("latest", None),
            ("*", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[test]
    fn a_digest_does_not_depend_on_the_order_of_keys() {
        let one = serde_json::json!({"a": 1, "b": {"c": 2, "d": [3]}});
        let other = serde_json::json!({"b": {"d": [3], "c": 2}, "a": 1});
        assert_eq!(of_values(one.as_object().unwrap()), of_values(other.as_object().unwrap()));
    }
}
