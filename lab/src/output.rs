//! What the lab tells its user: results on stdout, progress on stderr. The only place that prints.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Prints one line of a result.
#[expect(clippy::print_stdout, reason = "the lab is a command whose results go to stdout")]
pub fn say(line: impl AsRef<str>) {
    println!("{}", line.as_ref());
}

/// Prints one line of progress. It goes to stderr so that results can be piped.
pub fn note(line: impl AsRef<str>) {
    eprintln!("{}", line.as_ref());
}

/// How long a wait has taken, shown while it lasts: in place on a terminal, as a line every half minute elsewhere.
pub struct Progress {
    what: String,
    started: Instant,
    shown: Instant,
    in_place: bool,
}

impl Progress {
    /// Announces `what` and how long it is expected to take.
    pub fn start(what: impl Into<String>, expected: &str) -> Self {
        let what = what.into();
        note(format!("{what} ({expected}) …"));
        let now = Instant::now();
        Self { what, started: now, shown: now, in_place: std::io::stderr().is_terminal() }
    }

    /// Shows that the wait goes on; call it as often as convenient.
    pub fn tick(&mut self) {
        let pause = if self.in_place { Duration::from_secs(1) } else { Duration::from_secs(30) };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let line = format!("  {}: {} s so far", self.what, self.started.elapsed().as_secs());
        if self.in_place {
            eprint!("\r{line}");
            // A terminal that cannot be flushed only loses a progress line.
            let _ = std::io::stderr().flush();
        } else {
            note(line);
        }
    }

    /// Announces the end and the time taken.
    pub fn done(self) {
        let lead = if self.in_place { "\r" } else { "" };
        note(format!("{lead}{}: done in {}", self.what, seconds(self.started.elapsed())));
    }
}

/// A duration as people read it: `0.4 s`, `12.3 s`, `2 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 { format!("{} min {:02} s", whole / 60, whole % 60) } else { format!("{:.1} s", duration.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
