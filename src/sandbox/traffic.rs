//! Synthetic traffic. Nobody talks to the bots of a sandbox, so what a dashboard would show is made up: always the same
//! for the same bot, task and hour, and the more of it the more people may use the bot. Whoever shows these figures
//! calls them synthetic.

use jiff::Timestamp;
use std::ops::AddAssign;

/// What happened in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// All of them: meta tags do not count here.
    pub(crate) sessions: u64,
    pub(crate) conversations: u64,
    pub(crate) messages: u64,
    pub(crate) completed_tasks: u64,
    pub(crate) successful_tasks: u64,
    pub(crate) alerts: u64,
    /// People who talked to a bot, counted anew each hour.
    pub(crate) users: u64,
    /// Blocks of 15 minutes without interruption.
    pub(crate) billing_sessions: u64,
    /// Those of them that are not interactive.
    pub(crate) billing_not_interactive: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.conversations += other.conversations;
        self.messages += other.messages;
        self.completed_tasks += other.completed_tasks;
        self.successful_tasks += other.successful_tasks;
        self.alerts += other.alerts;
        self.users += other.users;
        self.billing_sessions += other.billing_sessions;
        self.billing_not_interactive += other.billing_not_interactive;
    }
}

/// Which sessions are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionKind {
    All,
    Interactive,
    NonInteractive,
}

/// What a meta tag stands on, which decides the figures that it filters (3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagOn {
    User,
    Session,
    /// Counts for messages and conversations only, and of these for chats only.
    Message,
}

/// A meta tag. The tags of a sandbox are made up, as its traffic is, and the same on every bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// As an address has it.
    pub(crate) word: &'static str,
    pub(crate) label: &'static str,
    pub(crate) on: TagOn,
    /// How much of the traffic has it, in percent.
    share: u64,
}

/// Every tag.
pub(crate) const TAGS: [Tag; 6] = [
    Tag { word: "user-premium", label: "User: plan = premium", on: TagOn::User, share: 30 },
    Tag { word: "user-new", label: "User: since = this month", on: TagOn::User, share: 20 },
    Tag { word: "session-campaign", label: "Session: source = campaign", on: TagOn::Session, share: 25 },
    Tag { word: "session-resolved", label: "Session: outcome = resolved", on: TagOn::Session, share: 70 },
    Tag { word: "message-feedback", label: "Message: kind = feedback", on: TagOn::Message, share: 15 },
    Tag { word: "message-attachment", label: "Message: kind = attachment", on: TagOn::Message, share: 10 },
];

/// A bot that is talked to.
#[derive(Debug, Clone)]
pub(crate) struct Talker {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Ids of its active tasks.
    pub(crate) tasks: Vec<String>,
    /// How many people may use it.
    pub(crate) reach: u64,
    /// The vendor's words.
    pub(crate) channels: Vec<String>,
}

/// Sessions until the end of each hour of a day, of 1000.
const UNTIL: [u64; 25] = [
    0, 4, 7, 9, 11, 14, 20, 34, 70, 140, 228, 318, 400, 462, 534, 618, 700, 772, 828, 872, 908, 938, 962,
    982, 1000,
];
/// How much of a day's traffic is left, Monday to Sunday, in percent.
const WEEKDAYS: [u64; 7] = [108, 112, 106, 100, 88, 34, 26];
/// Of so many sessions one is not interactive.
const ONE_NOT_INTERACTIVE: u64 = 12;
/// What the first, the second, ... channel takes of all sessions.
const CHANNEL_WEIGHTS: [u64; 3] = [6, 3, 1];

/// A well mixed number (the finalizer of splitmix64).
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0, |seed, byte| mixed(seed ^ u64::from(byte)))
}

/// The hour of a timestamp, since 1970.
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

impl Talker {
    /// What happened in the hours `from..until`, in these tasks (none named: all), and this part of the sessions.
    pub(crate) fn between(&self, from: i64, until: i64, cut: &Cut<'_>) -> Figures {
        let mut sum = Figures::default();
        for task in
            self.tasks.iter().filter(|task| cut.tasks.is_empty() || cut.tasks.contains(&task.as_str()))
        {
            let seed = seed_of(task);
            let mut whole_day = (i64::MIN, 0);
            for hour in from..until {
                let day = hour.div_euclid(24);
                if whole_day.0 != day {
                    whole_day = (day, self.whole_day(seed, day));
                }
                sum += self.hour(seed, hour, whole_day.1, cut);
            }
        }
        sum
    }

