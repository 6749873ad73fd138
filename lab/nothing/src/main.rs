//! Serves the do-nothing provider to Terraform and OpenTofu.

use std::{process::ExitCode, sync::Arc};

use kaas::framework::erased::ErasedProvider;
use nothing::Nothing;

fn main() -> ExitCode {
    kaas::plugin::serve(Arc::new(ErasedProvider::new(Nothing::default())))
}
