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

use crate::sandbox::console::admin_context::{AdminContext, Change};
use crate::sandbox::console::frame::Crumb;
use crate::sandbox::console::reply::PageError;
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::mail::{self, OutgoingMail};
use crate::sandbox::store::bots::{self, Bot};

/// The two pages of deployed bots. Their paths differ, and with them the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BotCategory {
    Enterprise,
    Consumer,
}

const ENTERPRISE: Needs = Needs::Any(&[Permission::EnterpriseBots]);
const CONSUMER: Needs = Needs::Any(&[Permission::ConsumerBots]);

impl BotCategory {
    /// The shelf of the path that was asked for.
    fn new(admin: &AdminContext<'_>) -> Self {
        if admin.incoming.path.starts_with("/Admin/bots/consumer") {
            Self::Consumer
        } else {
            Self::Enterprise
        }
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
fn bot(admin: &AdminContext<'_>) -> Result<Bot, PageError> {
    let category = BotCategory::new(admin);
    let found = admin.read(|conn| Ok(bots::by_id(conn, admin.account.seq, admin.param("id"))?))?;
    found
        .filter(|bot| bot.is_deployed() && bot.is_enterprise == (category == BotCategory::Enterprise))
        .ok_or(PageError::NotFound)
}

/// Writes a mail about a bot to its developers or users.
fn tell(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    to: &[String],
    subject: &str,
    text: &str,
) -> Result<(), PageError> {
    for to in to {
        let mail = OutgoingMail { kind: mail::ABOUT_BOT, to, subject, text: text.to_owned() };
        mail.put(change.conn(), admin.account.seq, admin.now)?;
    }
    Ok(())
}
