//! *Change Bot Owner*: the owner gets another role, and one of the bot's developers becomes the owner (3.4).

use askama::Template;

use super::{CONSUMER, ENTERPRISE, Shelf, bot};
use crate::sandbox::Holder;
use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::audit;
use crate::sandbox::store::bot_list::{self, Member};
use crate::sandbox::store::bots::Bot;
use crate::sandbox::store::roles::{self, BOT_OWNER, RoleKind};

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/bots/enterprise/{id}/owner", ENTERPRISE, show),
    Route::action("/Admin/bots/enterprise/{id}/owner", ENTERPRISE, change_owner),
    Route::page("/Admin/bots/consumer/{id}/owner", CONSUMER, show),
    Route::action("/Admin/bots/consumer/{id}/owner", CONSUMER, change_owner),
];

#[derive(Template)]
#[template(path = "bots_owner.html")]
struct OwnerPage {
    frame: Frame,
    path: String,
    back: &'static str,
    /// Name and address.
    owner: Option<(String, String)>,
    /// Names of the roles that the owner may get.
    roles: Vec<String>,
    /// Id, name and address, role.
    developers: Vec<(String, String, String)>,
}

/// The owner, and who may become it: active, with another role on the bot.
fn team(desk: &Desk<'_>, bot: &Bot) -> Result<(Option<Member>, Vec<Member>), Fault> {
    let team = desk.read(|conn| Ok(bot_list::team(conn, bot.seq)?))?;
    let owner = team.iter().find(|member| member.is_owner).cloned();
    let is_owner = |member: &Member| owner.as_ref().is_some_and(|owner| owner.id == member.id);
    let mut developers: Vec<Member> = Vec::new();
    for member in team.iter().filter(|member| member.is_active && !is_owner(member)) {
        match developers.iter_mut().find(|known| known.id == member.id) {
            Some(known) => known.role = format!("{}, {}", known.role, member.role),
            None => developers.push(member.clone()),
        }
    }
    Ok((owner, developers))
}

fn role_names(desk: &Desk<'_>) -> Result<Vec<String>, Fault> {
    let all = desk.read(|conn| Ok(roles::all(conn, desk.account.seq, RoleKind::Bot)?))?;
    Ok(all.into_iter().filter(|role| !role.is_bot_owner()).map(|role| role.name).collect())
}

fn path(desk: &Desk<'_>, bot: &Bot) -> String {
    format!("{}/{}/owner", Shelf::of(desk).path(), bot.id)
}

fn show(desk: &Desk<'_>) -> Outcome {
    let (bot, shelf) = (bot(desk)?, Shelf::of(desk));
    let (owner, developers) = team(desk, &bot)?;
    let name = |member: &Member| full_name(&member.first_name, &member.last_name, &member.email);
    Reply::page(&OwnerPage {
        frame: Frame::of(desk, &format!("Change bot owner: {}", bot.name), &shelf.crumbs())?,
        path: path(desk, &bot),
        back: shelf.path(),
        roles: role_names(desk)?,
        developers: developers
            .iter()
            .map(|member| {
                (member.id.clone(), format!("{} ({})", name(member), member.email), member.role.clone())
            })
            .collect(),
        owner: owner.map(|owner| (name(&owner), owner.email)),
    })
}

fn change_owner(desk: &Desk<'_>) -> Outcome {
    let bot = bot(desk)?;
    let (owner, developers) = team(desk, &bot)?;
    let new = developers
        .iter()
        .find(|member| member.id == desk.field("owner"))
        .ok_or_else(|| Fault::Refused("Choose the new owner among the developers of the bot.".to_owned()))?;
    let role = desk.field("role");
    if owner.is_some() && !role_names(desk)?.iter().any(|known| known == role) {
        return Err(Fault::Refused("Choose the role that the owner has from now on.".to_owned()));
    }
    desk.change(|change| {
        let on_bot = Some(bot.id.as_str());
        let mut text = format!("owner of bot {} is {} now", bot.name, new.email);
        if let Some(owner) = &owner {
            let holder = Holder::user(&owner.email);
            change.unbind(&holder, BOT_OWNER, on_bot)?;
            change.bind(&holder, role, on_bot)?;
            text = format!("{text}; {} is {role}", owner.email);
        }
        // An owner has every permission of the roles they had before.
        let held = bot_list::team(change.conn(), bot.seq)?;
        for own in held.iter().filter(|member| member.id == new.id) {
            change.unbind(&Holder::user(&new.email), &own.role, on_bot)?;
        }
        change.bind(&Holder::user(&new.email), BOT_OWNER, on_bot)?;
        change.log(audit::BOT_OWNER, &text)
    })?;
    Ok(Reply::see(Shelf::of(desk).path()).saying(format!("{} owns {} now.", new.email, bot.name)))
}
