//! Analytics > Bot Chat History: synthetic conversations, by the same traffic as the dashboard's. Looking at them is
//! audited, as with the vendor; hence a form that is sent.

use askama::Template;

use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::pages::dashboard::{Talkers, talkers};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::audit;
use crate::sandbox::store::bot_settings::CHANNELS;
use crate::sandbox::traffic::{Cut, Kind, hour_of};

const NEEDS: Needs = Needs::Any(&[Permission::ChatHistory]);
const PATH: &str = "/Admin/analytics/chat-history";

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page(PATH, NEEDS, show), Route::action(PATH, NEEDS, look)];

/// Bots that are offered.
const OFFERED: usize = 200;
const HOURS: i64 = 24;

#[derive(Template)]
#[template(path = "chat_history.html")]
struct ChatHistory {
    frame: Frame,
    bots: Vec<(String, String, bool)>,
    /// The chosen bot, and its hours with conversations, the latest first.
    found: Option<(String, Vec<Row>)>,
}

struct Row {
    at: Option<When>,
    channel: &'static str,
    task: String,
    sessions: u64,
    messages: u64,
}

fn page(desk: &Desk<'_>, all: &Talkers, found: Option<(String, Vec<Row>)>) -> Outcome {
    let bot = desk.field("bot");
    let bots = all.talkers.iter().take(OFFERED);
    Reply::page(&ChatHistory {
        frame: Frame::of(desk, "Bot Chat History", &[("Analytics", None)])?,
        bots: bots.map(|talker| (talker.id.clone(), talker.name.clone(), talker.id == bot)).collect(),
        found,
    })
}

fn show(desk: &Desk<'_>) -> Outcome {
    page(desk, &talkers(desk)?, None)
}

fn look(desk: &Desk<'_>) -> Outcome {
    let all = talkers(desk)?;
    let bot = all.talkers.iter().find(|talker| talker.id == desk.field("bot"));
    let bot = bot.ok_or_else(|| Fault::Refused("Choose a bot first.".to_owned()))?;
    desk.change(|change| {
        change.log(audit::CHAT_HISTORY, &format!("chat history of bot {} looked at", bot.name))
    })?;
    let names = all.task_names.get(&bot.id).cloned().unwrap_or_default();
    let last = hour_of(desk.now);
    let mut rows = Vec::new();
    for hour in ((last - HOURS + 1)..=last).rev() {
        for (id, task) in &names {
            for (channel, label) in CHANNELS {
                if !bot.channels.iter().any(|own| own == channel) {
                    continue;
                }
                let cut = Cut { kind: Kind::All, channel, tasks: &[id.as_str()] };
                let figures = bot.between(hour, hour + 1, &cut);
                if figures.sessions > 0 {
                    rows.push(Row {
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
    page(desk, &all, Some((bot.name.clone(), rows)))
}
