//! *Manage Bot tasks*: which tasks are deployed and which are suspended, confirmed twice.

use super::{BotCategory, CONSUMER, ENTERPRISE, bot, tell};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::pages::counted;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bots::{self, Bot, BotStatus};
use crate::sandbox::store::tasks::{self, Task, TaskState};
use crate::sandbox::store::{audiences, audit, bot_list};
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/bots/enterprise/{id}/tasks", ENTERPRISE, show),
    Route::action("/Admin/bots/enterprise/{id}/tasks", ENTERPRISE, save),
    Route::page("/Admin/bots/consumer/{id}/tasks", CONSUMER, show),
    Route::action("/Admin/bots/consumer/{id}/tasks", CONSUMER, save),
];

#[derive(Template)]
#[template(path = "bots_tasks.html")]
struct TasksPage {
    frame: Frame,
    path: String,
    back: &'static str,
    tasks: Vec<Task>,
    is_whole_bot_suspended: bool,
}

/// The second question.
#[derive(Template)]
#[template(path = "bots_tasks_confirm.html")]
struct ConfirmTasks {
    frame: Frame,
    path: String,
    /// Ids of the tasks that stay or become deployed.
    deployed: Vec<String>,
    suspended_now: Vec<String>,
    activated_now: Vec<String>,
    ends_the_bot: bool,
}

fn approved(admin: &AdminContext<'_>, bot: &Bot) -> Result<Vec<Task>, PageError> {
    let mut tasks = admin.read(|conn| Ok(tasks::approved(conn, bot.seq)?))?;
    if bot.status == BotStatus::Suspended {
        for task in &mut tasks {
            task.state = TaskState::Suspended;
        }
    }
    Ok(tasks)
}

fn path(admin: &AdminContext<'_>, bot: &Bot) -> String {
    format!("{}/{}/tasks", BotCategory::new(admin).path(), bot.id)
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let (bot, category) = (bot(admin)?, BotCategory::new(admin));
    Reply::page(&TasksPage {
        frame: Frame::new(admin, &format!("Manage bot tasks: {}", bot.name), &category.crumbs())?,
        path: path(admin, &bot),
        back: category.path(),
        tasks: approved(admin, &bot)?,
        is_whole_bot_suspended: bot.status == BotStatus::Suspended,
    })
}

fn save(admin: &AdminContext<'_>) -> Outcome {
    let (bot, category) = (bot(admin)?, BotCategory::new(admin));
    let all = approved(admin, &bot)?;
    let ticked = admin.fields("task");
    let is_ticked = |task: &&Task| ticked.contains(&task.id.as_str());
    let activated: Vec<&Task> =
        all.iter().filter(|task| task.state == TaskState::Suspended).filter(is_ticked).collect();
    let suspended: Vec<&Task> =
        all.iter().filter(|task| task.state == TaskState::Active && !is_ticked(task)).collect();
    if activated.is_empty() && suspended.is_empty() {
        return Err(PageError::Refused("Every task is as it was: nothing was changed.".to_owned()));
    }
    let names = |tasks: &[&Task]| -> Vec<String> { tasks.iter().map(|task| task.name.clone()).collect() };
    let is_any_left = all.iter().any(|task| is_ticked(&task));
    if admin.field("confirmed") != "yes" {
        return Reply::page(&ConfirmTasks {
            frame: Frame::new(admin, &format!("Manage bot tasks: {}", bot.name), &category.crumbs())?,
            path: path(admin, &bot),
            deployed: all.iter().filter(is_ticked).map(|task| task.id.clone()).collect(),
            suspended_now: names(&suspended),
            activated_now: names(&activated),
            ends_the_bot: !is_any_left,
        });
    }
    admin.change(|change| {
        for task in &all {
            let state = if is_ticked(&task) { TaskState::Active } else { TaskState::Suspended };
            tasks::set_state(change.conn(), task.seq, state)?;
        }
        let status = if is_any_left { BotStatus::Published } else { BotStatus::Suspended };
        bots::set_status(change.conn(), bot.seq, status)?;
        let mut to = audiences::addresses(change.conn(), bot.seq)?;
        to.extend(bot_list::team(change.conn(), bot.seq)?.into_iter().map(|member| member.email));
        to.sort();
        to.dedup();
        for (event, word, tasks) in [
            (audit::BOT_TASK_SUSPENDED, "suspended", names(&suspended)),
            (audit::BOT_TASK_ACTIVATED, "active again", names(&activated)),
        ] {
            if !tasks.is_empty() {
                let tasks = tasks.join(", ");
                change.log(event, &format!("bot {}: {tasks} {word}", bot.name))?;
                let text = format!("Of {} these tasks are {word}: {tasks}\n", bot.name);
                tell(admin, change, &to, &format!("{}: tasks {word}", bot.name), &text)?;
            }
        }
        Ok(())
    })?;
    let count = counted(activated.len() + suspended.len(), "task", "tasks");
    Ok(Reply::see(category.path())
        .saying(format!("Bot status changed successfully: {count} of {}.", bot.name)))
}
