//! The budget's memory: shared by every task of a process, and with a file by every process working on the account
//! and by the next run.

use super::budget::{Budget, HOUR};
use crate::facts::{ClockCheck, LockAnyway as _, RateLimit};
use jiff::{SignedDuration, Timestamp};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Stale lines after which they are dropped: two hours' worth at the vendor's limit.
const COMPACT_AT: usize = 3_600;

/// No platform asks to wait for longer: such a note was written by a clock that was ahead.
const LONGEST_DRAIN: SignedDuration = SignedDuration::from_hours(24);

/// Whether a call may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Now, and it has been counted.
    Taken,
    /// Not before this time; ask again then.
    At(Timestamp),
}

/// Who may send when. Cheap to ask; share one per account in an `Arc`.
///
/// With a file, each call adds a line (epoch milliseconds; `until` and a time after a refusal) under the file's
/// lock. If the file fails during a run, the budget goes on in memory: one warning in the log, and the platform's
/// own refusal stays the last word.
#[derive(Debug)]
pub struct Ledger {
    limit: RateLimit,
    memory: Mutex<Memory>,
    file: Option<PathBuf>,
}

#[derive(Debug)]
struct Memory {
    budget: Budget,
    has_warned: bool,
}

impl Ledger {
    /// Forgets with the process.
    pub fn in_memory(limit: RateLimit) -> Self {
        let memory = Mutex::new(Memory { budget: Budget::new(limit), has_warned: false });
        Self { limit, memory, file: None }
    }

