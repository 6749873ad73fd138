//! From the start of a provider to its handshake: what the CLI waits for each time it starts one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::figures::Samples;
use super::memory;
use crate::interrupt;

/// What the CLI sets for every plugin. Not a secret.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// The starts of one provider.
#[derive(Clone, Debug, Default)]
pub struct Starts {
    pub provider: String,
    pub milliseconds: Samples,
    /// Resident memory at the handshake.
    pub resident_mib: Samples,
}

/// Starts each provider `times` times, by turns, after one start that fills the caches and is not counted.
pub fn measure(providers: &[&Path], times: u32, place: &Path) -> Result<Vec<Starts>> {
    let certificate = client_certificate()?;
    let name = |provider: &Path| provider.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut all: Vec<Starts> = providers.iter().map(|provider| Starts { provider: name(provider), ..Starts::default() }).collect();
    for turn in 0..=times {
        interrupt::check()?;
        for (provider, starts) in providers.iter().zip(&mut all) {
            let (milliseconds, kib) = start(provider, &certificate, place).with_context(|| format!("start {}", provider.display()))?;
            if turn > 0 {
                starts.milliseconds.add(milliseconds);
                starts.resident_mib.add(kib as f64 / 1024.0);
            }
        }
    }
    Ok(all)
}

fn start(provider: &Path, certificate: &str, place: &Path) -> Result<(f64, u64)> {
    let mut command = Command::new(provider);
    command.env_clear().env("TF_PLUGIN_MAGIC_COOKIE", COOKIE).env("PLUGIN_PROTOCOL_VERSIONS", "5,6").env("PLUGIN_CLIENT_CERT", certificate);
    command.env("PLUGIN_MIN_PORT", "10000").env("PLUGIN_MAX_PORT", "25000").env("TMPDIR", place);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut plugin = command.spawn()?;
    let out = plugin.stdout.take().context("take the plugin's output")?;
    let mut line = String::new();
    let read = BufReader::new(out).read_line(&mut line);
    let took = begun.elapsed();
    let memory = memory::resident_kib(plugin.id());
    plugin.kill()?;
    plugin.wait()?;
    read?;
    ensure!(line.starts_with("1|5|"), "it said {line:?} in place of a handshake");
    Ok((took.as_secs_f64() * 1000.0, memory.map_or(0, |(resident, _)| resident)))
}

/// A certificate as the CLI makes one for each plugin: ECDSA on P-521.
fn client_certificate() -> Result<String> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512)?;
    Ok(rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?.pem())
}
