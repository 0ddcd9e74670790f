//! Delivery: what is queued in the outbox goes out, after the commit that put it there.
//!
//! ```text
//! queued ──taken──► sent
//!   │ ▲
//!   │ └─ tried again after a pause that doubles: 5 seconds at first, 5 minutes at most
//!   └──refused for good, or older than 2 days──► failed
//! ```
//!
//! Codes and links to a new password go first. A refusal of one mail concerns that mail; a server that cannot be reached, or
//! takes nothing from us, defers everything that is due. A kill may make a mail arrive twice, and loses none.

use super::error::SandboxError;
use super::lock::lock;
use super::mail::{Mail, PASSWORD_RESET, SECOND_FACTOR};
use super::private;
use super::store::{Store, mails};
use jiff::{SignedDuration, Timestamp};
use lettre::address::Envelope;
use lettre::transport::smtp;
use lettre::{Address, SmtpTransport, Transport};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// What people wait for at a form.
const URGENT: [&str; 2] = [SECOND_FACTOR, PASSWORD_RESET];
/// The first pause before another try, and the longest, in milliseconds.
const PAUSES_MS: (i64, i64) = (5_000, 300_000);
/// How long a mail is tried.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2 * 24);
/// How long one answer of the server is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Delivers what is in the outbox.
pub(crate) struct Post {
    route: MailTarget,
    /// One delivery at a time, so that no mail is taken twice.
    busy: Mutex<()>,
}

enum MailTarget {
    Kept,
    Folder(PathBuf),
    Smtp(Box<SmtpTransport>),
}

/// Why a mail was not taken.
enum Refusal {
    /// This mail never will be.
    ForGood(String),
    /// This mail may be, later.
    ForNow(String),
    /// No mail is.
    Everything(String),
}

impl Post {
    pub(crate) fn new(mail: &Mail, data: Option<&Path>) -> Result<Self, SandboxError> {
        let route = match (mail, data) {
            (Mail::Files, None) => MailTarget::Kept,
            (Mail::Files, Some(data)) => {
                let folder = data.join("mail");
                private::create_folder(&folder)
                    .and_then(|()| private::close_folder(&folder))
                    .map_err(|source| SandboxError::DataFolder { path: folder.clone(), source })?;
                MailTarget::Folder(folder)
            }
            (Mail::Smtp(url), _) => {
                let builder = SmtpTransport::from_url(url).map_err(|e| SandboxError::Mail(e.to_string()))?;
                MailTarget::Smtp(Box::new(builder.timeout(Some(TIMEOUT)).build()))
            }
        };
        Ok(Self { route, busy: Mutex::new(()) })
    }

    /// Whether delivery may take longer than a request should wait.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self.route, MailTarget::Smtp(_))
    }

    /// As [`Self::deliver`], pauses of an earlier run aside.
    pub(crate) fn deliver_all(&self, store: &Store, now: Timestamp) -> Result<(), SandboxError> {
        if !matches!(self.route, MailTarget::Kept) {
            store.write::<_, SandboxError>(|conn| Ok(mails::hurry(conn)?))?;
        }
        self.deliver(store, now)
    }

    /// Sends what is due.
    pub(crate) fn deliver(&self, store: &Store, now: Timestamp) -> Result<(), SandboxError> {
        // How many one transaction marks: few where each takes long, so that a code is not kept waiting.
        let batch = match self.route {
            MailTarget::Kept => return Ok(()),
            MailTarget::Folder(_) => 500,
            MailTarget::Smtp(_) => 10,
        };
        let _one_at_a_time = lock(&self.busy);
        let now_ms = now.as_millisecond();
        loop {
            let due = store.read::<_, SandboxError>(|conn| Ok(mails::due(conn, &URGENT, now_ms, batch)?))?;
            if due.is_empty() || !self.send_all(store, &due, now)? {
                return Ok(());
            }
        }
    }

    /// Sends these and notes what became of each; returns whether there is any sense in going on.
    fn send_all(
        &self,
        store: &Store,
        due: &[mails::UnsentMail],
        now: Timestamp,
    ) -> Result<bool, SandboxError> {
        let now_ms = now.as_millisecond();
        let since_ms = now.checked_sub(PATIENCE).unwrap_or(Timestamp::MIN).as_millisecond();
        let mut sent = Vec::with_capacity(due.len());
        let mut refused = Vec::new();
        let mut obstacle = None;
        for mail in due {
            match self.send(mail) {
                Ok(()) => sent.push(mail.seq),
                Err(Refusal::Everything(why)) => {
                    obstacle = Some(why);
                    break;
                }
                Err(Refusal::ForNow(why)) if mail.at_ms < since_ms => {
                    refused.push((mail, Refusal::ForGood(why)));
                }
                Err(refusal) => refused.push((mail, refusal)),
            }
        }
        store.write::<_, SandboxError>(|conn| {
            mails::mark_sent(conn, &sent)?;
            for (mail, refusal) in &refused {
                match refusal {
                    Refusal::ForGood(why) => mails::mark_failed(conn, mail.seq, why)?,
                    Refusal::ForNow(why) | Refusal::Everything(why) => {
                        mails::defer(conn, mail.seq, why, now_ms, PAUSES_MS)?;
                    }
                }
            }
            if let Some(why) = &obstacle {
                mails::defer_due(conn, why, now_ms, PAUSES_MS, since_ms)?;
            }
            Ok(())
        })?;
        for (mail, refusal) in &refused {
            // Addresses of people are for the console, not for logs.
            let (number, kind) = (mail.seq, &mail.kind);
            match refusal {
                Refusal::ForGood(why) => tracing::warn!("mail {number} ({kind}) is refused for good: {why}"),
                Refusal::ForNow(why) | Refusal::Everything(why) => {
                    tracing::warn!("mail {number} ({kind}) is tried again later: {why}");
                }
            }
        }
        if let Some(why) = &obstacle {
            tracing::warn!("mail stays in the outbox and is tried again later: {why}");
        }
        Ok(obstacle.is_none())
    }

    fn send(&self, mail: &mails::UnsentMail) -> Result<(), Refusal> {
        match &self.route {
            MailTarget::Kept => Ok(()),
            MailTarget::Folder(folder) => {
                into_file(folder, mail).map_err(|e| Refusal::Everything(e.to_string()))
            }
            MailTarget::Smtp(transport) => {
                let envelope = envelope(&mail.recipient).map_err(Refusal::ForGood)?;
                let taken = transport.send_raw(&envelope, &mail.message).map(drop);
                taken.map_err(|e| judged(transport, &e))
            }
        }
    }
}

