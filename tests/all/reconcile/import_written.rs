//! What an import writes of a world made for the purpose: odd names, names that mean two things, teams, and what
//! people have written already.

use crate::reconcile::import_random::{compile, import, text};
use koreconcile::facts::{
    BotEntry, BotId, BotName, BuilderAccess, Coverage, DialogId, DialogSet, Directory, Email, Extent,
    GroupEntry, GroupId, GroupName, Holder, Key, Listing, Membership, PersonName, Policy, RoleEntry, RoleId,
    RoleName, RoleSpec, RoleType, Seen, UserEntry, Value, World, WorldBuilder,
};
use koreconcile::manifest::write::{self, Declared, Written};
use koreconcile::manifest::{self, Input};
use koreconcile::plan::{self, Context, Plan};
use std::collections::BTreeSet;

/// A world in a few words. Everything was read, everybody answered.
#[derive(Default)]
struct Seed {
    facts: WorldBuilder,
    coverage: Coverage,
    directory: Directory,
}

impl Seed {
    fn new() -> Self {
        let mut seed = Self::default();
        for listing in
            [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles]
        {
            seed.coverage.listings.insert(listing, Extent::Complete);
        }
        seed.role(RoleType::Admin, "Master Admin").role(RoleType::Bot, "Bot Developer");
        seed
    }

    fn see(&mut self, key: Key, value: Value) -> &mut Self {
        self.facts.see(key, value);
        self
    }

    fn person(&mut self, address: &str) -> &mut Self {
        let email = Email::observed(address);
        self.coverage.looked_up.insert(email.clone(), Seen::ALL);
        let entry = UserEntry { spellings: vec![address.to_owned()], ..UserEntry::default() };
        self.directory.users.insert(email.clone(), entry);
        self.see(Key::Member(email), Value::Member(Membership::Joined))
    }

    fn bot(&mut self, id: &str, name: &str) -> &mut Self {
        let (status, purpose) = ("published".to_owned(), "employee".to_owned());
        self.directory.bots.insert(BotId::new(id), BotEntry { name: BotName::new(name), status, purpose });
        self
    }

    fn group(&mut self, id: &str, name: &str) -> &mut Self {
        let entry = GroupEntry { name: GroupName::new(name), members: 1 };
        self.directory.groups.insert(GroupId::new(id), entry);
        self
    }

    fn role(&mut self, role_type: RoleType, name: &str) -> &mut Self {
        let (name, spec, document) = (RoleName::new(name), RoleSpec::default(), serde_json::Value::Null);
        let id = RoleId::new(format!("{role_type:?} {name} {}", self.directory.roles.len()));
        let entry = RoleEntry { role_type, name: name.clone(), spec: spec.clone(), document };
        self.directory.roles.insert(id, entry);
        self.see(Key::RoleDefinition(role_type, name), Value::Role(spec))
    }

    fn holds(&mut self, who: &str, role: &str, bot: &str) -> &mut Self {
        self.see(Key::BotRole(user(who), role.into(), bot.into()), Value::Held)
    }

    fn assigned(&mut self, who: &str, bot: &str, dialogs: &[&str], has_other_tasks: bool) -> &mut Self {
        let only = Some(dialogs.iter().map(DialogId::new).collect());
        let set = Value::Dialogs(DialogSet { only, has_other_tasks });
        self.see(Key::Assigned(Email::observed(who), bot.into()), set)
    }

    fn world(&mut self) -> World {
        let seed = std::mem::take(self);
        seed.facts.build(seed.coverage, seed.directory)
    }
}

fn user(address: &str) -> Holder {
    Holder::User(Email::observed(address))
}

fn page<'w>(written: &'w Written, name: &str) -> &'w str {
    written.pages.iter().find(|page| page.name == name).map_or("", |page| &page.text)
}

/// Imports into nothing, and plans against the same world.
fn plan_after(world: &World) -> (Written, Plan) {
    let (account, written) = import(world, &Declared::nothing());
    let (_, compiled) = compile(&account, &written).unwrap_or_else(|why| panic!("{why}\n{}", text(&written)));
    let plan = plan::make(compiled.desired, world, &Policy::default(), &Context::default());
    assert!(plan.is_clean(), "{:#?}\n{:#?}\n{}", plan.changes, plan.blocked, text(&written));
    (written, plan)
}

