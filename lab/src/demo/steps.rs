//! One line per step: what it was, how long it took, what came of it.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::interrupt;
use crate::output::{say, seconds};

/// Counts the steps.
#[derive(Default)]
pub struct Steps {
    number: u32,
}

impl Steps {
    /// Does one step and prints its line. `act` gives its result and what to say about it.
    ///
    /// # Errors
    /// Those of `act`, with the name of the step.
    pub fn step<T>(&mut self, name: &str, act: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        interrupt::check()?;
        self.last_step(name, act)
    }

    /// Does a step that has to be done even after Ctrl-C.
    ///
    /// # Errors
    /// As [`Steps::step`].
    pub fn last_step<T>(&mut self, name: &str, act: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        self.number += 1;
        let started = Instant::now();
        let (value, outcome) = act().with_context(|| format!("step {}, {name}", self.number))?;
        say(format!("{:>2}  {name:<38} {:>10}  {outcome}", self.number, seconds(started.elapsed())));
        Ok(value)
    }
}
