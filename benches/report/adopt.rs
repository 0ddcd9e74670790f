//! `adopt` and `fmt` on a folder of 300 files with 10,000 documents: the pure part, without disk and network.

use super::figures::Report;
use jiff::Timestamp;
use koreconcile::facts::{
    BotEntry, Coverage, Directory, Email, Extent, Holder, Key, Listing, RoleEntry, RoleName, RoleSpec,
    RoleType, Value, World, WorldBuilder,
};
use koreconcile::manifest::edit::{Adoption, Stance, edit, prove};
use koreconcile::manifest::{Input, compile, format, read};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

const FILES: usize = 300;
const DOCUMENTS: usize = 10_000;
const FACTS: usize = 500;
const ROLE: &str = "Bot Tester";

/// `adopt_seconds_500`, `fmt_seconds_10000`
pub fn measure(runs: usize, report: &mut Report) {
    let files = files();
    let inputs = || files.iter().map(|(path, text)| Input::new(path.as_str(), text.as_str())).collect();
    let manifests = read(inputs());
    assert!(!manifests.has_errors() && manifests.all().len() == DOCUMENTS + 1);
    let now = Timestamp::UNIX_EPOCH;
    let compiled = compile(&manifests, None, now).unwrap();
    let (world, adoptions) = (world(), adoptions());
    let adopt = || {
        let begun = Instant::now();
        let edited = edit(&manifests, &compiled, &world, &adoptions);
        prove(&manifests, &compiled, &edited, &world, now).unwrap();
        assert_eq!((edited.files.len(), edited.written.len()), (FILES, FACTS));
        begun.elapsed().as_secs_f64()
    };
    report.add("adopt_seconds_500", "s", (0..runs).map(|_| adopt()).collect());
    let crooked: Vec<(Arc<str>, String)> = files
        .iter()
        .map(|(path, text)| (Arc::from(path.as_str()), text.replace("  subjects", "    subjects")))
        .collect();
    let fmt = || {
        let begun = Instant::now();
        let formatted =
            crooked.iter().filter(|(path, text)| format::format(path, text).left.is_empty()).count();
        assert_eq!(formatted, crooked.len());
        begun.elapsed().as_secs_f64()
    };
    report.add("fmt_seconds_10000", "s", (0..runs).map(|_| fmt()).collect());
}

/// The account, and in each file users and one binding.
fn files() -> Vec<(String, String)> {
    let api = "apiVersion: koreconcile.dev/v1alpha1\n";
    let account = format!(
        "{api}kind: KoreAccount\nmetadata: {{ name: acme }}\nspec: {{ endpoint: {{ sandbox: {{ dataDir: data }} }} }}\n"
    );
    let mut files = vec![("account.yaml".to_owned(), account)];
    for file in 0..FILES {
        let mut text = format!("# Team {file}\n");
        let users = DOCUMENTS / FILES - 1 + usize::from(file < DOCUMENTS % FILES);
        for user in 0..users {
            let _ = write!(
                text,
                "---\n{api}kind: KoreUser\nmetadata: {{ name: u{file}-{user} }}\nspec:\n  email: u{file}-{user}@example.com\n  builderAccess: Builder\n"
            );
        }
        let _ = write!(
            text,
            "---\n{api}kind: KoreRoleBinding\nmetadata: {{ name: b{file} }}\nspec:\n  role: {{ type: Bot, name: {ROLE} }}\n  bot: Bot {file}\n  subjects:\n"
        );
        for user in 0..users.min(20) {
            let _ = writeln!(text, "    - user: u{file}-{user}@example.com # since May");
        }
        files.push((format!("team{file}.yaml"), text));
    }
    files
}

fn world() -> World {
    let mut directory = Directory::default();
    for file in 0..FILES {
        let bot = BotEntry {
            name: format!("Bot {file}").as_str().into(),
            status: "published".to_owned(),
            purpose: "customer".to_owned(),
        };
        directory.bots.insert(format!("st-{file}").as_str().into(), bot);
    }
    let role = RoleEntry {
        role_type: RoleType::Bot,
        name: ROLE.into(),
        spec: RoleSpec::default(),
        document: serde_json::Value::Null,
    };
    directory.roles.insert("r-1".into(), role);
    let mut coverage = Coverage::default();
    coverage.listings.insert(Listing::Bots, Extent::Complete);
    WorldBuilder::new().build(coverage, directory)
}

fn adoptions() -> Vec<Adoption> {
    let fact = |number: usize| {
        let (file, user) = (number % FILES, 20 + number / FILES);
        let holder = Holder::User(Email::observed(&format!("u{file}-{user}@example.com")));
        let bot = format!("st-{file}");
        Key::BotRole(holder, RoleName::new(ROLE), bot.as_str().into())
    };
    let stance = Stance::Present { value: Value::Held, until: None, reason: None };
    (0..FACTS).map(|number| Adoption { key: fact(number), stance: stance.clone() }).collect()
}