#[test]
fn odd_names_mean_the_same_in_both_directions() {
    let long = "x".repeat(200);
    let names = [
        "No",
        "yes",
        "null",
        "~",
        "0123",
        "1e3",
        "12:30",
        "2026-12-31",
        "0x1F",
        ".5",
        "=",
        "<<",
        "Support ",
        "two  spaces",
        "🤖 Bot",
        "Ünïcödé",
        "日本語",
        "a: b",
        "a #b",
        "- a",
        "#a",
        "[a]",
        "{a}",
        "a, b",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "'a'",
        "\"a\"",
        "back\\slash",
        "---",
        "...",
        "line\nbreak",
        "tab\there",
        "\u{2028}",
        "\u{feff}",
        "\u{202e}abc",
        "{{ .Values.bot }}",
        &long,
    ];
    let mut seed = Seed::new();
    for (at, name) in names.iter().enumerate() {
        let who = format!("p{at:02}@example.com");
        let bot = format!("st-{at:02}");
        let email = Email::observed(&who);
        seed.person(&who).bot(&bot, name).group(&format!("e-{at}"), name).role(RoleType::Bot, name);
        let called = PersonName { first: Some((*name).to_owned()), last: Some((*name).to_owned()) };
        seed.see(Key::Names(email.clone()), Value::Names(called));
        seed.see(Key::InGroup(email.clone(), (*name).into()), Value::Held);
        seed.holds(&who, name, &bot).assigned(
            &who,
            &bot,
            &[&format!("dg-{}", name.chars().take(100).collect::<String>())],
            false,
        );
        let holder = Holder::Group((*name).into());
        seed.see(Key::BotRole(holder, (*name).into(), bot.as_str().into()), Value::Held);
    }
    let world = seed.world();
    let (account, written) = import(&world, &Declared::nothing());
    let (manifests, compiled) = compile(&account, &written).unwrap_or_else(|why| panic!("{why}"));
    let again = Declared::from_manifests(&manifests, &compiled, &world);
    let missing = write::write(&world, &again);
    assert!(missing.pages.iter().all(|page| page.documents == 0), "{}", text(&missing));
    assert_eq!(written.left_out, Vec::<String>::new());
    let (_, plan) = plan_after(&world);
    assert!(plan.unmanaged.is_empty(), "{:?}", plan.unmanaged);
    // Every name, letter by letter, as another reader of YAML finds it.
    let read: Vec<serde_json::Value> = serde_saphyr::from_multiple(page(&written, "people")).unwrap();
    let firsts: Vec<&str> = read.iter().map(|user| user["spec"]["firstName"].as_str().unwrap()).collect();
    assert_eq!(firsts, names);
}

#[test]
fn names_by_id_what_a_name_does_not_tell_apart() {
    let mut seed = Seed::new();
    seed.person("a@example.com")
        .bot("st-1", "Twin")
        .bot("st-2", "Twin")
        .bot("st-3", "st-odd")
        .bot("x-4", "Twin");
    seed.role(RoleType::Bot, "Double").role(RoleType::Bot, "Double").group("e-1", "QA").group("e-2", "QA");
    for bot in ["st-1", "st-2", "st-3", "x-4", "st-gone"] {
        seed.holds("a@example.com", "Bot Developer", bot);
    }
    seed.holds("a@example.com", "Double", "st-1");
    seed.see(Key::InGroup(Email::observed("a@example.com"), "QA".into()), Value::Held);
    let (written, _) = plan_after(&seed.world());
    let bindings = page(&written, "bindings");
    for bot in ["bot: st-1\n", "bot: st-2\n", "bot: st-3\n", "by id, because 3 bots have this name."] {
        assert!(bindings.contains(bot), "{bot}: {bindings}");
    }
    assert_eq!(
        written.left_out,
        [
            "the bot role Double: 2 bot roles have this name",
            "who holds Bot Developer on st-gone: the bot is not in the list of bots",
            "who holds Double on Twin (st-1): 2 bot roles have this name",
            "who holds Bot Developer on Twin (x-4): the bot cannot be told apart: 3 bots have this name",
            "who is in the group QA: 2 groups have this name",
        ]
    );
}

#[test]
fn says_what_it_cannot_write() {
    let mut seed = Seed::new();
    seed.person("a@example.com").person("no address").bot("st-1", "Bank").group("e-1", "QA");
    let twins =
        UserEntry { spellings: vec!["B@example.com".into(), "b@example.com".into()], ..UserEntry::default() };
    seed.directory.users.insert(Email::observed("b@example.com"), twins);
    seed.holds("no address", "Bot Developer", "st-1").holds("a@example.com", "Bot Owner", "st-1");
    let master = |holder| Key::AdminRole(holder, RoleName::MASTER_ADMIN.into());
    seed.see(master(Holder::Group("QA".into())), Value::Held);
    let through = Value::Inherited(BTreeSet::from(["QA".into()]));
    seed.see(master(user("a@example.com")), through);
    seed.bot("st-2", "Draft").directory.bots.get_mut(&BotId::new("st-2")).unwrap().status =
        "configured".into();
    seed.assigned("a@example.com", "st-2", &["dg-1"], false).assigned("a@example.com", "st-1", &[], true);
    let (written, _) = plan_after(&seed.world());
    assert_eq!(
        written.left_out,
        [
            "the user no address, with all they hold: it contains white space",
            "B@example.com and b@example.com: users of one address, which cannot be told apart; remove the one that is \
             not used in the console (User Management > Users)",
            "Master Admin held by the group QA (a@example.com): a manifest can grant it to users only",
            "Bank for a@example.com: only tasks that are no dialogs: see the console (Enterprise Bots > Bot & task \
             assignments)",
            "who is assigned to Draft: the bot is not published, and only a published one can be assigned",
        ]
    );
    assert!(page(&written, "bindings").contains("# - Bank: a@example.com\n"), "{}", text(&written));
}

