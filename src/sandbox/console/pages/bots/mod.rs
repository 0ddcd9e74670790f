//! Bots Management: requests to deploy, deployed bots and who may use them, preferences, deleted bots. In come the
//! same store tables that the API serves; nothing here is true for the console alone but groups of a task's audience.

pub(in crate::sandbox::console) mod assignments;
pub(in crate::sandbox::console) mod deleted;
pub(in crate::sandbox::console) mod deployment;
mod draft;
pub(in crate::sandbox::console) mod list;
pub(in crate::sandbox::console) mod owner;
pub(in crate::sandbox::console) mod plan;
pub(in crate::sandbox::console) mod preferences;
pub(in crate::sandbox::console) mod settings;
pub(in crate::sandbox::console) mod tasks;

use crate::sandbox::console::desk::{Change, Desk};
use crate::sandbox::console::frame::Crumb;
use crate::sandbox::console::reply::Fault;
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::mail::{self, Letter};
use crate::sandbox::store::bots::{self, Bot};

/// The two pages of deployed bots. Their paths differ, and with them the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shelf {
    Enterprise,
    Consumer,
}

const ENTERPRISE: Needs = Needs::Any(&[Permission::EnterpriseBots]);
const CONSUMER: Needs = Needs::Any(&[Permission::ConsumerBots]);

impl Shelf {
    /// The shelf of the path that was asked for.
    fn of(desk: &Desk<'_>) -> Self {
        if desk.incoming.path.starts_with("/Admin/bots/consumer") { Self::Consumer } else { Self::Enterprise }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Enterprise => "Enterprise Bots",
            Self::Consumer => "Consumer Bots",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Enterprise => "/Admin/bots/enterprise",
            Self::Consumer => "/Admin/bots/consumer",
        }
    }

    fn crumbs(self) -> [Crumb; 2] {
        [("Bots Management", None), (self.title(), Some(self.path()))]
    }
}

/// The deployed bot of the path, if it stands on the shelf of the path.
fn bot(desk: &Desk<'_>) -> Result<Bot, Fault> {
    let shelf = Shelf::of(desk);
    let found = desk.read(|conn| Ok(bots::by_id(conn, desk.account.seq, desk.param("id"))?))?;
    found
        .filter(|bot| bot.is_deployed() && bot.is_enterprise == (shelf == Shelf::Enterprise))
        .ok_or(Fault::NotFound)
}

/// Writes a mail about a bot to its developers or users.
fn tell(desk: &Desk<'_>, change: &Change<'_>, to: &[String], subject: &str, text: &str) -> Result<(), Fault> {
    for to in to {
        let letter = Letter { kind: mail::ABOUT_BOT, to, subject, text: text.to_owned() };
        letter.put(change.conn(), desk.account.seq, desk.now)?;
    }
    Ok(())
}

/// `1 task`, `2 tasks`.
fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
