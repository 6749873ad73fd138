//! Reads msgpack's tokens from bytes.

use rmp::Marker;

use super::MsgpackError;
use crate::framework::number::Number;

/// A cursor over bytes that were received.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// One token: a scalar, or the head of a collection whose elements follow.
#[derive(Debug)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    Number(Number),
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Array(usize),
    Map(usize),
    Ext(i8, &'a [u8]),
}

impl Token<'_> {
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::Nil => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Str(_) => "a string",
            Self::Bin(_) => "bytes",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Ext(..) => "an unknown value",
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn token(&mut self) -> Result<Token<'a>, MsgpackError> {
        let [first] = self.array::<1>()?;
        Ok(match Marker::from_u8(first) {
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::FixPos(value) => Token::Number(Number::from(i64::from(value))),
            Marker::FixNeg(value) => Token::Number(Number::from(i64::from(value))),
            marker @ (Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64) => Token::Number(self.unsigned(marker)?),
            marker @ (Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64) => Token::Number(self.signed(marker)?),
            Marker::F32 => Token::Number(float(f64::from(f32::from_be_bytes(self.array()?)))?),
            Marker::F64 => Token::Number(float(f64::from_be_bytes(self.array()?))?),
            Marker::FixStr(length) => Token::Str(self.take(usize::from(length))?),
            Marker::Str8 => Token::Str(self.counted::<1>()?),
            Marker::Str16 => Token::Str(self.counted::<2>()?),
            Marker::Str32 => Token::Str(self.counted::<4>()?),
            Marker::Bin8 => Token::Bin(self.counted::<1>()?),
            Marker::Bin16 => Token::Bin(self.counted::<2>()?),
            Marker::Bin32 => Token::Bin(self.counted::<4>()?),
            Marker::FixArray(length) => Token::Array(usize::from(length)),
            Marker::Array16 => Token::Array(self.length::<2>()?),
            Marker::Array32 => Token::Array(self.length::<4>()?),
            Marker::FixMap(length) => Token::Map(usize::from(length)),
            Marker::Map16 => Token::Map(self.length::<2>()?),
            Marker::Map32 => Token::Map(self.length::<4>()?),
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => self.counted_ext::<1>()?,
            Marker::Ext16 => self.counted_ext::<2>()?,
            Marker::Ext32 => self.counted_ext::<4>()?,
            Marker::Reserved => return Err(MsgpackError::Unexpected { expected: "a value", found: "a reserved byte" }),
        })
    }

    /// A map's key: text.
    pub(super) fn key(&mut self) -> Result<&'a str, MsgpackError> {
        match self.token()? {
            Token::Str(bytes) | Token::Bin(bytes) => text(bytes),
            other => Err(MsgpackError::Unexpected { expected: "a string as key", found: other.noun() }),
        }
    }

    fn unsigned(&mut self, marker: Marker) -> Result<Number, MsgpackError> {
        Ok(Number::from(match marker {
            Marker::U8 => u64::from(u8::from_be_bytes(self.array()?)),
            Marker::U16 => u64::from(u16::from_be_bytes(self.array()?)),
            Marker::U32 => u64::from(u32::from_be_bytes(self.array()?)),
            _ => u64::from_be_bytes(self.array()?),
        }))
    }

    fn signed(&mut self, marker: Marker) -> Result<Number, MsgpackError> {
        Ok(Number::from(match marker {
            Marker::I8 => i64::from(i8::from_be_bytes(self.array()?)),
            Marker::I16 => i64::from(i16::from_be_bytes(self.array()?)),
            Marker::I32 => i64::from(i32::from_be_bytes(self.array()?)),
            _ => i64::from_be_bytes(self.array()?),
        }))
    }

    fn ext(&mut self, length: usize) -> Result<Token<'a>, MsgpackError> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Token::Ext(kind, self.take(length)?))
    }

    fn counted_ext<const N: usize>(&mut self) -> Result<Token<'a>, MsgpackError> {
        let length = self.length::<N>()?;
        self.ext(length)
    }

    fn counted<const N: usize>(&mut self) -> Result<&'a [u8], MsgpackError> {
        let length = self.length::<N>()?;
        self.take(length)
    }

    /// A length of N bytes, big end first.
    fn length<const N: usize>(&mut self) -> Result<usize, MsgpackError> {
        Ok(self.array::<N>()?.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(MsgpackError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MsgpackError> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(MsgpackError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, MsgpackError> {
    std::str::from_utf8(bytes).map_err(|_| MsgpackError::NotUtf8)
}

fn float(value: f64) -> Result<Number, MsgpackError> {
    Number::from_wire_f64(value).ok_or(MsgpackError::Number)
}
