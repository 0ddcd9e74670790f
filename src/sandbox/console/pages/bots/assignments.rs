//! *Bot & task assignments*: who may use a bot, task by task. The page of the bot, and the dialog of a task; both only
//! change a draft, until *Apply*.

use super::draft::{Draft, Mode, TaskDraft, everyone};
use super::{BotCategory, ENTERPRISE, bot, tell};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{ListPage, ROWS, Search};
use crate::sandbox::console::pages::counted;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::audiences::{self, Audience, AudiencePerson};
use crate::sandbox::store::bot_settings::BotSettings;
use crate::sandbox::store::bots::Bot;
use crate::sandbox::store::groups::Group;
use crate::sandbox::store::tasks::{self, Task, TaskState};
use crate::sandbox::store::{audit, drafts, groups};
use askama::Template;
use std::collections::BTreeSet;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/bots/enterprise/{id}/assignments", ENTERPRISE, show),
    Route::action("/Admin/bots/enterprise/{id}/assignments", ENTERPRISE, step),
    Route::page("/Admin/bots/enterprise/{id}/assignments/{task}", ENTERPRISE, show_task),
    Route::action("/Admin/bots/enterprise/{id}/assignments/{task}", ENTERPRISE, step_task),
];

#[derive(Template)]
#[template(path = "bots_assignments.html")]
struct BotAssignmentsPage {
    frame: Frame,
    id: String,
    bot_name: String,
    is_for_nobody: bool,
    differs: bool,
    tasks: Vec<TaskRow>,
}

struct TaskRow {
    id: String,
    name: String,
    is_suspended: bool,
    audience: String,
}

/// A published bot of the path with its approved tasks. What is suspended or waits cannot be assigned.
fn assignable(admin: &AdminContext<'_>) -> Result<(Bot, Vec<Task>), PageError> {
    let bot = bot(admin)?;
    if !bot.is_assignable() {
        let text = format!("{} is suspended: activate a task of it before it is assigned.", bot.name);
        return Err(PageError::refused_at(BotCategory::Enterprise.path(), text));
    }
    let tasks = admin.read(|conn| Ok(tasks::approved(conn, bot.seq)?))?;
    Ok((bot, tasks))
}

fn path(bot: &Bot) -> String {
    format!("{}/{}/assignments", BotCategory::Enterprise.path(), bot.id)
}

/// Who may use a task, in few words.
fn words(audience: &Audience, everyone: i64, groups: &[Group]) -> String {
    let people = || counted(audience.users.len(), "person", "people");
    let name_of = |seq: &i64| groups.iter().find(|group| group.seq == *seq).map(|group| group.name.as_str());
    match Mode::new(audience, everyone) {
        Mode::Nobody => "No one".to_owned(),
        Mode::Everybody => "All users".to_owned(),
        Mode::Groups => {
            let names: Vec<&str> = audience.groups.iter().filter_map(name_of).collect();
            let shown = match names.as_slice() {
                [first, second, third, rest @ ..] if !rest.is_empty() => {
                    format!(
                        "{first}, {second}, {third} and {}",
                        counted(rest.len(), "other group", "other groups")
                    )
                }
                all => all.join(", "),
            };
            if audience.users.is_empty() { shown } else { format!("{shown}; {} by themselves", people()) }
        }
        Mode::People => people(),
    }
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let (bot, tasks) = assignable(admin)?;
    let draft = Draft::new(admin, &bot, &tasks)?;
    let everyone = everyone(admin)?;
    let groups = admin.read(|conn| Ok(groups::all(conn, admin.account.seq, false)?))?;
    let title = format!("Bot & task assignments: {}", bot.name);
    let rows = tasks.iter().map(|task| TaskRow {
        id: task.id.clone(),
        name: task.name.clone(),
        is_suspended: task.state == TaskState::Suspended,
        audience: words(&draft.audience(task.seq), everyone, &groups),
    });
    Reply::page(&BotAssignmentsPage {
        frame: Frame::new(admin, &title, &BotCategory::Enterprise.crumbs())?,
        tasks: rows.collect(),
        is_for_nobody: draft.is_for_nobody,
        differs: draft.differs(),
        id: bot.id,
        bot_name: bot.name,
    })
}

/// What a button of the bot's page does: opens a task, applies, or forgets the draft.
fn step(admin: &AdminContext<'_>) -> Outcome {
    let (bot, tasks) = assignable(admin)?;
    let mut draft = Draft::new(admin, &bot, &tasks)?;
    draft.is_for_nobody = admin.field("assign") == "nobody";
    match admin.field("step") {
        "apply" => apply(admin, &bot, &tasks, &draft),
        "cancel" => {
            admin.write(|conn| Ok(drafts::forget(conn, &admin.session.id, bot.seq)?))?;
            Ok(Reply::see(BotCategory::Enterprise.path()).saying("Nothing was changed."))
        }
        task => {
            let task = tasks.iter().find(|known| known.id == task).ok_or(PageError::NotFound)?;
            draft.is_for_nobody = false;
            draft.open = None;
            draft.keep(admin, &bot)?;
            Ok(Reply::see(&format!("{}/{}", path(&bot), task.id)))
        }
    }
}

