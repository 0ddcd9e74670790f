//! Where a verb speaks: results on stdout, everything else on stderr.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// How much is printed, and in which colours.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// No notes, no progress.
    pub quiet: bool,
    /// How much more than usual.
    pub verbose: u8,
    /// ANSI colours on stdout.
    pub color: bool,
    /// ANSI colours on stderr.
    pub color_stderr: bool,
}

impl Output {
    /// As the flags say.
    pub fn new(quiet: bool, verbose: u8, [color, color_stderr]: [bool; 2]) -> Self {
        Self { quiet, verbose, color, color_stderr }
    }

    /// A result, for people or machines. A reader that has gone away is no error.
    #[allow(clippy::unused_self, reason = "all output goes through one value")]
    pub fn result(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }

    /// A note.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// A warning, printed with `--quiet` too.
    #[allow(clippy::unused_self, reason = "all output goes through one value")]
    pub fn warn(&self, text: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Why the verb ended.
    pub fn error(&self, error: impl Display) {
        let tag = if self.color_stderr { "\u{1b}[31merror:\u{1b}[0m" } else { "error:" };
        self.warn(format_args!("{tag} {error}"));
    }

    /// Whether progress can move on one line.
    pub fn is_live(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }
}
