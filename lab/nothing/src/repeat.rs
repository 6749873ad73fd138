//! `provider::nothing::repeat`: a pure function.

use kaas::framework::parts::{Function, FunctionError};

/// The longest result in bytes.
const BYTES_MAX: usize = 1 << 20;

/// Handler of `repeat`.
#[derive(Debug)]
pub struct Repeat;

impl Function for Repeat {
    const NAME: &'static str = "repeat";
    const SUMMARY: &'static str = "Repeats a text";
    const DESCRIPTION: &'static str = "The text as many times as asked for, up to a MiB.";
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("text", "What to repeat."), ("times", "How often.")];
    type Arguments = (String, u32);
    type Returns = String;

    fn call(&self, (text, times): Self::Arguments) -> Result<String, FunctionError> {
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        if text.len().saturating_mul(times) > BYTES_MAX {
            return Err(FunctionError { text: format!("The result would be longer than {BYTES_MAX} bytes"), argument: Some(1) });
        }
        Ok(text.repeat(times))
    }
}