fn into_file(folder: &Path, mail: &mails::UnsentMail) -> std::io::Result<()> {
    let who = mail.recipient.replace(|c: char| !(c.is_ascii_alphanumeric() || "@.-_+".contains(c)), "_");
    // Names of files have at most 255 bytes.
    let who: String = who.chars().take(200).collect();
    let name = format!("{:06}-{who}.eml", mail.seq);
    // Renamed into place: whoever watches the folder never sees half a mail.
    let half = folder.join(format!(".{name}.part"));
    private::write(&half, &mail.message)?;
    std::fs::rename(half, folder.join(name))
}

fn envelope(recipient: &str) -> Result<Envelope, String> {
    let to: Address = recipient.parse().map_err(|_| "not an address that mail can be sent to".to_owned())?;
    let from: Address = "no-reply@example.com".parse().map_err(|_| "no sender".to_owned())?;
    Envelope::new(Some(from), vec![to]).map_err(|e| e.to_string())
}

/// What the server's refusal of one mail concerns. A server that greets us, takes our login and then refuses, refuses the
/// mail; one that wants another login refuses everything.
fn judged(transport: &SmtpTransport, refusal: &smtp::Error) -> Refusal {
    const WANTS_LOGIN: [u16; 4] = [530, 534, 535, 538];
    let why =
        std::error::Error::source(refusal).map_or_else(|| refusal.to_string(), |e| format!("{refusal}: {e}"));
    let is_about_login = refusal.status().is_some_and(|code| WANTS_LOGIN.contains(&u16::from(code)));
    if is_about_login || !transport.test_connection().is_ok_and(|is_connected| is_connected) {
        return Refusal::Everything(why);
    }
    if refusal.is_permanent() || refusal.is_client() { Refusal::ForGood(why) } else { Refusal::ForNow(why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::mail::{INVITATION, OutgoingMail};
    use crate::sandbox::store::{accounts, mails::MailState};

    fn put(store: &Store, kind: &'static str, to: &str, at: Timestamp) {
        let put = store.write::<_, SandboxError>(|conn| {
            if accounts::all(conn)?.is_empty() {
                accounts::insert(conn, "a1", "Example", "owner@example.com", "2026-01-01T00:00:00.000Z")?;
            }
            let account = accounts::all(conn)?[0].seq;
            Ok(OutgoingMail { kind, to, subject: "S", text: "T".to_owned() }.put(conn, account, at)?)
        });
        put.unwrap();
    }

    fn state(store: &Store, seq: i64) -> MailState {
        store.read::<_, SandboxError>(|conn| Ok(mails::by_seq(conn, seq)?)).unwrap().unwrap().state
    }

    fn due(store: &Store, now: Timestamp) -> Vec<i64> {
        let due =
            store.read::<_, SandboxError>(|conn| Ok(mails::due(conn, &URGENT, now.as_millisecond(), 10)?));
        due.unwrap().iter().map(|mail| mail.seq).collect()
    }

    #[test]
    fn what_people_wait_for_goes_first() {
        let store = Store::scratch().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        for kind in [INVITATION, INVITATION, SECOND_FACTOR, PASSWORD_RESET] {
            put(&store, kind, "a@example.com", now);
        }
        assert_eq!(due(&store, now), [3, 4, 1, 2]);
    }

    #[test]
    fn pauses_grow_and_patience_ends() {
        let store = Store::scratch().unwrap();
        let mut now = Timestamp::UNIX_EPOCH;
        put(&store, INVITATION, "a@example.com", now);
        // A folder that is none takes nothing.
        let post =
            Post { route: MailTarget::Folder(PathBuf::from("/nonexistent/mail")), busy: Mutex::default() };
        let mut pauses = Vec::new();
        for _ in 0..9 {
            post.deliver(&store, now).unwrap();
            let tried = now;
            while due(&store, now).is_empty() {
                now = now.checked_add(SignedDuration::from_secs(5)).unwrap();
            }
            pauses.push(now.duration_since(tried).as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        post.deliver(&store, now).unwrap();
        assert_eq!(state(&store, 1), MailState::Queued);
        let later = Timestamp::UNIX_EPOCH.checked_add(PATIENCE).unwrap();
        post.deliver(&store, later.checked_add(SignedDuration::from_secs(1)).unwrap()).unwrap();
        assert_eq!(state(&store, 1), MailState::Failed);
    }
}
