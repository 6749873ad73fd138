//! Lists, sets and maps as attribute values.

use std::collections::{BTreeMap, BTreeSet};

use super::{AttributeValue, wrong_type};
use crate::framework::{
    diagnostic::Diagnostics,
    path::Path,
    schema::Block,
    value::{Type, Value},
};

impl<T: AttributeValue> AttributeValue for Vec<T> {
    const DYNAMIC: bool = T::DYNAMIC;

    fn ty() -> Type {
        Type::list(T::ty())
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        let Value::List(elements) = value else {
            wrong_type(&Self::ty(), at, found);
            return None;
        };
        let decoded: Vec<Option<T>> =
            elements.iter().enumerate().map(|(index, element)| T::decode(element, &at.index(index), found)).collect();
        decoded.into_iter().collect()
    }

    fn encode(&self) -> Value {
        Value::List(self.iter().map(T::encode).collect())
    }

    fn hides(value: &Value) -> bool {
        hides_in_elements::<T>(value)
    }

    fn settle(prior: &Value, value: &mut Value) {
        settle_elements::<T>(prior, value);
    }

    fn fields() -> Option<Block> {
        T::fields()
    }
}

impl AttributeValue for BTreeSet<String> {
    fn ty() -> Type {
        Type::set(Type::String)
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        let Value::List(elements) = value else {
            wrong_type(&Self::ty(), at, found);
            return None;
        };
        // A set has no index: what is wrong is told at the set.
        let decoded: Vec<Option<String>> = elements.iter().map(|element| String::decode(element, at, found)).collect();
        decoded.into_iter().collect()
    }

    fn encode(&self) -> Value {
        Value::List(self.iter().map(String::encode).collect())
    }

    fn hides(value: &Value) -> bool {
        hides_in_elements::<String>(value)
    }
}

impl<T: AttributeValue> AttributeValue for BTreeMap<String, T> {
    const DYNAMIC: bool = T::DYNAMIC;

    fn ty() -> Type {
        Type::map(T::ty())
    }

    fn decode(value: &Value, at: &Path, found: &mut Diagnostics) -> Option<Self> {
        let Value::Map(elements) = value else {
            wrong_type(&Self::ty(), at, found);
            return None;
        };
        let decoded: Vec<Option<(String, T)>> =
            elements.iter().map(|(key, element)| T::decode(element, &at.key(key), found).map(|element| (key.clone(), element))).collect();
        decoded.into_iter().collect()
    }

    fn encode(&self) -> Value {
        Value::Map(self.iter().map(|(key, element)| (key.clone(), element.encode())).collect())
    }

    fn hides(value: &Value) -> bool {
        hides_in_elements::<T>(value)
    }

    fn settle(prior: &Value, value: &mut Value) {
        settle_elements::<T>(prior, value);
    }

    fn fields() -> Option<Block> {
        T::fields()
    }
}

fn hides_in_elements<T: AttributeValue>(value: &Value) -> bool {
    match value {
        Value::Unknown(_) => true,
        Value::List(elements) => elements.iter().any(T::hides),
        Value::Map(elements) => elements.values().any(T::hides),
        _ => false,
    }
}

/// Element by element, of lists of the same length and of maps by key.
fn settle_elements<T: AttributeValue>(prior: &Value, value: &mut Value) {
    match (prior, value) {
        (Value::List(prior), Value::List(elements)) if prior.len() == elements.len() => {
            prior.iter().zip(elements).for_each(|(prior, element)| T::settle(prior, element));
        }
        (Value::Map(prior), Value::Map(elements)) => {
            for (key, element) in elements {
                if let Some(prior) = prior.get(key) {
                    T::settle(prior, element);
                }
            }
        }
        _ => {}
    }
}
