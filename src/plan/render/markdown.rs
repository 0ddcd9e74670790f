//! A plan as a comment on a pull request: riskiest first, and never longer than such a comment may be.
//!
//! Everything that comes from manifests or the platform stands in code, where neither Markdown nor HTML, mentions or
//! references mean anything, without control characters and without what reorders text. What does not fit is
//! cut from the harmless end, and counted. The first line is a marker by which a bot finds its comment again.
//!
//! # Guarantees
//!
//! At most [`LONGEST_COMMENT`] characters. The time is linear in the number of changes and entries, sorting aside.

use super::words;
use crate::facts::{Family, Key};
use crate::plan::{Action, Change, ChangeId, Ending, Entry, Origin, Plan, RiskLevel};
use std::collections::{BTreeMap, HashSet};

/// The longest comment GitHub takes, in characters. GitLab takes more.
pub const LONGEST_COMMENT: usize = 65_536;

/// One line of code is not longer; the rest of it is cut.
const LONGEST_LINE: usize = 300;
/// Where the messages of entries are wrapped: what a comment shows without scrolling.
const WIDTH: usize = 100;
/// What changes say is padded to this at most, so that the places stand in one column.
const COLUMN: usize = 64;
/// Lines of one role.
const LONGEST_ROLE: usize = 40;
/// A plan with so few changes is shown unfolded.
const FEW: usize = 30;
/// Kept for what is written when the rest is settled: the numbers of what was cut.
const SPARE: usize = 1_000;

/// The plan as a comment, ending in a line break.
pub fn markdown(plan: &Plan) -> String {
    let marker = format!("<!-- koreconcile:plan account={} -->\n", slug(&plan.account.name));
    if is_empty(plan) {
        return format!("{marker}{}\n", nothing(plan));
    }
    let top = marker + &top(plan);
    let bottom = bottom(plan);
    let mut room =
        LONGEST_COMMENT.saturating_sub(length(&top)).saturating_sub(length(&bottom)).saturating_sub(SPARE);

    let changes = Changes::of(plan);
    // Lists get what changes leave of the room, but at least a share of it.
    let spare = room.saturating_sub(changes.length());
    let mut part = |title: &str, entries: &[Entry], share: usize, is_open: bool| {
        let most = (room * share / 100).max(spare * share / 60);
        let text = list(plan, title, entries, most.min(room), is_open);
        room -= length(&text).min(room);
        text
    };
    let refused = part("Refused by a guard", &plan.refused, 18, true);
    let blocked = part("Blocked", &plan.blocked, 15, true);
    let manual = part("For a person to do", &plan.manual, 10, true);
    let waiting = part("Waiting", &plan.waiting, 6, false);
    let endings = plan.expiring.iter().map(|ending| {
        let Ending { at, has_ended, subject, sources } = ending;
        let when = if *has_ended { "ended" } else { "ends" };
        let places = words::places(sources).unwrap_or_default();
        format!("{when} {at}: {}  {places}", words::named(plan, subject))
    });
    let endings = notes(&ends_title(plan), endings, (room / 12).max(spare / 30));
    room -= length(&endings).min(room);
    let warnings = notes(&warnings_title(plan), plan.warnings.iter().cloned(), (room / 12).max(spare / 30));
    room -= length(&warnings).min(room);
    let unmanaged_lines = plan
        .unmanaged
        .iter()
        .map(|unmanaged| format!("{}  ({})", words::named(plan, &unmanaged.subject), unmanaged.why));
    let unmanaged = notes(&unmanaged_title(plan), unmanaged_lines, (room / 12).max(spare / 30));
    room -= length(&unmanaged).min(room);
    let (changes, cut) = changes.write(room);
    top + &cut
        + &refused
        + &blocked
        + &changes
        + &manual
        + &endings
        + &waiting
        + &warnings
        + &unmanaged
        + &bottom
}

fn is_empty(plan: &Plan) -> bool {
    plan.is_clean() && plan.waiting.is_empty() && plan.warnings.is_empty() && plan.expiring.is_empty()
}

/// An empty plan in one line.
fn nothing(plan: &Plan) -> String {
    let unmanaged = match plan.unmanaged.len() {
        0 => String::new(),
        _ => format!("; unmanaged and left alone: {}", words::unmanaged(plan)),
    };
    let calls = words::counted(plan.observed.calls as usize, "call");
    format!(
        "✅ {} is as its manifests say: nothing to change (read with {calls}{unmanaged}).",
        code(&plan.account.name)
    )
}

