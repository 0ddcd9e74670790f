//! Named figures, each the median of its runs.

use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// All figures of one report, in the order they were taken.
#[derive(Default)]
pub struct Report(Vec<Figure>);

struct Figure {
    name: String,
    unit: &'static str,
    /// Sorted.
    runs: Vec<f64>,
}

impl Figure {
    fn median(&self) -> f64 {
        let middle = self.runs.len() / 2;
        if self.runs.len() % 2 == 1 {
            self.runs[middle]
        } else {
            f64::midpoint(self.runs[middle - 1], self.runs[middle])
        }
    }

    fn parts(&self) -> (f64, f64, f64) {
        (self.median(), self.runs[0], self.runs[self.runs.len() - 1])
    }
}

impl Report {
    /// Adds a figure that was taken several times.
    pub fn add(&mut self, name: impl Into<String>, unit: &'static str, mut runs: Vec<f64>) {
        assert!(!runs.is_empty(), "a figure takes a run");
        runs.sort_by(f64::total_cmp);
        self.0.push(Figure { name: name.into(), unit, runs });
    }

    /// Adds a figure that is counted, not timed.
    pub fn count(&mut self, name: impl Into<String>, unit: &'static str, count: usize) {
        let count = u32::try_from(count).expect("a count of calls is small");
        self.add(name, unit, vec![f64::from(count)]);
    }

    /// The median of a figure, and its least and its largest value.
    #[allow(dead_code, reason = "only the charts of the other bench ask for it")]
    pub fn parts(&self, name: &str) -> (f64, f64, f64) {
        let figure = self.0.iter().find(|figure| figure.name == name);
        figure.unwrap_or_else(|| panic!("no figure is called {name}")).parts()
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let name = "name";
        let _ =
            writeln!(text, "{name:<38} {:>9} {:<8} {:>9} {:>9} {:>4}", "value", "unit", "min", "max", "runs");
        for figure in &self.0 {
            let Figure { name, unit, runs } = figure;
            let (value, min, max) = figure.parts();
            let digits = if runs.iter().all(|run| run.fract() == 0.0) { 0 } else { 3 };
            let _ = writeln!(
                text,
                "{name:<38} {value:>9.digits$} {unit:<8} {min:>9.digits$} {max:>9.digits$} {:>4}",
                runs.len()
            );
        }
        text
    }

    /// For machines.
    pub fn write(&self, path: &Path) {
        let rows: Vec<Value> = self
            .0
            .iter()
            .map(|figure| {
                let Figure { name, unit, runs } = figure;
                let (value, min, max) = figure.parts();
                json!({ "name": name, "value": value, "unit": unit, "min": min, "max": max, "runs": runs.len() })
            })
            .collect();
        let folder = path.parent().expect("the report is in a folder");
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(path, serde_json::to_string_pretty(&rows).unwrap() + "\n").unwrap();
    }
}
