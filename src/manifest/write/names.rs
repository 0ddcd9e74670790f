//! Names of objects, and names by which the account's things can be told apart.

use crate::facts::{BotId, Coverage, Directory, Email, GroupName, Listing, RoleName, RoleType, as_read};
use crate::manifest::kinds::Kind;
use std::collections::{HashMap, HashSet};

/// Longest part taken from a name of the account; Kubernetes allows 253 characters with everything.
const LONGEST: usize = 100;

/// Gives every object a name that Kubernetes takes and no other object of its kind has.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Namer {
    taken: HashSet<(Kind, String)>,
    next: HashMap<(Kind, String), usize>,
}

impl Namer {
    /// These names are given already.
    pub(in crate::manifest) fn new(taken: HashSet<(Kind, String)>) -> Self {
        Self { taken, next: HashMap::new() }
    }

    /// `jane-doe`, then `jane-doe-2`, `jane-doe-3` …
    pub(in crate::manifest) fn name(&mut self, kind: Kind, base: &str) -> String {
        let next = self.next.entry((kind, base.to_owned())).or_insert(1);
        loop {
            let name = if *next == 1 { base.to_owned() } else { format!("{base}-{next}") };
            *next += 1;
            if self.taken.insert((kind, name.clone())) {
                return name;
            }
        }
    }
}

/// Lower-case letters, digits and `-`, from any texts; `other` when nothing is left of them.
pub(in crate::manifest) fn slug(texts: &[&str], other: &str) -> String {
    let mut slug = String::new();
    for text in texts {
        let mut part = String::new();
        for c in text.chars() {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_alphanumeric() => part.push(c),
                // An apostrophe joins: o'brien is obrien.
                '\'' | '\u{2019}' => {}
                _ if part.is_empty() || part.ends_with('-') => {}
                _ => part.push('-'),
            }
            if part.len() >= LONGEST {
                break;
            }
        }
        let part = part.trim_matches('-');
        if !part.is_empty() {
            if !slug.is_empty() {
                slug.push('-');
            }
            slug.push_str(part);
        }
    }
    if slug.is_empty() { other.to_owned() } else { slug }
}

/// The part of an address before the `@`, as a name.
pub(in crate::manifest) fn of_person(email: &Email) -> String {
    let local = email.folded().split('@').next().unwrap_or_default();
    slug(&[local], "user")
}

/// How a manifest names a bot.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct Bot {
    /// The value of `bot:`; `None` when a manifest cannot refer to the bot, and then `why` is the reason.
    pub(in crate::manifest) reference: Option<String>,
    /// What people call it.
    pub(in crate::manifest) label: String,
    /// Why it goes by its id, or cannot be named.
    pub(in crate::manifest) why: Option<String>,
}

/// Which names of the account mean one thing.
pub(in crate::manifest) struct KnownNames<'w> {
    directory: &'w Directory,
    has_all_bots: bool,
    bots: HashMap<&'w str, Vec<&'w BotId>>,
    /// As they read: two that read the same are two of one name.
    roles: HashMap<(RoleType, String), usize>,
    groups: HashMap<String, usize>,
}

impl<'w> KnownNames<'w> {
    pub(in crate::manifest) fn new(directory: &'w Directory, coverage: &Coverage) -> Self {
        let mut known = Self {
            directory,
            has_all_bots: coverage.requires(Listing::Bots).is_ok(),
            bots: HashMap::new(),
            roles: HashMap::new(),
            groups: HashMap::new(),
        };
        for (id, bot) in &directory.bots {
            known.bots.entry(bot.name.as_str()).or_default().push(id);
        }
        for role in directory.roles.values() {
            *known.roles.entry((role.role_type, as_read(role.name.as_str()).into_owned())).or_default() += 1;
        }
        for group in directory.groups.values() {
            *known.groups.entry(as_read(group.name.as_str()).into_owned()).or_default() += 1;
        }
        known
    }

    /// By its name where that is its own, else by its id.
    pub(in crate::manifest) fn bot(&self, id: &BotId) -> Bot {
        let Some(entry) = self.directory.bots.get(id) else {
            let why = "is not in the list of bots".to_owned();
            return Bot { reference: None, label: id.to_string(), why: Some(why) };
        };
        let name = entry.name.as_str();
        let why = match self.bots.get(name).map_or(0, Vec::len) {
            _ if !fits(name) => "the bot's name is empty or too long".to_owned(),
            _ if name.starts_with("st-") => "the bot's name looks like an id".to_owned(),
            _ if !self.has_all_bots => "not every bot was seen, so a name may not be unique".to_owned(),
            1 => return Bot { reference: Some(name.to_owned()), label: name.to_owned(), why: None },
            several => format!("{several} bots have this name"),
        };
        let label = if name.is_empty() { id.to_string() } else { format!("{name} ({id})") };
        if id.as_str().starts_with("st-") && fits(id.as_str()) {
            Bot { reference: Some(id.to_string()), label, why: Some(why) }
        } else {
            Bot { reference: None, label, why: Some(format!("cannot be told apart: {why}")) }
        }
    }

    /// The bot of that name, if there is exactly one.
    pub(in crate::manifest) fn bot_named(&self, name: &str) -> Option<BotId> {
        match self.bots.get(name)?.as_slice() {
            [id] => Some((*id).clone()),
            _ => None,
        }
    }

    /// `Err` says why no manifest can name the role.
    pub(in crate::manifest) fn role(&self, role_type: RoleType, role: &RoleName) -> Result<(), String> {
        match self.roles.get(&(role_type, as_read(role.as_str()).into_owned())).copied().unwrap_or_default() {
            _ if !fits(role.as_str()) => Err("the role's name is empty or too long".to_owned()),
            0 => Err("the role is not in the export of roles".to_owned()),
            1 => Ok(()),
            several => Err(format!("{several} {} roles have this name", role_type.as_str())),
        }
    }

    /// `Err` says why no manifest can name the group.
    pub(in crate::manifest) fn group(&self, group: &GroupName) -> Result<(), String> {
        match self.groups.get(&*as_read(group.as_str())).copied().unwrap_or_default() {
            _ if !fits(group.as_str()) => Err("the group's name is empty or too long".to_owned()),
            0 => Err("the group is not in the list of groups".to_owned()),
            1 => Ok(()),
            several => Err(format!("{several} groups have this name")),
        }
    }
}

/// What the schemas take as a name.
fn fits(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_name_that_kubernetes_takes() {
        for (texts, name) in [
            (&["jane.doe"][..], "jane-doe"),
            (&["Jane_O'Brien+test"], "jane-obrien-test"),
            (&["Banking Assistant", "Bot Developer"], "banking-assistant-bot-developer"),
            (&["🤖", "Bot Tester"], "bot-tester"),
            (&["🤖"], "other"),
            (&["--No--"], "no"),
            (&["É. Ünal"], "nal"),
        ] {
            assert_eq!(slug(texts, "other"), name);
        }
        assert!(slug(&[&"x".repeat(300), &"y".repeat(300)], "other").len() <= 201);
    }

    #[test]
    fn the_second_of_a_name_gets_a_number_that_is_free() {
        let mut naming = Namer::new(HashSet::from([(Kind::User, "jane-2".to_owned())]));
        let names: Vec<String> = (0..3).map(|_| naming.name(Kind::User, "jane")).collect();
        assert_eq!(names, ["jane", "jane-3", "jane-4"]);
        assert_eq!(naming.name(Kind::Team, "jane"), "jane");
    }
}
