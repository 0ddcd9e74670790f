//! Random manifests in random layouts, and random drift: what is written is proved, and says what was adopted and
//! nothing else; the rest is left to a person.

use super::compile::now;
use super::edit::{ACCOUNT, API, auditor, email, gone, new, present, tester, world};
use koreconcile::facts::{BuilderAccess, Key, Membership, PersonName, Value, Verdict};
use koreconcile::manifest::edit::{Adoption, Stance, edit, prove};
use koreconcile::manifest::{Compiled, Input, Manifests, compile, format, read, render};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

const NAMES: [&str; 8] = ["ann", "ben", "cleo", "dan", "eve", "fay", "gus", "hal"];

/// A small generator: the same seed draws the same.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn some<'a>(&mut self, all: &[&'a str]) -> Vec<&'a str> {
        let mut some = all.to_vec();
        some.retain(|_| self.one_in(2));
        some
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// How a document is written.
struct Style {
    unit: usize,
    is_flow_spec: bool,
    lists: usize,
    quote: &'static str,
    has_comments: bool,
    gap: &'static str,
    is_zero: bool,
}

impl Style {
    fn draw(draw: &mut Draw) -> Self {
        Self {
            unit: 2 + 2 * draw.below(2),
            is_flow_spec: draw.one_in(5),
            lists: draw.below(5),
            quote: draw.pick(&["", "'", "\""]),
            has_comments: draw.one_in(2),
            gap: draw.pick(&[" ", "  ", "   "]),
            is_zero: draw.one_in(3),
        }
    }

    fn quoted(&self, text: &str) -> String {
        format!("{}{text}{}", self.quote, self.quote)
    }
}

/// A document with lists of items; each item is `user: …`, `team: …` or a text.
fn document(
    draw: &mut Draw,
    kind: &str,
    name: &str,
    fields: &[(&str, String)],
    lists: &[(&str, Vec<String>)],
) -> String {
    let style = Style::draw(draw);
    let indent = " ".repeat(style.unit);
    let mut text = String::new();
    if style.has_comments {
        let _ = writeln!(text, "# About {name}");
    }
    let _ = writeln!(text, "{API}kind: {kind}\nmetadata: {{ name: {name} }}");
    if style.is_flow_spec {
        let fields = fields.iter().map(|(key, value)| format!("{key}: {value}"));
        let lists = lists.iter().map(|(key, items)| {
            let items: Vec<String> = items.iter().map(|item| flow_item(item, &style)).collect();
            format!("{key}: [{}]", items.join(", "))
        });
        let all: Vec<String> = fields.chain(lists).collect();
        let _ = writeln!(text, "spec: {{ {} }}", all.join(", "));
        return text;
    }
    let _ = writeln!(text, "spec:{}", if draw.one_in(4) { " # as agreed" } else { "" });
    for (key, value) in fields {
        if style.has_comments && draw.one_in(3) {
            let _ = writeln!(text, "{indent}# {key} of {name}");
        }
        let _ = writeln!(text, "{indent}{key}:{}{value}", style.gap);
    }
    for (key, items) in lists {
        list(draw, &mut text, key, items, &style);
    }
    if draw.one_in(4) {
        text.push('\n');
    }
    text
}

fn flow_item(item: &str, style: &Style) -> String {
    match item.split_once(": ") {
        Some((key, value)) => format!("{{ {key}: {} }}", style.quoted(value)),
        None => style.quoted(item),
    }
}

