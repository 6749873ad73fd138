//! The plan rules that hold for every resource, run on values by schema in the published order: proposed values, defaults, write-only values to
//! null, computed values to unknown where something changes, the resource's own `plan`, checks, replacement.
//!
//! Pure and deterministic: no I/O, clock or randomness, for core plans twice and compares.

mod check;
mod complete;
mod mark;
mod replace;
#[cfg(test)]
mod tests;
mod untouched;
mod walk;

pub use self::{
    check::contradictions,
    complete::{complete, forget_write_only, recall_write_only},
    mark::mark_unknown,
    replace::replacements,
    untouched::keep_untouched,
};
use super::{schema::Block, value::Value};

/// The planned value before the resource has its say. `settle` takes over the spelling of prior values that mean the same.
pub fn prepare(block: &Block, prior: &Value, config: &Value, proposed: Value, settle: fn(&Value, &mut Value)) -> Value {
    let mut planned = proposed;
    complete(block, config, &mut planned);
    forget_write_only(block, &mut planned);
    settle(prior, &mut planned);
    if prior.is_null() || !planned.equivalent(prior, &block.object_type()) {
        mark_unknown(block, prior, config, &mut planned);
    }
    planned
}
