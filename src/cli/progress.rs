//! Progress of calls: one moving line on a terminal, plain lines elsewhere and only for waits that a person would
//! wonder about.

use super::Output;
use crate::kore::{Endpoint, Observer};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Seconds of waiting that are worth a line.
const WORTH_A_LINE: i64 = 3;

/// Tells of calls and waits.
pub(super) struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    calls: AtomicU32,
    told: Mutex<Option<Timestamp>>,
    /// Troubles that have had their line, each with the most tries told: calls run side by side and fail alike.
    troubles: Mutex<BTreeMap<String, u32>>,
}

impl Progress {
    /// Speaks as the output does.
    pub(super) fn new(output: &Output) -> Self {
        let bar = output.is_live().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::default_spinner());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            output: *output,
            bar,
            calls: AtomicU32::new(0),
            told: Mutex::new(None),
            troubles: Mutex::default(),
        }
    }

    /// Clears the line, before something else is written.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn tell_wait(&self, until: Timestamp) {
        let seconds = until.duration_since(Timestamp::now()).as_secs();
        if let Some(bar) = &self.bar {
            bar.set_message(format!("the call budget is used up; the next call goes in {seconds} s"));
            return;
        }
        let Ok(mut told) = self.told.lock() else { return };
        if seconds >= WORTH_A_LINE && told.is_none_or(|told| until > told) {
            *told = Some(until);
            self.output.note(format_args!("waiting {seconds} s for the rate limit"));
        }
    }
}

impl Observer for Progress {
    fn sent(&self, endpoint: Endpoint) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{calls} calls, {endpoint}"));
        }
    }

    fn waiting(&self, _: Endpoint, until: Timestamp) {
        self.tell_wait(until);
    }

    fn retrying(&self, endpoint: Endpoint, tries: u32, why: &str) {
        if let Ok(mut troubles) = self.troubles.lock() {
            let told = troubles.entry(why.to_owned()).or_default();
            if *told >= tries && self.output.verbose == 0 {
                return;
            }
            *told = tries;
        }
        let line = format!("{endpoint}: try {tries} failed ({why}); trying again");
        match &self.bar {
            Some(bar) => bar.println(line),
            None => self.output.note(line),
        }
    }
}
