//! Enrollment > Requests to join: who asked, and whether they may.

use super::{admit, open_domain};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::mail::{self, OutgoingMail};
use crate::sandbox::store::audit;
use crate::sandbox::store::join_requests::{self, JoinRequest};
use askama::Template;

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
struct JoinRequestsPage {
    frame: Frame,
    rows: Vec<JoinRequestRow>,
    page: ListPage,
    /// From where people may ask; `None`: nobody may.
    domain: Option<String>,
    has_settings: bool,
}

struct JoinRequestRow {
    id: String,
    name: String,
    email: String,
    at: Option<When>,
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let page = ListPage::new(admin);
    let (found, total, domain) = admin.read(|conn| {
        let (found, total) = join_requests::waiting(conn, admin.account.seq, page.skip(), ROWS)?;
        Ok((found, total, open_domain(conn, &admin.account)?))
    })?;
    let rows = found.into_iter().map(|request| JoinRequestRow {
        name: full_name(&request.first_name, &request.last_name, &request.email),
        at: When::read(&request.asked_at),
        id: request.id,
        email: request.email,
    });
    Reply::page(&JoinRequestsPage {
        frame: Frame::new(admin, "Requests to join", &[("Enrollment", None)])?,
        rows: rows.collect(),
        page: page.with_total(total),
        domain,
        has_settings: admin.may("/Admin/user-settings"),
    })
}

fn find(admin: &AdminContext<'_>, conn: &rusqlite::Connection) -> Result<JoinRequest, PageError> {
    join_requests::by_id(conn, admin.account.seq, admin.param("id"))?.ok_or(PageError::NotFound)
}

fn answer<'a>(admin: &AdminContext<'_>, request: &'a JoinRequest, answer: &str) -> OutgoingMail<'a> {
    let (account, url) = (&admin.account.name, &admin.inner.invites.public_url);
    let text = format!(
        "You asked to join the account {account} of the Kore.ai sandbox.\n\n{answer}\n{url}/sign-in\n"
    );
    OutgoingMail {
        kind: mail::ABOUT_JOINING,
        to: &request.email,
        subject: "Your request to join an account",
        text,
    }
}

fn accept(admin: &AdminContext<'_>) -> Outcome {
    let email = admin.change(|change| {
        let request = find(admin, change.conn())?;
        admit(change, &request, admin.now)?;
        answer(admin, &request, "You have joined it. Sign in at:").put(
            change.conn(),
            admin.account.seq,
            admin.now,
        )?;
        change.log(audit::ENROLLMENT_ACCEPTED, &format!("request of {} to join accepted", request.email))?;
        Ok(request.email)
    })?;
    Ok(Reply::see(PATH).saying(format!("{email} is in the account now.")))
}

fn reject(admin: &AdminContext<'_>) -> Outcome {
    let email = admin.change(|change| {
        let request = find(admin, change.conn())?;
        join_requests::settle(change.conn(), &request)?;
        answer(
            admin,
            &request,
            "An administrator has decided against it. You can sign in to other accounts at:",
        )
        .put(change.conn(), admin.account.seq, admin.now)?;
        change.log(audit::ENROLLMENT_REJECTED, &format!("request of {} to join rejected", request.email))?;
        Ok(request.email)
    })?;
    Ok(Reply::see(PATH).saying(format!("The request of {email} is rejected.")))
}
