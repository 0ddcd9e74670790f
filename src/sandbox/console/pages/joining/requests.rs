//! Enrollment > Requests to join: who asked, and whether they may.

use askama::Template;

use super::{admit, open_domain};
use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{Page, ROWS};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::mail::{self, Letter};
use crate::sandbox::store::audit;
use crate::sandbox::store::join_requests::{self, Request};

/// Who may invite may also let in.
const NEEDS: Needs = Needs::Any(&[Permission::Invite]);
const PATH: &str = "/Admin/enrollment/requests";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, list),
    Route::action("/Admin/enrollment/requests/{id}/accept", NEEDS, accept),
    Route::action("/Admin/enrollment/requests/{id}/reject", NEEDS, reject),
];

#[derive(Template)]
#[template(path = "join_requests.html")]
struct Requests {
    frame: Frame,
    rows: Vec<Row>,
    page: Page,
    /// From where people may ask; `None`: nobody may.
    domain: Option<String>,
    has_settings: bool,
}

struct Row {
    id: String,
    name: String,
    email: String,
    at: Option<When>,
}

fn list(desk: &Desk<'_>) -> Outcome {
    let page = Page::of(desk);
    let (found, total, domain) = desk.read(|conn| {
        let (found, total) = join_requests::waiting(conn, desk.account.seq, page.skip(), ROWS)?;
        Ok((found, total, open_domain(conn, &desk.account)?))
    })?;
    let rows = found.into_iter().map(|request| Row {
        name: full_name(&request.first_name, &request.last_name, &request.email),
        at: When::read(&request.asked_at),
        id: request.id,
        email: request.email,
    });
    Reply::page(&Requests {
        frame: Frame::of(desk, "Requests to join", &[("Enrollment", None)])?,
        rows: rows.collect(),
        page: page.with_total(total),
        domain,
        has_settings: desk.may("/Admin/user-settings"),
    })
}

fn find(desk: &Desk<'_>, conn: &rusqlite::Connection) -> Result<Request, Fault> {
    join_requests::by_id(conn, desk.account.seq, desk.param("id"))?.ok_or(Fault::NotFound)
}

fn answer<'a>(desk: &Desk<'_>, request: &'a Request, answer: &str) -> Letter<'a> {
    let (account, url) = (&desk.account.name, &desk.inner.invites.public_url);
    let text = format!(
        "You asked to join the account {account} of the Kore.ai sandbox.\n\n{answer}\n{url}/sign-in\n"
    );
    Letter { kind: mail::ABOUT_JOINING, to: &request.email, subject: "Your request to join an account", text }
}

fn accept(desk: &Desk<'_>) -> Outcome {
    let email = desk.change(|change| {
        let request = find(desk, change.conn())?;
        admit(change, &request, desk.now)?;
        answer(desk, &request, "You have joined it. Sign in at:").put(
            change.conn(),
            desk.account.seq,
            desk.now,
        )?;
        change.log(audit::ENROLLMENT_ACCEPTED, &format!("request of {} to join accepted", request.email))?;
        Ok(request.email)
    })?;
    Ok(Reply::see(PATH).saying(format!("{email} is in the account now.")))
}

fn reject(desk: &Desk<'_>) -> Outcome {
    let email = desk.change(|change| {
        let request = find(desk, change.conn())?;
        join_requests::settle(change.conn(), &request)?;
        answer(
            desk,
            &request,
            "An administrator has decided against it. You can sign in to other accounts at:",
        )
        .put(change.conn(), desk.account.seq, desk.now)?;
        change.log(audit::ENROLLMENT_REJECTED, &format!("request of {} to join rejected", request.email))?;
        Ok(request.email)
    })?;
    Ok(Reply::see(PATH).saying(format!("The request of {email} is rejected.")))
}
