//! User Management > Users: who is in the account, and what is done to several of them at once.

use super::confirm::{self, Confirmation};
use crate::sandbox::console::admin_context::{AdminContext, Change};
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{ListPage, ROWS, Search};
use crate::sandbox::console::pages::counted;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::role_rules;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::audit;
use crate::sandbox::store::user_list::{self, ListedUser, UserFilter};
use crate::sandbox::store::users::{self, User, UserState};
use askama::Template;
use rusqlite::Connection;

const PATH: &str = "/Admin/users";

pub(super) const NEEDS: Needs = Needs::Any(&[Permission::ManageUsers]);

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page(PATH, NEEDS, list), Route::action("/Admin/users/apply", NEEDS, apply)];

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    frame: Frame,
    search: Search,
    state: String,
    people: Vec<UserRow>,
    page: ListPage,
}

struct UserRow {
    id: String,
    name: String,
    email: String,
    is_administrator: bool,
    is_primary: bool,
    access: &'static str,
    state: ShownState,
}

/// A state as people see it: the console's word, a colour, and what the hover says.
pub(super) struct ShownState {
    pub(super) word: &'static str,
    pub(super) tone: &'static str,
    pub(super) hint: Option<When>,
    pub(super) hint_label: &'static str,
}

impl ShownState {
    pub(super) fn new(listed: &ListedUser) -> Self {
        let (word, tone) = match listed.user.state {
            UserState::Active => ("Active", "good"),
            UserState::NotActive => ("Not Active", ""),
            UserState::Suspended => ("Suspended", "warn"),
            UserState::Locked => ("Locked", "bad"),
        };
        let (hint_label, at) = match listed.user.state {
            UserState::NotActive => ("Invited", &listed.invited_at),
            _ => ("Last login", &listed.user.last_login),
        };
        Self { word, tone, hint: at.as_deref().and_then(When::read), hint_label }
    }
}

/// *Bot Builder Access*, in the three words of the list.
pub(super) fn access(user: &User) -> &'static str {
    match (user.is_developer, user.can_create_bot) {
        (_, true) => "+ New Bot Creation",
        (true, false) => "Bot Builder Access",
        (false, false) => "None",
    }
}

fn state_called(word: &str) -> Option<UserState> {
    [UserState::Active, UserState::NotActive, UserState::Suspended, UserState::Locked]
        .into_iter()
        .find(|state| state.word() == word)
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let (search, page) = (Search::new(admin), ListPage::new(admin));
    let state = state_called(admin.query("state"));
    let filter = UserFilter { terms: search.terms.clone(), state };
    let (people, total) =
        admin.read(|conn| Ok(user_list::page(conn, admin.account.seq, &filter, page.skip(), ROWS)?))?;
    let people = people.into_iter().map(|listed| UserRow {
        state: ShownState::new(&listed),
        access: access(&listed.user),
        is_administrator: listed.is_administrator,
        is_primary: admin.account.primary_admin.eq_ignore_ascii_case(&listed.user.email),
        name: full_name(&listed.user.first_name, &listed.user.last_name, &listed.user.email),
        email: listed.user.email,
        id: listed.user.id,
    });
    Reply::page(&Users {
        frame: Frame::new(admin, "Users", &[("User Management", None)])?,
        people: people.collect(),
        state: state.map(UserState::word).unwrap_or_default().to_owned(),
        search,
        page: page.with_total(total),
    })
}

/// What the Actions menu does to everybody who is selected: all of it or nothing.
fn apply(admin: &AdminContext<'_>) -> Outcome {
    let chosen = admin.fields("user");
    if chosen.is_empty() {
        return Err(PageError::Refused("Nobody is selected: tick at least one person.".to_owned()));
    }
    let action = admin.field("action");
    if let Some(confirmation) = confirmation(action)
        && !confirm::is_given(admin)
    {
        return confirm_page(admin, &chosen, confirmation);
    }
    let changed = admin.change(|change| {
        for id in &chosen {
            act(admin, change, &chosen_one(admin, change.conn(), id)?, action)?;
        }
        Ok(())
    });
    changed.map_err(confirm::refused_at(PATH))?;
    let people = counted(chosen.len(), "person", "people");
    Ok(Reply::see("/Admin/users").saying(format!("Done for {people}.")))
}

