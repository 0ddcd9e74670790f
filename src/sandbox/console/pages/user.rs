//! User Management > Users > one person: profile, groups, roles, sessions, and what is done to one person only.

use super::confirm::{self, Confirmation};
use super::mailbox::UndeliveredMail;
use super::user_settings::{ALTERNATE_ID, PROFILE_FIELDS, UserSettings};
use super::users::{self, ShownState};
use super::{password_reset, user_groups, user_profile, user_roles};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Crumb, Frame, full_name};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::Needs;
use crate::sandbox::console::role_rules;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::session;
use crate::sandbox::console::when::When;
use crate::sandbox::store::mails::{self, MailState};
use crate::sandbox::store::user_list::{self, ListedUser};
use crate::sandbox::store::users::{User, UserState};
use crate::sandbox::store::{apps, audit, sessions, users as people};
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/users/{id}", users::NEEDS, show),
    Route::action("/Admin/users/{id}/sessions/kill", users::NEEDS, kill_session),
    Route::action("/Admin/users/{id}/reset-password", users::NEEDS, reset_password),
    Route::action(TRANSFER, Needs::PrimaryAdmin, transfer_ownership),
];

const TRANSFER: &str = "/Admin/users/{id}/transfer-ownership";
pub(super) const CRUMBS: [Crumb; 2] = [("User Management", None), ("Users", Some("/Admin/users"))];

#[allow(clippy::struct_excessive_bools, reason = "independent parts of one page")]
#[derive(Template)]
#[template(path = "user.html")]
struct UserPage {
    frame: Frame,
    id: String,
    email: String,
    /// What stands for a profile picture, which nobody can upload here.
    initials: String,
    access: &'static str,
    state: ShownState,
    /// Label and value of the profile fields that are filled.
    profile: Vec<(&'static str, String)>,
    data_tables: bool,
    is_primary: bool,
    may_edit: bool,
    groups: user_groups::UserGroupsSection,
    roles: user_roles::UserRolesSection,
    sessions: Vec<OpenSession>,
    may_reset_password: bool,
    /// The latest mail to them, while it has not been delivered.
    undelivered: Option<UndeliveredMail>,
    /// Why the person cannot be deleted.
    objection: Option<&'static str>,
    /// Whether the account can be given to them.
    may_become_owner: bool,
}

struct OpenSession {
    id: String,
    device: String,
    seen: Option<When>,
    is_this_one: bool,
}

/// `Chrome on Linux`: a browser in the words of people; what is not known, as it calls itself.
fn browser_name(device: &str) -> String {
    // The first that is found: each calls itself by the names of those before it, too.
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(sign, _)| device.contains(sign)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) if device.is_empty() => "Unknown browser".to_owned(),
        (None, _) => device.chars().take(60).collect(),
    }
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let ends = [words.first(), words.last().filter(|_| words.len() > 1)];
    let letters = ends.into_iter().flatten().filter_map(|word| word.chars().next());
    letters.flat_map(char::to_uppercase).collect()
}

/// The person of the path, if they are in this account.
pub(super) fn person(admin: &AdminContext<'_>) -> Result<ListedUser, PageError> {
    let id = admin.param("id");
    admin.read(|conn| Ok(user_list::by_id(conn, admin.account.seq, id)?))?.ok_or(PageError::NotFound)
}