    /// Remembers in a file, which is created with its folder. One file per account.
    ///
    /// # Errors
    /// When the file cannot be created, locked or read.
    pub fn in_file(path: &Path, limit: RateLimit) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        open(path)?.lock()?;
        Ok(Self { file: Some(path.to_owned()), ..Self::in_memory(limit) })
    }

    /// The limits it keeps.
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Takes a turn if there is one now.
    pub fn take(&self, now: Timestamp) -> Admission {
        self.take_leaving(now, 0)
    }

    /// Takes a turn if there is one now that leaves so many calls of each hour to others.
    pub fn take_leaving(&self, now: Timestamp, leave: usize) -> Admission {
        self.with(now, |budget| {
            let slot = budget.next_slot_leaving(now, leave);
            if slot > now {
                return (Admission::At(slot), None);
            }
            budget.record(now);
            (Admission::Taken, Some(now.as_millisecond().to_string()))
        })
    }

    /// No call is sent before `until`: the platform asked for that.
    pub fn drain(&self, now: Timestamp, until: Timestamp) {
        self.with(now, |budget| {
            budget.drain(until);
            ((), Some(format!("until {}", until.as_millisecond())))
        });
    }

    /// When the calls of the last hour were sent: for whoever goes on in another process.
    pub fn last_hour(&self, now: Timestamp) -> Vec<Timestamp> {
        let from = now.saturating_sub(HOUR).unwrap_or(Timestamp::MIN);
        self.with(now, |budget| (budget.sent_after(from).collect(), None))
    }

    /// Counts calls that another process has sent.
    pub fn count_sent(&self, sent: impl IntoIterator<Item = Timestamp>, now: Timestamp) {
        let sent: Vec<Timestamp> = sent.into_iter().collect();
        self.with(now, |budget| {
            for at in &sent {
                budget.record(*at);
            }
            ((), None)
        });
    }

    /// The earliest time at which one more call may be sent that leaves so many of each hour to others.
    pub fn next_slot(&self, now: Timestamp, leave: usize) -> Timestamp {
        self.with(now, |budget| (budget.next_slot_leaving(now, leave), None))
    }

    /// How many calls the minute and the hour that end now have left.
    pub fn left(&self, now: Timestamp) -> [usize; 2] {
        self.with(now, |budget| (budget.left(now), None))
    }

    /// How many calls could be sent from now within that time, all leaving so many of each hour to others.
    pub fn room_within(&self, now: Timestamp, duration: SignedDuration, leave: usize) -> usize {
        self.with(now, |budget| (budget.room_within(now, duration, leave), None))
    }

    /// Brings the budget up to date with the file, asks it, and notes what was decided.
    fn with<T>(&self, now: Timestamp, mut decide: impl FnMut(&mut Budget) -> (T, Option<String>)) -> T {
        let mut memory = self.memory.lock_anyway();
        if let Some(path) = &self.file {
            match self.with_file(path, now, &mut decide) {
                Ok((answer, budget)) => {
                    memory.budget = budget;
                    return answer;
                }
                Err(error) => warn_once(&mut memory, path, &error),
            }
        }
        decide(&mut memory.budget).0
    }

    fn with_file<T>(
        &self,
        path: &Path,
        now: Timestamp,
        decide: &mut impl FnMut(&mut Budget) -> (T, Option<String>),
    ) -> io::Result<(T, Budget)> {
        let mut file = open(path)?;
        // Released when the handle is dropped.
        file.lock()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let (mut budget, stale, from_future) = self.recall(&text, now);
        let (answer, note) = decide(&mut budget);
        if from_future > 0 {
            tracing::warn!(
                path = %path.display(),
                entries = from_future,
                "entries of the call ledger are from the future and are dropped: a clock was ahead"
            );
        }
        if stale >= COMPACT_AT || from_future > 0 {
            text = rewrite(&mut file, &text, now)?;
        }
        if let Some(note) = note {
            file.seek(SeekFrom::End(0))?;
            // A torn line before this one must not swallow it.
            let lead = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            file.write_all(format!("{lead}{note}\n").as_bytes())?;
        }
        Ok((answer, budget))
    }

    /// What the file says, how many of its lines no longer matter, and how many of these a clock wrote that was ahead. A
    /// torn last line, left by a crash, says nothing.
    fn recall(&self, text: &str, now: Timestamp) -> (Budget, usize, usize) {
        let mut budget = Budget::new(self.limit);
        let (mut stale, mut from_future) = (0, 0);
        for line in text.lines() {
            match parse(line) {
                Some(Note::Sent(at)) if is_recent(at, now) => budget.record(at.min(now)),
                Some(Note::Until(at)) if holds(at, now) => budget.drain(at),
                Some(note) => {
                    from_future += usize::from(note.is_from_future(now));
                    stale += 1;
                }
                None => stale += 1,
            }
        }
        (budget, stale, from_future)
    }
}

enum Note {
    Sent(Timestamp),
    Until(Timestamp),
}

fn parse(line: &str) -> Option<Note> {
    let time = |text: &str| Timestamp::from_millisecond(text.trim().parse().ok()?).ok();
    match line.strip_prefix("until ") {
        Some(rest) => time(rest).map(Note::Until),
        None => time(line).map(Note::Sent),
    }
}

