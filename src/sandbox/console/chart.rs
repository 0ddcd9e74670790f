//! Charts, drawn on the server: bars over time as SVG, with the same figures as a table for whoever cannot see them.

/// Height and width of a bar's place in the drawing, which is stretched to the page.
const HEIGHT: u64 = 100;
const STEP: usize = 10;

/// A bar chart.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What is counted, as a column's head.
    pub(super) unit: &'static str,
    pub(super) bars: Vec<Bar>,
    /// The value at the upper edge.
    pub(super) top: u64,
    /// What the values come to, in words.
    pub(super) sum: String,
    pub(super) width: usize,
}

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) value: u64,
    pub(super) x: usize,
    pub(super) y: u64,
    pub(super) height: u64,
}

impl Chart {
    pub(super) fn new(
        id: &'static str,
        title: &'static str,
        unit: &'static str,
        values: Vec<(String, u64)>,
    ) -> Self {
        let top = round_up(values.iter().map(|(_, value)| *value).max().unwrap_or(0));
        let total: u64 = values.iter().map(|(_, value)| value).sum();
        let width = values.len() * STEP;
        let bars = values.into_iter().enumerate().map(|(index, (label, value))| {
            let height = (value * HEIGHT).div_ceil(top);
            Bar { label, value, x: index * STEP + 1, y: HEIGHT - height, height }
        });
        Self { id, title, unit, bars: bars.collect(), top, sum: format!("{} in all", grouped(total)), width }
    }

    /// For values that must not be added up, because the same people are in several of them.
    pub(super) fn of_people(self, part: &str) -> Self {
        let most = self.bars.iter().map(|bar| bar.value).max().unwrap_or(0);
        Self { sum: format!("at most {} in {part}", grouped(most)), ..self }
    }

    /// Where the time begins.
    pub(super) fn first(&self) -> &str {
        self.bars.first().map_or("", |bar| &bar.label)
    }

    /// Half-way.
    pub(super) fn middle(&self) -> &str {
        self.bars.get(self.bars.len() / 2).map_or("", |bar| &bar.label)
    }

    /// Where it ends.
    pub(super) fn last(&self) -> &str {
        self.bars.last().map_or("", |bar| &bar.label)
    }
}

/// `12,345`: as people read numbers.
pub(super) fn grouped(value: impl std::fmt::Display) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The next of 2, 4, 6, 8, 10, 20, 30, 40, 50, 60, 80, 100, 200, ...: half of it is a whole number, and little is empty.
fn round_up(value: u64) -> u64 {
    let mut step = 10;
    if let Some(small) = [2, 4, 6, 8].into_iter().find(|small| *small >= value) {
        return small;
    }
    loop {
        for factor in [1, 2, 3, 4, 5, 6, 8] {
            if step * factor >= value {
                return step * factor;
            }
        }
        step *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_comma_before_every_three_digits() {
        let numbers = [0_u64, 999, 1000, 54_321, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "54,321", "1,234,567"]);
    }

    #[test]
    fn bars_stand_on_the_ground_and_reach_their_value() {
        let chart = Chart::new("c", "Title", "things", vec![("a".to_owned(), 0), ("b".to_owned(), 150)]);
        assert_eq!((chart.top, chart.sum.as_str(), chart.width), (200, "150 in all", 20));
        let shapes: Vec<_> = chart.bars.iter().map(|bar| (bar.x, bar.y, bar.height)).collect();
        assert_eq!(shapes, [(1, 100, 0), (11, 25, 75)]);
        assert_eq!((chart.first(), chart.middle(), chart.last()), ("a", "b", "b"));
        assert_eq!([0, 1, 3, 10, 11, 25, 70, 81, 501].map(round_up), [2, 2, 4, 10, 20, 30, 80, 100, 600]);
    }
}
