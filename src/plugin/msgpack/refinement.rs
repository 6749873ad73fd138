//! What is known of an unknown value, as an ext's payload: a map with small integers as keys.

use rmp::encode::{write_array_len, write_bool, write_map_len, write_sint, write_str};

use super::{
    MsgpackError,
    encode::{number, sent},
    reader::{Reader, Token, text},
};
use crate::framework::{
    number::Number,
    value::{Refinement, Type},
};

/// The longest payload that clients accept, in bytes.
const PAYLOAD_MAX: usize = 1024;
/// The longest prefix that is sent, in bytes; what is longer is cut.
const PREFIX_MAX: usize = 256;

const NULLNESS: i64 = 1;
const PREFIX: i64 = 2;
const NUMBER_MIN: i64 = 3;
const NUMBER_MAX: i64 = 4;
const LENGTH_MIN: i64 = 5;
const LENGTH_MAX: i64 = 6;

/// Reads a payload. None: nothing is known that this layer keeps.
pub(super) fn decode(payload: &[u8], ty: &Type) -> Result<Option<Box<Refinement>>, MsgpackError> {
    if payload.len() > PAYLOAD_MAX {
        return Err(MsgpackError::TooLarge);
    }
    let mut reader = Reader::new(payload);
    let Token::Map(length) = reader.token()? else {
        return Err(MsgpackError::Unexpected { expected: "a refinement", found: "something else" });
    };
    let mut refinement = Refinement::default();
    for _ in 0..length {
        let key = match reader.token()? {
            Token::Number(key) => key.to_i64(),
            other => return Err(MsgpackError::Unexpected { expected: "a refinement's number", found: other.noun() }),
        };
        match key {
            Some(NULLNESS) => refinement.not_null = matches!(reader.token()?, Token::Bool(false)),
            Some(PREFIX) => refinement.prefix = Some(reader.key()?.to_owned()),
            Some(NUMBER_MIN) => refinement.number_min = Some(bound(&mut reader)?),
            Some(NUMBER_MAX) => refinement.number_max = Some(bound(&mut reader)?),
            Some(LENGTH_MIN) => refinement.length_min = Some(length_bound(&mut reader)?),
            Some(LENGTH_MAX) => refinement.length_max = Some(length_bound(&mut reader)?),
            _ => skip(&mut reader, 0)?,
        }
    }
    let known = !matches!(ty, Type::Dynamic) && refinement != Refinement::default();
    Ok(known.then(|| Box::new(refinement)))
}

fn bound(reader: &mut Reader<'_>) -> Result<(Number, bool), MsgpackError> {
    match reader.token()? {
        Token::Array(2) => {}
        other => return Err(MsgpackError::Unexpected { expected: "a bound", found: other.noun() }),
    }
    let number = match reader.token()? {
        Token::Number(number) => number,
        Token::Str(bytes) => text(bytes)?.parse().map_err(|_| MsgpackError::Number)?,
        other => return Err(MsgpackError::Unexpected { expected: "a number", found: other.noun() }),
    };
    match reader.token()? {
        Token::Bool(inclusive) => Ok((number, inclusive)),
        other => Err(MsgpackError::Unexpected { expected: "true or false", found: other.noun() }),
    }
}

fn length_bound(reader: &mut Reader<'_>) -> Result<i64, MsgpackError> {
    match reader.token()? {
        Token::Number(number) => number.to_i64().ok_or(MsgpackError::Number),
        other => Err(MsgpackError::Unexpected { expected: "a length", found: other.noun() }),
    }
}

/// Passes over the value of a refinement that newer clients may send.
fn skip(reader: &mut Reader<'_>, depth: usize) -> Result<(), MsgpackError> {
    if depth > 8 {
        return Err(MsgpackError::Depth);
    }
    let elements = match reader.token()? {
        Token::Array(length) => length,
        Token::Map(length) => length.saturating_mul(2),
        _ => 0,
    };
    (0..elements).try_for_each(|_| skip(reader, depth + 1))
}

/// The payload of a refinement, or None when it says nothing or does not fit: a plain unknown is right then.
pub(super) fn encode(refinement: &Refinement) -> Result<Option<Vec<u8>>, MsgpackError> {
    let mut body = Vec::new();
    let mut count = 0;
    if refinement.not_null {
        count += 1;
        sent(write_sint(&mut body, NULLNESS))?;
        sent(write_bool(&mut body, false))?;
    }
    if let Some(prefix) = refinement.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        count += 1;
        sent(write_sint(&mut body, PREFIX))?;
        sent(write_str(&mut body, cut(prefix)))?;
    }
    for (key, bound) in [(NUMBER_MIN, &refinement.number_min), (NUMBER_MAX, &refinement.number_max)] {
        if let Some((value, inclusive)) = bound {
            count += 1;
            sent(write_sint(&mut body, key))?;
            sent(write_array_len(&mut body, 2))?;
            number(value, &mut body)?;
            sent(write_bool(&mut body, *inclusive))?;
        }
    }
    for (key, bound) in [(LENGTH_MIN, refinement.length_min), (LENGTH_MAX, refinement.length_max)] {
        if let Some(length) = bound {
            count += 1;
            sent(write_sint(&mut body, key))?;
            sent(write_sint(&mut body, length))?;
        }
    }
    if count == 0 || body.len() >= PAYLOAD_MAX {
        return Ok(None);
    }
    let mut payload = Vec::with_capacity(body.len() + 1);
    sent(write_map_len(&mut payload, count))?;
    payload.extend(body);
    Ok(Some(payload))
}

fn cut(prefix: &str) -> &str {
    prefix.get(..prefix.floor_char_boundary(PREFIX_MAX)).unwrap_or(prefix)
}
