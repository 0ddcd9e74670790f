//! What is not a change: entries with reason and next step, and folded notes, each cut to the room it is given.

use super::code::{fold, length, short, wrapped};
use crate::plan::render::words;
use crate::plan::{Entry, Plan};

/// Entries of one kind; those with the same reason and next step share the line of the next step.
pub(super) fn list(plan: &Plan, title: &str, entries: &[Entry], most: usize, is_open: bool) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let title = format!("<b>{title}</b>: {}", words::thousands(entries.len()));
    let mut room = most.saturating_sub(length(&fold(&title, is_open, "diff", "x", usize::MAX)));
    let (mut lines, mut shown) = (String::new(), 0);
    'all: for (reason, next_step, alike) in words::by_step(entries) {
        let next = wrapped("    next: ", &short(next_step), &format!("[{reason:?}]"));
        let mut is_first = true;
        for entry in alike {
            let text = entry_lines(plan, entry);
            let needed = length(&text) + if is_first { length(&next) } else { 0 };
            let Some(left) = room.checked_sub(needed) else {
                if !is_first {
                    lines += &next;
                }
                break 'all;
            };
            room = left;
            lines += &text;
            shown += 1;
            is_first = false;
        }
        lines += &next;
    }
    fold(&title, is_open, "diff", &lines, entries.len() - shown)
}

fn entry_lines(plan: &Plan, entry: &Entry) -> String {
    let Entry { subjects, subject, reason: _, message, next_step: _, sources, changes: _ } = entry;
    let mut lines = wrapped("! ", &short(message), &words::places(sources).unwrap_or_default());
    if subjects.is_empty() && !subject.is_empty() {
        lines += &wrapped("    for ", &short(subject), "");
    }
    if subjects.len() > 1 {
        lines += &wrapped("    ", &words::blocks(plan, subjects), "");
    }
    lines
}

/// A list of plain lines, folded or open.
pub(super) fn notes(
    title: &str,
    notes: impl ExactSizeIterator<Item = String>,
    most: usize,
    is_open: bool,
) -> String {
    let all = notes.len();
    if all == 0 {
        return String::new();
    }
    let mut room = most.saturating_sub(length(&fold(title, is_open, "text", "x", usize::MAX)));
    let (mut lines, mut shown) = (String::new(), 0);
    for note in notes {
        let text = wrapped("* ", &note, "");
        let Some(left) = room.checked_sub(length(&text)) else { break };
        room = left;
        lines += &text;
        shown += 1;
    }
    fold(title, is_open, "text", &lines, all - shown)
}
