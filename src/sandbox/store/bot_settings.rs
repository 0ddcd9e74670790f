//! What an admin settles about a deployed bot, and about deployment in general.

use super::settings;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// What is deployed without asking an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Approval {
    NewChannels,
    NewTasks,
    ChannelUpgrades,
    TaskUpgrades,
}

impl Approval {
    pub(crate) const ALL: [Self; 4] =
        [Self::NewChannels, Self::NewTasks, Self::ChannelUpgrades, Self::TaskUpgrades];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NewChannels => "New Channels",
            Self::NewTasks => "New Tasks",
            Self::ChannelUpgrades => "Channel Upgrades",
            Self::TaskUpgrades => "Task Upgrades",
        }
    }
}

/// The channels of the sandbox: the vendor's word, and what people call it.
pub(crate) const CHANNELS: [(&str, &str); 3] =
    [("rtm", "Web/Mobile Client"), ("email", "Email"), ("sms", "SMS")];

/// The settings of one bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct BotSettings {
    pub(crate) auto_approve: Vec<Approval>,
    /// Words of [`CHANNELS`]; at least one.
    pub(crate) channels: Vec<String>,
    /// Whether people are told by mail when the bot is assigned to them.
    pub(crate) notify: bool,
}

impl Default for BotSettings {
    fn default() -> Self {
        Self { auto_approve: Vec::new(), channels: vec![CHANNELS[0].0.to_owned()], notify: false }
    }
}

impl BotSettings {
    pub(crate) fn load(conn: &Connection, bot: i64) -> rusqlite::Result<Self> {
        settings::of_bot(conn, bot)
    }

    /// What people call the channels.
    pub(crate) fn channel_names(&self) -> Vec<&'static str> {
        let is_on = |word: &str| self.channels.iter().any(|own| own == word);
        CHANNELS.iter().filter(|(word, _)| is_on(word)).map(|(_, name)| *name).collect()
    }
}

/// *Preferences* of the account, beside [`super::accounts::Account::auto_approve`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preferences {
    /// Whether what is approved by itself is given to everybody, too.
    pub(crate) assigns_everybody: bool,
}

const PAGE: &str = "bot preferences";

impl Preferences {
    pub(crate) fn load(conn: &Connection, account: i64) -> rusqlite::Result<Self> {
        settings::of_account(conn, account, PAGE)
    }

    pub(crate) fn save(&self, conn: &Connection, account: i64) -> rusqlite::Result<()> {
        settings::save_of_account(conn, account, PAGE, self)
    }
}