fn list(draw: &mut Draw, text: &mut String, key: &str, items: &[String], style: &Style) {
    let indent = " ".repeat(style.unit);
    if items.is_empty() {
        if draw.one_in(2) {
            let _ = writeln!(text, "{indent}{key}: []");
        }
        return;
    }
    if style.lists == 0 {
        let items: Vec<String> = items.iter().map(|item| flow_item(item, style)).collect();
        let end = draw.pick(&["", ","]);
        let _ = writeln!(text, "{indent}{key}: [{}{end}]", items.join(", "));
        return;
    }
    if style.lists == 1 {
        let _ = writeln!(text, "{indent}{key}: [");
        for (index, item) in items.iter().enumerate() {
            let comma = if index + 1 < items.len() || draw.one_in(2) { "," } else { "" };
            let note = if draw.one_in(3) { " # note" } else { "" };
            let _ = writeln!(text, "{indent}{indent}{}{comma}{note}", flow_item(item, style));
        }
        let _ = writeln!(text, "{indent}]");
        return;
    }
    let dash = if style.is_zero { indent.clone() } else { format!("{indent}{indent}") };
    let _ = writeln!(text, "{indent}{key}:");
    for item in items {
        if style.has_comments && draw.one_in(3) {
            let _ = writeln!(text, "{dash}# the next one");
        }
        let note = if draw.one_in(4) { "   # note" } else { "" };
        match item.split_once(": ") {
            Some((field, value)) if style.lists > 2 => {
                let _ = writeln!(text, "{dash}-{}{field}: {}{note}", style.gap, style.quoted(value));
                if draw.one_in(4) {
                    let _ = writeln!(
                        text,
                        "{dash} {}reason: >-\n{dash} {}  on\n{dash} {}  duty",
                        style.gap, style.gap, style.gap
                    );
                }
            }
            _ => {
                let _ = writeln!(text, "{dash}-{}{}{note}", style.gap, flow_item(item, style));
            }
        }
        if style.has_comments && draw.one_in(5) {
            let _ = writeln!(text, "{dash}    # more about it");
        }
    }
}

/// Files of manifests, and the facts that may drift.
fn manifests(draw: &mut Draw) -> Vec<(String, String)> {
    let user = |name: &&str| format!("user: {name}@example.com");
    let mut documents = Vec::new();
    for name in draw.some(&NAMES) {
        let mut fields = vec![("email", format!("{name}@example.com"))];
        if draw.one_in(2) {
            fields.push(("firstName", (*draw.pick(&["Jo", "\"Jo\"", "'Jo'"])).to_owned()));
        }
        if draw.one_in(2) {
            fields.push(("builderAccess", draw.pick(&["Builder", "None", "Creator"]).to_owned()));
        }
        let groups = draw.some(&["QA"]).iter().map(|group| (*group).to_owned()).collect();
        documents.push(document(draw, "KoreUser", name, &fields, &[("groups", groups)]));
    }
    let members = draw.some(&NAMES).iter().map(|name| format!("{name}@example.com")).collect();
    documents.push(document(draw, "KoreTeam", "night", &[], &[("members", members)]));
    let membership = |draw: &mut Draw| ("membership", draw.pick(&["Additive", "Authoritative"]).to_owned());
    let bot_role = vec![
        ("role", "{ type: Bot, name: Bot Tester }".to_owned()),
        ("bot", draw.pick(&["Banking", "st-1"]).to_owned()),
        membership(draw),
    ];
    let mut subjects: Vec<String> = draw.some(&NAMES).iter().map(user).collect();
    if draw.one_in(2) {
        subjects.push("team: night".to_owned());
    }
    documents.push(document(draw, "KoreRoleBinding", "testers", &bot_role, &[("subjects", subjects)]));
    if draw.one_in(2) {
        let fields = vec![("role", "{ type: Admin, name: Auditor }".to_owned()), membership(draw)];
        let subjects = draw.some(&NAMES).iter().map(user).collect();
        documents.push(document(draw, "KoreRoleBinding", "auditors", &fields, &[("subjects", subjects)]));
    }
    into_files(draw, documents)
}

