//! Analytics > Bot Chat History: synthetic conversations, by the same traffic as the dashboard's. Looking at them is
//! audited, as with the vendor; hence a form that is sent.

use super::csv;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::pages::dashboard::{Talkers, talkers};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::audit::{self, Event};
use crate::sandbox::store::bot_settings::CHANNELS;
use crate::sandbox::traffic::{Cut, SessionKind, Talker, hour_of};
use askama::Template;

const NEEDS: Needs = Needs::Any(&[Permission::ChatHistory]);
const PATH: &str = "/Admin/analytics/chat-history";
const DOWNLOAD: &str = "/Admin/analytics/chat-history/download";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, show),
    Route::action(PATH, NEEDS, show_results),
    Route::action(DOWNLOAD, NEEDS, download),
];

/// Bots that are offered.
const OFFERED: usize = 200;
const HOURS: i64 = 24;

#[derive(Template)]
#[template(path = "chat_history.html")]
struct ChatHistory {
    frame: Frame,
    bots: Vec<(String, String, bool)>,
    /// The chosen bot, and its hours with conversations, the latest first.
    found: Option<(String, Vec<ChatRow>)>,
}

struct ChatRow {
    at: Option<When>,
    channel: &'static str,
    task: String,
    sessions: u64,
    messages: u64,
}

fn page(admin: &AdminContext<'_>, all: &Talkers, found: Option<(String, Vec<ChatRow>)>) -> Outcome {
    let bot = admin.field("bot");
    let bots = all.talkers.iter().take(OFFERED);
    Reply::page(&ChatHistory {
        frame: Frame::new(admin, "Bot Chat History", &[("Analytics", None)])?,
        bots: bots.map(|talker| (talker.id.clone(), talker.name.clone(), talker.id == bot)).collect(),
        found,
    })
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    page(admin, &talkers(admin)?, None)
}

/// The conversations of the chosen bot; that a user wanted them is logged with `event`.
fn found<'a>(
    admin: &AdminContext<'_>,
    all: &'a Talkers,
    event: Event,
    done: &str,
) -> Result<(&'a str, Vec<ChatRow>), PageError> {
    let bot = all.talkers.iter().find(|talker| talker.id == admin.field("bot"));
    let bot = bot.ok_or_else(|| PageError::Refused("Choose a bot first.".to_owned()))?;
    admin.change(|change| change.log(event, &format!("chat history of bot {} {done}", bot.name)))?;
    let names = all.task_names.get(&bot.id).map(Vec::as_slice).unwrap_or_default();
    Ok((&bot.name, rows(bot, names, hour_of(admin.now))))
}

fn rows(bot: &Talker, tasks: &[(String, String)], last: i64) -> Vec<ChatRow> {
    let mut rows = Vec::new();
    for hour in ((last - HOURS + 1)..=last).rev() {
        for (id, task) in tasks {
            for (channel, label) in CHANNELS {
                if !bot.channels.iter().any(|own| own == channel) {
                    continue;
                }
                let cut = Cut { kind: SessionKind::All, channel, tasks: &[id.as_str()], tags: &[] };
                let figures = bot.between(hour, hour + 1, &cut);
                if figures.sessions > 0 {
                    rows.push(ChatRow {
                        at: When::of_ms(hour * 3_600_000),
                        channel: label,
                        task: task.clone(),
                        sessions: figures.sessions,
                        messages: figures.messages,
                    });
                }
            }
        }
    }
    rows
}

fn show_results(admin: &AdminContext<'_>) -> Outcome {
    let all = talkers(admin)?;
    let (name, rows) = found(admin, &all, audit::CHAT_HISTORY, "looked at")?;
    page(admin, &all, Some((name.to_owned(), rows)))
}

fn download(admin: &AdminContext<'_>) -> Outcome {
    let (_, rows) = found(admin, &talkers(admin)?, audit::CHAT_HISTORY_FILE, "downloaded")?;
    let lines = rows.into_iter().map(|row| {
        let at = row.at.map(|at| at.machine).unwrap_or_default();
        vec![at, row.task, row.channel.to_owned(), row.sessions.to_string(), row.messages.to_string()]
    });
    csv::attached("chat-history.csv", &["Hour", "Task", "Channel", "Sessions", "Messages"], lines)
}
