//! The changes of a comment, cut to size: sorted by risk, put into sections, and shown for as long as there is room.

use super::LONGEST_COMMENT;
use super::code::{code, fold, length, plain};
use crate::facts::{Family, Key};
use crate::plan::render::words;
use crate::plan::{Action, Change, ChangeId, Origin, Plan, RiskLevel};
use std::collections::{BTreeMap, HashSet};

/// The text of a change is padded to this at most, so that the places are in one column.
const COLUMN: usize = 72;
/// Lines of one role.
const LONGEST_ROLE: usize = 40;
/// A plan with so few changes is shown unfolded.
const FEW: usize = 30;

/// All changes, riskiest first, each in its section.
pub(super) struct Changes<'a> {
    plan: &'a Plan,
    sections: BTreeMap<SectionRank, Section>,
    /// As many as a comment without anything else could hold: the others are not written.
    lines: Vec<Line>,
    /// The risks of the others.
    beyond: Vec<RiskLevel>,
}

/// Where a section stands: edited before drift, what needs a look before everything else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SectionRank {
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
    place: SectionRank,
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
    pub(super) fn new(plan: &'a Plan) -> Self {
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
        let place = |change: &Change| SectionRank {
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
        let mut order: Vec<(SectionRank, &Change)> =
            plan.changes.iter().map(|change| (place(change), change)).collect();
        order.sort_by(riskiest_first);
        let mut changes = Self { plan, sections: BTreeMap::new(), lines: Vec::new(), beyond: Vec::new() };
        let mut written = 0;
        let mut members: BTreeMap<SectionRank, [usize; 3]> = BTreeMap::new();
        for (place, change) in order {
            let section = changes.sections.entry(place).or_default();
            section.all += 1;
            if written > LONGEST_COMMENT {
                changes.beyond.push(change.risk.level);
            } else {
                let line = Line::new(plan, place, change, &held_back);
                written += line.length(0);
                if !line.tail.is_empty() {
                    section.width = section.width.max(length(&line.what)).min(COLUMN);
                }
                changes.lines.push(line);
            }
            members.entry(place).or_default()[match change.action {
                Action::Add => 0,
                Action::Change => 1,
                Action::Remove | Action::Retire | Action::Prune => 2,
            }] += 1;
        }
        for (place, section) in &mut changes.sections {
            let [add, change, remove] = members[place];
            let counts = words::said(&[(add, "to add"), (change, "to change"), (remove, "to remove")], ", ");
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
            1 => format!("#### Drift: the account differs from {base} ({count})\n\n"),
            _ => format!("#### Edited or drift unknown ({count})\n\n"),
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
    pub(super) fn length(&self) -> usize {
        let lines: usize = self.lines.iter().map(|line| line.length(self.sections[&line.place].width)).sum();
        self.frame() + lines
    }

    /// As much as there is room for, and a line that says what was cut.
    pub(super) fn write(mut self, room: usize) -> (String, String) {
        let mut room = room.saturating_sub(self.frame());
        let mut shown = 0;
        for line in &self.lines {
            let Some(section) = self.sections.get_mut(&line.place) else { break };
            let Some(left) = room.checked_sub(line.length(section.width)) else { break };
            room = left;
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
    fn new(plan: &Plan, place: SectionRank, change: &Change, held_back: &HashSet<&ChangeId>) -> Self {
        let sign = sign(change.action);
        let what = plain(&format!("{}: {}", words::who(&change.key), words::what(plan, change)));
        let mut tail: Vec<String> = Vec::new();
        match change.action {
            Action::Prune => tail.push("(not declared)".to_owned()),
            Action::Retire => tail.push("(no longer declared)".to_owned()),
            Action::Add | Action::Change | Action::Remove => {}
        }
        if change.risk.level >= RiskLevel::High {
            tail.push(format!("[{}: {}]", change.risk.level.label(), change.risk.why));
        }
        tail.extend(plan.sign_in.get(&change.id).map(|sign_in| sign_in.words().to_owned()));
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
        Action::Change => '!',
        Action::Remove | Action::Retire | Action::Prune => '-',
    }
}

/// And what takes away before what gives.
fn riskiest_first(
    (left_place, left): &(SectionRank, &Change),
    (right_place, right): &(SectionRank, &Change),
) -> std::cmp::Ordering {
    let rank = |change: &Change| (std::cmp::Reverse(change.risk.level), std::cmp::Reverse(change.action));
    rank(left)
        .cmp(&rank(right))
        .then_with(|| left_place.cmp(right_place))
        .then_with(|| left.key.email().cmp(&right.key.email()))
        .then_with(|| left.key.cmp(&right.key))
}
