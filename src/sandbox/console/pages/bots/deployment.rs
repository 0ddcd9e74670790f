//! Bots Management > Deployment Requests: what developers have published waits here for an admin.

use super::tell;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::pages::counted;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::audit;
use crate::sandbox::store::bot_list::{self, WaitingBot};
use crate::sandbox::store::bot_settings::BotSettings;
use crate::sandbox::store::bots::{self, BotStatus};
use crate::sandbox::store::tasks::{self, Task, TaskState};
use askama::Template;

const NEEDS: Needs = Needs::Any(&[Permission::Deployment]);
const PATH: &str = "/Admin/bots/deployment";
/// Characters of a reason.
const REASON_MAX: usize = 1000;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, list),
    Route::page("/Admin/bots/deployment/{id}", NEEDS, show),
    Route::action("/Admin/bots/deployment/{id}/approve", NEEDS, approve),
    Route::action("/Admin/bots/deployment/{id}/reject", NEEDS, reject),
];

#[derive(Template)]
#[template(path = "bots_deployment.html")]
struct RequestsPage {
    frame: Frame,
    requests: Vec<DeploymentRow>,
    page: ListPage,
}

struct DeploymentRow {
    id: String,
    name: String,
    tasks: usize,
    version: &'static str,
    purpose: &'static str,
    requested_by: String,
    at: Option<When>,
}

impl DeploymentRow {
    /// What stands for the icon of a bot, which a sandbox does not keep.
    fn initial(&self) -> String {
        self.name.chars().find(|c| c.is_alphanumeric()).into_iter().flat_map(char::to_uppercase).collect()
    }

    fn new(waiting: WaitingBot) -> Self {
        let bot = waiting.listed.bot;
        Self {
            version: if bot.is_deployed() { "Upgrade" } else { "New" },
            purpose: if bot.is_enterprise { "Enterprise Use" } else { "Consumer Use" },
            tasks: waiting.listed.tasks,
            requested_by: waiting.listed.publisher,
            at: When::read(&waiting.at),
            id: bot.id,
            name: bot.name,
        }
    }
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let page = ListPage::new(admin);
    let (found, total) =
        admin.read(|conn| Ok(bot_list::waiting(conn, admin.account.seq, page.skip(), ROWS)?))?;
    Reply::page(&RequestsPage {
        frame: Frame::new(admin, "Deployment Requests", &[("Bots Management", None)])?,
        requests: found.into_iter().map(DeploymentRow::new).collect(),
        page: page.with_total(total),
    })
}

#[derive(Template)]
#[template(path = "bots_deployment_request.html")]
struct DeploymentRequestPage {
    frame: Frame,
    row: DeploymentRow,
    description: String,
    comment: String,
    channels: String,
    tasks: Vec<Task>,
    problems: Vec<String>,
    reason: String,
}

fn request(admin: &AdminContext<'_>) -> Result<WaitingBot, PageError> {
    let id = admin.param("id");
    admin.read(|conn| Ok(bot_list::request_of(conn, admin.account.seq, id)?))?.ok_or(PageError::NotFound)
}

fn page(
    admin: &AdminContext<'_>,
    waiting: WaitingBot,
    problems: Vec<String>,
) -> Result<DeploymentRequestPage, PageError> {
    let bot = waiting.listed.bot.clone();
    let (tasks, settings) =
        admin.read(|conn| Ok((tasks::approved(conn, bot.seq)?, BotSettings::load(conn, bot.seq)?)))?;
    let crumbs = [("Bots Management", None), ("Deployment Requests", Some(PATH))];
    Ok(DeploymentRequestPage {
        frame: Frame::new(admin, &bot.name, &crumbs)?,
        description: bot.description,
        comment: waiting.comment.clone(),
        channels: settings.channel_names().join(", "),
        tasks,
        reason: admin.field("reason").to_owned(),
        row: DeploymentRow::new(waiting),
        problems,
    })
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    Reply::page(&page(admin, request(admin)?, Vec::new())?)
}

fn approve(admin: &AdminContext<'_>) -> Outcome {
    let bot = request(admin)?.listed.bot;
    admin.change(|change| {
        if bot.status != BotStatus::Suspended {
            bots::set_status(change.conn(), bot.seq, BotStatus::Published)?;
        }
        bots::approve_job(change.conn(), bot.seq)?;
        bot_list::settle(change.conn(), bot.seq)?;
        change.log(audit::DEPLOYMENT_APPROVED, &format!("bot {} approved", bot.name))
    })?;
    let category = if bot.is_enterprise { "Enterprise Bots" } else { "Consumer Bots" };
    let next = if bot.is_enterprise && !bot.is_deployed() {
        " Nobody can use it before it is assigned."
    } else {
        ""
    };
    Ok(Reply::see(PATH).saying(format!("{} is deployed; it is in {category} now.{next}", bot.name)))
}

/// The chosen tasks go back to their developers, with a reason; a bot with none left is no longer waiting.
fn reject(admin: &AdminContext<'_>) -> Outcome {
    let waiting = request(admin)?;
    let bot = waiting.listed.bot.clone();
    let (chosen, reason) = (admin.fields("task"), admin.field("reason"));
    let all = admin.read(|conn| Ok(tasks::approved(conn, bot.seq)?))?;
    let rejected: Vec<&Task> = all.iter().filter(|task| chosen.contains(&task.id.as_str())).collect();
    let mut problems = Vec::new();
    if rejected.len() != chosen.len() || (rejected.is_empty() && !all.is_empty()) {
        problems.push("Tick the tasks that are rejected.".to_owned());
    }
    if reason.is_empty() || reason.chars().count() > REASON_MAX {
        problems.push(format!("Say why, in {REASON_MAX} characters at most: the developers read it."));
    }
    if !problems.is_empty() {
        return Reply::invalid(&page(admin, waiting, problems)?);
    }
    let names: Vec<&str> = rejected.iter().map(|task| task.name.as_str()).collect();
    admin.change(|change| {
        for task in &rejected {
            tasks::set_state(change.conn(), task.seq, TaskState::Configured)?;
        }
        if rejected.len() == all.len() {
            bot_list::settle(change.conn(), bot.seq)?;
            if !bot.is_deployed() {
                bots::set_status(change.conn(), bot.seq, BotStatus::Configured)?;
            }
        }
        let text = format!("bot {}: {} rejected: {reason}", bot.name, names.join(", "));
        change.log(audit::DEPLOYMENT_REJECTED, &text)?;
        let team = bot_list::team(change.conn(), bot.seq)?;
        let owners: Vec<String> =
            team.into_iter().filter(|member| member.is_owner).map(|member| member.email).collect();
        let text = format!(
            "The deployment of {} was rejected.\n\nTasks: {}\nReason: {reason}\n\nThey are configured again and can \
             be published again.\n",
            bot.name,
            names.join(", ")
        );
        tell(admin, change, &owners, &format!("Deployment rejected: {}", bot.name), &text)
    })?;
    let tasks = counted(names.len(), "task", "tasks");
    Ok(Reply::see(PATH).saying(format!("{tasks} of {} rejected; the developer is told by mail.", bot.name)))
}
