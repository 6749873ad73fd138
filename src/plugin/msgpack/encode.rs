//! Writes a value as a type. The provider's answers go through here, so a value that does not fit its schema is found before Terraform sees it.

use std::collections::BTreeMap;

use rmp::encode::{write_array_len, write_bin, write_bool, write_ext_meta, write_map_len, write_nil, write_sint, write_str};

use super::{EXT_REFINED, MsgpackError, refinement};
use crate::{
    framework::{
        number::Number,
        value::{Refinement, Type, Value},
    },
    plugin::type_json,
};

/// Writes `value`, which must be of type `ty`. Attributes that an object lacks are null.
///
/// # Errors
/// When the value does not fit the type.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, MsgpackError> {
    let mut bytes = Vec::new();
    write(value, ty, &mut bytes)?;
    Ok(bytes)
}

fn write(value: &Value, ty: &Type, out: &mut Vec<u8>) -> Result<(), MsgpackError> {
    match (value, ty) {
        (Value::Null, _) => sent(write_nil(out)),
        (Value::Unknown(refinement), _) => unknown(refinement.as_deref(), out),
        (Value::Dynamic(typed), Type::Dynamic) => {
            sent(write_array_len(out, 2))?;
            sent(write_bin(out, &type_json::encode(&typed.0)))?;
            write(&typed.1, &typed.0, out)
        }
        (Value::String(text), Type::String) => sent(write_str(out, text)),
        (Value::Number(value), Type::Number) => number(value, out),
        (Value::Bool(flag), Type::Bool) => sent(write_bool(out, *flag)),
        (Value::List(elements), Type::List(ty) | Type::Set(ty)) => {
            sent(write_array_len(out, length(elements.len())?))?;
            elements.iter().try_for_each(|element| write(element, ty, out))
        }
        (Value::List(elements), Type::Tuple(types)) if elements.len() == types.len() => {
            sent(write_array_len(out, length(elements.len())?))?;
            elements.iter().zip(types).try_for_each(|(element, ty)| write(element, ty, out))
        }
        (Value::List(elements), Type::Tuple(types)) => Err(MsgpackError::Length { expected: types.len(), found: elements.len() }),
        (Value::Map(elements), Type::Map(ty)) => {
            sent(write_map_len(out, length(elements.len())?))?;
            elements.iter().try_for_each(|(key, element)| {
                sent(write_str(out, key))?;
                write(element, ty, out)
            })
        }
        (Value::Map(elements), Type::Object(types)) => object(elements, types, out),
        (found, ty) => Err(MsgpackError::Unexpected { expected: ty.noun(), found: noun(found) }),
    }
}

fn object(elements: &BTreeMap<String, Value>, types: &BTreeMap<String, Type>, out: &mut Vec<u8>) -> Result<(), MsgpackError> {
    if let Some(extra) = elements.keys().find(|name| !types.contains_key(*name)) {
        return Err(MsgpackError::Extra(extra.clone()));
    }
    sent(write_map_len(out, length(types.len())?))?;
    types.iter().try_for_each(|(name, ty)| {
        sent(write_str(out, name))?;
        write(elements.get(name).unwrap_or(&Value::Null), ty, out)
    })
}

fn unknown(refinement: Option<&Refinement>, out: &mut Vec<u8>) -> Result<(), MsgpackError> {
    let payload = refinement.map(refinement::encode).transpose()?.flatten();
    let (kind, payload) = payload.map_or((0, vec![0]), |payload| (EXT_REFINED, payload));
    sent(write_ext_meta(out, length(payload.len())?, kind))?;
    out.extend(payload);
    Ok(())
}

/// A whole number of 64 bits as integer, every other one as decimal text: never through binary floating point.
pub(super) fn number(value: &Number, out: &mut Vec<u8>) -> Result<(), MsgpackError> {
    match value.to_i64() {
        Some(whole) => sent(write_sint(out, whole)),
        None => sent(write_str(out, &value.to_string())),
    }
}

fn length(length: usize) -> Result<u32, MsgpackError> {
    u32::try_from(length).map_err(|_| MsgpackError::TooLarge)
}

/// Writing to memory only fails when there is none left.
pub(super) fn sent<T, E>(written: Result<T, E>) -> Result<(), MsgpackError> {
    written.map(drop).map_err(|_| MsgpackError::TooLarge)
}

const fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Unknown(_) => "an unknown value",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::List(_) => "a list",
        Value::Map(_) => "a map or an object",
        Value::Dynamic(_) => "a value with its own type",
    }
}
