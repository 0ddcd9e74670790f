//! The mailbox: every message the sandbox has sent, for whoever sits at its machine. It is no part of the platform: it
//! stands for the mailboxes of all the people in it.

use crate::sandbox::Mail;
use crate::sandbox::console::do_what_was_asked;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::mails::{self, MailState, StoredMail};
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::open("/mailbox", list), Route::open("/mailbox/{seq}", show)];

#[derive(Template)]
#[template(path = "mailbox.html")]
struct Mailbox<'a> {
    plain: Plain,
    to: &'a str,
    mails: Vec<MailRow>,
    page: ListPage,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Message {
    plain: Plain,
    entry: MailRow,
    /// The text, cut where links begin and end.
    pieces: Vec<Piece>,
}

struct MailRow {
    seq: i64,
    kind: String,
    to: String,
    subject: String,
    at: Option<When>,
    /// What became of it, if it has not been sent in spite of a try.
    problem: Option<String>,
}

/// A mail that has not been delivered, on the pages of an account.
pub(super) struct UndeliveredMail {
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
    pub(super) problem: String,
}

impl UndeliveredMail {
    pub(super) fn new(mail: StoredMail) -> Self {
        let tone = if mail.state == MailState::Failed { "bad" } else { "warn" };
        let StoredMail { recipient: to, subject, state, problem, .. } = mail;
        Self { to, subject, state: state.word(), tone, problem }
    }
}

struct Piece {
    text: String,
    is_link: bool,
}

/// Whoever sees it can sign in as anybody: this machine only, and not where mail goes to real mailboxes.
fn check(context: &RequestContext<'_>) -> Result<(), PageError> {
    let is_kept_here = context.inner.options.mail == Mail::Files;
    if context.is_local() && is_kept_here { Ok(()) } else { Err(PageError::NotFound) }
}

fn list(context: &RequestContext<'_>) -> Outcome {
    check(context)?;
    do_what_was_asked(context.inner)?;
    let to = context.query("to");
    let page = ListPage::new(context);
    let (mails, total) = context.read(|conn| Ok(mails::newest(conn, to, page.skip(), ROWS)?))?;
    let mails = mails.into_iter().map(entry).collect();
    Reply::page(&Mailbox { plain: Plain::new(context, "Mailbox"), to, mails, page: page.with_total(total) })
}

fn show(context: &RequestContext<'_>) -> Outcome {
    check(context)?;
    let seq = context.param("seq").parse().map_err(|_| PageError::NotFound)?;
    let mail = context.read(|conn| Ok(mails::by_seq(conn, seq)?))?.ok_or(PageError::NotFound)?;
    let ours = context.inner.invites.public_url.as_str();
    let pieces = mail
        .text
        .split_inclusive(char::is_whitespace)
        .map(|word| Piece { text: word.to_owned(), is_link: word.starts_with(ours) })
        .collect();
    Reply::page(&Message { plain: Plain::new(context, "Message"), entry: entry(mail), pieces })
}

fn entry(mail: StoredMail) -> MailRow {
    let StoredMail { seq, kind, recipient, subject, text: _, at_ms, state, problem } = mail;
    let problem =
        (state != MailState::Sent && !problem.is_empty()).then(|| format!("{}: {problem}", state.word()));
    MailRow { seq, kind, to: recipient, subject, at: When::of_ms(at_ms), problem }
}
