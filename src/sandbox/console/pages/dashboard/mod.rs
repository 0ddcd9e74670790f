//! Dashboard: where an administrator arrives. People are counted in the store; activity is synthetic, and called so.

mod live;
mod period;
mod talkers;

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::chart::Chart;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::Needs;
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bot_settings::CHANNELS;
use crate::sandbox::traffic::{Cut, Figures, SessionKind, TAGS, Tag, Talker};
use askama::Template;
use live::Live;
pub(super) use period::Period;
pub(super) use talkers::{Talkers, talkers};

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin", Needs::Administrator, arrive),
    Route::page("/Admin/", Needs::Administrator, arrive),
    Route::page("/Admin/dashboard", Needs::Administrator, show),
    Route::live("/Admin/dashboard/live", Needs::Administrator, live::draw),
];

/// Bots that are offered in the filter, and that are listed by use.
const OFFERED: usize = 200;
const LISTED: usize = 10;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    frame: Frame,
    live: Live,
    period: Period,
    /// Id, name, whether it is chosen.
    bots: Vec<(String, String, bool)>,
    /// The tasks of the chosen bot.
    tasks: Vec<(String, String, bool)>,
    /// Meta tags, for the chosen bot.
    tags: Vec<(&'static str, &'static str, bool)>,
    /// Word, name, whether it is chosen.
    channels: Vec<(&'static str, &'static str, bool)>,
    kinds: Vec<(&'static str, &'static str, bool)>,
    sum: Figures,
    charts: Vec<Chart>,
    /// Name and sessions of the bots that are used most.
    used: Vec<(String, u64)>,
}

fn arrive(_: &AdminContext<'_>) -> Outcome {
    Ok(Reply::see("/Admin/dashboard"))
}

const KINDS: [(&str, &str, SessionKind); 3] = [
    ("", "All sessions", SessionKind::All),
    ("interactive", "Interactive", SessionKind::Interactive),
    ("non-interactive", "Non-interactive", SessionKind::NonInteractive),
];

fn show(admin: &AdminContext<'_>) -> Outcome {
    let Talkers { talkers, task_names } = talkers(admin)?;
    let period = Period::new(admin);
    let (bot, kind) = (admin.query("bot"), admin.query("kind"));
    let channel = CHANNELS.iter().map(|(word, _)| *word).find(|word| *word == admin.query("channel"));
    let asked = admin.incoming.query.all("task");
    let chosen = talkers.iter().find(|talker| talker.id == bot);
    let tasks: Vec<&str> = chosen
        .map(|bot| bot.tasks.iter().map(String::as_str).filter(|task| asked.contains(task)).collect())
        .unwrap_or_default();
    let tags = tags(admin, chosen.is_some());
    let cut = Cut {
        kind: KINDS.iter().find(|(word, ..)| *word == kind).map_or(SessionKind::All, |(.., kind)| *kind),
        channel: channel.unwrap_or_default(),
        tasks: &tasks,
        tags: &tags,
    };

    let shown = talkers.iter().filter(|talker| chosen.is_none_or(|chosen| chosen.id == talker.id));
    let Sums { sum, by_time, used } = sums(shown, &period, &cut);
    let chart = |id, title, unit, figure: fn(&Figures) -> u64| {
        Chart::new(id, title, unit, by_time.iter().map(|(label, all)| (label.clone(), figure(all))).collect())
    };
    let charts = vec![
        chart("messages", "Messages", "Messages", |all| all.messages),
        chart("sessions", "Conversation sessions", "Sessions", |all| all.conversations),
        // Whoever comes back in another hour is the same person.
        chart("users", "Active users", "Users", |all| all.users).of_people(period.part()),
        chart("billing", "Billing sessions", "Sessions of 15 minutes", |all| all.billing_sessions),
    ];
    let bots = talkers.iter().take(OFFERED);
    let names = chosen.and_then(|chosen| task_names.get(&chosen.id)).cloned().unwrap_or_default();
    Reply::page(&Dashboard {
        frame: Frame::new(admin, "Dashboard", &[])?,
        live: Live::new(admin, &talkers)?,
        bots: bots.map(|talker| (talker.id.clone(), talker.name.clone(), talker.id == bot)).collect(),
        tasks: names
            .into_iter()
            .map(|(id, name)| {
                let is_chosen = tasks.contains(&id.as_str());
                (id, name, is_chosen)
            })
            .collect(),
        tags: if chosen.is_some() {
            TAGS.iter().map(|tag| (tag.word, tag.label, tags.contains(tag))).collect()
        } else {
            Vec::new()
        },
        channels: CHANNELS.iter().map(|(word, name)| (*word, *name, channel == Some(*word))).collect(),
        kinds: KINDS.iter().map(|(word, name, _)| (*word, *name, *word == kind)).collect(),
        period,
        sum,
        charts,
        used,
    })
}

/// What was counted: in all, by time, and by bot.
struct Sums {
    sum: Figures,
    by_time: Vec<(String, Figures)>,
    /// The bots used most, with their sessions.
    used: Vec<(String, u64)>,
}

fn sums<'t>(talkers: impl Iterator<Item = &'t Talker>, period: &Period, cut: &Cut<'_>) -> Sums {
    let mut sum = Figures::default();
    let mut by_time: Vec<(String, Figures)> =
        period.buckets().iter().map(|bucket| (bucket.label.clone(), Figures::default())).collect();
    let mut used: Vec<(String, u64)> = Vec::new();
    for talker in talkers {
        let mut own = Figures::default();
        for (bucket, (_, all)) in period.buckets().iter().zip(&mut by_time) {
            let mut figures = talker.between(bucket.from, bucket.until, cut);
            own += figures;
            figures.users = figures.users.min(talker.reach);
            *all += figures;
        }
        // Nobody is counted twice on one bot.
        own.users = own.users.min(talker.reach);
        used.push((talker.name.clone(), own.sessions));
        sum += own;
    }
    used.retain(|(_, sessions)| *sessions > 0);
    used.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    used.truncate(LISTED);
    Sums { sum, by_time, used }
}

/// The chosen meta tags: there are some only with one bot, and they are forgotten when another one is chosen (3.7).
fn tags(admin: &AdminContext<'_>, has_bot: bool) -> Vec<Tag> {
    if !has_bot || admin.query("tagged") != admin.query("bot") {
        return Vec::new();
    }
    let asked = admin.incoming.query.all("tag");
    TAGS.into_iter().filter(|tag| asked.contains(&tag.word)).collect()
}