    /// Sessions of a task on a day.
    fn whole_day(&self, task: u64, day: i64) -> u64 {
        let luck = mixed(task ^ day.unsigned_abs());
        // 1970 began on a Thursday.
        let weekday = WEEKDAYS[usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)];
        let tasks = u64::try_from(self.tasks.len()).unwrap_or(1).max(1);
        let whole_day = (self.reach * 3 + 2) * weekday * (60 + luck % 80) / 10_000 / tasks;
        if self.reach == 0 { 0 } else { whole_day + 1 }
    }

    fn hour(&self, task: u64, hour: i64, whole_day: u64, cut: &Cut<'_>) -> Figures {
        let of_day = usize::try_from(hour.rem_euclid(24)).unwrap_or(0);
        let sessions = whole_day * UNTIL[of_day + 1] / 1000 - whole_day * UNTIL[of_day] / 1000;
        let all = self.part(sessions, cut);
        if all == 0 {
            return Figures::default();
        }
        let mood = mixed(task ^ hour.unsigned_abs().rotate_left(17));
        let sessions = cut.tagged(all, mood, |on| on != TagOn::Message);
        let conversations = cut.tagged(cut.chats_of(sessions), mood, |on| on == TagOn::Message);
        let not_interactive = match cut.kind {
            SessionKind::All => sessions / ONE_NOT_INTERACTIVE,
            SessionKind::Interactive => 0,
            SessionKind::NonInteractive => sessions,
        };
        let completed_tasks = sessions - sessions * (10 + mood % 15) / 100;
        Figures {
            sessions: all,
            conversations,
            messages: conversations * (5 + mood % 5) + conversations / 2,
            completed_tasks,
            successful_tasks: completed_tasks - completed_tasks * (4 + mood % 9) / 100,
            alerts: sessions * (mood % 4) / 10,
            users: (sessions - sessions / 5).min(self.reach),
            billing_sessions: sessions + sessions / 4,
            billing_not_interactive: not_interactive + not_interactive / 4,
        }
    }

    fn part(&self, sessions: u64, cut: &Cut<'_>) -> u64 {
        let sessions = match cut.kind {
            SessionKind::All => sessions,
            SessionKind::NonInteractive => sessions / ONE_NOT_INTERACTIVE,
            SessionKind::Interactive => sessions - sessions / ONE_NOT_INTERACTIVE,
        };
        if cut.channel.is_empty() { sessions } else { self.through(cut.channel, sessions) }
    }

    /// How many of `sessions` come through a channel.
    fn through(&self, channel: &str, sessions: u64) -> u64 {
        let weights = CHANNEL_WEIGHTS.iter().zip(&self.channels);
        let all: u64 = weights.clone().map(|(weight, _)| weight).sum();
        let before: u64 =
            weights.clone().take_while(|(_, own)| *own != channel).map(|(weight, _)| weight).sum();
        let own = weights.clone().find(|(_, own)| *own == channel).map_or(0, |(weight, _)| *weight);
        let share = |weight: u64| (sessions * weight).checked_div(all).unwrap_or(0);
        share(before + own) - share(before)
    }

    /// Sessions that are open at that time, by channel.
    pub(crate) fn open_at(&self, at: Timestamp) -> Vec<(&str, u64)> {
        let cut = Cut { kind: SessionKind::All, channel: "", tasks: &[], tags: &[] };
        let hour = hour_of(at);
        let busy = self.between(hour, hour + 1, &cut).sessions;
        // A new figure every ten seconds.
        let mood = mixed(seed_of(&self.id) ^ at.as_second().div_euclid(10).unsigned_abs());
        let open = busy / 4 + if busy > 0 { mood % (busy / 4 + 2) } else { 0 };
        self.channels.iter().map(|channel| (channel.as_str(), self.through(channel, open))).collect()
    }
}

/// Which part of the traffic is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut<'a> {
    pub(crate) kind: SessionKind,
    /// Empty: all.
    pub(crate) channel: &'a str,
    /// Empty: all.
    pub(crate) tasks: &'a [&'a str],
    /// Only what has all of them.
    pub(crate) tags: &'a [Tag],
}