impl Note {
    fn is_from_future(&self, now: Timestamp) -> bool {
        match self {
            Self::Sent(at) => at.duration_since(now) > ClockCheck::TOLERABLE,
            Self::Until(at) => at.duration_since(now) > LONGEST_DRAIN,
        }
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < HOUR && !Note::Sent(at).is_from_future(now)
}

fn holds(until: Timestamp, now: Timestamp) -> bool {
    until > now && !Note::Until(until).is_from_future(now)
}

/// Keeps the last hour and drains that still hold; returns what was kept.
fn rewrite(file: &mut File, text: &str, now: Timestamp) -> io::Result<String> {
    let kept: String = text
        .lines()
        .filter(|line| match parse(line) {
            Some(Note::Sent(at)) => is_recent(at, now),
            Some(Note::Until(at)) => holds(at, now),
            None => false,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(kept.as_bytes())?;
    Ok(kept)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn warn_once(memory: &mut MutexGuard<'_, Memory>, path: &Path, error: &io::Error) {
    if !memory.has_warned {
        memory.has_warned = true;
        tracing::warn!(path = %path.display(), %error, "the call ledger failed; counting in memory");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_767_268_800_000 + ms).unwrap()
    }

    fn limit() -> RateLimit {
        RateLimit { per_minute: 2, per_hour: 3, reserve: 0, ..RateLimit::default() }
    }

    #[test]
    fn two_processes_share_one_budget_and_a_restart_does_not_forget_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/acme/calls");
        let (one, other) =
            (Ledger::in_file(&path, limit()).unwrap(), Ledger::in_file(&path, limit()).unwrap());
        assert_eq!(one.take(at(0)), Admission::Taken);
        assert_eq!(other.take(at(1)), Admission::Taken);
        assert_eq!(one.take(at(2)), Admission::At(at(60_000)));
        drop((one, other));
        let restarted = Ledger::in_file(&path, limit()).unwrap();
        assert_eq!(restarted.take(at(60_000)), Admission::Taken);
        assert_eq!(restarted.take(at(60_001)), Admission::At(at(3_600_000)));
        restarted.drain(at(60_001), at(7_000_000));
        assert_eq!(
            Ledger::in_file(&path, limit()).unwrap().take(at(3_700_000)),
            Admission::At(at(7_000_000))
        );
    }

    #[test]
    fn the_file_forgets_what_no_window_holds_and_a_torn_line_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls");
        let old = format!("{}\n", at(0).as_millisecond()).repeat(COMPACT_AT);
        std::fs::write(&path, format!("{old}{}\n17672", at(7_199_000).as_millisecond())).unwrap();
        let ledger = Ledger::in_file(&path, limit()).unwrap();
        assert_eq!(ledger.take(at(7_200_000)), Admission::Taken);
        let kept = std::fs::read_to_string(&path).unwrap();
        assert_eq!(kept.lines().count(), 2, "{kept}");
        assert_eq!(ledger.take(at(7_200_001)), Admission::At(at(7_259_000)));
    }

    #[test]
    fn what_a_clock_wrote_that_was_ahead_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls");
        let year = 365 * 24 * 3_600_000;
        let ahead = |ms: i64| at(year + ms).as_millisecond();
        let sent = format!("{}\n{}\n{}\nuntil {}\n", at(0).as_millisecond(), ahead(0), ahead(1), ahead(2));
        std::fs::write(&path, sent).unwrap();
        let ledger = Ledger::in_file(&path, limit()).unwrap();
        assert_eq!(ledger.take(at(1)), Admission::Taken);
        assert_eq!(ledger.take(at(2)), Admission::At(at(60_000)), "what was sent now counts");
        let kept = std::fs::read_to_string(&path).unwrap();
        assert_eq!(kept, format!("{}\n{}\n", at(0).as_millisecond(), at(1).as_millisecond()));
    }

    #[test]
    fn many_takers_at_once_never_get_more_turns_than_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls");
        let limit = RateLimit { per_minute: 20, per_hour: 1_000, ..limit() };
        let taken: usize = std::thread::scope(|scope| {
            let taker = || {
                let ledger = Ledger::in_file(&path, limit).unwrap();
                (0..10).filter(|_| ledger.take(at(0)) == Admission::Taken).count()
            };
            let takers: Vec<_> = (0..8).map(|_| scope.spawn(taker)).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(taken, 20);
    }

    #[test]
    fn a_file_that_fails_later_leaves_the_budget_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/calls");
        let ledger = Ledger::in_file(&path, limit()).unwrap();
        assert_eq!(ledger.take(at(0)), Admission::Taken);
        assert_eq!(ledger.take(at(1)), Admission::Taken);
        std::fs::remove_dir_all(folder.path().join("state")).unwrap();
        assert_eq!(ledger.take(at(2)), Admission::At(at(60_000)));
    }
}
