//! Documents that come, where no document suits a fact: as `import` writes them.

use crate::facts::{
    DialogId, DialogSet, Email, Holder, Key, Membership, PersonName, RoleType, ScopeExtent, Value, World,
};
use crate::manifest::kinds::Kind;
use crate::manifest::write::names::{KnownNames, Namer, of_person, slug};
use crate::manifest::write::yaml::{Page, named, scalar};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Longest first or last name, and id, that the schema takes.
const LONGEST_NAME: usize = 256;
/// Most ids of dialogs an assignment takes.
const MOST_DIALOGS: usize = 1000;

/// Documents that come, with the numbers of the facts they are for.
#[derive(Default)]
pub(super) struct Fresh {
    pub users: Vec<(Email, usize)>,
    pub grants: BTreeMap<Target, Vec<(Grantee, usize)>>,
}

/// What a new object is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Target {
    kind: Kind,
    base: String,
    lines: Vec<String>,
    why: Option<String>,
    dialogs: Vec<DialogId>,
}

/// A new holder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Grantee {
    pub holder: Holder,
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
}

impl Grantee {
    /// As fields of an item of `subjects`.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let subject = match &self.holder {
            Holder::User(email) => ("user", email.as_str().to_owned()),
            Holder::Group(group) => ("group", group.to_string()),
        };
        let end = self.until.map(|until| ("expiresAt", until.to_string()));
        let reason = self.reason.clone().map(|reason| ("reason", reason));
        [Some(subject), end, reason].into_iter().flatten().collect()
    }

    /// As lines for a person to copy.
    pub(super) fn lines(&self) -> Vec<String> {
        let fields = self.fields().into_iter().enumerate();
        fields
            .map(|(index, (key, value))| {
                let value = if key == "expiresAt" { value } else { scalar(&value).into_owned() };
                format!("{} {key}: {value}", if index == 0 { "-" } else { " " })
            })
            .collect()
    }
}

impl Target {
    /// `Err` says why no manifest can name it.
    pub(super) fn new(
        extent: &ScopeExtent,
        value: &Value,
        holder: &Holder,
        known: &KnownNames<'_>,
    ) -> Result<Self, String> {
        let bot_of = |id| {
            let bot = known.bot(id);
            let why = bot.why.clone();
            let unnamed = || format!("the bot {}", why.clone().unwrap_or_default());
            let reference = bot.reference.clone().ok_or_else(unnamed)?;
            let why = why.map(|why| format!("{}: by id, because {why}.", named(&bot.label)));
            Ok::<_, String>((bot.label, format!("bot: {}", scalar(&reference)), why))
        };
        if let Holder::Group(group) = holder {
            known.group(group)?;
        }
        let base = Self {
            kind: Kind::RoleBinding,
            base: String::new(),
            lines: Vec::new(),
            why: None,
            dialogs: Vec::new(),
        };
        Ok(match extent {
            ScopeExtent::AdminRole(role) => {
                if role.is_master_admin() && matches!(holder, Holder::Group(_)) {
                    return Err("a manifest can grant Master Admin to users only".to_owned());
                }
                known.role(RoleType::Admin, role)?;
                let line = format!("role: {{ type: Admin, name: {} }}", scalar(role.as_str()));
                Self { base: slug(&[role.as_str()], "binding"), lines: vec![line], ..base }
            }
            ScopeExtent::BotRole(role, id) => {
                known.role(RoleType::Bot, role)?;
                let (label, bot, why) = bot_of(id)?;
                let line = format!("role: {{ type: Bot, name: {} }}", scalar(role.as_str()));
                Self { base: slug(&[&label, role.as_str()], "binding"), lines: vec![line, bot], why, ..base }
            }
            ScopeExtent::Group(group) => {
                known.group(group)?;
                let line = format!("group: {}", scalar(group.as_str()));
                let base_name = slug(&[group.as_str()], "group");
                Self { kind: Kind::GroupMembership, base: base_name, lines: vec![line], ..base }
            }
            ScopeExtent::Assignments(id) => {
                let (label, bot, why) = bot_of(id)?;
                let dialogs = match value {
                    Value::Dialogs(DialogSet { only: Some(only), has_other_tasks: false }) => only.clone(),
                    _ => BTreeSet::new(),
                };
                if dialogs.is_empty() || dialogs.len() > MOST_DIALOGS {
                    return Err("a list of dialogs that a manifest cannot hold".to_owned());
                }
                let base_name = slug(&[&label, "users"], "users");
                let dialogs = dialogs.into_iter().collect();
                Self { kind: Kind::BotAssignment, base: base_name, lines: vec![bot], why, dialogs }
            }
        })
    }
}

