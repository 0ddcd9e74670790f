//! The charts of the docs, from the figures of one run.

use crate::beside::{Task, WHO, figure};
use crate::figures::Report;
use crate::svg::{Anchor, Drawing};
use crate::{GROWTH, SIZES};
use std::path::Path;

const WIDTH: f64 = 760.0;
const CLASSES: [&str; 2] = ["ours", "theirs"];
const NAMES: [&str; 2] = ["koreconcile", "OpenTofu"];

pub fn draw(report: &Report, folder: &Path) {
    let subtitle = "shorter is better; the bar is the median, the line from the least to the largest run";
    beside(
        report,
        "seconds",
        "s",
        Drawing::new(WIDTH, 474.0, "Wall time of a whole command, in seconds", subtitle),
    )
    .write(&folder.join("beside-time.svg"));
    beside(
        report,
        "peak_mib",
        "MiB",
        Drawing::new(WIDTH, 474.0, "Peak memory of the process, in MiB", subtitle),
    )
    .write(&folder.join("beside-memory.svg"));
    growth(report).write(&folder.join("growth.svg"));
}

fn in_words(task: Task) -> &'static str {
    match task {
        Task::PlanUnchanged => "plan, nothing to do",
        Task::PlanNew => "plan, everything new",
        Task::ApplyNew => "apply, everything new",
    }
}

/// Six pairs of bars under one scale.
fn beside(report: &Report, what: &str, unit: &str, mut drawing: Drawing) -> Drawing {
    const LEFT: f64 = 212.0;
    const RIGHT: f64 = 76.0;
    const TOP: f64 = 100.0;
    const ROW: f64 = 54.0;
    const BAR: f64 = 17.0;
    let rows: Vec<(Task, usize)> =
        Task::ALL.into_iter().flat_map(|task| SIZES.map(|people| (task, people))).collect();
    let parts = |who: &str, (task, people): (Task, usize)| report.parts(&figure(who, task, what, people));
    let most = rows.iter().flat_map(|row| WHO.map(|who| parts(who, *row).2)).fold(0.0, f64::max);
    let (step, ticks) = scale(most);
    let span = WIDTH - LEFT - RIGHT;
    let end = f64::from(ticks) * step;
    let x = |value: f64| LEFT + value / end * span;

    let mut at = WIDTH - 24.0 - 190.0;
    for (name, class) in NAMES.into_iter().zip(CLASSES) {
        drawing.bar((at, 72.0), 12.0, 12.0, class);
        drawing.text((at + 18.0, 82.5), "", Anchor::Start, name);
        at += 112.0;
    }
    let bottom = TOP + ROW * count(rows.len());
    for tick in 0..=ticks {
        let value = f64::from(tick) * step;
        let class = if tick == 0 { "axis" } else { "grid" };
        drawing.line((x(value), TOP), (x(value), bottom), class);
        drawing.text((x(value), bottom + 20.0), "faint", Anchor::Middle, &number(value));
    }
    for (place, row) in rows.iter().enumerate() {
        let top = TOP + ROW * count(place) + (ROW - 2.0 * BAR - 3.0) / 2.0;
        drawing.text((LEFT - 12.0, top + BAR - 3.0), "", Anchor::End, in_words(row.0));
        drawing.text(
            (LEFT - 12.0, top + BAR + 14.0),
            "faint",
            Anchor::End,
            &format!("{} people", thousands(&row.1.to_string())),
        );
        for (nth, who) in WHO.into_iter().enumerate() {
            let (value, least, largest) = parts(who, *row);
            let y = top + count(nth) * (BAR + 3.0);
            drawing.bar((LEFT, y), x(value) - LEFT, BAR, CLASSES[nth]);
            drawing.line((x(least), y + BAR / 2.0), (x(largest), y + BAR / 2.0), "spread");
            let label = format!("{} {unit}", number(value));
            drawing.text((x(value.max(largest)) + 8.0, y + BAR - 4.0), "", Anchor::Start, &label);
        }
    }
    drawing
}

