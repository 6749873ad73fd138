//! Keeping what typed code did not change.

use crate::framework::value::Value;

/// `after` with everything that typed code left alone as it was in `original`. A model cannot tell refinements, nor the known elements of a list
/// that also holds unknown ones: `before` is what the model made of `original`, `after` what it made of it after the change.
pub fn keep_untouched(original: &Value, before: &Value, after: Value) -> Value {
    if *before == after {
        return original.clone();
    }
    match (original, before, after) {
        (Value::Map(original), Value::Map(before), Value::Map(after)) => Value::Map(
            after
                .into_iter()
                .map(|(name, value)| match (original.get(&name), before.get(&name)) {
                    (Some(original), Some(before)) => (name, keep_untouched(original, before, value)),
                    _ => (name, value),
                })
                .collect(),
        ),
        (Value::List(original), Value::List(before), Value::List(after))
            if original.len() == after.len() && before.len() == after.len() =>
        {
            Value::List(
                original.iter().zip(before).zip(after).map(|((original, before), after)| keep_untouched(original, before, after)).collect(),
            )
        }
        (_, _, after) => after,
    }
}
