use std::{process::ExitCode, sync::Arc};

mod nothing;

fn main() -> ExitCode {
    kaas::plugin::serve(Arc::new(nothing::Nothing::default()))
}