/// Time and memory of a plan without change, by the size of the account; both axes are logarithmic.
fn growth(report: &Report) -> Drawing {
    const PANEL: f64 = 300.0;
    let subtitle = "plan without change, both axes logarithmic; dashed: if it grew in step with the account";
    let mut drawing = Drawing::new(WIDTH, 370.0, "How koreconcile grows with the account", subtitle);
    for (place, (what, unit, name)) in
        [("seconds", "s", "wall time, s"), ("peak_mib", "MiB", "peak memory, MiB")].into_iter().enumerate()
    {
        let left = 66.0 + count(place) * (PANEL + 66.0);
        let (top, bottom) = (104.0, 320.0);
        let values = GROWTH.map(|people| report.parts(&format!("plan_noop_{what}_{people}")).0);
        // Room below the first point for what is written there.
        let from = values[0].log10() - 0.4;
        let to = (values[0].log10() + 2.0).max(values[GROWTH.len() - 1].log10()) + 0.2;
        let y = |value: f64| bottom - (value.log10() - from) / (to - from) * (bottom - top);
        let x = |nth: usize| left + 20.0 + count(nth) * (PANEL - 60.0) / 2.0;

        drawing.text((left, 86.0), "", Anchor::Start, name);
        let mut decade = from.ceil();
        while decade <= to {
            let value = 10_f64.powf(decade);
            drawing.line((left, y(value)), (left + PANEL - 20.0, y(value)), "grid");
            drawing.text((left - 8.0, y(value) + 4.0), "faint", Anchor::End, &number(value));
            decade += 1.0;
        }
        drawing.line((left, bottom), (left + PANEL - 20.0, bottom), "axis");
        drawing.curve(&[(x(0), y(values[0])), (x(2), y(values[0] * 100.0))], "guide");
        let points: Vec<(f64, f64)> =
            values.iter().enumerate().map(|(nth, value)| (x(nth), y(*value))).collect();
        drawing.curve(&points, "curve");
        for (nth, people) in GROWTH.into_iter().enumerate() {
            drawing.dot(points[nth], "ours");
            let label = format!("{} {unit}", number(values[nth]));
            let is_last = nth + 1 == GROWTH.len();
            let (anchor, aside, below) =
                if is_last { (Anchor::End, -10.0, -6.0) } else { (Anchor::Start, 9.0, 15.0) };
            drawing.text((points[nth].0 + aside, points[nth].1 + below), "", anchor, &label);
            drawing.text((x(nth), bottom + 20.0), "faint", Anchor::Middle, &thousands(&people.to_string()));
        }
        drawing.text((left + (PANEL - 20.0) / 2.0, bottom + 38.0), "faint", Anchor::Middle, "people");
    }
    drawing
}

/// The step between ticks, and how many of them: 1, 2 or 5 times a power of ten.
fn scale(most: f64) -> (f64, u32) {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| most / step <= 5.0);
    let step = step.unwrap_or(power * 10.0);
    let mut ticks = 1;
    while f64::from(ticks) * step < most {
        ticks += 1;
    }
    (step, ticks)
}

/// Three digits that say something.
fn number(value: f64) -> String {
    let digits = match value {
        0.0 => 0,
        value if value >= 999.5 => return thousands(&format!("{value:.0}")),
        value if value < 1.0 => 2,
        value if value < 10.0 && value.fract() != 0.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    match text.split_once('.') {
        Some((whole, part)) if part.trim_end_matches('0').is_empty() => whole.to_owned(),
        _ => text,
    }
}

/// A whole number below a million.
fn thousands(digits: &str) -> String {
    match digits.len().checked_sub(3) {
        Some(at @ 1..) => format!("{},{}", &digits[..at], &digits[at..]),
        _ => digits.to_owned(),
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a chart has few parts"))
}
