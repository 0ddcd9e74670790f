//! What an apply of one edit pushes to a memory reference: 100,000 people with three roles each, one of whom gets one
//! more.

use super::figures::Report;
use koreconcile::facts::{Email, Holder, Key, Membership, Source, Value};
use koreconcile::memory::{self, Parts};
use koreconcile::plan::{Memory, RememberedFact};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const PEOPLE: usize = 100_000;
const ROLES: [&str; 3] = ["Bot Developer", "Bot Tester", "Analyst"];
/// As many parts as the command line writes.
const PARTS: u16 = 64;

/// Counts the bytes of the pack that a push sends, and takes the size of the whole.
pub fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet"], None);
    let before = memory();
    let mut after = before.clone();
    let email = Email::observed("person-50000@example.com");
    let key = Key::BotRole(Holder::User(email), "Release Manager".into(), "st-1".into());
    let at = after.facts.partition_point(|(known, _)| *known < key);
    after.facts.insert(at, (key, fact(Value::Held)));
    after.generation += 1;
    let before = commit(folder.path(), &memory::split(&before, PARTS).unwrap(), None);
    let after = commit(folder.path(), &memory::split(&after, PARTS).unwrap(), Some(&before));
    let packed = |wanted: &str| {
        let pack = ["pack-objects", "--revs", "--stdout", "--thin", "--quiet"];
        git(folder.path(), &pack, Some(wanted.as_bytes())).len()
    };
    report.count("memory_push_bytes_100000", "bytes", packed(&format!("{after}\n^{before}\n")));
    report.count("memory_bytes_100000", "bytes", packed(&format!("{before}\n")));
}

fn fact(value: Value) -> RememberedFact {
    RememberedFact {
        sources: vec![Source::file("access/people.yaml", 1_234, 7)],
        ..RememberedFact::asked(value)
    }
}

fn memory() -> Memory {
    let mut facts = Vec::new();
    for person in 0..PEOPLE {
        let email = Email::observed(&format!("person-{person}@example.com"));
        facts.push((Key::Member(email.clone()), fact(Value::Member(Membership::Joined))));
        for (index, role) in ROLES.into_iter().enumerate() {
            let bot = format!("st-{}", (person + index) % 200);
            let holder = Holder::User(email.clone());
            facts.push((Key::BotRole(holder, role.into(), bot.as_str().into()), fact(Value::Held)));
        }
    }
    facts.sort_by(|(left, _), (right, _)| left.cmp(right));
    Memory { facts, generation: 7, ..Memory::default() }
}

/// A commit as the command line writes it.
fn commit(folder: &Path, parts: &Parts, parent: Option<&str>) -> String {
    let mut stream =
        String::from("commit refs/heads/memory\ncommitter a <a@example.com> 0 +0000\ndata 1\na\n");
    if let Some(parent) = parent {
        let _ = write!(stream, "from {parent}\ndeleteall\n");
    }
    for (name, text) in parts {
        let _ = write!(stream, "M 100644 inline {name}\ndata {}\n{text}\n", text.len());
    }
    stream += "done\n";
    let _ = Command::new("git").current_dir(folder).args(["update-ref", "-d", "refs/heads/memory"]).status();
    git(folder, &["fast-import", "--quiet", "--force", "--done"], Some(stream.as_bytes()));
    String::from_utf8(git(folder, &["rev-parse", "refs/heads/memory"], None)).unwrap().trim().to_owned()
}

fn git(folder: &Path, args: &[&str], input: Option<&[u8]>) -> Vec<u8> {
    let mut child = Command::new("git")
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.unwrap_or_default().to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    assert!(output.status.success(), "git {args:?}");
    output.stdout
}