impl Cut<'_> {
    /// How many of `count` have all the tags that stand on such things.
    fn tagged(&self, count: u64, mood: u64, stands: impl Fn(TagOn) -> bool) -> u64 {
        self.tags.iter().filter(|tag| stands(tag.on)).fold(count, |count, tag| {
            // Rounded up as often as the rest says, so that few have their share as well.
            (count * tag.share + mixed(mood ^ seed_of(tag.word)) % 100) / 100
        })
    }

    /// Tags on messages are those of chats.
    fn chats_of(&self, sessions: u64) -> u64 {
        let wants_chats =
            self.kind == SessionKind::All && self.tags.iter().any(|tag| tag.on == TagOn::Message);
        if wants_chats { sessions - sessions / ONE_NOT_INTERACTIVE } else { sessions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talker(reach: u64) -> Talker {
        Talker {
            id: "st-1".to_owned(),
            name: "Bank".to_owned(),
            tasks: vec!["dg-1".to_owned(), "dg-2".to_owned()],
            reach,
            channels: vec!["rtm".to_owned(), "sms".to_owned()],
        }
    }

    const ALL: Cut<'static> = Cut { kind: SessionKind::All, channel: "", tasks: &[], tags: &[] };

    #[test]
    fn bot_that_nobody_may_use_has_no_traffic_and_more_people_make_more() {
        let week = |reach| talker(reach).between(24 * 20_000, 24 * 20_007, &ALL).sessions;
        assert_eq!(week(0), 0);
        assert!(week(1) > 0 && week(10) > week(1) && week(1000) > week(10));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let bot = talker(500);
        let sessions = |cut: &Cut<'_>, from, until| bot.between(from, until, cut).sessions;
        let (from, until) = (24 * 20_000, 24 * 20_003);
        let whole = sessions(&ALL, from, until);
        assert!(whole > 100);
        let by_kind = [SessionKind::Interactive, SessionKind::NonInteractive]
            .map(|kind| sessions(&Cut { kind, ..ALL }, from, until));
        let by_channel = ["rtm", "sms"].map(|channel| sessions(&Cut { channel, ..ALL }, from, until));
        let by_task = ["dg-1", "dg-2"].map(|task| sessions(&Cut { tasks: &[task], ..ALL }, from, until));
        let by_time = [(from, from + 5), (from + 5, until)].map(|(from, until)| sessions(&ALL, from, until));
        for parts in [by_kind, by_channel, by_task, by_time] {
            assert_eq!(parts.iter().sum::<u64>(), whole, "{parts:?}");
        }
    }

    #[test]
    fn tags_narrow_what_they_stand_on_and_all_of_them_count() {
        let bot = talker(500);
        let (from, until) = (24 * 20_000, 24 * 20_007);
        let with = |words: &[&str]| {
            let tags: Vec<Tag> = TAGS.into_iter().filter(|tag| words.contains(&tag.word)).collect();
            assert_eq!(tags.len(), words.len());
            bot.between(from, until, &Cut { tags: &tags, ..ALL })
        };
        let (all, premium) = (with(&[]), with(&["user-premium"]));
        assert_eq!(all.conversations, all.sessions);
        assert_eq!(premium.sessions, all.sessions, "the count of sessions knows no tags");
        let share = premium.completed_tasks * 100 / all.completed_tasks;
        assert!((25..=35).contains(&share), "{share}");
        assert!(premium.messages < all.messages && premium.users < all.users);
        let both = with(&["user-premium", "session-campaign"]);
        assert!(both.completed_tasks > 0 && both.completed_tasks < premium.completed_tasks / 2);
        let feedback = with(&["message-feedback"]);
        assert!(feedback.messages < all.messages / 4 && feedback.conversations < all.conversations / 4);
        assert_eq!(
            Figures { messages: 0, conversations: 0, ..feedback },
            Figures { messages: 0, conversations: 0, ..all }
        );
    }

    #[test]
    fn sessions_are_open_in_working_hours() {
        let noon = "2026-03-02T11:30:00Z".parse().unwrap();
        let open: u64 = talker(500).open_at(noon).iter().map(|(_, count)| count).sum();
        assert!(open > 0);
        assert!(talker(0).open_at(noon).iter().all(|(_, count)| *count == 0));
    }
}
