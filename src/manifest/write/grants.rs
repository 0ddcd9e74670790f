//! `bindings.yaml`, `groups.yaml` and `assignments.yaml`: who holds what.

use super::names::{Bot, KnownNames, Namer, slug};
use super::people::Spellings;
use super::yaml::{Page, named, scalar};
use super::{Declared, LeftOut, Section};
use crate::facts::{
    BotId, DialogId, Email, GroupName, Holder, Key, RoleName, RoleType, ScopeExtent, Source, Value, World,
};
use crate::manifest::kinds::Kind;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most ids of dialogs an assignment takes.
const MOST_DIALOGS: usize = 1000;
/// People named in a comment; more are counted.
const NAMED_IN_COMMENT: usize = 5;

/// One object to be.
pub(super) struct GrantDocument {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// What it grants, as people say it.
    pub(super) label: String,
    pub(super) people: Subjects,
    /// A comment above what it is about.
    why: Option<String>,
    /// The lines that say what it is about.
    target: Vec<String>,
    groups: Vec<(GroupName, String)>,
    dialogs: Vec<DialogId>,
    remarks: HashMap<Email, &'static str>,
}

/// The people of a grant: one by one, or as teams.
pub(super) enum Subjects {
    People(Vec<Email>),
    Teams(Vec<String>),
}

/// Everything granted, and what is said beside it.
pub(super) struct Collected {
    pub(super) bindings: Vec<GrantDocument>,
    pub(super) groups: Vec<GrantDocument>,
    pub(super) assignments: Vec<GrantDocument>,
    pub(super) notes: Notes,
    pub(super) by_hand: Vec<ByHand>,
}

/// What is said at the head and the end of the pages.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) bindings: PageNotes,
    pub(super) groups: PageNotes,
    pub(super) assignments: PageNotes,
}

#[derive(Default)]
pub(super) struct PageNotes {
    head: Vec<String>,
    left_out: Vec<String>,
}

/// Lines that belong into an Authoritative object of the user: a second, Additive object would stop it from pruning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByHand {
    /// Where the object says that it is Authoritative.
    pub source: Source,
    /// What it is about: `Bot Developer on Banking Assistant`.
    pub label: String,
    /// The missing entries of its `subjects`.
    pub lines: Vec<String>,
}

/// People, and groups.
type Holders<'w> = (Vec<&'w Email>, Vec<&'w GroupName>);

/// Users of one bot by the dialogs assigned to them, and whether they have tasks of other kinds too.
type ByDialogs<'w> = BTreeMap<Option<&'w BTreeSet<DialogId>>, Vec<(&'w Email, bool)>>;

/// Facts, ordered by what they are about.
#[derive(Default)]
struct Sorted<'w> {
    held: BTreeMap<ScopeExtent, Holders<'w>>,
    through: HashMap<(ScopeExtent, &'w GroupName), Vec<&'w Email>>,
    owners: BTreeMap<&'w BotId, Vec<String>>,
    assigned: BTreeMap<&'w BotId, ByDialogs<'w>>,
}

/// Collects who holds what, as far as it is not declared.
pub(super) fn collect(
    world: &World,
    declared: &Declared,
    known: &KnownNames<'_>,
    people: &Spellings<'_>,
    naming: &mut Namer,
) -> Collected {
    let sorted = sort(world);
    let mut collector = Collector {
        declared,
        known,
        people,
        naming,
        bots: HashMap::new(),
        collected: Collected {
            bindings: Vec::new(),
            groups: Vec::new(),
            assignments: Vec::new(),
            notes: Notes::default(),
            by_hand: Vec::new(),
        },
    };
    collector.owners(&sorted);
    collector.held(&sorted);
    collector.assigned(&sorted, world);
    let without: Vec<String> = world
        .directory
        .groups
        .values()
        .filter(|group| !sorted.held.contains_key(&ScopeExtent::Group(group.name.clone())))
        .map(|group| named(group.name.as_str()).into_owned())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if !without.is_empty() {
        let note = format!(
            "Groups without members that could be read, and therefore not here: {}. What such a group holds cannot be read either.",
            without.join(", ")
        );
        collector.collected.notes.groups.head.push(note);
    }
    collector.collected
}

fn sort(world: &World) -> Sorted<'_> {
    let mut sorted = Sorted::default();
    for (key, value) in world.facts() {
        let (holder, extent) = match key {
            Key::BotRole(holder, role, bot) if role.is_bot_owner() => {
                sorted.owners.entry(bot).or_default().push(named(&holder.to_string()).into_owned());
                continue;
            }
            Key::AdminRole(holder, role) => (holder, ScopeExtent::AdminRole(role.clone())),
            Key::BotRole(holder, role, bot) => (holder, ScopeExtent::BotRole(role.clone(), bot.clone())),
            Key::InGroup(email, group) => {
                sorted.held.entry(ScopeExtent::Group(group.clone())).or_default().0.push(email);
                continue;
            }
            Key::Assigned(email, bot) => {
                if let Value::Dialogs(set) = value {
                    let sets = sorted.assigned.entry(bot).or_default();
                    sets.entry(set.only.as_ref()).or_default().push((email, set.has_other_tasks));
                }
                continue;
            }
            Key::RoleDefinition(..)
            | Key::Member(_)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_) => continue,
        };
        match (holder, value) {
            (Holder::User(email), Value::Inherited(groups)) => {
                for group in groups {
                    sorted.through.entry((extent.clone(), group)).or_default().push(email);
                }
            }
            (Holder::User(email), _) => sorted.held.entry(extent).or_default().0.push(email),
            (Holder::Group(group), _) => sorted.held.entry(extent).or_default().1.push(group),
        }
    }
    sorted
}