/// What a new `KoreUser` declares: what was observed and can be written.
pub(super) fn user_facts(world: &World, email: &Email) -> Vec<(Key, Value)> {
    let fits = |text: &Option<String>| {
        text.clone().filter(|text| !text.is_empty() && text.chars().count() <= LONGEST_NAME)
    };
    let mut facts = vec![(Key::Member(email.clone()), Value::Member(Membership::Joined))];
    let names = Key::Names(email.clone());
    if let Some(Value::Names(PersonName { first, last })) = world.get(&names) {
        let written = PersonName { first: fits(first), last: fits(last) };
        if written != PersonName::default() {
            facts.push((names, Value::Names(written)));
        }
    }
    let access = Key::Access(email.clone());
    if let Some(seen @ Value::Access(_)) = world.get(&access) {
        facts.push((access, seen.clone()));
    }
    let id = world.directory.users.get(email).and_then(|entry| fits(&entry.org_user_id));
    if let Some(id) = id {
        let profile = BTreeMap::from([("orgUserId".to_owned(), id)]);
        facts.push((Key::Profile(email.clone()), Value::Profile(profile)));
    }
    facts
}

/// The texts of new documents, by the kind they are of.
pub(super) struct Writer<'w> {
    pub world: &'w World,
    pub naming: Namer,
    /// The account's name, where the manifests are about several.
    pub account: Option<String>,
}

/// One new document.
pub(super) struct NewDocument {
    pub kind: Kind,
    /// `metadata.name`
    pub name: String,
    /// From `---` to its last line end.
    pub text: String,
    /// The facts that it is for.
    pub numbers: Vec<usize>,
}

impl Writer<'_> {
    pub(super) fn write(&mut self, fresh: &Fresh) -> Vec<NewDocument> {
        let users: Vec<NewDocument> =
            fresh.users.iter().map(|(email, number)| self.user(email, *number)).collect();
        let grants = fresh.grants.iter().map(|(target, grantees)| self.grant(target, grantees));
        users.into_iter().chain(grants).collect()
    }

    fn user(&mut self, email: &Email, number: usize) -> NewDocument {
        let name = self.naming.name(Kind::User, &of_person(email));
        let mut page = Page::default();
        page.document(Kind::User, &name, self.account.as_deref(), &[]);
        page.field(1, "email", email.as_str());
        for (_, value) in user_facts(self.world, email) {
            match value {
                Value::Names(PersonName { first, last }) => {
                    for (field, name) in [("firstName", first), ("lastName", last)] {
                        if let Some(name) = name {
                            page.field(1, field, &name);
                        }
                    }
                }
                Value::Access(access) => page.line(1, &format!("builderAccess: {}", access.label())),
                Value::Profile(fields) => {
                    for (field, text) in fields {
                        page.field(1, &field, &text);
                    }
                }
                _ => {}
            }
        }
        NewDocument { kind: Kind::User, name, text: page.finish().0, numbers: vec![number] }
    }

    fn grant(&mut self, target: &Target, grantees: &[(Grantee, usize)]) -> NewDocument {
        let Target { kind, base, lines, why, dialogs } = target;
        let name = self.naming.name(*kind, base);
        let mut page = Page::default();
        page.document(*kind, &name, self.account.as_deref(), &[]);
        if let Some(why) = why {
            page.comment(1, why);
        }
        for line in lines {
            page.line(1, line);
        }
        if !dialogs.is_empty() {
            page.line(1, "dialogs:");
            for dialog in dialogs {
                page.value(2, dialog.as_str());
            }
        }
        page.line(1, "membership: Additive");
        page.line(1, "subjects:");
        for (grantee, _) in grantees {
            for line in grantee.lines() {
                page.line(2, &line);
            }
        }
        let numbers = grantees.iter().map(|(_, number)| *number).collect();
        NewDocument { kind: *kind, name, text: page.finish().0, numbers }
    }
}
