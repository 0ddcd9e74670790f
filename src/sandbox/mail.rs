//! Mail: made with the change that causes it and kept in the outbox, from where [`super::post`] delivers it.

use super::clock;
use super::error::SandboxError;
use super::store::{self, Store, invitations, mails};
use jiff::{SignedDuration, Timestamp};
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use rusqlite::Connection;
use std::time::SystemTime;
use uuid::Uuid;

/// Where mail goes.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Mail {
    /// Files `DATA/mail/*.eml`; a sandbox without a data folder keeps them in the database alone.
    #[default]
    Files,
    /// An SMTP server, as a URL: `smtp://127.0.0.1:2525`, `smtps://user:password@host`.
    Smtp(String),
}

/// The URL may hold a password, so it is never shown.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Files => "Files",
            Self::Smtp(_) => "Smtp(..)",
        })
    }
}

/// The kinds of mail in the outbox.
pub(crate) const INVITATION: &str = "invitation";
pub(crate) const REMINDER: &str = "reminder";
pub(crate) const ABOUT_JOINING: &str = "about joining";
pub(crate) const SECOND_FACTOR: &str = "second factor";
pub(crate) const PASSWORD_RESET: &str = "password reset";
pub(crate) const ABOUT_BOT: &str = "about a bot";
pub(crate) const ACCOUNT_ACTIVATED: &str = "account activated";

const SENDER: &str = "Kore.ai sandbox <no-reply@example.com>";
/// How many reminders one transaction writes.
const BATCH: usize = 500;

/// Domains whose addresses belong to nobody's organisation. The first is for tests.
const PRIVATE: [&str; 4] = ["private.example.com", "gmail.com", "outlook.com", "yahoo.com"];

/// Whether the address is a private one, with which nobody can open an account (3.2).
pub(crate) fn is_private(address: &str) -> bool {
    address
        .rsplit_once('@')
        .is_some_and(|(_, domain)| PRIVATE.iter().any(|own| own.eq_ignore_ascii_case(domain)))
}

/// Whether mail can be sent there: what can be put into `To:`, at a domain with a dot.
pub(crate) fn is_address(address: &str) -> bool {
    let is_whole = |mailbox: &Mailbox| mailbox.name.is_none() && mailbox.email.to_string() == address;
    address.parse::<Mailbox>().is_ok_and(|mailbox| is_whole(&mailbox) && mailbox.email.domain().contains('.'))
}

/// So often a user is reminded of one invitation. The vendor says that it reminds, and not how often (3.2).
const REMINDERS: u32 = 3;

/// Where invitation links lead, how long they live, and when people are reminded of them.
#[derive(Debug, Clone)]
pub(crate) struct Invites {
    pub(crate) public_url: String,
    pub(crate) life: SignedDuration,
    /// From one mail to the next; `None`: nobody is reminded.
    pub(crate) remind_every: Option<SignedDuration>,
}

impl Invites {
    /// Invites `user`: one open invitation, and one mail in the outbox.
    pub(crate) fn invite(
        &self,
        conn: &Connection,
        account: i64,
        user: i64,
        email: &str,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let invitation = self.fresh(now);
        let text = self.text("You have been invited to join an account of the Kore.ai sandbox.", &invitation);
        invitations::put(conn, user, &invitation, now)?;
        let mail = OutgoingMail {
            kind: INVITATION,
            to: email,
            subject: "You are invited to a Kore.ai account",
            text,
        };
        mail.put(conn, account, now)
    }

    /// Reminds everybody whose invitation was mailed long enough ago; returns how many there were.
    pub(crate) fn remind(&self, store: &Store, now: Timestamp) -> Result<usize, SandboxError> {
        let Some(every) = self.remind_every else { return Ok(0) };
        let before = now.checked_sub(every).unwrap_or(Timestamp::MIN).as_millisecond();
        let mut reminded = 0;
        loop {
            let due = store
                .read::<_, SandboxError>(|conn| Ok(invitations::due(conn, before, REMINDERS, BATCH)?))?;
            if due.is_empty() {
                return Ok(reminded);
            }
            reminded += store.write::<_, SandboxError>(|conn| {
                // Asked again: a user may have joined between the two.
                let due = invitations::due(conn, before, REMINDERS, BATCH)?;
                due.iter().try_for_each(|open| self.remind_of(conn, open, now))?;
                Ok(due.len())
            })?;
        }
    }