struct Collector<'a, 'w> {
    declared: &'a Declared,
    known: &'a KnownNames<'w>,
    people: &'a Spellings<'w>,
    naming: &'a mut Namer,
    bots: HashMap<BotId, Bot>,
    collected: Collected,
}

impl Collector<'_, '_> {
    fn bot(&mut self, id: &BotId) -> Bot {
        let known = self.known;
        self.bots.entry(id.clone()).or_insert_with(|| known.bot(id)).clone()
    }

    /// Bot Owner is never granted: who owns what is worth a comment.
    fn owners(&mut self, sorted: &Sorted<'_>) {
        let mut lines: Vec<String> = sorted
            .owners
            .iter()
            .map(|(bot, owners)| format!("- {}: {}", named(&self.bot(bot).label), owners.join(", ")))
            .collect();
        if lines.is_empty() {
            return;
        }
        lines.sort();
        let head = &mut self.collected.notes.bindings.head;
        head.push(
            "Bot Owner is not here: it comes with creating a bot and is moved in the console (Bots Management > Change Bot Owner). Owners today:"
                .to_owned(),
        );
        head.extend(lines);
    }

    /// Roles and groups.
    fn held(&mut self, sorted: &Sorted<'_>) {
        let mut extents: Vec<(String, &ScopeExtent, &Holders<'_>)> =
            sorted.held.iter().map(|(extent, holders)| (self.order(extent), extent, holders)).collect();
        extents.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
        for (_, extent, holders) in extents {
            match extent {
                ScopeExtent::AdminRole(role) => {
                    self.role(extent, RoleType::Admin, role, None, holders, sorted);
                }
                ScopeExtent::BotRole(role, bot) => {
                    let bot = self.bot(bot);
                    self.role(extent, RoleType::Bot, role, Some(&bot), holders, sorted);
                }
                ScopeExtent::Group(group) => self.group(extent, group, holders),
                ScopeExtent::Assignments(_) => {}
            }
        }
    }

    /// Master Admin, the other admin roles, then bot by bot.
    fn order(&mut self, extent: &ScopeExtent) -> String {
        let order = match extent {
            ScopeExtent::AdminRole(role) if role.is_master_admin() => "0".to_owned(),
            ScopeExtent::AdminRole(role) => format!("1 {role}"),
            ScopeExtent::BotRole(role, bot) => format!("2 {}\n{role}", self.bot(bot).label),
            ScopeExtent::Group(group) => format!("3 {group}"),
            ScopeExtent::Assignments(bot) => format!("4 {}", self.bot(bot).label),
        };
        order.to_lowercase()
    }

    fn role(
        &mut self,
        extent: &ScopeExtent,
        role_type: RoleType,
        role: &RoleName,
        bot: Option<&Bot>,
        (users, groups): &Holders<'_>,
        sorted: &Sorted<'_>,
    ) {
        let label = match bot {
            Some(bot) => format!("{} on {}", named(role.as_str()), named(&bot.label)),
            None => named(role.as_str()).into_owned(),
        };
        let left_out = &mut self.collected.notes.bindings.left_out;
        if let Err(why) = self.known.role(role_type, role) {
            return left_out.push(format!("who holds {label}: {why}"));
        }
        let reference = bot.map(|bot| bot.reference.as_deref());
        if let (Some(None), Some(bot)) = (reference, bot) {
            let why = bot.why.as_deref().unwrap_or_default();
            return left_out.push(format!("who holds {label}: the bot {why}"));
        }
        let is_master = role_type == RoleType::Admin && role.is_master_admin();
        let usable = self.usable(extent, &label, is_master, groups, sorted);
        let users = self.undeclared(users, |email| role_key(Holder::User(email.clone()), extent));
        if users.is_empty() && usable.is_empty() {
            return;
        }
        if self.note_by_hand(extent, &label, &users, &usable) {
            return;
        }
        let mut target = vec![match role_type {
            RoleType::Admin => format!("role: {{ type: Admin, name: {} }}", scalar(role.as_str())),
            RoleType::Bot => format!("role: {{ type: Bot, name: {} }}", scalar(role.as_str())),
        }];
        target.extend(reference.flatten().map(|bot| format!("bot: {}", scalar(bot))));
        let base = match bot {
            Some(bot) => slug(&[&bot.label, role.as_str()], "binding"),
            None => slug(&[role.as_str()], "binding"),
        };
        let name = self.naming.name(Kind::RoleBinding, &base);
        self.collected.bindings.push(GrantDocument {
            kind: Kind::RoleBinding,
            name,
            label,
            people: Subjects::People(users),
            why: bot.and_then(|bot| {
                Some(format!("{}: by id, because {}.", named(&bot.label), bot.why.as_ref()?))
            }),
            target,
            groups: usable,
            dialogs: Vec::new(),
            remarks: HashMap::new(),
        });
    }

    /// The groups that a manifest can name as holders, each with who holds the role through it; the others are noted.
    fn usable(
        &mut self,
        extent: &ScopeExtent,
        label: &str,
        is_master: bool,
        groups: &[&GroupName],
        sorted: &Sorted<'_>,
    ) -> Vec<(GroupName, String)> {
        let left_out = &mut self.collected.notes.bindings.left_out;
        let mut usable = Vec::new();
        for group in groups {
            let through = sorted.through.get(&(extent.clone(), *group)).map_or(&[][..], Vec::as_slice);
            if is_master {
                left_out.push(format!(
                    "Master Admin held by the group {} ({}): a manifest can grant it to users only",
                    named(group.as_str()),
                    some_of(through)
                ));
            } else if let Err(why) = self.known.group(group) {
                left_out.push(format!("{label} held by the group {}: {why}", named(group.as_str())));
            } else if !self.declared.keys.contains(&role_key(Holder::Group((*group).clone()), extent)) {
                let note = match through {
                    [] => "through it: no user who could be read".to_owned(),
                    through => format!("through it: {}", some_of(through)),
                };
                usable.push(((*group).clone(), note));
            }
        }
        usable
    }

    fn group(&mut self, extent: &ScopeExtent, group: &GroupName, (users, _): &Holders<'_>) {
        let label = format!("group {}", named(group.as_str()));
        if let Err(why) = self.known.group(group) {
            return self.collected.notes.groups.left_out.push(format!("who is in the {label}: {why}"));
        }
        let users = self.undeclared(users, |email| Key::InGroup(email.clone(), group.clone()));
        if users.is_empty() || self.note_by_hand(extent, &label, &users, &[]) {
            return;
        }
        let name = self.naming.name(Kind::GroupMembership, &slug(&[group.as_str()], "group"));
        self.collected.groups.push(GrantDocument {
            kind: Kind::GroupMembership,
            name,
            label,
            people: Subjects::People(users),
            why: None,
            target: vec![format!("group: {}", scalar(group.as_str()))],
            groups: Vec::new(),
            dialogs: Vec::new(),
            remarks: HashMap::new(),
        });
    }

    /// One object a bot and set of dialogs.
    fn assigned(&mut self, sorted: &Sorted<'_>, world: &World) {
        let mut bots: Vec<(String, &BotId)> =
            sorted.assigned.keys().map(|bot| (self.bot(bot).label, *bot)).collect();
        bots.sort();
        for (label, id) in bots {
            let bot = self.bot(id);
            let label = named(&label).into_owned();
            let is_published = world.directory.bots.get(id).is_some_and(crate::facts::BotEntry::is_published);
            let obstacle = match (&bot.reference, is_published) {
                (None, _) => Some(format!("the bot {}", bot.why.as_deref().unwrap_or_default())),
                (Some(_), false) => {
                    Some("the bot is not published, and only a published one can be assigned".to_owned())
                }
                (Some(_), true) => None,
            };
            let left_out = &mut self.collected.notes.assignments.left_out;
            if let Some(why) = obstacle {
                left_out.push(format!("who is assigned to {label}: {why}"));
                continue;
            }
            let sets = &sorted.assigned[id];
            for (only, users) in sets {
                self.assignment(id, &bot, &label, *only, users);
            }
        }
    }

    fn assignment(
        &mut self,
        id: &BotId,
        bot: &Bot,
        label: &str,
        only: Option<&BTreeSet<DialogId>>,
        users: &[(&Email, bool)],
    ) {
        let everybody: Vec<&Email> = users.iter().map(|(email, _)| *email).collect();
        let is_odd = |dialog: &DialogId| !(1..=128).contains(&dialog.as_str().chars().count());
        let obstacle = match only {
            Some(only) if only.is_empty() => Some(
                "only tasks that are no dialogs: see the console (Enterprise Bots > Bot & task assignments)",
            ),
            Some(only) if only.len() > MOST_DIALOGS || only.iter().any(is_odd) => {
                Some("a list of dialogs that a manifest cannot hold")
            }
            _ => None,
        };
        if let Some(why) = obstacle {
            let note = format!("{label} for {}: {why}", some_of(&everybody));
            return self.collected.notes.assignments.left_out.push(note);
        }
        let extent = ScopeExtent::Assignments(id.clone());
        let people = self.undeclared(&everybody, |email| Key::Assigned(email.clone(), id.clone()));
        if people.is_empty() || self.note_by_hand(&extent, &format!("users of {label}"), &people, &[]) {
            return;
        }
        let remarks = users
            .iter()
            .filter(|(_, has_other_tasks)| *has_other_tasks)
            .map(|(email, _)| {
                ((*email).clone(), "also has tasks that are no dialogs: change this one in the console")
            })
            .collect();
        let name = self.naming.name(Kind::BotAssignment, &slug(&[&bot.label, "users"], "users"));
        self.collected.assignments.push(GrantDocument {
            kind: Kind::BotAssignment,
            name,
            label: format!("users of {label}"),
            people: Subjects::People(people),
            why: bot.why.as_ref().map(|why| format!("{label}: by id, because {why}.")),
            target: bot.reference.iter().map(|bot| format!("bot: {}", scalar(bot))).collect(),
            groups: Vec::new(),
            dialogs: only.into_iter().flatten().cloned().collect(),
            remarks,
        });
    }

    /// Whom a manifest can name, and about whom it is not declared already.
    fn undeclared(&self, users: &[&Email], key: impl Fn(&Email) -> Key) -> Vec<Email> {
        let is_new = |email: &&&Email| {
            self.people.contains_key(**email)
                && (self.declared.keys.is_empty() || !self.declared.keys.contains(&key(email)))
        };
        users.iter().filter(is_new).map(|email| (*email).clone()).collect()
    }

    /// Notes the missing lines of an Authoritative object that covers the list, and returns whether there is one.
    fn note_by_hand(
        &mut self,
        extent: &ScopeExtent,
        label: &str,
        users: &[Email],
        groups: &[(GroupName, String)],
    ) -> bool {
        let Some(source) = self.declared.authoritative.get(extent) else { return false };
        let spelled = |email: &Email| self.people.get(email).copied().unwrap_or_default().to_owned();
        let users = users.iter().map(|email| format!("- user: {}", scalar(&spelled(email))));
        let groups = groups.iter().map(|(group, _)| format!("- group: {}", scalar(group.as_str())));
        let lines = users.chain(groups).collect();
        self.collected.by_hand.push(ByHand { source: source.clone(), label: label.to_owned(), lines });
        true
    }
}

fn role_key(holder: Holder, extent: &ScopeExtent) -> Key {
    match extent {
        ScopeExtent::BotRole(role, bot) => Key::BotRole(holder, role.clone(), bot.clone()),
        ScopeExtent::AdminRole(role) => Key::AdminRole(holder, role.clone()),
        ScopeExtent::Group(_) | ScopeExtent::Assignments(_) => Key::AdminRole(holder, RoleName::new("")),
    }
}

/// A few people by name, the rest by number.
fn some_of(people: &[&Email]) -> String {
    let mut names: Vec<String> =
        people.iter().take(NAMED_IN_COMMENT).map(|email| named(email.as_str()).into_owned()).collect();
    if people.len() > NAMED_IN_COMMENT {
        names.push(format!("{} more", people.len() - NAMED_IN_COMMENT));
    }
    names.join(", ")
}

/// `bindings.yaml`
pub(super) fn bindings(
    grants: &[GrantDocument],
    notes: PageNotes,
    declared: &Declared,
    people: &Spellings<'_>,
) -> Section {
    let about = "Who holds which role: admin roles, then bot by bot. Only what is held directly; members of a group hold what the group holds.";
    let next = "Additive keeps other holders. When a binding is complete, make it Authoritative: then holders that it does not list lose the role.";
    section(grants, notes, &[about, next], declared, people)
}

/// `groups.yaml`
pub(super) fn groups(
    grants: &[GrantDocument],
    notes: PageNotes,
    declared: &Declared,
    people: &Spellings<'_>,
) -> Section {
    let about = "Who is in which group of the platform. Groups of a directory look the same through the API: leave those Additive, or out.";
    section(grants, notes, &[about], declared, people)
}

/// `assignments.yaml`
pub(super) fn assignments(
    grants: &[GrantDocument],
    notes: PageNotes,
    declared: &Declared,
    people: &Spellings<'_>,
) -> Section {
    let about = "Who is assigned to which bot. The API shows assignments to single users only; those to groups or to everyone are in the console.";
    let dialogs = "A list of dialogs is what these users have today: the API does not show whether all dialogs were meant. Where they were, delete the list: then new dialogs are included.";
    section(grants, notes, &[about, dialogs], declared, people)
}

fn section(
    grants: &[GrantDocument],
    notes: PageNotes,
    about: &[&str],
    declared: &Declared,
    people: &Spellings<'_>,
) -> Section {
    let PageNotes { head, left_out } = notes;
    let about: Vec<&str> = about.iter().copied().chain(head.iter().map(String::as_str)).collect();
    let mut page = declared.page(&about);
    for grant in grants {
        one(&mut page, grant, declared.account.as_deref(), people);
    }
    Section { page, left_out: LeftOut(left_out) }
}

fn one(page: &mut Page, grant: &GrantDocument, account: Option<&str>, known: &Spellings<'_>) {
    let GrantDocument { kind, name, label: _, people, why, target, groups, dialogs, remarks } = grant;
    page.document(*kind, name, account, &[]);
    if let Some(why) = why {
        page.comment(1, why);
    }
    for line in target {
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
    match people {
        Subjects::People(people) => {
            for email in people {
                let spelled = known.get(email).copied().unwrap_or(email.as_str());
                page.item(2, "user", spelled, remarks.get(email).copied());
            }
        }
        Subjects::Teams(teams) => {
            for team in teams {
                page.item(2, "team", team, None);
            }
            for (email, remark) in remarks.iter().collect::<BTreeMap<_, _>>() {
                page.comment(2, &format!("{}: {remark}", named(email.as_str())));
            }
        }
    }
    for (group, note) in groups {
        page.item(2, "group", group.as_str(), Some(note));
    }
}