fn into_files(draw: &mut Draw, documents: Vec<String>) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for document in documents {
        match files.last_mut() {
            Some((_, text)) if !draw.one_in(3) => {
                let _ = write!(text, "{}---\n{document}", if text.ends_with('\n') { "" } else { "\n" });
            }
            _ => {
                let head = draw.pick(&["", "---\n", "# A head\n---\n", "# A head\n\n"]);
                files.push((format!("f{}.yaml", files.len()), format!("{head}{document}")));
            }
        }
    }
    for (_, text) in &mut files {
        if draw.one_in(4) {
            let shorter = text.trim_end().len();
            text.truncate(shorter);
        }
        if draw.one_in(4) {
            *text = text.replace('\n', "\r\n");
        }
        if draw.one_in(6) {
            text.insert(0, '\u{feff}');
        }
    }
    files
}

fn read_all(files: &[(String, String)]) -> Manifests {
    let account = [("account.yaml".to_owned(), ACCOUNT.to_owned())];
    read(account.iter().chain(files).map(|(path, text)| Input::new(path.as_str(), text.as_str())).collect())
}

type Facts = BTreeMap<String, Verdict>;

fn facts(compiled: &Compiled) -> Facts {
    // A bot by its name and by its id is one bot.
    let name = |key: String| key.replace("Banking", "st-1");
    compiled.desired.wants.iter().map(|(key, want)| (name(key.to_string()), want.verdict.clone())).collect()
}

/// What an administrator may have done, each fact once.
fn drift(draw: &mut Draw, before: &Facts) -> Vec<Adoption> {
    let is_present = |key: &Key| matches!(before.get(&key.to_string()), Some(Verdict::Present(_)));
    let mut adoptions = Vec::new();
    for name in draw.some(&NAMES) {
        if draw.one_in(6) && before.keys().any(|key| key.contains(name)) {
            adoptions.push(gone(Key::Member(email(name))));
            continue;
        }
        let member = Key::Member(email(name));
        if !is_present(&member) && draw.one_in(3) {
            adoptions.push(present(member, Value::Member(Membership::Joined)));
        }
        for key in [tester(name), auditor(name), Key::InGroup(email(name), "QA".into())] {
            if draw.one_in(2) {
                adoptions.push(if is_present(&key) { gone(key) } else { new(key) });
            }
        }
        let names = Key::Names(email(name));
        if is_present(&names) {
            let seen = PersonName {
                first: Some(draw.pick(&["Kim", "No", "O'Neil", "a: b"]).to_owned()),
                last: None,
            };
            adoptions.push(present(names, Value::Names(seen)));
        }
        let access = Key::Access(email(name));
        if is_present(&access) {
            adoptions.push(present(access, Value::Access(BuilderAccess::ALL[draw.below(3)])));
        }
    }
    adoptions
}

/// What the manifests have to say afterwards, worked out without the edits.
fn expected(before: &Facts, adoptions: &[&Adoption]) -> BTreeMap<String, Option<Value>> {
    let mut all: BTreeMap<String, Option<Value>> = before
        .iter()
        .map(|(key, verdict)| {
            let value = match verdict {
                Verdict::Present(value) => Some(value.clone()),
                Verdict::Absent => None,
            };
            (key.clone(), value)
        })
        .collect();
    for adoption in adoptions {
        match (&adoption.key, &adoption.stance) {
            (Key::Member(person), Stance::Gone) => {
                all.iter_mut()
                    .filter(|(key, _)| key.contains(person.as_str()))
                    .for_each(|(_, value)| *value = None);
            }
            (key, Stance::Gone) => drop(all.insert(key.to_string(), None)),
            (key, Stance::Present { value, .. }) => drop(all.insert(key.to_string(), Some(value.clone()))),
        }
    }
    all
}