fn top(plan: &Plan) -> String {
    let counts = words::counts(&plan.changes);
    let counts = if counts.is_empty() { "no changes".to_owned() } else { counts };
    let mut top = format!("### Plan for {}: {counts}\n\n", code(&plan.account.name));
    let risks = |level: RiskLevel| plan.changes.iter().filter(|change| change.risk.level == level).count();
    let danger =
        words::said(&[(risks(RiskLevel::Critical), "critical"), (risks(RiskLevel::High), "high risk")], ", ");
    let danger = if danger.is_empty() { danger } else { format!("**{danger}**") };
    let facts: Vec<String> =
        [danger, words::rest(plan, " · ")].into_iter().filter(|part| !part.is_empty()).collect();
    if !facts.is_empty() {
        top += &facts.join(" · ");
        top += "\n\n";
    }
    top + &table(plan)
}

/// How much of what, for plans that are too large to be counted by eye.
fn table(plan: &Plan) -> String {
    let mut rows: BTreeMap<Family, [usize; 3]> = BTreeMap::new();
    for change in &plan.changes {
        let at = match change.action {
            Action::Add => 0,
            Action::Alter => 1,
            Action::RemoveNamed | Action::RemoveSwept => 2,
        };
        rows.entry(change.key.family()).or_default()[at] += 1;
    }
    if rows.len() < 2 {
        return String::new();
    }
    let cell = |count: usize| if count == 0 { String::new() } else { words::thousands(count) };
    let rows: String = rows
        .into_iter()
        .map(|(family, [add, alter, remove])| {
            format!("| {} | {} | {} | {} |\n", family.label(), cell(add), cell(alter), cell(remove))
        })
        .collect();
    format!("| | add | alter | remove |\n|:--|--:|--:|--:|\n{rows}\n")
}

fn bottom(plan: &Plan) -> String {
    let id = plan.account.id.as_ref().map_or("id unknown", |id| id.as_str());
    let mut lines = Vec::new();
    if plan.changes.is_empty() {
        let calls = words::counted(plan.observed.calls as usize, "call");
        lines.push(format!("**Cost:** nothing to send. Reading took {calls}."));
    } else {
        lines.push(format!("**Cost:** {}", html(&words::cost(plan))));
        lines.push(format!("**Digest:** {}", code(plan.digest.as_str())));
    }
    lines.push(format!("**Account:** {} at {}", code(id), code(&plan.account.host)));
    if !plan.write_only.is_empty() {
        lines.push(format!(
            "**Not compared:** {} (profiles, data tables); the platform takes them and never shows them",
            words::counted(plan.write_only.len(), "write-only value")
        ));
    }
    if plan.redacted {
        lines.push(words::REDACTED.to_owned());
    }
    if !plan.changes.is_empty() {
        lines.push("`+` add · `!` alter · `-` remove · `#` the line that says so".to_owned());
    }
    format!("---\n{}\n", lines.join("<br>\n"))
}

/// All changes, riskiest first, each in the section it will stand in.
struct Changes<'a> {
    plan: &'a Plan,
    sections: BTreeMap<Place, Section>,
    /// As many as a whole comment could hold: nobody pays for writing the others.
    lines: Vec<Line>,
    /// The risks of the others.
    beyond: Vec<RiskLevel>,
}

/// Where a section stands: edited before drift, what needs a look before everything else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    origin: u8,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Critical and high risks of all families.
    First,
    /// New people with everything they start with.
    Joining,
    /// Everything else of a small plan.
    Rest,
    /// Everything else of a large one.
    Family(Family),
}

impl Part {
    fn title(self) -> String {
        match self {
            Self::First => "Look at these first".to_owned(),
            Self::Joining => "New people, with what they start with".to_owned(),
            Self::Rest => "Everything else".to_owned(),
            Self::Family(family) => {
                let label = family.label();
                label[..1].to_uppercase() + &label[1..]
            }
        }
    }
}

#[derive(Default)]
struct Section {
    title: String,
    all: usize,
    width: usize,
    /// Lines that fit, by their place among all.
    shown: Vec<usize>,
}

