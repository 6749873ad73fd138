//! Running a build tool to its end: its output kept for the error message, its duration shown, Ctrl-C heeded.

use std::io::{Read, Seek, SeekFrom};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::interrupt;
use crate::output::Progress;

/// Lines of a failed command's output that its error shows.
const SHOWN_LINES: usize = 30;

/// Runs `command` and shows that it takes its time.
///
/// # Errors
/// When it cannot be started, fails (with the end of its output) or the user interrupts.
pub fn run_shown(command: &mut Command, what: &str, expected: &str) -> Result<()> {
    let mut progress = Progress::start(what, expected);
    run(command, what, || progress.tick())?;
    progress.done();
    Ok(())
}

/// Runs `command` to its end, calling `tick` while it runs.
///
/// # Errors
/// As [`run_shown`].
pub fn run(command: &mut Command, what: &str, mut tick: impl FnMut()) -> Result<()> {
    let mut log = tempfile::tempfile().context("make a file for the output of a command")?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("{what}: start {program}"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Err(stop) = interrupt::check() {
            // It may have ended by the same Ctrl-C.
            let _ = child.kill();
            child.wait()?;
            return Err(stop);
        }
        tick();
        std::thread::sleep(Duration::from_millis(50));
    };
    if !status.success() {
        interrupt::check()?;
        let mut text = Vec::new();
        log.seek(SeekFrom::Start(0))?;
        log.read_to_end(&mut text)?;
        bail!("{what}: {program} ended with {status}\n{}", tail(&String::from_utf8_lossy(&text), SHOWN_LINES));
    }
    Ok(())
}

/// The last `lines` lines of `text`.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_shows_the_end_of_its_output() {
        let error = run(Command::new("sh").args(["-c", "echo first; echo why >&2; exit 3"]), "try it", || {}).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("try it") && text.contains("why") && text.contains('3'), "{text}");
    }

    #[test]
    fn the_tail_keeps_the_last_lines() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
