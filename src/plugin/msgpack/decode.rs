//! Reads a value of a known type.

use std::collections::BTreeMap;

use super::{
    DEPTH_MAX, EXT_REFINED, MsgpackError,
    reader::{Reader, Token, text},
    refinement,
};
use crate::{
    framework::value::{Type, Value},
    plugin::type_json,
};

/// Reads the value that `bytes` hold, which must be of type `ty` and nothing more.
///
/// # Errors
/// When the bytes are no such value.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, MsgpackError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader, ty, 0)?;
    match reader.left() {
        0 => Ok(value),
        left => Err(MsgpackError::Trailing(left)),
    }
}

fn read(reader: &mut Reader<'_>, ty: &Type, depth: usize) -> Result<Value, MsgpackError> {
    if depth > DEPTH_MAX {
        return Err(MsgpackError::Depth);
    }
    match (reader.token()?, ty) {
        (Token::Nil, _) => Ok(Value::Null),
        (Token::Ext(EXT_REFINED, payload), _) => refinement::decode(payload, ty).map(Value::Unknown),
        (Token::Ext(..), _) => Ok(Value::UNKNOWN),
        (Token::Array(length), Type::Dynamic) => dynamic(reader, length, depth),
        (Token::Str(bytes), Type::String) => Ok(Value::String(text(bytes)?.to_owned())),
        (Token::Bool(flag), Type::Bool) => Ok(Value::Bool(flag)),
        (Token::Number(number), Type::Number) => Ok(Value::Number(number)),
        (Token::Str(bytes), Type::Number) => text(bytes)?.parse().map(Value::Number).map_err(|_| MsgpackError::Number),
        (Token::Array(length), Type::List(element) | Type::Set(element)) => {
            // The length is what the sender says: every element read proves one more byte.
            let mut elements = Vec::new();
            for _ in 0..length {
                elements.push(read(reader, element, depth + 1)?);
            }
            Ok(Value::List(elements))
        }
        (Token::Array(length), Type::Tuple(types)) if length == types.len() => {
            types.iter().map(|ty| read(reader, ty, depth + 1)).collect::<Result<_, _>>().map(Value::List)
        }
        (Token::Array(found), Type::Tuple(types)) => Err(MsgpackError::Length { expected: types.len(), found }),
        (Token::Map(length), Type::Map(element)) => map(reader, length, depth, |_| Ok(element)),
        (Token::Map(length), Type::Object(types)) => object(reader, length, types, depth),
        (found, ty) => Err(MsgpackError::Unexpected { expected: ty.noun(), found: found.noun() }),
    }
}

fn dynamic(reader: &mut Reader<'_>, length: usize, depth: usize) -> Result<Value, MsgpackError> {
    if length != 2 {
        return Err(MsgpackError::Length { expected: 2, found: length });
    }
    let ty = match reader.token()? {
        Token::Bin(bytes) | Token::Str(bytes) => type_json::decode(bytes)?,
        other => return Err(MsgpackError::Unexpected { expected: "the type of the value", found: other.noun() }),
    };
    let value = read(reader, &ty, depth + 1)?;
    Ok(Value::Dynamic(Box::new((ty, value))))
}

fn object(reader: &mut Reader<'_>, length: usize, types: &BTreeMap<String, Type>, depth: usize) -> Result<Value, MsgpackError> {
    let value = map(reader, length, depth, |name| types.get(name).ok_or_else(|| MsgpackError::Extra(name.to_owned())))?;
    match (&value, types) {
        (Value::Map(found), types) if found.len() != types.len() => {
            let missing = types.keys().find(|name| !found.contains_key(*name)).cloned().unwrap_or_default();
            Err(MsgpackError::Missing(missing))
        }
        _ => Ok(value),
    }
}

fn map<'t>(
    reader: &mut Reader<'_>,
    length: usize,
    depth: usize,
    type_of: impl Fn(&str) -> Result<&'t Type, MsgpackError>,
) -> Result<Value, MsgpackError> {
    let mut elements = BTreeMap::new();
    for _ in 0..length {
        let key = reader.key()?;
        let value = read(reader, type_of(key)?, depth + 1)?;
        if elements.insert(key.to_owned(), value).is_some() {
            return Err(MsgpackError::Twice(key.to_owned()));
        }
    }
    Ok(Value::Map(elements))
}