    /// The link and the code of before go on working while they are not too old.
    fn remind_of(
        &self,
        conn: &Connection,
        open: &invitations::OpenInvitation,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let invitation = if open.is_live(now) {
            let (token, code) = (open.token.clone(), open.code.clone());
            invitations::NewInvitation { token, code, expires_at: open.expires_at.clone() }
        } else {
            self.fresh(now)
        };
        let text = self.text(
            "You were invited to join an account of the Kore.ai sandbox, and have not signed up yet.",
            &invitation,
        );
        invitations::reminded(conn, open.user, &invitation, now)?;
        let subject = "Your invitation to a Kore.ai account is waiting";
        OutgoingMail { kind: REMINDER, to: &open.email, subject, text }.put(conn, open.account, now)
    }

    fn fresh(&self, now: Timestamp) -> invitations::NewInvitation {
        let expires_at = clock::wire(clock::after(now, self.life));
        invitations::NewInvitation { token: store::fresh_secret(), code: code(), expires_at }
    }

    fn text(&self, opening: &str, invitation: &invitations::NewInvitation) -> String {
        let invitations::NewInvitation { token, code, expires_at } = invitation;
        let url = &self.public_url;
        let until = expires_at.parse().map_or_else(|_| expires_at.clone(), clock::people);
        format!(
            "{opening}\n\n\
             Accept the invitation:\n{url}/signup?token={token}\n\n\
             Verification code: {code}\n\n\
             The link and the code are valid until {until}. The code can be typed here:\n{url}/signup/code\n"
        )
    }
}

/// Six digits, as people type them.
pub(crate) fn code() -> String {
    format!("{:06}", Uuid::new_v4().as_u128() % 1_000_000)
}

/// A mail to be written into the outbox.
#[derive(Debug)]
pub(crate) struct OutgoingMail<'a> {
    pub(crate) kind: &'static str,
    pub(crate) to: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text: String,
}

impl OutgoingMail<'_> {
    /// Writes it, with the change that causes it.
    pub(crate) fn put(self, conn: &Connection, account: i64, now: Timestamp) -> rusqlite::Result<()> {
        let Self { kind, to, subject, text } = self;
        let message = message(to, subject, text.clone(), now)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        let row = mails::NewMail { kind, recipient: to, subject, text: &text, message: &message };
        mails::insert(conn, account, &row, now)
    }
}

fn message(to: &str, subject: &str, text: String, now: Timestamp) -> Result<Vec<u8>, SandboxError> {
    let problem = |e: &dyn std::fmt::Display| SandboxError::Mail(e.to_string());
    let message = Message::builder()
        .from(SENDER.parse().map_err(|e| problem(&e))?)
        .to(to.parse().map_err(|e| problem(&e))?)
        .subject(subject)
        .date(SystemTime::from(now))
        .message_id(Some(format!("<{}@example.com>", Uuid::new_v4().simple())))
        .header(ContentType::TEXT_PLAIN)
        .body(text)
        .map_err(|e| problem(&e))?;
    Ok(message.formatted())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_what_mail_can_be_made_for() {
        for address in
            ["a@example.com", "o'brien+x@mail.example.com", "a.b-c_d@example.com", "\u{e4}@example.com"]
        {
            assert!(is_address(address), "{address}");
            message(address, "Subject", "Text".to_owned(), Timestamp::UNIX_EPOCH).unwrap();
        }
        for address in [
            "",
            "a",
            "a@localhost",
            "a b@example.com",
            "\"a b\"@example.com",
            "a@[127.0.0.1]",
            "A <a@example.com>",
            "<a@example.com>",
            " a@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com, b@example.com",
        ] {
            assert!(!is_address(address), "{address}");
        }
    }
}
