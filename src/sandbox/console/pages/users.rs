//! User Management > Users: who is in the account, and what is done to several of them at once.

use askama::Template;

use crate::sandbox::console::desk::{Change, Desk};
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{Page, ROWS, Search};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::audit;
use crate::sandbox::store::user_list::{self, Filter, Listed};
use crate::sandbox::store::users::{User, UserState};

pub(super) const NEEDS: Needs = Needs::Any(&[Permission::ManageUsers]);

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page("/Admin/users", NEEDS, list), Route::action("/Admin/users/apply", NEEDS, apply)];

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    frame: Frame,
    search: Search,
    state: String,
    people: Vec<Row>,
    page: Page,
}

struct Row {
    id: String,
    name: String,
    email: String,
    is_administrator: bool,
    access: &'static str,
    state: Shown,
}

/// A state as people see it: the console's word, a colour, and what the hover says.
pub(super) struct Shown {
    pub(super) word: &'static str,
    pub(super) tone: &'static str,
    pub(super) hint: Option<When>,
    pub(super) hint_label: &'static str,
}

impl Shown {
    pub(super) fn of(listed: &Listed) -> Self {
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

fn list(desk: &Desk<'_>) -> Outcome {
    let (search, page) = (Search::of(desk), Page::of(desk));
    let state = state_called(desk.query("state"));
    let filter = Filter { terms: search.terms.clone(), state };
    let (people, total) =
        desk.read(|conn| Ok(user_list::page(conn, desk.account.seq, &filter, page.skip(), ROWS)?))?;
    let people = people.into_iter().map(|listed| Row {
        state: Shown::of(&listed),
        access: access(&listed.user),
        is_administrator: listed.is_administrator,
        name: full_name(&listed.user.first_name, &listed.user.last_name, &listed.user.email),
        email: listed.user.email,
        id: listed.user.id,
    });
    Reply::page(&Users {
        frame: Frame::of(desk, "Users", &[("User Management", None)])?,
        people: people.collect(),
        state: state.map(UserState::word).unwrap_or_default().to_owned(),
        search,
        page: page.with_total(total),
    })
}

/// What the Actions menu does to everybody who is selected: all of it or nothing.
fn apply(desk: &Desk<'_>) -> Outcome {
    let chosen = desk.fields("user");
    if chosen.is_empty() {
        return Err(Fault::Refused("Nobody is selected: tick at least one person.".to_owned()));
    }
    let action = desk.field("action");
    desk.change(|change| {
        for id in &chosen {
            let listed = user_list::by_id(change.conn(), desk.account.seq, id)?.ok_or(Fault::NotFound)?;
            act(desk, change, &listed.user, action)?;
        }
        Ok(())
    })?;
    let people = if chosen.len() == 1 { "1 person".to_owned() } else { format!("{} people", chosen.len()) };
    Ok(Reply::see("/Admin/users").saying(format!("Done for {people}.")))
}

/// One action on one person, audited.
pub(super) fn act(desk: &Desk<'_>, change: &Change<'_>, user: &User, action: &str) -> Result<(), Fault> {
    let email = user.email.as_str();
    let refused = |why: &str| Err(Fault::Refused(format!("{email} {why} Nothing was changed.")));
    let done = match action {
        "access-none" | "access-builder" | "access-create" => {
            change.set_access(email, action != "access-none", action == "access-create")?;
            "given another builder access"
        }
        "suspend" if desk.account.primary_admin.eq_ignore_ascii_case(email) => {
            return refused("is the Primary Admin, who cannot be suspended.");
        }
        "suspend" if user.seq == desk.user.seq => return refused("is you: ask another administrator."),
        "suspend" if user.state.has_joined() => {
            change.set_state(email, UserState::Suspended)?;
            "suspended"
        }
        "activate" if user.state.has_joined() => {
            change.set_state(email, UserState::Active)?;
            "activated"
        }
        "suspend" | "activate" => return refused("has not joined yet."),
        _ => return Err(Fault::Refused("Choose an action first.".to_owned())),
    };
    change.log(audit::USER_MODIFIED, &format!("user {email} {done}"))
}