struct Line {
    place: Place,
    /// Where a section is sorted by whom it is about and not by risk.
    about: Option<(u8, String, Key)>,
    risk: RiskLevel,
    sign: char,
    what: String,
    tail: String,
    /// More lines, each with its line break: what changes in a role.
    below: String,
}

impl<'a> Changes<'a> {
    fn of(plan: &'a Plan) -> Self {
        let held_back = words::held_back(plan);
        let is_small = plan.changes.len() <= FEW;
        let joining: HashSet<&str> = plan
            .changes
            .iter()
            .filter_map(|change| match (&change.key, change.action) {
                (Key::Member(email), Action::Add) => Some(email.folded()),
                _ => None,
            })
            .collect();
        let place = |change: &Change| Place {
            origin: match change.origin {
                Origin::Edited => 0,
                Origin::Drift => 1,
                Origin::Unknown => 2,
            },
            part: if change.risk.level >= RiskLevel::High {
                Part::First
            } else if change.key.email().is_some_and(|email| joining.contains(email.folded())) {
                Part::Joining
            } else if is_small {
                Part::Rest
            } else {
                Part::Family(change.key.family())
            },
        };
        let mut order: Vec<(Place, &Change)> =
            plan.changes.iter().map(|change| (place(change), change)).collect();
        // Riskiest first, and what takes away before what gives.
        order.sort_by(|(left_place, left), (right_place, right)| {
            let rank =
                |change: &Change| (std::cmp::Reverse(change.risk.level), std::cmp::Reverse(change.action));
            rank(left)
                .cmp(&rank(right))
                .then_with(|| left_place.cmp(right_place))
                .then_with(|| left.key.email().cmp(&right.key.email()))
                .then_with(|| left.key.cmp(&right.key))
        });
        let mut changes = Self { plan, sections: BTreeMap::new(), lines: Vec::new(), beyond: Vec::new() };
        let mut written = 0;
        let mut members: BTreeMap<Place, [usize; 3]> = BTreeMap::new();
        for (place, change) in order {
            let section = changes.sections.entry(place).or_default();
            section.all += 1;
            if written > LONGEST_COMMENT {
                changes.beyond.push(change.risk.level);
            } else {
                let line = Line::of(plan, place, change, &held_back);
                written += line.length(0);
                if !line.tail.is_empty() {
                    section.width = section.width.max(length(&line.what)).min(COLUMN);
                }
                changes.lines.push(line);
            }
            members.entry(place).or_default()[match change.action {
                Action::Add => 0,
                Action::Alter => 1,
                Action::RemoveNamed | Action::RemoveSwept => 2,
            }] += 1;
        }
        for (place, section) in &mut changes.sections {
            let [add, alter, remove] = members[place];
            let counts = words::said(&[(add, "to add"), (alter, "to alter"), (remove, "to remove")], ", ");
            section.title = format!("<b>{}</b>: {counts}", place.part.title());
        }
        changes
    }

    fn heading(&self, origin: u8) -> String {
        let Some(base) = &self.plan.base else { return String::new() };
        let base = code(base);
        let count = self.sections.iter().filter(|(place, _)| place.origin == origin);
        let count = words::thousands(count.map(|(_, section)| section.all).sum());
        match origin {
            0 => format!("#### Edited since {base} ({count})\n\n"),
            1 => format!("#### Drift: the account differs, {base} asks for it too ({count})\n\n"),
            _ => format!("#### Edited or drift is not known ({count})\n\n"),
        }
    }

    /// Characters of everything but the lines.
    fn frame(&self) -> usize {
        let origins: HashSet<u8> = self.sections.keys().map(|place| place.origin).collect();
        let headings: usize = origins.into_iter().map(|origin| length(&self.heading(origin))).sum();
        let sections: usize =
            self.sections.values().map(|section| length(&section.around(true, "x", usize::MAX))).sum();
        headings + sections
    }

    /// Characters of all of it, uncut, or more than a comment holds.
    fn length(&self) -> usize {
        let lines: usize = self.lines.iter().map(|line| line.length(self.sections[&line.place].width)).sum();
        self.frame() + lines
    }