/// Writes what drifted; gives how many facts were written and how many were left to a person.
fn adopts(seed: u64) -> (usize, usize) {
    let mut draw = Draw(seed);
    let files = manifests(&mut draw);
    let told = |what: &str| {
        let files: Vec<String> = files.iter().map(|(path, text)| format!("== {path}\n{text}")).collect();
        format!("seed {seed}: {what}\n{}", files.join("\n"))
    };
    let manifests = read_all(&files);
    assert!(
        !manifests.has_errors(),
        "{}",
        told(&render::text(manifests.findings(), manifests.texts(), false))
    );
    let compiled = compile(&manifests, None, now()).unwrap();
    let before = facts(&compiled);
    let adoptions = drift(&mut draw, &before);
    let world = world();
    let edited = edit(&manifests, &compiled, &world, &adoptions);
    if let Err(problems) = prove(&manifests, &compiled, &edited, &world, now()) {
        let texts: Vec<&str> = edited.files.iter().filter_map(|file| file.after.as_deref()).collect();
        panic!("{}\n{adoptions:#?}\n== after\n{}", told(&problems.join("\n")), texts.join("\n==\n"));
    }
    let by_hand: BTreeSet<String> = edited.by_hand.iter().map(|by_hand| by_hand.key.to_string()).collect();
    let written: Vec<&Adoption> =
        adoptions.iter().filter(|adoption| !by_hand.contains(&adoption.key.to_string())).collect();
    assert_eq!(edited.written.len(), written.len());
    let mut after_files: BTreeMap<String, String> = files.iter().cloned().collect();
    for file in &edited.files {
        match &file.after {
            Some(text) => drop(after_files.insert(file.file.to_string(), text.clone())),
            None => drop(after_files.remove(&*file.file)),
        }
    }
    let after_files: Vec<(String, String)> = after_files.into_iter().collect();
    let after = facts(&compile(&read_all(&after_files), None, now()).unwrap());
    for (key, value) in expected(&before, &written) {
        let found = match after.get(&key) {
            Some(Verdict::Present(value)) => Some(value.clone()),
            _ => None,
        };
        assert_eq!(found, value, "{}", told(&key));
    }
    assert!(after.keys().all(|key| before.contains_key(key)
        || written.iter().any(|adoption| {
            adoption.key.to_string() == *key
                || adoption.key.email().is_some_and(|email| key.contains(email.as_str()))
        })));
    (written.len(), by_hand.len())
}

#[test]
fn random_drift_of_random_manifests_is_written_and_proved() {
    let (mut written, mut by_hand) = (0, 0);
    for seed in 0..150 {
        let (more, left) = adopts(seed);
        written += more;
        by_hand += left;
    }
    assert!(written > 500 && by_hand * 20 < written, "{written} written, {by_hand} by hand");
}

#[test]
fn without_drift_no_file_changes() {
    for seed in 0..20 {
        let files = manifests(&mut Draw(seed));
        let manifests = read_all(&files);
        let compiled = compile(&manifests, None, now()).unwrap();
        assert!(edit(&manifests, &compiled, &world(), &[]).files.is_empty());
    }
}

#[test]
fn random_layouts_are_formatted_once_and_mean_the_same() {
    let mut changed = 0;
    for seed in 0..100 {
        let files = manifests(&mut Draw(seed));
        let before = facts(&compile(&read_all(&files), None, now()).unwrap());
        let formatted: Vec<(String, String)> = files
            .iter()
            .map(|(path, text)| {
                let file: Arc<str> = Arc::from(path.as_str());
                let once = format::format(&file, text);
                assert!(once.left.is_empty(), "seed {seed}, lines {:?} are left:\n{text}", once.left);
                changed += usize::from(once.text.is_some());
                let once = once.text.unwrap_or_else(|| text.clone());
                let twice = format::format(&file, &once);
                assert_eq!(twice.text, None, "seed {seed}: formatted twice:\n{once}");
                let signs = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                assert_eq!(signs(text), signs(&once), "seed {seed}");
                (path.clone(), once)
            })
            .collect();
        let after = facts(&compile(&read_all(&formatted), None, now()).unwrap());
        assert_eq!(before, after, "seed {seed}");
    }
    assert!(changed > 100);
}
