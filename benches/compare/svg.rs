//! A drawing as SVG text: shapes with classes, colours for light and for dark pages, nothing from elsewhere.

use std::fmt::Write as _;
use std::path::Path;

const STYLE: &str = "\
text { font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; font-size: 13px; fill: #374151 }
.title { font-size: 16px; font-weight: 600; fill: #111827 }
.faint { fill: #6b7280; font-size: 12px }
.page { fill: #ffffff; stroke: #e5e7eb }
.grid { stroke: #e5e7eb; stroke-width: 1 }
.axis { stroke: #9ca3af; stroke-width: 1 }
.spread { stroke: #111827; stroke-width: 1.5 }
.ours { fill: #2563eb }
.theirs { fill: #d9a13b }
.curve { stroke: #2563eb; stroke-width: 2.5; fill: none; stroke-linejoin: round }
.guide { stroke: #9ca3af; stroke-width: 1.5; stroke-dasharray: 5 4; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #d1d5db } .title { fill: #f9fafb } .faint { fill: #9ca3af }
.page { fill: #0d1117; stroke: #30363d } .grid { stroke: #21262d } .axis { stroke: #6b7280 }
.spread { stroke: #f9fafb } .ours { fill: #60a5fa } .theirs { fill: #e3b341 } .curve { stroke: #60a5fa } .guide { stroke: #6b7280 }
}";

/// Where a text stands relative to its point.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

pub struct Drawing {
    width: f64,
    height: f64,
    title: &'static str,
    body: String,
}

impl Drawing {
    /// A page with a title, and a fainter line below it.
    pub fn new(width: f64, height: f64, title: &'static str, subtitle: &str) -> Self {
        let mut drawing = Self { width, height, title, body: String::new() };
        drawing.text((24.0, 34.0), "title", Anchor::Start, title);
        drawing.text((24.0, 54.0), "faint", Anchor::Start, subtitle);
        drawing
    }

    pub fn text(&mut self, (x, y): (f64, f64), class: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.body,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    pub fn bar(&mut self, (x, y): (f64, f64), width: f64, height: f64, class: &str) {
        let _ = writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"/>"
        );
    }

    pub fn line(&mut self, (x, y): (f64, f64), (to_x, to_y): (f64, f64), class: &str) {
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\"/>"
        );
    }

    pub fn curve(&mut self, points: &[(f64, f64)], class: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(self.body, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }

    pub fn dot(&mut self, (x, y): (f64, f64), class: &str) {
        let _ = writeln!(self.body, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>");
    }

    pub fn write(&self, path: &Path) {
        let Self { width, height, title, body } = self;
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>\n{STYLE}\n</style>\n\
             <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n{body}</svg>\n",
            width - 1.0,
            height - 1.0
        );
        std::fs::create_dir_all(path.parent().expect("a chart is in a folder")).unwrap();
        std::fs::write(path, text).unwrap();
    }
}