    /// As much as there is room for, and a line that says what was cut.
    fn write(mut self, room: usize) -> (String, String) {
        let mut room = room.saturating_sub(self.frame());
        let mut shown = 0;
        for line in &self.lines {
            let Some(section) = self.sections.get_mut(&line.place) else { break };
            let needed = line.length(section.width);
            if needed > room {
                break;
            }
            room -= needed;
            section.shown.push(shown);
            shown += 1;
        }
        let is_small = self.lines.len() + self.beyond.len() <= FEW;
        let mut text = String::new();
        let mut last = None;
        for section in self.sections.values_mut() {
            section.shown.sort_by(|left, right| self.lines[*left].about.cmp(&self.lines[*right].about));
        }
        for (place, section) in &self.sections {
            let mut lines = String::new();
            for at in &section.shown {
                self.lines[*at].write(section.width, &mut lines);
            }
            if last != Some(place.origin) {
                text += &self.heading(place.origin);
                last = Some(place.origin);
            }
            let is_open = is_small || place.part == Part::First;
            text += &section.around(is_open, &lines, section.all - section.shown.len());
        }
        (text, self.cut(shown))
    }

    fn cut(&self, shown: usize) -> String {
        let all = self.lines.len() + self.beyond.len();
        if shown == all {
            return String::new();
        }
        let count = |level| {
            let lines = self.lines[shown..].iter().map(|line| line.risk);
            lines.chain(self.beyond.iter().copied()).filter(|risk| *risk == level).count()
        };
        let levels: Vec<(usize, &str)> =
            [RiskLevel::Critical, RiskLevel::High, RiskLevel::Medium, RiskLevel::Low]
                .into_iter()
                .map(|level| (count(level), level.label()))
                .collect();
        format!(
            "**Shown: {} of {} changes, the riskiest first.** A comment has no room for the other {}: {} risk. \
             `koreconcile plan` shows them all.\n\n",
            words::thousands(shown),
            words::thousands(all),
            words::thousands(all - shown),
            words::said(&levels, ", ")
        )
    }
}

impl Section {
    fn around(&self, is_open: bool, lines: &str, cut: usize) -> String {
        fold(&self.title, is_open, "diff", lines, cut)
    }
}

impl Line {
    fn of(plan: &Plan, place: Place, change: &Change, held_back: &HashSet<&ChangeId>) -> Self {
        let sign = sign(change.action);
        let what = plain(&format!("{}: {}", words::who(&change.key), words::what(plan, change)));
        let mut tail: Vec<String> = Vec::new();
        if change.action == Action::RemoveSwept {
            tail.push("(nobody declared it)".to_owned());
        }
        if change.risk.level >= RiskLevel::High {
            tail.push(format!("[{}: {}]", change.risk.level.label(), change.risk.why));
        }
        if held_back.contains(&change.id) {
            tail.push("(refused, not sent)".to_owned());
        }
        tail.extend(words::places(&change.sources));
        let mut below = String::new();
        if let Key::RoleDefinition(..) = change.key {
            let lines = words::role_lines(change);
            for (sign, text) in lines.iter().take(LONGEST_ROLE) {
                below.extend([*sign]);
                below.extend(["     ", &plain(text), "\n"]);
            }
            if lines.len() > LONGEST_ROLE {
                let more = words::thousands(lines.len() - LONGEST_ROLE);
                below.extend(["      and ", &more, " more lines\n"]);
            }
        }
        let is_by_person = matches!(place.part, Part::Joining | Part::Rest);
        let about =
            is_by_person.then(|| (words::rank(&change.key), words::who(&change.key), change.key.clone()));
        Self { place, about, risk: change.risk.level, sign, what, tail: plain(&tail.join("  ")), below }
    }

    /// Characters it takes, with its line break.
    fn length(&self, width: usize) -> usize {
        let what = length(&self.what);
        let tail = if self.tail.is_empty() { 0 } else { width.saturating_sub(what) + 2 + length(&self.tail) };
        2 + what + tail + 1 + length(&self.below)
    }

    fn write(&self, width: usize, out: &mut String) {
        out.push(self.sign);
        out.push(' ');
        out.push_str(&self.what);
        if !self.tail.is_empty() {
            for _ in length(&self.what)..width {
                out.push(' ');
            }
            out.push_str("  ");
            out.push_str(&self.tail);
        }
        out.push('\n');
        out.push_str(&self.below);
    }
}

