//! Analytics > Audit Report: the audit log with filters, on a page and as a file.

use super::csv;
use crate::sandbox::clock;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::audit;
use crate::sandbox::store::audit_report::{self, AuditFilter};
use askama::Template;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const NEEDS: Needs = Needs::Any(&[Permission::AuditReports]);
const PATH: &str = "/Admin/analytics/audit";

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page(PATH, NEEDS, show), Route::page("/Admin/analytics/audit.csv", NEEDS, export)];

/// Rows of a file.
const EXPORT_MAX: usize = 50_000;

const PERIODS: [(&str, &str); 3] = [("24h", "Past 24 hours"), ("7d", "Past 7 days"), ("custom", "Custom")];

#[derive(Template)]
#[template(path = "audit_report.html")]
struct AuditReport {
    frame: Frame,
    periods: Vec<(&'static str, &'static str, bool)>,
    from: String,
    to: String,
    problem: Option<&'static str>,
    filter: AuditFilter,
    /// Name, whether it is chosen.
    categories: Vec<(&'static str, bool)>,
    events: Vec<(&'static str, bool)>,
    rows: Vec<ReportRow>,
    page: ListPage,
    export: String,
}

struct ReportRow {
    name: String,
    email: String,
    at: Option<When>,
    event: String,
    description: String,
}

impl ReportRow {
    fn new(row: audit_report::AuditRow) -> Self {
        let description = without_time(&row.description, row.at_ms);
        let (name, email) = actor(row.actor, row.name, row.app, row.app_name);
        Self { name, email, at: When::of_ms(row.at_ms), event: row.event, description }
    }
}

/// Name and address of whoever did it: of a user, or of an app its name and client id.
fn actor(email: String, name: String, app: String, app_name: String) -> (String, String) {
    if !email.is_empty() {
        (name, email)
    } else if app.is_empty() {
        ("System".to_owned(), String::new())
    } else {
        (if app_name.is_empty() { "Deleted app".to_owned() } else { format!("App {app_name}") }, app)
    }
}

/// A sign-in repeats its time in its description; on the page that is in a column of its own.
fn without_time(description: &str, at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    description.replacen(&format!(" at {}", clock::wire(at)), "", 1)
}

/// The filter in the query, and what is wrong with it; a custom period that cannot be read is the default one.
fn filter(admin: &AdminContext<'_>) -> (AuditFilter, Option<&'static str>) {
    let ago = |hours| admin.now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN);
    let (since, until, problem) = match admin.query("period") {
        "7d" => (ago(7 * 24), admin.now, None),
        "custom" => match (day(admin.query("from")), day(admin.query("to"))) {
            (Some(from), Some(to)) if from <= to => {
                (from, clock::after(to, SignedDuration::from_hours(24)), None)
            }
            _ => (ago(24), admin.now, Some("Choose both days of the custom period, the earlier one first.")),
        },
        _ => (ago(24), admin.now, None),
    };
    let filter = AuditFilter {
        between: (since.as_millisecond(), until.as_millisecond()),
        actor: admin.query("user").to_owned(),
        category: admin.query("category").to_owned(),
        event: admin.query("event").to_owned(),
        text: admin.query("text").to_owned(),
    };
    (filter, problem)
}

/// The beginning of a day.
fn day(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let (filter, problem) = filter(admin);
    let page = ListPage::new(admin);
    let (rows, total) =
        admin.read(|conn| Ok(audit_report::page(conn, admin.account.seq, &filter, page.skip(), ROWS)?))?;
    let period = admin.query("period");
    let is_chosen =
        |word: &str| word == period || (word == "24h" && !PERIODS.iter().any(|(own, _)| *own == period));
    let mut categories: Vec<&str> = audit::EVENTS.iter().map(|event| event.category).collect();
    categories.sort_unstable();
    categories.dedup();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(admin.incoming.query.0.iter().filter(|(name, _)| name != "page"));
    Reply::page(&AuditReport {
        frame: Frame::new(admin, "Audit Report", &[("Analytics", None)])?,
        periods: PERIODS.iter().map(|(word, label)| (*word, *label, is_chosen(word))).collect(),
        from: admin.query("from").to_owned(),
        to: admin.query("to").to_owned(),
        problem,
        categories: categories.into_iter().map(|name| (name, name == filter.category)).collect(),
        events: audit::EVENTS.iter().map(|event| (event.name, event.name == filter.event)).collect(),
        filter,
        rows: rows.into_iter().map(ReportRow::new).collect(),
        page: page.with_total(total),
        export: format!("/Admin/analytics/audit.csv?{}", query.finish()),
    })
}

fn export(admin: &AdminContext<'_>) -> Outcome {
    let (filter, _) = filter(admin);
    let (rows, _) =
        admin.read(|conn| Ok(audit_report::page(conn, admin.account.seq, &filter, 0, EXPORT_MAX)?))?;
    let head = ["User Name", "User Email", "Date/Time", "Category", "Event", "Description"];
    let lines = rows.into_iter().map(|row| {
        let at = When::of_ms(row.at_ms).map(|at| at.machine).unwrap_or_default();
        let (name, email) = actor(row.actor, row.name, row.app, row.app_name);
        vec![name, email, at, row.category, row.event, row.description]
    });
    csv::attached("audit.csv", &head, lines)
}