/// The page of a person.
pub(super) fn path_of(user: &User) -> String {
    format!("/Admin/users/{}", user.id)
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let listed = person(admin)?;
    let user = &listed.user;
    let name = full_name(&user.first_name, &user.last_name, &user.email);
    let frame = Frame::new(admin, &name, &CRUMBS)?;
    let page = admin.read(|conn| {
        let (fields, data_tables) = people::profile(conn, user.seq)?;
        let settings = UserSettings::load(conn, admin.account.seq)?;
        let profile =
            PROFILE_FIELDS.iter().filter(|(key, _)| settings.shown.iter().any(|shown| shown == key));
        let open = sessions::of_person(conn, &user.email.to_lowercase(), session::idle_since(admin.now))?;
        Ok(UserPage {
            frame,
            id: user.id.clone(),
            email: user.email.clone(),
            initials: initials(&name),
            access: users::access(user),
            profile: profile
                .chain([&ALTERNATE_ID])
                .filter_map(|(key, label)| Some((*label, fields.get(*key)?.as_str()?.to_owned())))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
            data_tables: data_tables == Some(true),
            is_primary: admin.account.primary_admin.eq_ignore_ascii_case(&user.email),
            may_edit: admin.may(user_profile::EDIT),
            groups: user_groups::UserGroupsSection::new(admin, conn, user)?,
            roles: user_roles::UserRolesSection::new(admin, conn, user)?,
            sessions: open
                .into_iter()
                .map(|open| OpenSession {
                    is_this_one: open.digest == admin.session.digest,
                    seen: When::of_ms(open.seen_at_ms),
                    id: open.id,
                    device: browser_name(&open.device),
                })
                .collect(),
            undelivered: mails::newest_to(conn, admin.account.seq, &user.email)?
                .filter(|mail| mail.state != MailState::Sent && !mail.problem.is_empty())
                .map(UndeliveredMail::new),
            may_reset_password: user.state.has_joined() && apps::sso(conn, admin.account.seq)?.is_none(),
            objection: users::objection_to_delete(admin, conn, user)?,
            may_become_owner: admin.may(TRANSFER)
                && user.state == UserState::Active
                && !admin.account.primary_admin.eq_ignore_ascii_case(&user.email),
            state: ShownState::new(&listed),
        })
    })?;
    Reply::page(&page)
}

/// Ends a session at once, with no question asked (3.2).
fn kill_session(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let session = admin.field("session");
    admin.change(|change| {
        role_rules::check_act(admin, change.conn(), &user)?;
        if !sessions::kill(change.conn(), &user.email.to_lowercase(), session)? {
            return Err(PageError::Refused("This session has ended already.".to_owned()));
        }
        change.log(audit::KILL_SESSION, &format!("session {session} of {} killed", user.email))
    })?;
    Ok(Reply::see(&path_of(&user)).saying("The session has ended."))
}

/// Mails a link to set a new password; with single sign-on there is none (3.2).
fn reset_password(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let email = user.email.to_lowercase();
    admin.change(|change| {
        role_rules::check_act(admin, change.conn(), &user)?;
        if apps::sso(change.conn(), admin.account.seq)?.is_some() {
            let why = "Single sign-on is on: passwords are set at the identity provider.";
            return Err(PageError::Refused(why.to_owned()));
        }
        if !user.state.has_joined() {
            let why = format!("{} has not joined yet: invite them again instead.", user.email);
            return Err(PageError::Refused(why));
        }
        password_reset::put_link(admin.inner, change.conn(), admin.account.seq, &email)?;
        change.log(audit::USER_MODIFIED, &format!("password reset mail sent to {}", user.email))
    })?;
    Ok(Reply::see(&path_of(&user)).saying(format!("A link to set a new password is on its way to {email}.")))
}

/// Makes a user the one Primary Admin; the former one stays Master Admin (3.4).
fn transfer_ownership(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let back = path_of(&user);
    if user.state != UserState::Active {
        let why = format!("{} is not active: only active people can own the account.", user.email);
        return Err(PageError::refused_at(&back, why));
    }
    if !confirm::is_given(admin) {
        let text = "The account gets another Primary Admin, the only one. You stay Master Admin, and cannot take \
                    it back yourself. It goes to:";
        let confirmation = Confirmation {
            title: "Transfer Ownership?",
            crumbs: &CRUMBS,
            text: text.to_owned(),
            subjects: vec![user.email],
            yes: "Transfer Ownership",
            back: &back,
        };
        return confirm::confirm_page(admin, confirmation);
    }
    admin.change(|change| {
        change.set_primary_admin(&user.email)?;
        let text =
            format!("ownership of the account transferred from {} to {}", admin.user.email, user.email);
        change.log(audit::USER_MODIFIED, &text)
    })?;
    Ok(Reply::see(&back).saying(format!("{} is the Primary Admin now.", user.email)))
}

#[cfg(test)]
mod tests {
    use super::browser_name;

    #[test]
    fn browsers_are_called_as_people_call_them() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        for (device, name) in [
            (chrome.to_owned(), "Chrome on Linux"),
            (
                format!("{chrome} Edg/140.0.0.0").replace("X11; Linux x86_64", "Windows NT 10.0"),
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.1; rv:140.0) Gecko/20100101 Firefox/140.0"
                    .to_owned(),
                "Firefox on macOS",
            ),
            ("curl/8.5.0".to_owned(), "curl/8.5.0"),
            (String::new(), "Unknown browser"),
        ] {
            assert_eq!(browser_name(&device), name);
        }
    }
}
