//! *Change Bot Owner*: the owner gets another role, and one of the bot's developers becomes the owner (3.4).

use super::{BotCategory, CONSUMER, ENTERPRISE, bot};
use crate::sandbox::Holder;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::audit;
use crate::sandbox::store::bot_list::{self, BotMember};
use crate::sandbox::store::bots::Bot;
use crate::sandbox::store::roles::{self, BOT_OWNER, RoleKind};
use askama::Template;

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
fn team(admin: &AdminContext<'_>, bot: &Bot) -> Result<(Option<BotMember>, Vec<BotMember>), PageError> {
    let team = admin.read(|conn| Ok(bot_list::team(conn, bot.seq)?))?;
    let owner = team.iter().find(|member| member.is_owner).cloned();
    let is_owner = |member: &BotMember| owner.as_ref().is_some_and(|owner| owner.id == member.id);
    let mut developers: Vec<BotMember> = Vec::new();
    for member in team.iter().filter(|member| member.is_active && !is_owner(member)) {
        match developers.iter_mut().find(|known| known.id == member.id) {
            Some(known) => known.role = format!("{}, {}", known.role, member.role),
            None => developers.push(member.clone()),
        }
    }
    Ok((owner, developers))
}

fn role_names(admin: &AdminContext<'_>) -> Result<Vec<String>, PageError> {
    let all = admin.read(|conn| Ok(roles::all(conn, admin.account.seq, RoleKind::Bot)?))?;
    Ok(all.into_iter().filter(|role| !role.is_bot_owner()).map(|role| role.name).collect())
}

fn path(admin: &AdminContext<'_>, bot: &Bot) -> String {
    format!("{}/{}/owner", BotCategory::new(admin).path(), bot.id)
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let (bot, category) = (bot(admin)?, BotCategory::new(admin));
    let (owner, developers) = team(admin, &bot)?;
    let name = |member: &BotMember| full_name(&member.first_name, &member.last_name, &member.email);
    Reply::page(&OwnerPage {
        frame: Frame::new(admin, &format!("Change bot owner: {}", bot.name), &category.crumbs())?,
        path: path(admin, &bot),
        back: category.path(),
        roles: role_names(admin)?,
        developers: developers
            .iter()
            .map(|member| {
                let name = name(member);
                let shown = if name == member.email { name } else { format!("{name} ({})", member.email) };
                (member.id.clone(), shown, member.role.clone())
            })
            .collect(),
        owner: owner.map(|owner| (name(&owner), owner.email)),
    })
}

fn change_owner(admin: &AdminContext<'_>) -> Outcome {
    let bot = bot(admin)?;
    let (owner, developers) = team(admin, &bot)?;
    let new = developers.iter().find(|member| member.id == admin.field("owner")).ok_or_else(|| {
        PageError::Refused("Choose the new owner among the developers of the bot.".to_owned())
    })?;
    let role = admin.field("role");
    if owner.is_some() && !role_names(admin)?.iter().any(|known| known == role) {
        return Err(PageError::Refused("Choose the role that the owner has from now on.".to_owned()));
    }
    admin.change(|change| {
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
    Ok(Reply::see(BotCategory::new(admin).path()).saying(format!("{} owns {} now.", new.email, bot.name)))
}