fn apply(admin: &AdminContext<'_>, bot: &Bot, tasks: &[Task], draft: &Draft) -> Outcome {
    let everyone = everyone(admin)?;
    admin.change(|change| {
        let before = audiences::addresses(change.conn(), bot.seq)?;
        draft.apply(change, bot, tasks)?;
        drafts::forget(change.conn(), &admin.session.id, bot.seq)?;
        let groups = groups::all(change.conn(), admin.account.seq, false)?;
        let now = audiences::of_bot(change.conn(), bot.seq, tasks)?;
        let shown = |task: &Task| {
            let audience = now.get(&task.seq).cloned().unwrap_or_default();
            format!("{}: {}", task.name, words(&audience, everyone, &groups))
        };
        let shown: Vec<String> = tasks.iter().map(shown).collect();
        let text = format!("bot {} assigned: {}", bot.name, shown.join("; "));
        change.log(audit::BOT_TASK_ASSIGNMENT, &text)?;
        if !BotSettings::load(change.conn(), bot.seq)?.notify {
            return Ok(());
        }
        let before: BTreeSet<String> = before.into_iter().collect();
        let mut new = audiences::addresses(change.conn(), bot.seq)?;
        new.retain(|address| !before.contains(address));
        let text = format!("You can use {} now.\n", bot.name);
        tell(admin, change, &new, &format!("{} is assigned to you", bot.name), &text)
    })?;
    Ok(Reply::see(BotCategory::Enterprise.path()).saying("Bot assignment successful"))
}

#[derive(Template)]
#[template(path = "bots_assignment_task.html")]
struct TaskAudience {
    frame: Frame,
    id: String,
    task: String,
    modes: Vec<(&'static str, &'static str, bool)>,
    /// Id, name, whether it is chosen.
    groups: Vec<(String, String, bool)>,
    search: Search,
    chosen: Vec<PersonChoice>,
    chosen_page: ListPage,
    found: Vec<PersonChoice>,
    page: ListPage,
}

struct PersonChoice {
    id: String,
    name: String,
    email: String,
    is_chosen: bool,
}

impl PersonChoice {
    fn new(person: AudiencePerson, chosen: &BTreeSet<i64>) -> Self {
        Self {
            name: full_name(&person.first_name, &person.last_name, &person.email),
            is_chosen: chosen.contains(&person.seq),
            id: person.id,
            email: person.email,
        }
    }
}

/// The task of the path.
fn task<'t>(admin: &AdminContext<'_>, tasks: &'t [Task]) -> Result<&'t Task, PageError> {
    tasks.iter().find(|task| task.id == admin.param("task")).ok_or(PageError::NotFound)
}

fn show_task(admin: &AdminContext<'_>) -> Outcome {
    let (bot, tasks) = assignable(admin)?;
    let task = task(admin, &tasks)?;
    let open = Draft::new(admin, &bot, &tasks)?.opened(task.seq, everyone(admin)?);
    let (search, page) = (Search::new(admin), ListPage::new(admin));
    let chosen_page = ListPage::in_field(admin, "chosen");
    let account = admin.account.seq;
    let (groups, found, total, chosen) = admin.read(|conn| {
        let (found, total) = audiences::candidates(conn, account, &search.terms, page.skip(), ROWS)?;
        let chosen = audiences::people(conn, account, &open.users, chosen_page.skip(), ROWS)?;
        Ok((groups::all(conn, account, false)?, found, total, chosen))
    })?;
    let crumbs = [("Bots Management", None), ("Enterprise Bots", Some(BotCategory::Enterprise.path()))];
    let title = format!("{}: {}", bot.name, task.name);
    let shown = |people: Vec<AudiencePerson>| -> Vec<PersonChoice> {
        people.into_iter().map(|person| PersonChoice::new(person, &open.users)).collect()
    };
    Reply::page(&TaskAudience {
        frame: Frame::new(admin, &title, &crumbs)?,
        modes: Mode::ALL.map(|mode| (mode.word(), mode.label(), mode == open.mode)).into(),
        groups: groups
            .into_iter()
            .map(|group| (group.id, group.name, open.groups.contains(&group.seq)))
            .collect(),
        chosen: shown(chosen),
        found: shown(found),
        chosen_page: chosen_page.with_total(open.users.len()),
        page: page.with_total(total),
        task: task.id.clone(),
        search,
        id: bot.id,
    })
}

/// What a button of the task's dialog does. Whatever it is, the choice so far is kept.
fn step_task(admin: &AdminContext<'_>) -> Outcome {
    let (bot, tasks) = assignable(admin)?;
    let task = task(admin, &tasks)?;
    let everyone = everyone(admin)?;
    let mut draft = Draft::new(admin, &bot, &tasks)?;
    let mut open = draft.opened(task.seq, everyone);
    read_choice(admin, &mut open)?;
    let step = admin.field("step");
    let to = match step {
        "done" => {
            draft.close(open, everyone);
            path(&bot)
        }
        "cancel" => {
            draft.open = None;
            path(&bot)
        }
        _ => {
            draft.open = Some(open);
            let search = if step == "find" { admin.field("search") } else { admin.field("searched") };
            let query =
                form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
            format!("{}/{}?{query}", path(&bot), task.id)
        }
    };
    draft.keep(admin, &bot)?;
    Ok(Reply::see(&to))
}

/// Reads the mode, the groups, and the people who are added or taken out. Only those who have accepted are added.
fn read_choice(admin: &AdminContext<'_>, open: &mut TaskDraft) -> Result<(), PageError> {
    open.mode = Mode::called(admin.field("audience")).unwrap_or(open.mode);
    let ids = admin.fields("group");
    let account = admin.account.seq;
    let (added, removed) = (admin.fields("add"), admin.fields("remove"));
    let (groups, added, removed) = admin.read(|conn| {
        Ok((
            groups::all(conn, account, false)?,
            audiences::choosable(conn, account, &added)?,
            audiences::choosable(conn, account, &removed)?,
        ))
    })?;
    open.groups =
        groups.iter().filter(|group| ids.contains(&group.id.as_str())).map(|group| group.seq).collect();
    open.users.extend(added);
    for user in removed {
        open.users.remove(&user);
    }
    Ok(())
}
