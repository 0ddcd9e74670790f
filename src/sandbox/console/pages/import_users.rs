//! Enrollment > Import: people from a file, to add, change, remove or activate.

use super::bulk_report::{Report, Summary};
use super::import_file::{self, ImportRow, Status};
use super::invite::invite;
use super::users::objection_to_delete;
use crate::sandbox::UserState;
use crate::sandbox::console::admin_context::{AdminContext, Change};
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::role_rules;
use crate::sandbox::console::route::Route;
use crate::sandbox::mail::{self, OutgoingMail};
use crate::sandbox::store::audit;
use crate::sandbox::store::bulk_runs::{self, BulkRunKind, Line};
use crate::sandbox::store::users::{self, User};
use askama::Template;
use serde_json::{Map, Value};

const NEEDS: Needs = Needs::Any(&[Permission::ImportUsers]);
const PATH: &str = "/Admin/enrollment/import";
/// How many runs the history lists.
const HISTORY: usize = 50;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, show),
    Route::action(PATH, NEEDS, run),
    Route::page("/Admin/enrollment/import/{run}", NEEDS, report),
];

#[derive(Template)]
#[template(path = "import_users.html")]
struct Import {
    frame: Frame,
    runs: Vec<Summary>,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let runs =
        admin.read(|conn| Ok(bulk_runs::newest(conn, admin.account.seq, BulkRunKind::Import, HISTORY)?))?;
    let frame = Frame::new(admin, "Import", &[("Enrollment", None)])?;
    Reply::page(&Import { frame, runs: runs.into_iter().map(Summary::new).collect() })
}

fn run(admin: &AdminContext<'_>) -> Outcome {
    let refused = |why: &str| Err(PageError::Refused(why.to_owned()));
    let Some(file) = admin.incoming.upload.as_ref() else {
        return refused("Choose a .txt or .csv file first.");
    };
    let name = file.name.to_lowercase();
    if ![".txt", ".csv"].iter().any(|ending| name.ends_with(ending)) {
        return refused("The file has to be a .txt or .csv file, with a header in its first row.");
    }
    let Ok(text) = std::str::from_utf8(&file.content) else {
        return refused("The file is not text in UTF-8.");
    };
    let rows = import_file::read(text).map_err(PageError::Refused)?;
    let id = admin.change(|change| {
        let mut lines = Vec::with_capacity(rows.len());
        for row in &rows {
            let (result, is_done) = match import(admin, change, row)? {
                Ok(done) => (done.to_owned(), true),
                Err(why) => (why, false),
            };
            lines.push(Line { number: row.line, subject: row.email.clone(), result, is_done });
        }
        change.log(audit::USER_MODIFIED, &format!("users imported from the file {}", file.name))?;
        let (account, actor) = (admin.account.seq, admin.user.email.as_str());
        Ok(bulk_runs::insert(
            change.conn(),
            account,
            BulkRunKind::Import,
            &file.name,
            actor,
            admin.now,
            &lines,
        )?)
    })?;
    Ok(Reply::see(&format!("{PATH}/{id}")).saying("The file has been read."))
}

/// What was done with a row, or why nothing was.
type Done = Result<&'static str, String>;

fn import(admin: &AdminContext<'_>, change: &Change<'_>, row: &ImportRow) -> Result<Done, PageError> {
    if !mail::is_address(&row.email) {
        return Ok(Err("not an e-mail address: ignored".to_owned()));
    }
    let status = match &row.status {
        Ok(status) => *status,
        Err(why) => return Ok(Err(why.clone())),
    };
    let found = users::by_email(change.conn(), admin.account.seq, &row.email, false)?;
    match (status, found) {
        (Status::New, Some(_)) => Ok(Err("is in the account already: nothing done".to_owned())),
        (Status::New, None) => add(admin, change, row),
        (_, None) => Ok(Err("is not in the account: nothing done".to_owned())),
        (Status::Update | Status::Activate | Status::Delete, Some(user))
            if role_rules::objection_to_act(admin, change.conn(), &user)?.is_some() =>
        {
            Ok(Err("is a Master Admin, on whom only Master Admins act: nothing done".to_owned()))
        }
        (Status::Update, Some(user)) => {
            write(change, &user, row)?;
            change.log(audit::USER_MODIFIED, &format!("user {} updated by import", user.email))?;
            Ok(Ok("updated"))
        }
        (Status::Delete, Some(user)) => delete(admin, change, &user),
        (Status::Activate, Some(user)) => activate(admin, change, &user),
    }
}

fn add(admin: &AdminContext<'_>, change: &Change<'_>, row: &ImportRow) -> Result<Done, PageError> {
    invite(admin, change, &row.email)?;
    let user = users::by_email(change.conn(), admin.account.seq, &row.email, false)?;
    write(change, &user.ok_or_else(|| PageError::broken(&"a user just added is gone"))?, row)?;
    Ok(Ok("invited"))
}

fn write(change: &Change<'_>, user: &User, row: &ImportRow) -> Result<(), PageError> {
    let profile: Map<String, Value> =
        row.profile.iter().map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str()))).collect();
    Ok(users::set_names(change.conn(), user.seq, Some(&row.first), Some(&row.last), &profile)?)
}

fn delete(admin: &AdminContext<'_>, change: &Change<'_>, user: &User) -> Result<Done, PageError> {
    if let Some(objection) = objection_to_delete(admin, change.conn(), user)? {
        return Ok(Err(format!("{objection} Not deleted.")));
    }
    users::delete(change.conn(), user.seq)?;
    change.log(audit::USER_DELETED, &format!("user {} deleted by import", user.email))?;
    Ok(Ok("deleted"))
}

fn activate(admin: &AdminContext<'_>, change: &Change<'_>, user: &User) -> Result<Done, PageError> {
    match user.state {
        UserState::Active => return Ok(Err("is active already: nothing done".to_owned())),
        UserState::NotActive => return Ok(Err("has not joined yet: nothing done".to_owned())),
        UserState::Suspended | UserState::Locked => {}
    }
    change.set_state(&user.email, UserState::Active)?;
    change.log(audit::USER_MODIFIED, &format!("user {} activated by import", user.email))?;
    let mail = OutgoingMail {
        kind: mail::ACCOUNT_ACTIVATED,
        to: &user.email,
        subject: "Your account is active again",
        text: format!(
            "An administrator of {} has activated your account. Sign in at {}/sign-in.\n",
            admin.account.name, admin.inner.invites.public_url
        ),
    };
    mail.put(change.conn(), admin.account.seq, admin.now)?;
    Ok(Ok("activated"))
}

fn report(admin: &AdminContext<'_>) -> Outcome {
    let id = admin.param("run");
    let run = admin.read(|conn| Ok(bulk_runs::by_id(conn, admin.account.seq, BulkRunKind::Import, id)?))?;
    let run = run.ok_or(PageError::NotFound)?;
    let crumbs = [("Enrollment", None), ("Import", Some(PATH))];
    let frame = Frame::new(admin, "Report On File Import", &crumbs)?;
    Reply::page(&Report::new(admin, frame, run))
}
