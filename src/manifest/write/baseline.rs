//! `baseline.yaml`: what the account holds and no manifest asks for, as known facts.

use super::MODELINE;
use super::names::KnownNames;
use super::yaml::{Page, scalar};
use crate::facts::{Holder, Key, RoleType, World};
use crate::manifest::kinds::Kind;

/// As many facts as one document takes.
const MOST: usize = 1_000;

/// One fact, and since when it is known.
#[derive(Clone, Debug)]
pub struct BaselineFact {
    /// What is known.
    pub key: Key,
    /// The day, such as `2026-11-30`.
    pub since: String,
    /// What a reviewer should see beside it: its risk.
    pub note: Option<String>,
}

/// The text of a baseline. `name`: of the first document; others get a number.
pub fn baseline(name: &str, account: Option<&str>, facts: &[BaselineFact], world: &World) -> String {
    let known = KnownNames::new(&world.directory, &world.coverage);
    let mut page = Page::default();
    page.line(0, MODELINE);
    page.comment(
        0,
        "What the account holds and no manifest asks for, and what is known. It is left as it is, and a plan",
    );
    page.comment(
        0,
        "does not count it. Delete a line when it should count again; declare the fact to manage it.",
    );
    for (index, facts) in facts.chunks(MOST).enumerate() {
        let name = if index == 0 { name.to_owned() } else { format!("{name}-{}", index + 1) };
        page.document(Kind::Baseline, &name, account, &[]);
        page.line(1, "facts:");
        for fact in facts {
            write(&mut page, fact, &known);
        }
    }
    if facts.is_empty() {
        page.document(Kind::Baseline, name, account, &[]);
        page.line(1, "facts: []");
    }
    page.finish().0
}

/// Whether a baseline can say it.
pub fn can_be_known(key: &Key) -> bool {
    matches!(
        key,
        Key::Member(_) | Key::InGroup(..) | Key::AdminRole(..) | Key::BotRole(..) | Key::Assigned(..)
    )
}

fn write(page: &mut Page, fact: &BaselineFact, known: &KnownNames<'_>) {
    let BaselineFact { key, since, note } = fact;
    let note = note.as_deref();
    match key.holder() {
        Some(Holder::Group(group)) => page.item(2, "group", group.as_str(), note),
        Some(Holder::User(email)) => page.item(2, "user", email.as_str(), note),
        None => {
            let Some(email) = key.email() else { return };
            page.item(2, "user", email.as_str(), note);
        }
    }
    if let Some((role_type, role)) = key.role() {
        let role_type = match role_type {
            RoleType::Admin => "Admin",
            RoleType::Bot => "Bot",
        };
        page.line(3, &format!("role: {{ type: {role_type}, name: {} }}", scalar(role.as_str())));
    }
    if let Some(bot) = key.bot() {
        page.field(3, "bot", &known.bot(bot).reference.unwrap_or_else(|| bot.to_string()));
    }
    if let Key::InGroup(_, group) = key {
        page.field(3, "memberOf", group.as_str());
    }
    page.field(3, "since", since);
}
