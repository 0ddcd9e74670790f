//! Progress of calls: one moving line on a terminal, plain lines elsewhere and only for waits that a person would
//! wonder about.

use super::Output;
use crate::facts::{LockAnyway as _, visible};
use crate::kore::{Endpoint, Observer};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Seconds of waiting that are worth a line.
const WORTH_A_LINE: i64 = 3;

/// Time between two drawings of the line.
const TICK: Duration = Duration::from_millis(120);

/// Tells of calls and waits.
pub(super) struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    calls: AtomicU32,
    /// Until when nothing can be sent.
    wait: Arc<Mutex<Option<Timestamp>>>,
    told: Mutex<Option<Timestamp>>,
    /// Troubles that have had their line, each with the most tries told: calls run side by side and fail alike.
    troubles: Mutex<BTreeMap<String, u32>>,
}

impl Progress {
    /// Speaks as the output does.
    pub(super) fn new(output: &Output) -> Self {
        let wait = Arc::new(Mutex::new(None));
        // A terminal that knows no more than lines gets lines.
        let bar = output.is_live().then(ProgressBar::new_spinner).filter(|bar| !bar.is_hidden());
        if let Some(bar) = &bar {
            bar.set_style(style(Arc::clone(&wait)));
            bar.enable_steady_tick(TICK);
        }
        Self {
            output: *output,
            bar,
            calls: AtomicU32::new(0),
            wait,
            told: Mutex::new(None),
            troubles: Mutex::default(),
        }
    }

    /// Clears the line, before something else is written. The next call or wait brings it back.
    pub(super) fn finish(&self) {
        *self.wait.lock_anyway() = None;
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// The line that moves, brought back where it was cleared: after the plan was shown, applying has its calls too.
    fn live(&self) -> Option<&ProgressBar> {
        let bar = self.bar.as_ref()?;
        if bar.is_finished() {
            bar.reset();
            bar.enable_steady_tick(TICK);
        }
        Some(bar)
    }

    fn tell_wait(&self, until: Timestamp) {
        let seconds = until.duration_since(Timestamp::now()).as_secs();
        *self.wait.lock_anyway() = Some(until);
        if let Some(bar) = self.live() {
            bar.set_message("the call budget is used up");
            return;
        }
        let Ok(mut told) = self.told.lock() else { return };
        if seconds >= WORTH_A_LINE && told.is_none_or(|told| until > told) {
            *told = Some(until);
            self.output.note(format_args!("waiting {seconds} s for the rate limit"));
        }
    }
}

/// The message, and while there is a wait the seconds that are left, counted at each tick.
fn style(wait: Arc<Mutex<Option<Timestamp>>>) -> ProgressStyle {
    let left = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        if let Some(until) = *wait.lock_anyway() {
            let seconds = until.duration_since(Timestamp::now()).as_secs();
            if seconds > 0 {
                // A line that cannot be drawn is drawn at the next tick.
                let _ = write!(out, "; the next call goes in {seconds} s");
            }
        }
    };
    ProgressStyle::with_template("{spinner} {msg}{left}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("left", left)
}

impl Observer for Progress {
    fn sent(&self, endpoint: Endpoint) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        *self.wait.lock_anyway() = None;
        if let Some(bar) = self.live() {
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
        let why = visible(why);
        let line = format!("{endpoint}: try {tries} failed ({why}); trying again");
        match self.live() {
            Some(bar) => bar.println(line),
            None => self.output.note(line),
        }
    }
}
