//! What an expression is evaluated with: only the fields that it names, as values that can be compared and kept.

use crate::facts::{BuilderAccess, Holder, Key, Membership, RoleType, as_read};
use crate::plan::{self, Action, Change, Origin};
use crate::policy::known::Known;
use crate::policy::picture::{Grant, Person, Picture};
use crate::policy::select;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Atom {
    Bool(bool),
    Number(i64),
    Text(Arc<str>),
    Time(Timestamp),
    List(Vec<Atom>),
    Record(Vec<(&'static str, Atom)>),
}

impl Atom {
    fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// For the evaluator. `time` makes a timestamp of a text.
    pub(super) fn value(&self, time: &dyn Fn(Timestamp) -> cel::Value) -> cel::Value {
        match self {
            Self::Bool(truth) => cel::Value::Bool(*truth),
            Self::Number(number) => cel::Value::Int(*number),
            Self::Text(text) => cel::Value::String(Arc::new(text.to_string())),
            Self::Time(at) => time(*at),
            Self::List(list) => {
                cel::Value::from(list.iter().map(|atom| atom.value(time)).collect::<Vec<_>>())
            }
            Self::Record(fields) => {
                let fields: HashMap<String, cel::Value> =
                    fields.iter().map(|(name, atom)| ((*name).to_owned(), atom.value(time))).collect();
                cel::Value::from(fields)
            }
        }
    }
}

/// Makes records with the wanted fields.
pub(super) struct Entities<'a> {
    pub(super) picture: &'a Picture,
    pub(super) known: &'a Known,
    pub(super) wanted: &'a BTreeSet<String>,
}

impl Entities<'_> {
    fn record<const N: usize>(&self, fields: [(&'static str, &dyn Fn() -> Option<Atom>); N]) -> Atom {
        let wanted = fields.into_iter().filter(|(name, _)| self.wanted.contains(*name));
        Atom::Record(wanted.filter_map(|(name, make)| Some((name, make()?))).collect())
    }

    pub(super) fn person(&self, at: usize) -> Atom {
        let person = &self.picture.people[at];
        let Person { email, membership, is_declared, groups, grants, assigned, access } = person;
        let roles = || {
            let names: BTreeSet<&str> =
                grants.iter().map(|held| self.picture.roles[held.role].compared.as_str()).collect();
            Some(Atom::texts(names))
        };
        self.record([
            ("email", &|| Some(Atom::text(email.folded()))),
            ("domain", &|| Some(Atom::text(email.domain().to_ascii_lowercase()))),
            ("declared", &|| Some(Atom::Bool(*is_declared))),
            ("member", &|| Some(Atom::Bool(membership.is_some()))),
            ("state", &|| Some(Atom::text(state(*membership)))),
            ("groups", &|| Some(Atom::texts(groups.iter().map(|group| as_read(group.as_str()))))),
            ("roles", &roles),
            ("bots", &|| {
                Some(Atom::texts(assigned.iter().map(|bot| as_read(&self.picture.bots[*bot].label))))
            }),
            ("builderAccess", &|| Some(Atom::text(BuilderAccess::label(*access)))),
            ("grants", &|| Some(Atom::List((0..grants.len()).map(|grant| self.grant(at, grant)).collect()))),
        ])
    }

    pub(super) fn grant(&self, at: usize, grant: usize) -> Atom {
        let person = &self.picture.people[at];
        let held = &person.grants[grant];
        let role = &self.picture.roles[held.role];
        let Grant { role: _, bot, through, is_declared, fact } = held;
        let fact = fact.map(|fact| self.known.fact(fact));
        let said = |text: Option<&String>| Some(Atom::text(text.map_or("", String::as_str)));
        let permissions = || {
            let given = role.spec.iter().flat_map(|spec| &spec.permissions);
            Some(Atom::texts(given.filter(|(_, level)| !level.is_nothing()).map(|(name, _)| name.as_str())))
        };
        let team = || {
            let team = fact.and_then(|fact| fact.sources.iter().find_map(|source| source.team.as_deref()));
            Some(Atom::text(team.unwrap_or_default()))
        };
        self.record([
            ("holder", &|| Some(Atom::text(person.email.folded()))),
            ("domain", &|| Some(Atom::text(person.email.domain().to_ascii_lowercase()))),
            ("role", &|| Some(Atom::text(role.compared.as_str()))),
            ("type", &|| Some(Atom::text(type_name(role.role_type)))),
            ("bot", &|| Some(Atom::text(as_read(bot.map_or("", |bot| &self.picture.bots[bot].label))))),
            ("through", &|| Some(Atom::text(as_read(through.as_ref().map_or("", |group| group.as_str()))))),
            ("direct", &|| Some(Atom::Bool(through.is_none()))),
            ("declared", &|| Some(Atom::Bool(*is_declared))),
            ("team", &team),
            ("risk", &|| Some(Atom::text(select::risk_of(&self.picture.key_of(at, grant))))),
            ("reason", &|| said(fact.and_then(|fact| fact.terms.reason.as_ref()))),
            ("ticket", &|| said(fact.and_then(|fact| fact.terms.ticket.as_ref()))),
            ("permissions", &permissions),
            ("expiresAt", &|| fact.and_then(|fact| fact.until).map(Atom::Time)),
            ("published", &|| self.published((*bot)?)),
            ("since", &|| self.since(at, grant).map(Atom::Time)),
        ])
    }

    /// What comes through a group is held since the later of its halves.
    fn since(&self, at: usize, grant: usize) -> Option<Timestamp> {
        let causes = self.picture.causes(at, grant);
        let all: Option<Vec<Timestamp>> = causes.iter().map(|fact| self.known.since(fact)).collect();
        all?.into_iter().max()
    }

    /// Unknown where the account was not asked.
    fn published(&self, bot: usize) -> Option<Atom> {
        let status = &self.picture.bots[bot].status;
        (!status.is_empty()).then(|| Atom::Bool(status.eq_ignore_ascii_case("published")))
    }

    pub(super) fn role(&self, at: usize, holders: &BTreeMap<usize, i64>) -> Atom {
        let role = &self.picture.roles[at];
        let permissions = || {
            let given = role.spec.iter().flat_map(|spec| &spec.permissions);
            Some(Atom::texts(given.filter(|(_, level)| !level.is_nothing()).map(|(name, _)| name.as_str())))
        };
        let gives_rights = || {
            let known = plan::escalating_permissions();
            let mut given = role.spec.iter().flat_map(|spec| &spec.permissions);
            let escalates = given.any(|(name, level)| known.contains(&name.as_str()) && !level.is_harmless());
            Some(Atom::Bool(escalates || role.name.is_master_admin()))
        };
        self.record([
            ("name", &|| Some(Atom::text(role.compared.as_str()))),
            ("type", &|| Some(Atom::text(type_name(role.role_type)))),
            ("builtIn", &|| Some(Atom::Bool(role.name.is_built_in(role.role_type)))),
            ("declared", &|| Some(Atom::Bool(role.is_declared))),
            ("escalating", &gives_rights),
            ("permissions", &permissions),
            ("holders", &|| Some(Atom::Number(holders.get(&at).copied().unwrap_or_default()))),
        ])
    }

    pub(super) fn bot(&self, at: usize, usage: &BotUse) -> Atom {
        let bot = &self.picture.bots[at];
        let emails = |people: &BTreeSet<usize>| {
            Atom::texts(people.iter().map(|person| self.picture.people[*person].email.folded()))
        };
        self.record([
            ("name", &|| Some(Atom::text(as_read(&bot.label)))),
            ("id", &|| Some(Atom::text(bot.id.as_str()))),
            ("holders", &|| Some(emails(&usage.holders))),
            ("assigned", &|| Some(Atom::Number(usage.assigned))),
            // Ownership is not declared: it is known only where the account was read.
            ("owners", &|| self.known.is_observed.then(|| emails(&usage.owners))),
            ("published", &|| self.published(at)),
        ])
    }

    pub(super) fn change(&self, change: &Change) -> Atom {
        let key = &change.key;
        let action = match change.action {
            Action::Add => "add",
            Action::Change => "change",
            Action::Remove | Action::Retire | Action::Prune => "remove",
        };
        let origin = match change.origin {
            Origin::Edited => "edited",
            Origin::Drift => "drift",
            Origin::Unknown => "unknown",
        };
        let person = key.email();
        let domain =
            || Some(Atom::text(person.map(|email| email.domain().to_ascii_lowercase()).unwrap_or_default()));
        let role = || {
            let compared = key.role().map(|(role_type, role)| role.as_compared(role_type));
            Some(Atom::text(compared.as_ref().map_or("", |role| role.as_str())))
        };
        self.record([
            ("action", &|| Some(Atom::text(action))),
            ("kind", &|| Some(Atom::text(kind(key)))),
            ("person", &|| Some(Atom::text(person.map_or("", |email| email.folded())))),
            ("domain", &domain),
            ("group", &|| Some(Atom::text(as_read(key.group().map_or("", |group| group.as_str()))))),
            ("role", &role),
            ("bot", &|| Some(Atom::text(as_read(key.bot().map_or("", |bot| self.known.bot_label(bot)))))),
            ("risk", &|| Some(Atom::text(change.risk.level.label()))),
            ("origin", &|| Some(Atom::text(origin))),
        ])
    }
}

/// Who uses a bot.
#[derive(Default)]
pub(super) struct BotUse {
    pub(super) holders: BTreeSet<usize>,
    pub(super) owners: BTreeSet<usize>,
    pub(super) assigned: i64,
}

fn kind(key: &Key) -> &'static str {
    match key {
        Key::RoleDefinition(..) => "role",
        Key::Member(_) => "user",
        Key::Names(_) => "name",
        Key::Access(_) => "builderAccess",
        Key::Profile(_) => "profile",
        Key::DataTables(_) => "dataTables",
        Key::InGroup(..) => "group",
        Key::AdminRole(Holder::User(_) | Holder::Group(_), _) => "adminRole",
        Key::BotRole(Holder::User(_) | Holder::Group(_), _, _) => "botRole",
        Key::Assigned(..) => "assignment",
    }
}

fn state(membership: Option<Membership>) -> &'static str {
    match membership {
        None => "none",
        Some(Membership::Joined) => "joined",
        Some(Membership::Pending { .. }) => "pending",
        Some(Membership::Listed) => "listed",
    }
}

fn type_name(role_type: RoleType) -> &'static str {
    match role_type {
        RoleType::Admin => "Admin",
        RoleType::Bot => "Bot",
    }
}
