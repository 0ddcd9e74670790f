//! Enrollment > Invite: up to five addresses at a time, each with a mail of its own.

use super::mailbox::UndeliveredMail;
use super::user_settings::UserSettings;
use crate::sandbox::console::admin_context::{AdminContext, Change};
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::pages::counted;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::mail;
use crate::sandbox::store::{audit, mails, users};
use crate::sandbox::{NewUser, UserState};
use askama::Template;

pub(super) const NEEDS: Needs = Needs::Any(&[Permission::Invite]);
/// So many addresses at a time (3.2).
const MOST: usize = 5;
/// How many mails that were not delivered are listed.
const UNDELIVERED: usize = 20;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/enrollment/invite", NEEDS, show),
    Route::action("/Admin/enrollment/invite", NEEDS, send),
];

#[derive(Template)]
#[template(path = "invite.html")]
struct Invite {
    frame: Frame,
    boxes: Vec<AddressField>,
    problems: Vec<String>,
    /// The latest mails of the account that have not been delivered.
    undelivered: Vec<UndeliveredMail>,
    lists_people: bool,
    shows_mailbox: bool,
}

struct AddressField {
    number: usize,
    text: String,
    is_wrong: bool,
}

fn page(admin: &AdminContext<'_>, typed: &[&str], problems: Vec<String>) -> Result<Invite, PageError> {
    // What was typed stays, though it is too much.
    let boxes = (0..typed.len().max(MOST)).map(|index| {
        let text = typed.get(index).copied().unwrap_or_default();
        AddressField {
            number: index + 1,
            text: text.to_owned(),
            is_wrong: !text.is_empty() && !mail::is_address(text),
        }
    });
    let frame = Frame::new(admin, "Invite", &[("Enrollment", None)])?;
    let undelivered = admin.read(|conn| Ok(mails::undelivered(conn, admin.account.seq, UNDELIVERED)?))?;
    let undelivered = undelivered.into_iter().map(UndeliveredMail::new).collect();
    Ok(Invite {
        frame,
        boxes: boxes.collect(),
        problems,
        undelivered,
        lists_people: admin.may("/Admin/users"),
        shows_mailbox: admin.is_local() && admin.inner.options.mail == crate::sandbox::Mail::Files,
    })
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    Reply::page(&page(admin, &[], Vec::new())?)
}

/// The addresses in the fields, each once. A list that is pasted into one field is a list all the same, with the names
/// that a mail program puts in front of them, too.
fn typed<'a>(fields: &[&'a str]) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for field in fields {
        let mut is_quoted = false;
        let ends = |c: char| {
            is_quoted ^= c == '"';
            !is_quoted && matches!(c, ',' | ';' | '\n')
        };
        for part in field.split(ends) {
            let named = part.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
            let words = named.map_or(part, |(address, _)| address).split_whitespace();
            for one in words {
                if !all.iter().any(|known| known.eq_ignore_ascii_case(one)) {
                    all.push(one);
                }
            }
        }
    }
    all
}

fn send(admin: &AdminContext<'_>) -> Outcome {
    let typed = typed(&admin.fields("email"));
    let addresses = typed.clone();
    let wrong = addresses.iter().filter(|address| !mail::is_address(address));
    let mut problems: Vec<String> =
        wrong.map(|address| format!("{address} is not an e-mail address.")).collect();
    if addresses.is_empty() {
        problems.push("Type at least one e-mail address.".to_owned());
    }
    if addresses.len() > MOST {
        problems.push(format!(
            "{} addresses: up to {MOST} can be invited at a time, and any number by a file under Bulk Invite.",
            addresses.len()
        ));
    }
    if !problems.is_empty() {
        return Reply::invalid(&page(admin, &typed, problems)?);
    }
    let invited = admin.change(|change| {
        let mut invited = 0;
        for address in &addresses {
            invited += usize::from(invite(admin, change, address)?);
        }
        if invited == 0 {
            return Err(PageError::Refused(
                "Everybody of these has joined already: no invitation was sent.".to_owned(),
            ));
        }
        Ok(invited)
    })?;
    let already = match addresses.len() - invited {
        0 => String::new(),
        1 => " 1 person has joined already and got none.".to_owned(),
        more => format!(" {more} people have joined already and got none."),
    };
    let sent = counted(invited, "invitation", "invitations");
    // A server takes its time, and may refuse.
    let done = if admin.inner.post.is_slow() { "queued" } else { "sent" };
    Ok(Reply::see("/Admin/enrollment/invite").saying(format!("{sent} {done}.{already}")))
}

/// Invites one address, again if it has been before; returns whether there was anybody to invite. Who is invited can
/// use bots at first and not build any, unless User Settings say otherwise.
pub(super) fn invite(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    address: &str,
) -> Result<bool, PageError> {
    let find = || users::by_email(change.conn(), admin.account.seq, address, false);
    let user = match find()? {
        Some(user) if user.state.has_joined() => return Ok(false),
        Some(user) => {
            change.log(audit::USER_MODIFIED, &format!("user {} invited again", user.email))?;
            user
        }
        None => {
            let starts_with = UserSettings::load(change.conn(), admin.account.seq)?;
            change.add_user(&NewUser { state: UserState::NotActive, ..starts_with.newcomer(address) })?;
            change.log(audit::USER_CREATED, &format!("user {address} invited"))?;
            find()?.ok_or_else(|| PageError::broken(&"a user just added is gone"))?
        }
    };
    admin.inner.invites.invite(change.conn(), admin.account.seq, user.seq, &user.email, admin.now)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lists_are_split_and_nobody_is_in_them_twice() {
        let fields = [
            "Kim Lee <kim@example.com>, \"Doe, J\" <doe@example.com>",
            " a@example.com b@example.com",
            "A@example.com",
        ];
        let found = typed(&fields);
        assert_eq!(found, ["kim@example.com", "doe@example.com", "a@example.com", "b@example.com"]);
        assert_eq!(typed(&["x@example.com;y@example.com\nz@example.com", ""]).len(), 3);
    }
}