/// What GitHub and GitLab colour in a diff: green, orange, red.
fn sign(action: Action) -> char {
    match action {
        Action::Add => '+',
        Action::Alter => '!',
        Action::RemoveNamed | Action::RemoveSwept => '-',
    }
}

/// Entries of one kind; those with the same reason and next step share the line that says it.
fn list(plan: &Plan, title: &str, entries: &[Entry], most: usize, is_open: bool) -> String {
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
            if needed > room {
                if !is_first {
                    lines += &next;
                }
                break 'all;
            }
            room -= needed;
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
        lines += &wrapped("    ", &words::holds_back(plan, subjects), "");
    }
    lines
}

fn ends_title(plan: &Plan) -> String {
    format!("<b>Ends soon</b>: {}", words::thousands(plan.expiring.len()))
}

fn warnings_title(plan: &Plan) -> String {
    format!("<b>Oddities of the account</b>: {}", words::thousands(plan.warnings.len()))
}

fn unmanaged_title(plan: &Plan) -> String {
    format!("<b>Unmanaged, left alone</b>: {}", words::unmanaged(plan))
}

/// A folded list of plain lines.
fn notes(title: &str, notes: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let all = notes.len();
    if all == 0 {
        return String::new();
    }
    let mut room = most.saturating_sub(length(&fold(title, false, "text", "x", usize::MAX)));
    let (mut lines, mut shown) = (String::new(), 0);
    for note in notes {
        let text = wrapped("* ", &note, "");
        if length(&text) > room {
            break;
        }
        room -= length(&text);
        lines += &text;
        shown += 1;
    }
    fold(title, false, "text", &lines, all - shown)
}

/// A section that can be folded, with code in it. No line of code begins like the end of it: each has a sign, or is
/// indented by four.
fn fold(title: &str, is_open: bool, language: &str, lines: &str, cut: usize) -> String {
    let open = if is_open { " open" } else { "" };
    let code = if lines.is_empty() { String::new() } else { format!("```{language}\n{lines}```\n\n") };
    let cut = match cut {
        0 => String::new(),
        cut => format!("and {} more, not shown here\n\n", words::thousands(cut)),
    };
    format!("<details{open}><summary>{title}</summary>\n\n{code}{cut}</details>\n\n")
}

/// Lines of at most [`WIDTH`] characters, where words allow it, all but the first indented by four. The tail stays
/// in one piece.
fn wrapped(first: &str, text: &str, tail: &str) -> String {
    const INDENT: &str = "    ";
    let (text, tail) = (plain_of(text, 10 * LONGEST_LINE), plain(tail));
    let mut out = first.to_owned();
    let mut at = length(first);
    let mut is_first = true;
    let words = text.split(' ').filter(|word| !word.is_empty()).map(|word| (" ", word));
    let tail = Some(("  ", tail.as_str())).filter(|(_, tail)| !tail.is_empty());
    for (before, word) in words.chain(tail) {
        if !is_first && at + length(before) + length(word) > WIDTH {
            out.push('\n');
            out.push_str(INDENT);
            at = length(INDENT);
        } else if !is_first {
            out.push_str(before);
            at += length(before);
        }
        out.push_str(word);
        at += length(word);
        is_first = false;
    }
    out + "\n"
}

/// Text in a code span, on one line.
fn code(text: &str) -> String {
    format!("`{}`", plain(text).replace('`', "'"))
}

/// Our own words around names of ours, in case a plan was edited by hand.
fn html(text: &str) -> String {
    text.chars().filter(|c| !"<>&`@#*_[]|\\".contains(*c) && !c.is_control()).collect()
}

/// What a marker may hold, so that it ends where it should.
fn slug(name: &str) -> String {
    name.chars().take(100).map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

/// One line without control characters, and without those that show text in another order than it has.
fn plain(text: &str) -> String {
    plain_of(text, LONGEST_LINE)
}

/// A message without its end, where it is too long for a comment.
fn short(text: &str) -> String {
    plain_of(text, 2 * LONGEST_LINE)
}

fn plain_of(text: &str, most: usize) -> String {
    let clean = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        '\u{2028}'
        | '\u{2029}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{061c}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    let mut out: String = text.chars().take(most).map(clean).collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

fn length(text: &str) -> usize {
    text.chars().count()
}
