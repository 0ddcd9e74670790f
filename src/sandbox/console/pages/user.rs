//! User Management > Users > one person: profile, roles, sessions.

use askama::Template;

use super::users::{self, Shown};
use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::rights::Needs;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::session;
use crate::sandbox::console::when::When;
use crate::sandbox::store::user_list::{self, Listed};
use crate::sandbox::store::users::UserState;
use crate::sandbox::store::{audit, bindings, sessions};

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/users/{id}", users::NEEDS, show),
    Route::action("/Admin/users/{id}/sessions/kill", users::NEEDS, kill_session),
    Route::action(TRANSFER, Needs::PrimaryAdmin, transfer_ownership),
];

const TRANSFER: &str = "/Admin/users/{id}/transfer-ownership";

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage {
    frame: Frame,
    id: String,
    email: String,
    access: &'static str,
    state: Shown,
    roles: Vec<HeldRole>,
    sessions: Vec<OpenSession>,
    /// Whether the account can be given to them.
    may_become_owner: bool,
}

struct HeldRole {
    name: String,
    bot: Option<String>,
    group: Option<String>,
}

struct OpenSession {
    id: String,
    device: String,
    seen: Option<When>,
    is_this_one: bool,
}

/// The person of the path, if they are in this account.
fn person(desk: &Desk<'_>) -> Result<Listed, Fault> {
    let id = desk.param("id");
    desk.read(|conn| Ok(user_list::by_id(conn, desk.account.seq, id)?))?.ok_or(Fault::NotFound)
}

fn show(desk: &Desk<'_>) -> Outcome {
    let listed = person(desk)?;
    let user = &listed.user;
    let lower = user.email.to_lowercase();
    let since = session::idle_since(desk.now);
    let (held, open) = desk.read(|conn| {
        Ok((bindings::holdings(conn, &[user.seq])?, sessions::of_person(conn, &lower, since)?))
    })?;
    let name = full_name(&user.first_name, &user.last_name, &user.email);
    let crumbs = [("User Management", None), ("Users", Some("/Admin/users"))];
    Reply::page(&UserPage {
        frame: Frame::of(desk, &name, &crumbs)?,
        id: user.id.clone(),
        email: user.email.clone(),
        access: users::access(user),
        may_become_owner: desk.may(TRANSFER)
            && user.state == UserState::Active
            && !desk.account.primary_admin.eq_ignore_ascii_case(&user.email),
        state: Shown::of(&listed),
        roles: held
            .into_iter()
            .map(|held| HeldRole {
                name: held.role_name,
                bot: held.bot.map(|(_, name)| name),
                group: held.group,
            })
            .collect(),
        sessions: open
            .into_iter()
            .map(|open| OpenSession {
                is_this_one: open.digest == desk.session.digest,
                seen: When::of_ms(open.seen_at_ms),
                id: open.id,
                device: open.device,
            })
            .collect(),
    })
}

/// Ends a session at once, with no question asked (3.2).
fn kill_session(desk: &Desk<'_>) -> Outcome {
    let user = person(desk)?.user;
    let session = desk.field("session");
    desk.change(|change| {
        if !sessions::kill(change.conn(), &user.email.to_lowercase(), session)? {
            return Err(Fault::Refused("This session has ended already.".to_owned()));
        }
        change.log(audit::KILL_SESSION, &format!("session {session} of {} killed", user.email))
    })?;
    Ok(Reply::see(&format!("/Admin/users/{}", user.id)).saying("The session has ended."))
}

/// Makes somebody the one Primary Admin; whoever was it stays Master Admin (3.4).
fn transfer_ownership(desk: &Desk<'_>) -> Outcome {
    let user = person(desk)?.user;
    if user.state != UserState::Active {
        return Err(Fault::Refused(format!(
            "{} is not active: only active people can own the account.",
            user.email
        )));
    }
    desk.change(|change| {
        change.set_primary_admin(&user.email)?;
        let text = format!("ownership of the account transferred from {} to {}", desk.user.email, user.email);
        change.log(audit::USER_MODIFIED, &text)
    })?;
    Ok(Reply::see(&format!("/Admin/users/{}", user.id))
        .saying(format!("{} is the Primary Admin now.", user.email)))
}
