//! A lock between processes: one file, held open and locked, removed when it is let go.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{interrupt, output};

/// Holds the lock until it is dropped; the operating system lets go of it when the process dies.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    _file: File,
}

impl FileLock {
    /// Waits for the lock at `path` for at most `patience`, telling the user what is waited for.
    ///
    /// # Errors
    /// When the file cannot be made, the patience ends or the user interrupts.
    pub fn acquire(path: &Path, patience: Duration) -> Result<Self> {
        let started = Instant::now();
        let mut told = false;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        loop {
            if let Some(lock) = Self::try_acquire(path)? {
                return Ok(lock);
            }
            if !told {
                output::note(format!("waiting for another lab command that holds {}", path.display()));
                told = true;
            }
            if started.elapsed() > patience {
                bail!("another process held {} for more than {} s", path.display(), patience.as_secs());
            }
            interrupt::check()?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(path).with_context(|| format!("open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e).with_context(|| format!("lock {}", path.display())),
        }
        // The holder before us may have removed the file between our open and our lock: then ours locks nothing.
        let ours = file.metadata()?.ino();
        match std::fs::metadata(path) {
            Ok(there) if there.ino() == ours => Ok(Some(Self { path: path.to_owned(), _file: file })),
            _ => Ok(None),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Removed while still locked. A file that stays only costs an inode.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_waits_and_the_file_goes_with_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let first = FileLock::acquire(&path, Duration::ZERO).unwrap();
        assert!(FileLock::acquire(&path, Duration::ZERO).is_err());
        drop(first);
        assert!(!path.exists());
        assert!(FileLock::acquire(&path, Duration::ZERO).is_ok());
    }
}
