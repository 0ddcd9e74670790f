//! Manifests as a team would keep them: from the truth of a sandbox, or of any size.

use koreconcile::sandbox::{GroupSource, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "---\napiVersion: koreconcile.dev/v1alpha1\nkind: ";
/// People in one file.
const PEOPLE: usize = 1_000;
/// Subjects that one document takes.
const SUBJECTS: usize = 1_000;

/// Documents on their way into one file.
#[derive(Default)]
struct Documents {
    text: String,
    count: usize,
}

impl Documents {
    fn open(&mut self, kind: &str, name: &str) {
        self.count += 1;
        let _ = write!(self.text, "{HEAD}{kind}\nmetadata:\n  name: {name}\nspec:\n");
    }

    fn field(&mut self, name: &str, text: &str) {
        let _ = writeln!(self.text, "  {name}: {text}");
    }

    /// What names these people in a document of that name: they themselves, or where one document does not take as many, teams
    /// that are opened here.
    fn named<'a>(&mut self, name: &str, people: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let people: Vec<&str> = people.into_iter().collect();
        if people.len() <= SUBJECTS {
            return people.into_iter().map(|person| format!("user: {person}")).collect();
        }
        let teams = people.chunks(SUBJECTS).enumerate().map(|(index, members)| {
            let team = format!("{name}-{index:03}");
            self.open("KoreTeam", &team);
            self.text += "  members:\n";
            for member in members {
                let _ = writeln!(self.text, "    - {member}");
            }
            format!("team: {team}")
        });
        teams.collect()
    }

    fn subjects(&mut self, named: &[String]) {
        self.text += "  subjects:\n";
        for subject in named {
            let _ = writeln!(self.text, "    - {subject}");
        }
    }

    fn write(&self, folder: &Path, file: &str) {
        std::fs::write(folder.join(file), &self.text).unwrap();
    }
}

/// The account, with a call budget that nobody meets.
pub fn account(folder: &Path, data: &Path, id: &str) {
    let text = format!(
        "{HEAD}KoreAccount\nmetadata:\n  name: acme\nspec:\n  endpoint:\n    sandbox:\n      dataDir: {}\n  \
         accountId: {id}\n  sources: [\"*.yaml\"]\n  rateLimit: {{ perMinute: 100000, perHour: 1000000 }}\n  \
         safety:\n    primaryAdmin: owner@example.com\n",
        data.display()
    );
    std::fs::write(folder.join("account.yaml"), text).unwrap();
}

/// People, each a document with names and access.
pub fn people<'a>(folder: &Path, people: impl Iterator<Item = Person<'a>>) {
    let mut documents = Documents::default();
    let mut files = 0;
    for (index, Person { email, first, last, access }) in people.enumerate() {
        documents.open("KoreUser", &format!("user-{index:06}"));
        documents.field("email", email);
        documents.field("firstName", first);
        documents.field("lastName", last);
        documents.field("builderAccess", access);
        if documents.count == PEOPLE {
            documents.write(folder, &format!("people-{files:03}.yaml"));
            (documents, files) = (Documents::default(), files + 1);
        }
    }
    // A file without a document would not count as understood.
    if documents.count > 0 {
        documents.write(folder, &format!("people-{files:03}.yaml"));
    }
}

/// One person.
pub struct Person<'a> {
    pub email: &'a str,
    pub first: &'a str,
    pub last: &'a str,
    pub access: &'a str,
}

/// Holders of roles: by role and, for a bot role, bot.
pub type Holders<'a> = BTreeMap<(&'a str, Option<&'a str>), Held<'a>>;

/// Who holds one role.
#[derive(Default)]
pub struct Held<'a> {
    pub users: BTreeSet<&'a str>,
    pub groups: BTreeSet<&'a str>,
}

/// Role bindings, closed: whoever is not listed loses the role.
pub fn bindings(folder: &Path, holders: &Holders<'_>) {
    let mut documents = Documents::default();
    for (index, ((role, bot), Held { users, groups })) in holders.iter().enumerate() {
        let name = format!("binding-{index:05}");
        let mut named = documents.named(&name, users.iter().copied());
        named.extend(groups.iter().map(|group| format!("group: {group}")));
        documents.open("KoreRoleBinding", &name);
        let kind = if bot.is_some() { "Bot" } else { "Admin" };
        documents.field("role", &format!("{{ type: {kind}, name: {role} }}"));
        if let Some(bot) = bot {
            documents.field("bot", bot);
        }
        documents.field("membership", "Authoritative");
        documents.subjects(&named);
    }
    documents.write(folder, "bindings.yaml");
}

/// Everything that is true of a sandbox.
pub fn of(truth: &Snapshot, folder: &Path, data: &Path) {
    account(folder, data, &truth.account);
    people(folder, people_of(truth));
    bindings(folder, &holders_of(truth));
    groups(folder, truth);
    assignments(folder, truth);
}

/// Everybody in a sandbox.
pub fn people_of(truth: &Snapshot) -> impl Iterator<Item = Person<'_>> {
    truth.users.iter().map(|(email, user)| Person {
        email,
        first: &user.first_name,
        last: &user.last_name,
        access: match (user.is_developer, user.can_create_bot) {
            (false, _) => "None",
            (true, false) => "Builder",
            (true, true) => "Creator",
        },
    })
}

/// Who holds what in a sandbox.
pub fn holders_of(truth: &Snapshot) -> Holders<'_> {
    let mut holders = Holders::new();
    for (email, user) in &truth.users {
        for role in &user.admin_roles {
            let role = if role == "admin" { "Master Admin" } else { role };
            holders.entry((role, None)).or_default().users.insert(email);
        }
        for (role, bot) in user.bot_roles.iter().filter(|(role, _)| role != "Bot Owner") {
            holders.entry((role, Some(bot))).or_default().users.insert(email);
        }
    }
    for (group, truth) in &truth.groups {
        for (role, bot) in &truth.roles {
            holders.entry((role, bot.as_deref())).or_default().groups.insert(group);
        }
    }
    holders
}

fn groups(folder: &Path, truth: &Snapshot) {
    let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (email, user) in &truth.users {
        for group in &user.groups {
            members.entry(group).or_default().push(email);
        }
    }
    let mut documents = Documents::default();
    for (index, (group, members)) in members.into_iter().enumerate() {
        let name = format!("group-{index:04}");
        let named = documents.named(&name, members);
        documents.open("KoreGroupMembership", &name);
        documents.field("group", group);
        if truth.groups.get(group).is_some_and(|group| group.source == GroupSource::Local) {
            documents.field("membership", "Authoritative");
            documents.field("local", "true");
        }
        documents.subjects(&named);
    }
    documents.write(folder, "groups.yaml");
}

/// Two documents a bot at most for most: those with all dialogs, and one for each choice of dialogs.
fn assignments(folder: &Path, truth: &Snapshot) {
    let mut users: BTreeMap<(&str, Option<&[String]>), Vec<&str>> = BTreeMap::new();
    for (email, user) in &truth.users {
        for (bot, dialogs) in &user.assignments {
            users.entry((bot, dialogs.as_deref())).or_default().push(email);
        }
    }
    let mut documents = Documents::default();
    for (index, ((bot, dialogs), users)) in users.into_iter().enumerate() {
        let name = format!("assignment-{index:05}");
        let named = documents.named(&name, users);
        documents.open("KoreBotAssignment", &name);
        documents.field("bot", bot);
        if let Some(dialogs) = dialogs {
            documents.field("dialogs", &format!("[{}]", dialogs.join(", ")));
        }
        documents.subjects(&named);
    }
    documents.write(folder, "assignments.yaml");
}
