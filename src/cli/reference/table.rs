//! A Markdown table whose cells may hold anything.

/// Rows under a heading; columns that are empty in every row are left out.
pub(super) struct Table<const COLUMNS: usize> {
    heading: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(heading: [&'static str; COLUMNS]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    /// The table with an empty line behind it; nothing where there are no rows.
    pub(super) fn markdown(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let shown: Vec<usize> =
            (0..COLUMNS).filter(|at| self.rows.iter().any(|row| !row[*at].is_empty())).collect();
        let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(shown.iter().map(|at| self.heading[*at]).collect());
        text += &line(shown.iter().map(|_| "---").collect());
        for row in &self.rows {
            text += &line(shown.iter().map(|at| row[*at].as_str()).collect());
        }
        text + "\n"
    }
}

/// Running text for a cell: one line, and no bar ends it.
pub(super) fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('<', "&lt;").replace('\n', "<br>")
}

/// Something to be typed.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}
