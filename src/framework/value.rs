//! Terraform's values and their types: a tree that may hold null and unknown anywhere.

use std::collections::BTreeMap;

use super::number::Number;

/// The type of a value, as schemas declare it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    String,
    Number,
    Bool,
    /// Any type; the value then carries its own.
    Dynamic,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Object(BTreeMap<String, Type>),
    Tuple(Vec<Type>),
}

impl Type {
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// The type as messages name it.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Dynamic => "any value",
            Self::List(_) | Self::Tuple(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
        }
    }
}

/// What is known of a value that is not known yet. A planned refinement binds: the applied value must satisfy it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refinement {
    /// The value will certainly not be null.
    pub not_null: bool,
    /// The string will begin with this.
    pub prefix: Option<String>,
    /// Bounds of the number, with whether the bound itself is allowed.
    pub number_min: Option<(Number, bool)>,
    pub number_max: Option<(Number, bool)>,
    /// Bounds of the length of a collection, inclusive.
    pub length_min: Option<i64>,
    pub length_max: Option<i64>,
}

/// A value of any type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    /// Known after apply. The refinement is None in most cases.
    Unknown(Option<Box<Refinement>>),
    String(String),
    Number(Number),
    Bool(bool),
    /// Elements of a list, a tuple or a set. Sets compare equal only in the same order: use [`Value::equivalent`].
    List(Vec<Value>),
    /// Elements of a map, attributes of an object or a block. Objects hold every attribute of their type.
    Map(BTreeMap<String, Value>),
    /// A value where the schema says `dynamic`.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// The plain unknown.
    pub const UNKNOWN: Self = Self::Unknown(None);

    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether nothing in the whole tree is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::List(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(elements) => elements.values().all(Self::is_wholly_known),
            Self::Dynamic(typed) => typed.1.is_wholly_known(),
            Self::Null | Self::String(_) | Self::Number(_) | Self::Bool(_) => true,
        }
    }

    /// The attribute of an object, or null when this is no object or has none of that name.
    pub fn attribute(&self, name: &str) -> &Self {
        const NULL: &Value = &Value::Null;
        match self {
            Self::Map(elements) => elements.get(name).unwrap_or(NULL),
            _ => NULL,
        }
    }

    /// Equality by meaning: refinements of unknowns do not count, and sets compare regardless of order.
    pub fn equivalent(&self, other: &Self, ty: &Type) -> bool {
        match (self, other, ty) {
            (Self::Unknown(_), Self::Unknown(_), _) => true,
            (Self::List(a), Self::List(b), Type::Set(element)) => {
                a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| x.equivalent(y, element)))
            }
            (Self::List(a), Self::List(b), Type::List(element)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.equivalent(y, element))
            }
            (Self::List(a), Self::List(b), Type::Tuple(types)) => {
                a.len() == b.len() && a.iter().zip(b).zip(types).all(|((x, y), ty)| x.equivalent(y, ty))
            }
            (Self::Map(a), Self::Map(b), Type::Map(element)) => {
                a.len() == b.len() && a.iter().all(|(k, x)| b.get(k).is_some_and(|y| x.equivalent(y, element)))
            }
            (Self::Map(_), Self::Map(_), Type::Object(types)) => {
                types.iter().all(|(name, ty)| self.attribute(name).equivalent(other.attribute(name), ty))
            }
            _ => self == other,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Number::from(number))
    }
}
