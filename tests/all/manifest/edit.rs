//! Facts written into manifests that people wrote: each style of YAML by itself, then random ones.

use super::compile::now;
use koreconcile::facts::{
    BotEntry, BuilderAccess, Coverage, DialogId, DialogSet, Directory, Email, Extent, GroupEntry, Holder,
    Key, Listing, Membership, PersonName, RoleEntry, RoleName, RoleSpec, RoleType, Value, World,
    WorldBuilder,
};
use koreconcile::manifest::edit::{Adoption, Edited, Stance, edit, prove};
use koreconcile::manifest::{Compiled, Input, Manifests, compile, read, render};
use std::collections::BTreeMap;

pub const API: &str = "apiVersion: koreconcile.dev/v1alpha1\n";
pub const ACCOUNT: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec: { endpoint: { sandbox: { dataDir: data } }, sources: [\"**/*.yaml\"] }
";

pub fn user(name: &str) -> Holder {
    Holder::User(email(name))
}

pub fn email(name: &str) -> Email {
    Email::observed(&format!("{name}@example.com"))
}

pub fn tester(name: &str) -> Key {
    Key::BotRole(user(name), RoleName::new("Bot Tester"), "st-1".into())
}

pub fn auditor(name: &str) -> Key {
    Key::AdminRole(user(name), RoleName::new("Auditor"))
}

pub fn new(key: Key) -> Adoption {
    present(key, Value::Held)
}

pub fn present(key: Key, value: Value) -> Adoption {
    Adoption { key, stance: Stance::Present { value, until: None, reason: None } }
}

pub fn gone(key: Key) -> Adoption {
    Adoption { key, stance: Stance::Gone }
}

/// An account with two bots, a group and a few roles; what its users hold is for each test to say.
pub fn world() -> World {
    let mut directory = Directory::default();
    for (id, name) in [("st-1", "Banking"), ("st-2", "Retail"), ("st-3", "Twin"), ("st-4", "Twin")] {
        let bot = BotEntry { name: name.into(), status: "published".into(), purpose: "customer".into() };
        directory.bots.insert(id.into(), bot);
    }
    for (id, group) in [("e-1", "QA"), ("e-2", "Night shift")] {
        directory.groups.insert(id.into(), GroupEntry { name: group.into(), members: 1 });
    }
    let roles = [
        ("r-1", RoleType::Bot, "Bot Tester"),
        ("r-2", RoleType::Bot, "Bot Developer"),
        ("r-3", RoleType::Admin, "Auditor"),
        ("r-4", RoleType::Admin, RoleName::MASTER_ADMIN),
    ];
    for (id, role_type, name) in roles {
        let entry = RoleEntry {
            role_type,
            name: name.into(),
            spec: RoleSpec::default(),
            document: serde_json::Value::Null,
        };
        directory.roles.insert(id.into(), entry);
    }
    let mut coverage = Coverage::default();
    for listing in [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles] {
        coverage.listings.insert(listing, Extent::Complete);
    }
    let mut builder = WorldBuilder::new();
    for name in ["jane", "sam", "kim", "new"] {
        builder.see(Key::Member(email(name)), Value::Member(Membership::Joined));
    }
    let names = PersonName { first: Some("Kim".to_owned()), last: Some("No".to_owned()) };
    builder.see(Key::Names(email("kim")), Value::Names(names));
    builder.see(Key::Access(email("kim")), Value::Access(BuilderAccess::Builder));
    builder.build(coverage, directory)
}

pub struct Tried {
    pub manifests: Manifests,
    pub compiled: Compiled,
    pub edited: Edited,
}

/// Edits these files beside an account file, and proves the edit.
pub fn try_edit(files: &[(&str, &str)], adoptions: &[Adoption]) -> Tried {
    let account = [("account.yaml", ACCOUNT)];
    let inputs = account.iter().chain(files).map(|(path, text)| Input::new(*path, *text)).collect();
    let manifests = read(inputs);
    let shown = || render::text(manifests.findings(), manifests.texts(), false);
    assert!(!manifests.has_errors(), "{}", shown());
    let compiled = compile(&manifests, None, now()).unwrap();
    let world = world();
    let edited = edit(&manifests, &compiled, &world, adoptions);
    if let Err(problems) = prove(&manifests, &compiled, &edited, &world, now()) {
        let texts: Vec<_> = edited.files.iter().map(|file| file.after.clone().unwrap_or_default()).collect();
        panic!("{}\n{}", problems.join("\n"), texts.join("\n=====\n"));
    }
    Tried { manifests, compiled, edited }
}

/// The new text of the one file that changes.
fn only(tried: &Tried) -> &str {
    assert!(tried.edited.by_hand.is_empty(), "{:?}", tried.edited.by_hand);
    let [file] = tried.edited.files.as_slice() else { panic!("{:?}", tried.edited.files) };
    file.after.as_deref().unwrap()
}

/// One file before and after.
#[track_caller]
fn becomes(before: &str, adoptions: &[Adoption], after: &str) {
    let tried = try_edit(&[("access.yaml", before)], adoptions);
    assert_eq!(only(&tried), after);
}

/// A binding of testers whose list of subjects is written as given.
fn binding(subjects: &str) -> String {
    format!(
        "# Testers of Banking\n{API}kind: KoreRoleBinding\nmetadata: {{ name: testers }}   # who tests\nspec:\n  \
         role: {{ type: Bot, name: Bot Tester }}\n  bot: Banking\n{subjects}"
    )
}

#[track_caller]
fn list_becomes(before: &str, adoptions: &[Adoption], after: &str) {
    becomes(&binding(before), adoptions, &binding(after));
}

#[test]
fn a_new_holder_stands_behind_the_last_one_in_its_style() {
    for (before, after) in [
        (
            "  subjects:\n    - user: jane@example.com\n",
            "  subjects:\n    - user: jane@example.com\n    - user: new@example.com\n",
        ),
        // Dashes in the column of the key, and a comment behind.
        (
            "  subjects:\n  - user: jane@example.com  # lead\n  allowEmpty: false\n",
            "  subjects:\n  - user: jane@example.com  # lead\n  - user: new@example.com\n  allowEmpty: false\n",
        ),
        // Four spaces, flow items, quotes.
        (
            "  subjects:\n        -   { user: \"jane@example.com\", reason: x }\n",
            "  subjects:\n        -   { user: \"jane@example.com\", reason: x }\n        -   { user: \"new@example.com\" }\n",
        ),
        (
            "  subjects:\n    - {user: 'jane@example.com'}\n",
            "  subjects:\n    - {user: 'jane@example.com'}\n    - {user: 'new@example.com'}\n",
        ),
        // What is further to the right below an item is about it; what is not, is not.
        (
            "  subjects:\n    - user: jane@example.com\n      # until the merger\n    # more to come\n",
            "  subjects:\n    - user: jane@example.com\n      # until the merger\n    - user: new@example.com\n    # more to come\n",
        ),
        // A folded reason ends with its last line.
        (
            "  subjects:\n    - user: jane@example.com\n      reason: >-\n        she is\n        on duty\n\n  membership: Additive\n",
            "  subjects:\n    - user: jane@example.com\n      reason: >-\n        she is\n        on duty\n    - user: new@example.com\n\n  membership: Additive\n",
        ),
        // No line end at the end of the file.
        (
            "  subjects:\n    - user: jane@example.com",
            "  subjects:\n    - user: jane@example.com\n    - user: new@example.com",
        ),
    ] {
        list_becomes(before, &[new(tester("new"))], after);
    }
}

#[test]
fn a_new_holder_stands_between_the_brackets() {
    for (before, after) in [
        // On one line, over several, with and without a last comma, empty, not there.
        (
            "  subjects: [{ user: jane@example.com }]\n",
            "  subjects: [{ user: jane@example.com }, { user: new@example.com }]\n",
        ),
        (
            "  subjects: [ {user: jane@example.com}, ] # x\n",
            "  subjects: [ {user: jane@example.com}, {user: new@example.com}, ] # x\n",
        ),
        (
            "  subjects: [\n    { user: jane@example.com }, # lead\n    { user: sam@example.com }  # deputy\n  ]\n",
            "  subjects: [\n    { user: jane@example.com }, # lead\n    { user: sam@example.com },  # deputy\n    { user: new@example.com }\n  ]\n",
        ),
        (
            "  subjects: [\n    { user: jane@example.com },\n  ]\n",
            "  subjects: [\n    { user: jane@example.com },\n    { user: new@example.com },\n  ]\n",
        ),
        ("  subjects: []\n", "  subjects: [{ user: new@example.com }]\n"),
        ("  membership: Additive\n", "  membership: Additive\n  subjects:\n    - user: new@example.com\n"),
        (
            "  membership: Additive # yes",
            "  membership: Additive # yes\n  subjects:\n    - user: new@example.com",
        ),
    ] {
        list_becomes(before, &[new(tester("new"))], after);
    }
}

#[test]
fn line_ends_and_the_byte_order_mark_stay() {
    let before = binding("  subjects:\n    - user: jane@example.com\n").replace('\n', "\r\n");
    let after = binding("  subjects:\n    - user: jane@example.com\n    - user: new@example.com\n")
        .replace('\n', "\r\n");
    becomes(&before, &[new(tester("new"))], &after);
    becomes(&format!("\u{feff}{before}"), &[new(tester("new"))], &format!("\u{feff}{after}"));
    let tried = try_edit(&[("access.yaml", &format!("\u{feff}{before}"))], &[new(auditor("new"))]);
    let text = tried.edited.files[0].after.as_deref().unwrap();
    assert!(text.starts_with('\u{feff}') && !text.replace("\r\n", "").contains('\n'), "{text:?}");
}

#[test]
fn a_holder_who_lost_it_goes_with_the_comments() {
    for (before, after) in [
        (
            "  subjects:\n    - user: jane@example.com\n    - user: sam@example.com   # deputy\n      # since May\n    - user: kim@example.com\n",
            "  subjects:\n    - user: jane@example.com\n    - user: kim@example.com\n",
        ),
        (
            "  subjects:\n    # Lead\n    - user: jane@example.com\n    # Deputy\n    # of Jane\n    - user: sam@example.com\n      reason: |\n        on\n        duty\n    # Guest\n    - user: kim@example.com\n",
            "  subjects:\n    # Lead\n    - user: jane@example.com\n    # Guest\n    - user: kim@example.com\n",
        ),
        // The only comment, above the first item, is a heading of the list.
        (
            "  subjects:\n    # The night shift\n    - user: sam@example.com\n    - user: kim@example.com\n",
            "  subjects:\n    # The night shift\n    - user: kim@example.com\n",
        ),
        // The last one leaves an empty list.
        (
            "  subjects: # nobody else\n    # alone\n    - user: sam@example.com\n  membership: Additive\n",
            "  subjects: [] # nobody else\n  membership: Additive\n",
        ),
        ("  subjects:\n    - user: sam@example.com", "  subjects: []\n"),
        (
            "  subjects: [{ user: jane@example.com }, { user: sam@example.com }]\n",
            "  subjects: [{ user: jane@example.com }]\n",
        ),
        (
            "  subjects: [{ user: sam@example.com }, { user: jane@example.com }]\n",
            "  subjects: [{ user: jane@example.com }]\n",
        ),
        ("  subjects: [ { user: sam@example.com } ]\n", "  subjects: []\n"),
        (
            "  subjects: [\n    # lead\n    { user: jane@example.com },\n    # deputy\n    { user: sam@example.com } # gone\n  ]\n",
            "  subjects: [\n    # lead\n    { user: jane@example.com },\n  ]\n",
        ),
    ] {
        list_becomes(before, &[gone(tester("sam"))], after);
    }
}

#[test]
fn one_comes_as_another_goes() {
    let swap = [gone(tester("sam")), new(tester("new")), new(tester("kim"))];
    list_becomes(
        "  subjects:\n    - user: sam@example.com\n",
        &swap,
        "  subjects:\n    - user: new@example.com\n    - user: kim@example.com\n",
    );
    list_becomes(
        "  subjects: [{ user: jane@example.com }, { user: sam@example.com }]\n",
        &swap,
        "  subjects: [{ user: jane@example.com }, { user: new@example.com }, { user: kim@example.com }]\n",
    );
}

#[test]
fn what_shares_its_lines_is_left_to_a_person_with_the_place() {
    let before = binding(
        "  subjects: [{ user: jane@example.com }, # lead\n    { user: sam@example.com }, { user: kim@example.com }]\n",
    );
    let tried = try_edit(&[("access.yaml", &before)], &[gone(tester("jane")), new(tester("new"))]);
    let [by_hand] = tried.edited.by_hand.as_slice() else { panic!("{:?}", tried.edited.by_hand) };
    assert_eq!(by_hand.place.as_deref(), Some("access.yaml:8"));
    assert_eq!(by_hand.key, tester("jane"));
    // The rest is written all the same.
    assert!(
        tried.edited.files[0]
            .after
            .as_deref()
            .unwrap()
            .contains("{ user: kim@example.com }, { user: new@example.com }]")
    );
}

#[test]
fn an_end_and_a_reason_are_written_in_the_style_of_the_list() {
    let until = Some("2026-06-15T12:00:00Z".parse().unwrap());
    let reason = Some("found in the account: ask #ops".to_owned());
    let stance = Stance::Present { value: Value::Held, until, reason };
    let adoption = [Adoption { key: tester("new"), stance }];
    list_becomes(
        "  subjects:\n    - user: jane@example.com\n",
        &adoption,
        "  subjects:\n    - user: jane@example.com\n    - user: new@example.com\n      expiresAt: 2026-06-15T12:00:00Z\n      reason: \"found in the account: ask #ops\"\n",
    );
    list_becomes(
        "  subjects: [{user: jane@example.com}]\n",
        &adoption,
        "  subjects: [{user: jane@example.com}, {user: new@example.com, expiresAt: 2026-06-15T12:00:00Z, reason: \"found in the account: ask #ops\"}]\n",
    );
}

fn person(fields: &str) -> String {
    format!(
        "---\n{API}kind: KoreUser\nmetadata:\n    name: jane\nspec:\n    email: jane@example.com\n{fields}"
    )
}

#[test]
fn names_and_access_are_changed_where_they_are_written() {
    let names = |first: Option<&str>, last: Option<&str>| {
        Value::Names(PersonName { first: first.map(str::to_owned), last: last.map(str::to_owned) })
    };
    let adoptions = [
        present(Key::Names(email("jane")), names(Some("Jane"), Some("O'Neil: x"))),
        present(Key::Access(email("jane")), Value::Access(BuilderAccess::None)),
    ];
    becomes(
        &person(
            "    firstName: \"Janet\" # as in the passport\n    lastName: 'Doe'\n    builderAccess: Creator\n",
        ),
        &adoptions,
        &person(
            "    firstName: \"Jane\" # as in the passport\n    lastName: 'O''Neil: x'\n    builderAccess: None\n",
        ),
    );
    // Only what is declared; a folded name; a name that is empty now.
    let adoptions = [present(Key::Names(email("jane")), names(Some("Jane"), Some("Doe")))];
    becomes(
        &person("    firstName: >-\n        Janet\n        Ann\n    # a comment\n"),
        &adoptions,
        &person("    firstName: Jane\n    # a comment\n"),
    );
    let adoptions = [present(Key::Names(email("jane")), names(None, Some("Doe")))];
    becomes(
        &person("    # she asked for it\n    firstName: Janet\n    lastName: Doe\n"),
        &adoptions,
        &person("    lastName: Doe\n"),
    );
    let flow = |fields: &str| {
        format!(
            "{API}kind: KoreUser\nmetadata: {{ name: jane }}\nspec: {{ email: jane@example.com, {fields} }}\n"
        )
    };
    becomes(&flow("firstName: Janet, lastName: Doe"), &adoptions, &flow("lastName: Doe"));
}

#[test]
fn permissions_of_a_role_follow_the_account() {
    let role = |permissions: &str| {
        format!(
            "{API}kind: KoreRole\nmetadata: {{ name: ops }}\nspec:\n  type: Bot\n  name: Ops\n{permissions}"
        )
    };
    let seen = |levels: &[(&str, &str)]| {
        let permissions = levels.iter().map(|(name, level)| ((*name).into(), (*level).into())).collect();
        Value::Role(RoleSpec { description: Some("now".to_owned()), permissions })
    };
    let key = Key::RoleDefinition(RoleType::Bot, RoleName::new("Ops"));
    becomes(
        &role(
            "  description: before\n  permissions:\n    Tasks: FULL # all of it\n    Dashboard: \"YES\"\n    # for releases\n    Publish bot: \"YES\"\n",
        ),
        &[present(key.clone(), seen(&[("Tasks", "VIEW"), ("Dashboard", "NO")]))],
        &role("  description: now\n  permissions:\n    Tasks: VIEW # all of it\n    Dashboard: \"NO\"\n"),
    );
    becomes(
        &role("  permissions: { Tasks: FULL, Dashboard: \"YES\" }\n"),
        &[present(key.clone(), seen(&[("Dashboard", "NO")]))],
        &role("  permissions: { Dashboard: \"NO\" }\n"),
    );
    becomes(&role("  permissions:\n    Tasks: FULL\n"), &[present(key, seen(&[]))], &role(""));
}

#[test]
fn a_person_who_left_goes_from_every_line() {
    let two = format!(
        "# People\n{}---\n# Sam\n{}",
        person("    groups: [QA]\n"),
        person("").trim_start_matches("---\n").replace("jane", "sam")
    );
    let team = format!(
        "{API}kind: KoreTeam\nmetadata: {{ name: night }}\nspec:\n  members:\n    - sam@example.com\n    - jane@example.com\n"
    );
    let files = [
        ("people.yaml", two.as_str()),
        ("teams.yaml", &team),
        ("access.yaml", &binding("  subjects:\n    - team: night\n    - user: sam@example.com\n")),
    ];
    let tried = try_edit(&files, &[gone(Key::Member(email("sam")))]);
    let texts: BTreeMap<&str, &str> =
        tried.edited.files.iter().map(|file| (&*file.file, file.after.as_deref().unwrap())).collect();
    assert_eq!(texts["people.yaml"], format!("# People\n{}", person("    groups: [QA]\n")));
    assert_eq!(texts["teams.yaml"], team.replace("    - sam@example.com\n", ""));
    assert_eq!(texts["access.yaml"], binding("  subjects:\n    - team: night\n"));
}

#[test]
fn a_file_goes_with_its_last_document_unless_sources_needs_it() {
    let jane = person("");
    let sam = person("").replace("jane", "sam");
    let tried = try_edit(
        &[("people/jane.yaml", &jane), ("people/sam.yaml", &sam)],
        &[gone(Key::Member(email("sam")))],
    );
    assert_eq!(tried.edited.files[0].after, None);
    let account = ACCOUNT.replace("\"**/*.yaml\"", "people/sam.yaml");
    let manifests = read(vec![Input::new("account.yaml", account), Input::new("people/sam.yaml", sam)]);
    let compiled = compile(&manifests, None, now()).unwrap();
    let edited = edit(&manifests, &compiled, &world(), &[gone(Key::Member(email("sam")))]);
    assert!(edited.files.is_empty());
    assert!(edited.by_hand[0].why.contains("sources names that file alone"), "{:?}", edited.by_hand);
}

#[test]
fn what_a_team_gives_is_taken_from_one_by_name() {
    let team = format!(
        "---\n{API}kind: KoreTeam\nmetadata: {{ name: night }}\nspec: {{ members: [sam@example.com, jane@example.com] }}\n"
    );
    let before =
        |more: &str| format!("{}{team}", binding(&format!("  subjects:\n    - team: night\n{more}")));
    becomes(&before(""), &[gone(tester("sam"))], &before("  absent:\n    - user: sam@example.com\n"));
}

#[test]
fn new_documents_stand_where_their_like_is() {
    let access = binding("  subjects:\n    - user: jane@example.com");
    let tried = try_edit(&[("access.yaml", &access)], &[new(auditor("new")), new(auditor("kim"))]);
    let added = "\n---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreRoleBinding\nmetadata:\n  name: auditor\nspec:\n  role: { type: Admin, name: Auditor }\n  membership: Additive\n  subjects:\n    - user: new@example.com\n    - user: kim@example.com\n";
    assert_eq!(only(&tried), format!("{access}{added}"));
    // One person a file; and a kind that is not there yet.
    let (jane, sam) = (person(""), person("").replace("jane", "sam"));
    let member = present(Key::Member(email("kim")), Value::Member(Membership::Joined));
    let tried =
        try_edit(&[("people/jane.yaml", &jane), ("people/sam.yaml", &sam)], &[member, new(auditor("kim"))]);
    let files: Vec<(&str, bool)> =
        tried.edited.files.iter().map(|file| (&*file.file, file.before.is_some())).collect();
    assert_eq!(files, [("adopted-bindings.yaml", false), ("people/kim.yaml", false)]);
    assert_eq!(
        tried.edited.files[1].after.as_deref().unwrap(),
        "---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata:\n  name: kim\nspec:\n  email: kim@example.com\n  firstName: Kim\n  lastName: \"No\"\n  builderAccess: Builder\n"
    );
}

#[test]
fn assignments_and_groups_find_their_list() {
    let dialogs = |ids: &[&str]| Value::Dialogs(DialogSet::only(ids.iter().copied().map(DialogId::new)));
    let assigned = |name: &str| Key::Assigned(email(name), "st-1".into());
    let assignment = |subjects: &str| {
        format!(
            "{API}kind: KoreBotAssignment\nmetadata: {{ name: users }}\nspec:\n  bot: Banking\n  dialogs: [dg-1, dg-2]\n  subjects:\n{subjects}"
        )
    };
    becomes(
        &assignment("    - user: jane@example.com\n"),
        &[present(assigned("new"), dialogs(&["dg-2", "dg-1"]))],
        &assignment("    - user: jane@example.com\n    - user: new@example.com\n"),
    );
    // Other dialogs: of the only user in place, of one of several in an object of its own.
    becomes(
        &assignment("    - user: jane@example.com\n"),
        &[present(assigned("jane"), dialogs(&["dg-2", "dg-3"]))],
        &assignment("    - user: jane@example.com\n").replace("[dg-1, dg-2]", "[dg-2, dg-3]"),
    );
    let tried = try_edit(
        &[(
            "access.yaml",
            &assignment("    - user: jane@example.com\n    - user: sam@example.com\n      reason: r\n"),
        )],
        &[present(assigned("sam"), dialogs(&["dg-3"]))],
    );
    assert!(only(&tried).ends_with("  dialogs:\n    - dg-3\n  membership: Additive\n  subjects:\n    - user: sam@example.com\n      reason: r\n"), "{}", only(&tried));
    let in_group = Key::InGroup(email("jane"), "Night shift".into());
    becomes(
        &person("    groups:\n        - QA\n"),
        &[new(in_group.clone())],
        &person("    groups:\n        - QA\n        - Night shift\n"),
    );
    let tried = try_edit(&[("people.yaml", &person(""))], &[new(in_group)]);
    assert_eq!(&*tried.edited.files[0].file, "adopted-groups.yaml");
}

#[test]
fn who_is_declared_absent_and_came_back_is_declared_present() {
    list_becomes(
        "  subjects: [{ user: jane@example.com }]\n  absent:\n    - user: sam@example.com\n    - user: kim@example.com\n",
        &[new(tester("sam"))],
        "  subjects: [{ user: jane@example.com }, { user: sam@example.com }]\n  absent:\n    - user: kim@example.com\n",
    );
    becomes(
        &person("    state: Absent\n"),
        &[present(Key::Member(email("jane")), Value::Member(Membership::Joined))],
        &person(""),
    );
}

#[test]
fn what_no_manifest_can_say_is_left_to_a_person() {
    let other = Value::Dialogs(DialogSet { only: None, has_other_tasks: true });
    let master = Key::AdminRole(Holder::Group("QA".into()), RoleName::new(RoleName::MASTER_ADMIN));
    let unknown = Key::AdminRole(user("new"), RoleName::new("Nobody knows"));
    let adoptions = [
        present(Key::Assigned(email("new"), "st-1".into()), other),
        new(master),
        new(unknown),
        gone(tester("kim")),
        present(Key::Access(email("sam")), Value::Access(BuilderAccess::None)),
    ];
    let tried = try_edit(&[], &adoptions);
    assert!(tried.edited.files.is_empty() && tried.edited.written.is_empty());
    assert_eq!(tried.edited.by_hand.len(), adoptions.len(), "{:?}", tried.edited.by_hand);
}

#[test]
fn a_file_of_which_something_is_not_shown_is_edited_as_it_is() {
    let account = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { host: https://platform.example.com }
  credentials: { clientId: { env: KORE_ID }, clientSecret: { file: secret } }
";
    let list = binding("  subjects:\n    - user: jane@example.com\n");
    let text = format!("{account}---\n{list}");
    let manifests = read(vec![Input::new("all.yaml", text.as_str())]);
    assert!(!manifests.texts().get("all.yaml").unwrap().contains("KORE_ID"), "hidden");
    let (compiled, world) = (compile(&manifests, None, now()).unwrap(), world());
    let edited = edit(&manifests, &compiled, &world, &[new(tester("new"))]);
    prove(&manifests, &compiled, &edited, &world, now()).unwrap();
    assert_eq!(edited.files[0].before.as_deref(), Some(text.as_str()));
    assert_eq!(edited.files[0].after, Some(format!("{text}    - user: new@example.com\n")));
}

#[test]
fn items_of_a_list_of_objects_are_documents_too() {
    let list = format!(
        "{API}kind: KoreUserList\nitems:\n  - {API}    metadata: {{ name: jane }}\n    kind: KoreUser\n    spec: {{ email: jane@example.com, firstName: Janet }}\n  - {API}    metadata: {{ name: sam }}\n    kind: KoreUser\n    spec: {{ email: sam@example.com }}\n"
    );
    let names = Value::Names(PersonName { first: Some("Jane".to_owned()), last: None });
    let adoptions = [present(Key::Names(email("jane")), names), gone(Key::Member(email("sam")))];
    let (head, _) =
        list.split_once("  - apiVersion: koreconcile.dev/v1alpha1\n    metadata: { name: sam }").unwrap();
    becomes(&list, &adoptions, &head.replace("Janet", "Jane"));
}

#[test]
fn a_bot_whose_name_repeats_is_named_by_its_id() {
    let key = Key::BotRole(user("new"), RoleName::new("Bot Tester"), "st-3".into());
    let tried = try_edit(&[], &[new(key)]);
    assert!(only(&tried).contains("  bot: st-3\n"), "{}", only(&tried));
}

#[test]
fn an_edit_that_says_more_than_intended_is_not_proved() {
    let before = binding("  subjects:\n    - user: jane@example.com\n");
    let mut tried = try_edit(&[("access.yaml", &before)], &[new(tester("new"))]);
    let world = world();
    let proved = |tried: &Tried| prove(&tried.manifests, &tried.compiled, &tried.edited, &world, now());
    for (from, to, problem) in [
        ("new@example.com", "kim@example.com", "would not be as intended"),
        ("jane@example.com\n", "kim@example.com\n", "lines outside the edited ones would change"),
        ("# who tests", "# who test", "lines outside the edited ones would change"),
        ("    - user: new", "   - user: new", "not valid"),
        (
            "- user: new@example.com\n",
            "- user: new@example.com\n    - user: kim@example.com\n",
            "about kim@example.com: Bot Tester on st-1 would not be as it was",
        ),
        (
            "- user: new@example.com\n",
            "- user: new@example.com\n  membership: Authoritative\n",
            "would change its kind",
        ),
    ] {
        let good = tried.edited.files[0].after.clone();
        tried.edited.files[0].after = good.as_ref().map(|text| text.replace(from, to));
        let problems = proved(&tried).unwrap_err().join("\n");
        assert!(problems.contains(problem), "{from} -> {to}: {problems}");
        tried.edited.files[0].after = good;
    }
    assert!(proved(&tried).is_ok());
}
