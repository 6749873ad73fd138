//! The `kaas-lab` command, called as `cargo lab`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kaas_lab::cli::main()
}
