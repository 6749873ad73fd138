//! `package`: the files of a release for this machine's platform, named and filled as `.goreleaser.yml` makes them for every platform.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA256, digest};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::terraform;

/// The provider's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROJECT: &str = "terraform-provider-kaas";
const MANIFEST: &str = include_str!("../../terraform-registry-manifest.json");

/// Files of a release.
#[derive(Clone, Debug)]
pub struct Package {
    /// The zip with the executable and nothing else.
    pub archive: PathBuf,
    /// Which protocol the executable speaks, for the registries.
    pub manifest: PathBuf,
    /// SHA-256 of the two others, as `sha256sum` writes and checks it.
    pub checksums: PathBuf,
}

/// Packs the executable `provider` into the folder `out`, made if needed. The same executable gives the same bytes.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write(provider: &Path, out: &Path) -> Result<Package> {
    std::fs::create_dir_all(out).with_context(|| format!("make {}", out.display()))?;
    let file = |name: String| out.join(name);
    let package = Package {
        archive: file(format!("{PROJECT}_{VERSION}_{}.zip", terraform::platform())),
        manifest: file(format!("{PROJECT}_{VERSION}_manifest.json")),
        checksums: file(format!("{PROJECT}_{VERSION}_SHA256SUMS")),
    };
    let executable = std::fs::read(provider).with_context(|| format!("read {}", provider.display()))?;
    let archive = File::create(&package.archive).with_context(|| format!("make {}", package.archive.display()))?;
    pack(archive, &executable).with_context(|| format!("write {}", package.archive.display()))?;
    std::fs::write(&package.manifest, MANIFEST).with_context(|| format!("write {}", package.manifest.display()))?;
    let mut lines = String::new();
    for file in [&package.archive, &package.manifest] {
        let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(lines, "{}  {name}", hexadecimal(digest(&SHA256, &bytes).as_ref()));
    }
    std::fs::write(&package.checksums, lines).with_context(|| format!("write {}", package.checksums.display()))?;
    Ok(package)
}

fn pack(archive: impl Write + Seek, executable: &[u8]) -> Result<()> {
    let suffix = std::env::consts::EXE_SUFFIX;
    let mut zip = ZipWriter::new(archive);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o755);
    zip.start_file(format!("{PROJECT}_v{VERSION}{suffix}"), options)?;
    zip.write_all(executable)?;
    zip.finish()?;
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
