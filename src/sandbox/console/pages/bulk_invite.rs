//! Enrollment > Bulk Invite: a text file of addresses, one a line or with commas between them.

use super::bulk_report::{Report, Summary};
use super::invite::{NEEDS, invite};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::mail;
use crate::sandbox::store::audit;
use crate::sandbox::store::bulk_runs::{self, BulkRunKind, Line};
use askama::Template;

const PATH: &str = "/Admin/enrollment/bulk-invite";
/// How many addresses one file may hold.
const MOST: usize = 5_000;
/// How many runs the history lists.
const HISTORY: usize = 50;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, show),
    Route::action(PATH, NEEDS, run),
    Route::page("/Admin/enrollment/bulk-invite/{run}", NEEDS, report),
];

#[derive(Template)]
#[template(path = "bulk_invite.html")]
struct BulkInvite {
    frame: Frame,
    runs: Vec<Summary>,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let runs = admin
        .read(|conn| Ok(bulk_runs::newest(conn, admin.account.seq, BulkRunKind::BulkInvite, HISTORY)?))?;
    let frame = Frame::new(admin, "Bulk Invite", &[("Enrollment", None)])?;
    Reply::page(&BulkInvite { frame, runs: runs.into_iter().map(Summary::new).collect() })
}

fn run(admin: &AdminContext<'_>) -> Outcome {
    let refused = |why: &str| Err(PageError::Refused(why.to_owned()));
    let Some(file) = admin.incoming.upload.as_ref() else { return refused("Choose a .txt file first.") };
    if !file.name.to_lowercase().ends_with(".txt") {
        return refused("The file has to be a .txt file, with one address a line or commas between them.");
    }
    let Ok(text) = std::str::from_utf8(&file.content) else {
        return refused("The file is not text in UTF-8.");
    };
    let addresses: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .flat_map(|(index, line)| line.split(',').map(move |address| (index + 1, address.trim())))
        .filter(|(_, address)| !address.is_empty())
        .collect();
    if addresses.is_empty() || addresses.len() > MOST {
        return refused(&format!("The file holds {} addresses; it may hold 1 to {MOST}.", addresses.len()));
    }
    let id = admin.change(|change| {
        let mut lines = Vec::with_capacity(addresses.len());
        for (number, address) in addresses {
            let (result, is_done) = if !mail::is_address(address) {
                ("not an e-mail address: ignored", false)
            } else if invite(admin, change, address)? {
                ("invited", true)
            } else {
                ("has joined already: not mailed", false)
            };
            let subject = address.chars().take(254).collect();
            lines.push(Line { number, subject, result: result.to_owned(), is_done });
        }
        change.log(audit::USER_MODIFIED, &format!("bulk invite from the file {}", file.name))?;
        let (account, actor) = (admin.account.seq, admin.user.email.as_str());
        Ok(bulk_runs::insert(
            change.conn(),
            account,
            BulkRunKind::BulkInvite,
            &file.name,
            actor,
            admin.now,
            &lines,
        )?)
    })?;
    Ok(Reply::see(&format!("{PATH}/{id}")).saying("The file has been read."))
}

fn report(admin: &AdminContext<'_>) -> Outcome {
    let id = admin.param("run");
    let run =
        admin.read(|conn| Ok(bulk_runs::by_id(conn, admin.account.seq, BulkRunKind::BulkInvite, id)?))?;
    let run = run.ok_or(PageError::NotFound)?;
    let crumbs = [("Enrollment", None), ("Bulk Invite", Some(PATH))];
    let frame = Frame::new(admin, "Report on File Based Bulk User Invite", &crumbs)?;
    Reply::page(&Report::new(admin, frame, run))
}