#[test]
fn suggests_a_team_where_the_same_people_repeat() {
    let mut seed = Seed::new();
    seed.bot("st-1", "Bank").bot("st-2", "Desk");
    let people = ["a@example.com", "b@example.com", "c@example.com"];
    for who in people {
        seed.person(who).holds(who, "Bot Developer", "st-1").assigned(
            who,
            "st-2",
            &["dg-1"],
            who.starts_with('b'),
        );
    }
    for who in &people[..2] {
        seed.holds(who, "Bot Developer", "st-2").assigned(who, "st-1", &["dg-2"], false);
    }
    let (written, _) = plan_after(&seed.world());
    insta::assert_snapshot!(["teams", "bindings", "assignments"].map(|name| page(&written, name)).join("\n"));
}

#[test]
fn splits_what_is_too_long_for_one_list_into_teams() {
    let mut seed = Seed::new();
    seed.bot("st-1", "Bank");
    for at in 0..2_500 {
        let who = format!("p{at:04}@example.com");
        seed.person(&who).holds(&who, "Bot Developer", "st-1");
    }
    let (written, _) = plan_after(&seed.world());
    let bindings = page(&written, "bindings");
    assert!(bindings.contains("- team: bank-bot-developer-people-3\n"), "{bindings}");
    assert_eq!(page(&written, "teams").matches("kind: KoreTeam").count(), 3);
}

#[test]
fn adds_only_what_nobody_declared() {
    let mut seed = Seed::new();
    seed.person("a@example.com").person("b@example.com").person("c@example.com").person("gone@example.com");
    seed.bot("st-1", "Bank").bot("st-2", "Desk");
    for who in ["a@example.com", "b@example.com", "gone@example.com"] {
        seed.holds(who, "Bot Developer", "st-1").holds(who, "Bot Developer", "st-2");
        seed.see(Key::Access(Email::observed(who)), Value::Access(BuilderAccess::Builder));
    }
    let world = seed.world();
    let theirs = r"
apiVersion: koreconcile.dev/v1alpha1
kind: KoreUser
metadata: { name: b }
spec: { email: A@example.com }   # without builderAccess on purpose
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreUser
metadata: { name: gone }
spec: { email: gone@example.com, state: Absent }
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: bank }
spec:
  role: { type: Bot, name: App Developer }
  bot: st-1
  membership: Authoritative
  subjects: [{ user: a@example.com }]
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: desk-bot-developer }
spec:
  role: { type: Bot, name: Bot Developer }
  bot: Desk
  subjects: [{ user: a@example.com }]
";
    let (account, _) = import(&world, &Declared::nothing());
    let inputs = vec![Input::new("account.yaml", account.as_str()), Input::new("theirs.yaml", theirs)];
    let manifests = manifest::read(inputs);
    let compiled = manifest::compile(&manifests, None, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let written = write::write(&world, &Declared::from_manifests(&manifests, &compiled, &world));
    insta::assert_snapshot!(text(&written));
    let by_hand: Vec<String> = written
        .by_hand
        .iter()
        .map(|by| format!("{}: {}: {}", by.source, by.label, by.lines.join(" | ")))
        .collect();
    assert_eq!(by_hand, ["theirs.yaml:18: Bot Developer on Bank: - user: b@example.com"]);
}

#[test]
fn import_of_ten_thousand_people_takes_seconds_even_unoptimised() {
    let mut seed = Seed::new();
    for bot in 0..500 {
        seed.bot(&format!("st-{bot}"), &format!("Bot {bot}"));
    }
    seed.group("e-1", "Everyone");
    for at in 0..10_000 {
        // All alike, so that names collide.
        let who = format!("jane.doe@d{at}.example.com");
        seed.person(&who);
        seed.see(Key::InGroup(Email::observed(&who), "Everyone".into()), Value::Held);
        for bot in 0..3 {
            seed.holds(&who, "Bot Developer", &format!("st-{}", (at * 7 + bot * 31) % 500));
        }
    }
    let world = seed.world();
    let (account, written) = import(&world, &Declared::nothing());
    let (_, compiled) = compile(&account, &written).unwrap();
    let plan = plan::make(compiled.desired, &world, &Policy::default(), &Context::default());
    assert_eq!(page(&written, "people").matches("kind: KoreUser").count(), 10_000);
    assert!(plan.is_clean());
}
