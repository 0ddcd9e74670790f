//! What became of a file of people, line by line: the report that Bulk Invite and Import share.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::when::When;
use crate::sandbox::store::bulk_runs::{Line, Run};
use askama::Template;

/// A run in the history.
pub(super) struct Summary {
    pub(super) id: String,
    pub(super) file: String,
    pub(super) actor: String,
    pub(super) at: Option<When>,
    pub(super) done: usize,
    pub(super) total: usize,
}

impl Summary {
    pub(super) fn new(run: Run) -> Self {
        let Run { id, file, actor, at_ms, lines } = run;
        let done = lines.iter().filter(|line| line.is_done).count();
        Self { id, file, actor, at: When::of_ms(at_ms), done, total: lines.len() }
    }
}

/// One run, a page of its lines at a time.
#[derive(Template)]
#[template(path = "bulk_report.html")]
pub(super) struct Report {
    frame: Frame,
    lines: Vec<Line>,
    page: ListPage,
    summary: Summary,
}

impl Report {
    pub(super) fn new(admin: &AdminContext<'_>, frame: Frame, run: Run) -> Self {
        let page = ListPage::new(admin).with_total(run.lines.len());
        let lines = run.lines.iter().skip(page.skip()).take(ROWS).cloned().collect();
        Self { frame, lines, page, summary: Summary::new(run) }
    }
}
