//! Serves the provider to Terraform and OpenTofu.

use std::{process::ExitCode, sync::Arc};

use kaas::{framework::erased::ErasedProvider, provider::Kaas};

fn main() -> ExitCode {
    kaas::plugin::serve(Arc::new(ErasedProvider::new(Kaas::default())))
}
