//! Stored state as JSON, by type. Older versions may have stored more or less: a missing attribute is null, an extra one is passed over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::type_json::{self, TypeError};
use crate::framework::value::{Type, Value};

/// Why JSON is no value of the type.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("expected {expected}: {source}")]
    Unexpected { expected: &'static str, source: serde_json::Error },
    #[error("expected {expected}, found {found}")]
    Scalar { expected: &'static str, found: String },
    #[error("expected {expected} elements, found {found}")]
    Length { expected: usize, found: usize },
    #[error("the type of the value: {0}")]
    Type(#[from] TypeError),
}

/// Reads a value of type `ty`.
///
/// # Errors
/// When the bytes are no such value.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, JsonError> {
    // The parser refuses deep nesting here, so that the reading below cannot go too deep.
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(|source| JsonError::Unexpected { expected: "JSON", source })?;
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|source| JsonError::Unexpected { expected: "JSON", source })?;
    read(raw, ty)
}

fn read(raw: &RawValue, ty: &Type) -> Result<Value, JsonError> {
    let text = raw.get();
    if text == "null" {
        return Ok(Value::Null);
    }
    match ty {
        Type::String => scalar(text, ty).map(Value::String),
        Type::Number => {
            scalar(text, ty)?.parse().map(Value::Number).map_err(|_| JsonError::Scalar { expected: ty.noun(), found: shown(text) })
        }
        Type::Bool => match scalar(text, ty)?.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(JsonError::Scalar { expected: ty.noun(), found: shown(text) }),
        },
        Type::Dynamic => dynamic(text, ty),
        Type::List(element) | Type::Set(element) => {
            parsed::<Vec<&RawValue>>(text, ty)?.into_iter().map(|raw| read(raw, element)).collect::<Result<_, _>>().map(Value::List)
        }
        Type::Tuple(types) => {
            let parts = parsed::<Vec<&RawValue>>(text, ty)?;
            if parts.len() != types.len() {
                return Err(JsonError::Length { expected: types.len(), found: parts.len() });
            }
            parts.into_iter().zip(types).map(|(raw, ty)| read(raw, ty)).collect::<Result<_, _>>().map(Value::List)
        }
        Type::Map(element) => {
            let parts = parsed::<BTreeMap<String, &RawValue>>(text, ty)?;
            parts.into_iter().map(|(key, raw)| Ok((key, read(raw, element)?))).collect::<Result<_, _>>().map(Value::Map)
        }
        Type::Object(types) => {
            let parts = parsed::<BTreeMap<String, &RawValue>>(text, ty)?;
            let attribute = |(name, ty): (&String, &Type)| {
                let value = parts.get(name).map_or(Ok(Value::Null), |raw| read(raw, ty))?;
                Ok((name.clone(), value))
            };
            types.iter().map(attribute).collect::<Result<_, _>>().map(Value::Map)
        }
    }
}

fn dynamic(text: &str, ty: &Type) -> Result<Value, JsonError> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        ty: &'a RawValue,
        #[serde(borrow)]
        value: &'a RawValue,
    }
    let typed: Typed<'_> = parsed(text, ty)?;
    let ty = type_json::decode(typed.ty.get().as_bytes())?;
    let value = read(typed.value, &ty)?;
    Ok(Value::Dynamic(Box::new((ty, value))))
}

/// A scalar as text: older types may have been others, so `5` reads as "5" and "5" as 5.
fn scalar(text: &str, ty: &Type) -> Result<String, JsonError> {
    match text.as_bytes().first() {
        Some(b'"') => parsed(text, ty),
        Some(b'{' | b'[') | None => Err(JsonError::Scalar { expected: ty.noun(), found: shown(text) }),
        Some(_) => Ok(text.to_owned()),
    }
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str, ty: &Type) -> Result<T, JsonError> {
    serde_json::from_str(text).map_err(|source| JsonError::Unexpected { expected: ty.noun(), source })
}

/// What was found, by its kind only: state may hold secrets.
fn shown(text: &str) -> String {
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        _ => "something else",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(names: &[(&str, Type)]) -> Type {
        Type::Object(names.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect())
    }

    #[test]
    fn missing_attributes_are_null_and_extra_ones_are_passed_over() {
        let ty = object(&[("a", Type::String), ("b", Type::list(Type::Number))]);
        let value = decode(br#"{"a":"x","gone":{"deep":[1]}}"#, &ty).unwrap();
        assert_eq!(value.attribute("a"), &Value::from("x"));
        assert_eq!(value.attribute("b"), &Value::Null);
    }

    #[test]
    fn numbers_keep_every_digit() {
        let value = decode(b"[18446744073709551617, 0.1, \"3\"]", &Type::list(Type::Number)).unwrap();
        let Value::List(numbers) = value else { panic!("{value:?}") };
        let texts: Vec<_> = numbers.iter().map(|n| if let Value::Number(n) = n { n.to_string() } else { String::new() }).collect();
        assert_eq!(texts, ["18446744073709551617", "0.1", "3"]);
    }

    #[test]
    fn a_dynamic_value_brings_its_type() {
        let value = decode(br#"{"value":["a"],"type":["list","string"]}"#, &Type::Dynamic).unwrap();
        assert_eq!(value, Value::Dynamic(Box::new((Type::list(Type::String), Value::List(vec!["a".into()])))));
    }

    #[test]
    fn what_does_not_fit_is_refused_without_showing_it() {
        let wrong = decode(br#"{"a":"secret"}"#, &object(&[("a", Type::Number)])).unwrap_err().to_string();
        assert!(wrong.contains("a number") && !wrong.contains("secret"), "{wrong}");
        assert!(decode(&b"[".repeat(100_000), &Type::String).is_err());
    }
}
