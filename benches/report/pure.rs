//! The part without an account: 100,000 people and 300,000 bindings from files to a rendered plan.
//!
//! Each run is a process of its own, so that its memory is its own; it prints its figures as JSON.

use crate::figures::Report;
use crate::manifests::{self, Holders, Person};
use crate::process;
use jiff::Timestamp;
use koreconcile::facts::{
    BotEntry, BotId, BotName, BotRef, Coverage, Desired, Directory, Extent, Key, Listing, RoleEntry, RoleId,
    RoleName, RoleSpec, RoleType, Seen, UserEntry, UserId, Verdict, World, WorldBuilder,
};
use koreconcile::manifest;
use koreconcile::plan::{self, Context, render};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The argument that makes this binary do one run in a folder.
pub const CHILD: &str = "--pure-child";
const USERS: usize = 100_000;
const BOTS: usize = 200;
const ROLES: [&str; 2] = ["Bot Developer", "Bot Tester"];
/// A person holds so many roles, each on another bot.
const ROLES_EACH: usize = 3;
const ACCOUNT: &str = "64b000000000000000000001";

/// Measures in several processes.
pub fn measure(runs: usize, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), USERS);
    let figures: Vec<serde_json::Value> = (0..runs)
        .map(|_| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            let output = process::run(child.arg(CHILD).arg(folder.path())).output;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice(&output.stdout).unwrap()
        })
        .collect();
    let of = |name: &str| figures.iter().map(|figure| figure[name].as_f64().unwrap()).collect();
    report.add("pure_seconds_100000", "s", of("pure"));
    report.add("parse_seconds_100000", "s", of("parse"));
    report.add("pure_peak_mib_100000", "MiB", of("peak"));
}

/// One run: parse, then the pure part on a world that is as wanted.
pub fn child(folder: &Path) {
    let paths = [folder.to_string_lossy().into_owned()];
    let start = Instant::now();
    let manifests = manifest::open(&paths, std::io::empty());
    let parse = start.elapsed();
    assert!(manifests.findings().is_empty(), "{:?}", manifests.findings().first());

    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let world = world(manifest::compile(&manifests, None, now).unwrap().desired);

    let start = Instant::now();
    let compiled = manifest::compile(&manifests, None, now).unwrap();
    let compiled_at = start.elapsed();
    let plan = plan::make(compiled.desired, &world, &compiled.policy, &Context::default());
    let planned_at = start.elapsed();
    let text = render::text(&plan, render::Style::default());
    let pure = start.elapsed();
    assert!(plan.is_clean() && plan.unmanaged.is_empty() && plan.waiting.is_empty(), "{text}");
    eprintln!("compiled at {compiled_at:?}, planned at {planned_at:?}, rendered at {pure:?}");
    let peak = process::peak_mib("self");
    println!("{}", json!({ "parse": parse.as_secs_f64(), "pure": pure.as_secs_f64(), "peak": peak }));
}

/// The account, so many people, and three roles for each of them.
pub fn write(folder: &Path, users: usize) {
    manifests::account(folder, Path::new("none"), ACCOUNT);
    let emails: Vec<String> = (0..users).map(|user| format!("first.last.{user:06}@example.com")).collect();
    let person = |email| Person { email, first: "First", last: "Last", access: "Builder" };
    manifests::people(folder, emails.iter().map(|email| person(email)));
    let bots: Vec<String> = (0..BOTS).map(bot_name).collect();
    let mut holders = Holders::new();
    for (user, email) in emails.iter().enumerate() {
        for nth in 0..ROLES_EACH {
            let pair = (user * ROLES_EACH + nth) % (BOTS * ROLES.len());
            let key = (ROLES[pair % ROLES.len()], Some(bots[pair / ROLES.len()].as_str()));
            holders.entry(key).or_default().users.insert(email);
        }
    }
    manifests::bindings(folder, &holders);
}

fn bot_name(index: usize) -> String {
    format!("Assistant {index:03}")
}

/// An account that has what is wanted, in the words of its own answers: nothing in it is shared with the manifests.
pub fn world(desired: Desired) -> World {
    let mut directory = Directory::default();
    let mut bots: BTreeMap<BotRef, BotId> = BTreeMap::new();
    for index in 0..BOTS {
        let id = BotId::new(format!("st-00000000-0000-5000-8000-{index:012}"));
        bots.insert(BotRef::new(&bot_name(index)), id.clone());
        let name = BotName::new(bot_name(index));
        let entry = BotEntry { name, status: "published".to_owned(), purpose: "employee".to_owned() };
        directory.bots.insert(id, entry);
    }
    for (index, role) in ROLES.into_iter().enumerate() {
        let entry = RoleEntry {
            role_type: RoleType::Bot,
            name: RoleName::new(role),
            spec: RoleSpec::default(),
            document: json!({}),
        };
        directory.roles.insert(RoleId::new(format!("{index:024}")), entry);
    }
    let mut coverage = Coverage::default();
    for listing in [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles] {
        coverage.listings.insert(listing, Extent::Complete);
    }
    let mut builder = WorldBuilder::with_capacity(desired.wants.len());
    for (index, (key, want)) in desired.wants.into_iter().enumerate() {
        let Verdict::Present(value) = want.verdict else { panic!("nothing is wanted absent here") };
        if let Key::Member(email) = &key {
            let id = Some(UserId::new(format!("u-00000000-0000-5000-8000-{index:012}")));
            let entry = UserEntry { id, spellings: vec![email.as_str().to_owned()], org_user_id: None };
            directory.users.insert(email.clone(), entry);
            coverage.looked_up.insert(email.clone(), Seen::ALL);
        }
        let key = key.with_bot(|bot| bots.get(&bot).cloned()).expect("every bot is known");
        builder.see(key, value);
    }
    builder.build(coverage, directory)
}