fn chosen_one(admin: &AdminContext<'_>, conn: &Connection, id: &str) -> Result<User, PageError> {
    Ok(user_list::by_id(conn, admin.account.seq, id)?.ok_or(PageError::NotFound)?.user)
}

/// The button and the text of the question before an action that locks people out.
fn confirmation(action: &str) -> Option<(&'static str, &'static str)> {
    match action {
        "suspend" => Some(("Suspend", "They cannot sign in any more until an administrator activates them:")),
        "delete" => Some((
            "Delete",
            "They leave this account, with all roles, groups and assignments. Who comes back is invited anew:",
        )),
        _ => None,
    }
}

fn confirm_page(admin: &AdminContext<'_>, chosen: &[&str], (yes, text): (&str, &str)) -> Outcome {
    let subjects = admin.read(|conn| {
        chosen
            .iter()
            .map(|id| {
                let user = chosen_one(admin, conn, id)?;
                let name = full_name(&user.first_name, &user.last_name, &user.email);
                Ok(if name == user.email { name } else { format!("{name}, {}", user.email) })
            })
            .collect::<Result<_, PageError>>()
    })?;
    let crumbs = [("User Management", None), ("Users", Some(PATH))];
    let (title, text) = (format!("{yes}?"), text.to_owned());
    confirm::confirm_page(
        admin,
        Confirmation { title: &title, crumbs: &crumbs, text, subjects, yes, back: PATH },
    )
}

/// Why a user cannot be deleted, if so: the account keeps its Primary Admin, and bots their owners (3.2).
pub(super) fn objection_to_delete(
    admin: &AdminContext<'_>,
    conn: &Connection,
    user: &User,
) -> Result<Option<&'static str>, PageError> {
    if admin.account.primary_admin.eq_ignore_ascii_case(&user.email) {
        return Ok(Some("is the Primary Admin, who cannot be deleted."));
    }
    if let Some(objection) = role_rules::objection_to_act(admin, conn, user)? {
        return Ok(Some(objection));
    }
    if user.seq == admin.user.seq {
        return Ok(Some("is you: ask another administrator."));
    }
    let owns = users::owns_a_bot(conn, user.seq)?;
    Ok(owns.then_some("owns a bot: give it another owner first (Bots Management > Change Bot Owner)."))
}

/// One action on one person, audited.
pub(super) fn act(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    user: &User,
    action: &str,
) -> Result<(), PageError> {
    let email = user.email.as_str();
    let refused = |why: &str| Err(PageError::Refused(format!("{email} {why} Nothing was changed.")));
    if let Some(objection) = role_rules::objection_to_act(admin, change.conn(), user)? {
        return refused(objection);
    }
    let done = match action {
        "access-none" | "access-builder" | "access-create" => {
            change.set_access(email, action != "access-none", action == "access-create")?;
            "given another builder access"
        }
        "suspend" if admin.account.primary_admin.eq_ignore_ascii_case(email) => {
            return refused("is the Primary Admin, who cannot be suspended.");
        }
        "suspend" if user.seq == admin.user.seq => return refused("is you: ask another administrator."),
        "suspend" if user.state.has_joined() => {
            change.set_state(email, UserState::Suspended)?;
            "suspended"
        }
        "activate" if user.state.has_joined() => {
            change.set_state(email, UserState::Active)?;
            "activated"
        }
        "suspend" | "activate" => return refused("has not joined yet."),
        "delete" => {
            if let Some(objection) = objection_to_delete(admin, change.conn(), user)? {
                return refused(objection);
            }
            change.delete_user(email)?;
            return change.log(audit::USER_DELETED, &format!("user {email} deleted"));
        }
        _ => return Err(PageError::Refused("Choose an action first.".to_owned())),
    };
    change.log(audit::USER_MODIFIED, &format!("user {email} {done}"))
}
