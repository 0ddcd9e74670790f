//! What is shown of texts of others, what is not shown at all, and what happens when nothing can be shown.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Run, Workspace};
use std::process::{Command, Stdio};

/// No character that moves the cursor or reorders text; colours only where they were asked for.
#[track_caller]
fn is_plain(run: &Run) {
    let text = run.said();
    let is_bad = |c: char| {
        c.is_control() && c != '\n' && c != '\t'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
    };
    assert!(!text.contains(is_bad), "{text:?}");
}

const ROLE: &str = "Release\\u001b[2K\\rManager\\u202e\\u009b31m";

/// Names with everything in them that repaints a screen.
fn hostile() -> Vec<String> {
    let role = format!(
        "{{ type: Bot, name: \"{ROLE}\", description: \"x\\u001b]0;owned\\u0007\", permissions: {{ Tasks: FULL }} }}"
    );
    let binding = format!(
        "{{ role: {{ type: Bot, name: \"{ROLE}\" }}, bot: \"Banking\\u001b[1A Assistant\", subjects: [{{ user: jane.doe@example.com, reason: \"\\u001b[8mhidden\" }}] }}"
    );
    vec![
        document("KoreRole", "release", &role),
        document("KoreRoleBinding", "release", &binding),
        user("new.hire", ", firstName: \"Ne\\u202ew\\u001b[31m\", groups: [\"sup\\u001b[2Jport\"]"),
    ]
}

#[test]
fn names_never_repaint_the_screen() {
    let served = Served::new(&hostile());
    for args in [
        &["plan", "-v"][..],
        &["plan", "-v", "--color", "never"],
        &["plan", "--format", "json"],
        &["plan", "--format", "markdown"],
        &["validate"],
        &["validate", "--format", "json"],
        &["validate", "--format", "sarif"],
        &["validate", "--format", "github"],
        &["explain", "jane.doe@example.com"],
        &["explain", "jane.doe@example.com", "--format", "json"],
        &["doctor"],
    ] {
        let run = served.run(args);
        assert!(matches!(run.code, Some(0 | 2)), "{run}");
        is_plain(&run);
    }
    let plan = served.run(&["plan"]).expect(0);
    assert!(plan.stdout.contains(r"bot role Release\u{1b}[2K Manager\u{202e}\u{9b}31m"), "{plan}");
    assert!(plan.stdout.contains(r"description: x\u{1b}]0;owned\u{7}"), "{plan}");
    let json = served.run(&["plan", "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(
        json.to_string().contains(r"Release\u001b[2K Manager"),
        "composed as names read, and not escaped: {json}"
    );
    // With colours, only those of ours.
    let coloured = served.run(&["plan", "--color", "always"]).expect(0);
    let ours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert!(coloured.stdout.contains('\u{1b}'));
    assert_eq!(ours.replace_all(&coloured.stdout, ""), plan.stdout);
}

#[test]
fn questions_and_errors_are_as_plain() {
    let served = Served::new(&hostile());
    let asked = served.workspace.koreconcile(&Served::files(&["apply"])).terminal("no\n").run().expect(6);
    is_plain(&asked);
    let fault = serde_json::json!({ "status": { "status": 500, "message": "down\u{1b}[2J\u{202e}\rup" } });
    served
        .server
        .fault(&serde_json::json!({ "endpoint": "GET /api/public/bots", "times": 99, "effect": fault }));
    let failed = served.run(&["plan"]).expect(8);
    assert!(failed.stderr.contains(r"down\u{1b}[2J\u{202e} up"), "{failed}");
    is_plain(&failed);
    let path = served.workspace.run(&["validate", "no\u{1b}[2Jwhere"]).expect(3);
    is_plain(&path);
    served.workspace.write("o\u{1b}[2Jdd.yaml", &user("x", ", \"emai\u{9b}l\": x"));
    is_plain(&served.workspace.run(&["validate", "."]).expect(3));
}

/// A shell command that writes to a full disk.
fn full(workspace: &Workspace, line: &str) -> (Option<i32>, String) {
    let line = format!("{} {line}", env!("CARGO_BIN_EXE_koreconcile"));
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(workspace.path(""))
        .env("XDG_STATE_HOME", workspace.path("state"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_for_every_verb() {
    let workspace = Workspace::example("quickstart");
    workspace.run(&["sandbox", "seed", "--data", "data", "--users", "1"]).expect(0);
    for line in [
        "plan . > /dev/full",
        "plan --format json . > /dev/full",
        "plan --format markdown . > /dev/full",
        "plan --exit-code . > /dev/full",
        "plan --out /dev/full .",
        "snapshot --out /dev/full .",
        "explain jane.doe@example.com . > /dev/full",
        "doctor . > /dev/full",
        "import --account-file account.yaml --out .imported > /dev/full",
        "validate --format json . > /dev/full",
        "validate --format sarif . > /dev/full",
        "schema manifests > /dev/full",
        "crds > /dev/full",
        "completions bash > /dev/full",
        "reference cli > /dev/full",
        "sandbox app --data data --name x > /dev/full",
        "sandbox password --data data owner@example.com > /dev/full",
        "sandbox serve --data data --listen 127.0.0.1:0 > /dev/full",
        "--help > /dev/full",
        "--version > /dev/full",
        "apply --yes . > /dev/full",
    ] {
        let (code, stderr) = full(&workspace, line);
        assert_eq!(code, Some(1), "{line}: {stderr}");
        assert!(stderr.contains("written") && stderr.contains("No space left"), "{line}: {stderr}");
    }
    let plan = workspace.run(&["plan", "--exit-code"]).expect(2);
    assert!(plan.stdout.contains("kim.lee@example.com: invite"), "a plan nobody saw is not applied: {plan}");
    for line in ["plan . | true", "plan --format json . | head -c 1", "completions zsh | true"] {
        assert_eq!(full(&workspace, line).0, Some(0), "{line}");
    }
}

fn look_alike(email: &str) -> (Workspace, String) {
    let workspace = Workspace::with(&[
        ("account.yaml", &document("KoreAccount", "acme", "{ endpoint: { sandbox: { dataDir: x } } }")),
        (
            "teams.yaml",
            &document("KoreTeam", "a", &format!("{{ members: [jane.doe@example.com, \"{email}\"] }}")),
        ),
    ]);
    let run = workspace.run(&["validate"]);
    (workspace, run.to_string())
}

#[test]
fn characters_that_do_not_show_in_addresses_are_an_error_with_their_code_point() {
    for (escape, code_point) in [
        ("\\u200b", "U+200B"),
        ("\\u00ad", "U+00AD"),
        ("\\u2060", "U+2060"),
        ("\\ufeff", "U+FEFF"),
        ("\\u00a0", "U+00A0"),
        ("\\U000e0041", "U+E0041"),
    ] {
        let (_, said) = look_alike(&format!("jane.doe@example.com{escape}"));
        assert!(
            said.contains("exit: 3") && said.contains("error[email]") && said.contains(code_point),
            "{said}"
        );
    }
}

#[test]
fn addresses_that_look_like_another_one_are_a_warning() {
    let (_, said) = look_alike("j\\u0430ne.doe@example.com");
    assert!(said.contains("exit: 0") && said.contains("warning[look-alike]"), "{said}");
    assert!(said.contains("the other one"), "{said}");
    let (_, said) = look_alike("p\\u0430t@example.com");
    assert!(said.contains("mixes Latin and Cyrillic letters"), "{said}");
    // Whatever the tables of Unicode draw like a letter, and no person types.
    let (_, said) = look_alike("jane.doe@examp\\u217ce.com");
    assert!(
        said.contains("jane.doe@examp\u{217c}e.com is not jane.doe@example.com, and looks like it (U+217C)"),
        "{said}"
    );
    let (_, said) = look_alike("pau\\u217c@example.com");
    assert!(said.contains("mixes Latin and look-alike letters in one word (U+217C)"), "{said}");
    let (_, said) = look_alike("\\u0430\\u043d\\u043d\\u0430@example.com");
    assert!(!said.contains("look-alike"), "{said}");
    // The other one may be in the account only.
    let served = Served::new(&[user("x", "").replace("x@example.com", "\"j\\u0430ne.doe@example.com\"")]);
    let plan = served.run(&["plan"]).expect(0);
    assert!(plan.stdout.contains("jane.doe@example.com in the account is another person"), "{plan}");
}

const SECRET: &str = "s3cr3t+Canary/4fA9zQ77";

/// Everything a person may write in place of a reference.
fn mistakes() -> Vec<String> {
    let whole = |credentials: &str| format!("  {credentials}\n");
    let below = |lines: &str| format!("  credentials:\n{lines}\n");
    vec![
        whole(&format!("credentials: {SECRET}")),
        whole(&format!("credentials: [{SECRET}]")),
        whole(&format!("credentials: {{ clientId: {{ env: A }}, clientSecret: {SECRET} }}")),
        whole(&format!("credentials: {{ clientId: {SECRET}, clientSecret: [{SECRET}] }}")),
        whole(&format!("credentials: {{ \"{SECRET}\": {{}} }}")),
        whole(&format!(
            "credentials: {{ clientId: {{ env: A, value: \"{SECRET}\" }}, clientSecret: {{ \"{SECRET}\" }} }}"
        )),
        whole(&format!("credentails: {{ clientSecret: \"{SECRET}\" }}")),
        whole(&format!("clientSecret: \"{SECRET}\"")),
        whole(&format!("client_secret: {SECRET}")),
        whole(&format!("clientSecret={SECRET}: x")),
        below(&format!("    clientSecret: !{SECRET} x")),
        below(&format!("    clientSecret: &{} x", SECRET.replace('+', "-"))),
        below(&format!("    clientSecret: *{SECRET}")),
        below(&format!("    clientSecret: \"{SECRET}")),
        below(&format!("    clientSecret: {{ env: {SECRET}")),
        below(&format!("    clientSecret: {SECRET}: x: y")),
        below(&format!("\tclientSecret: {SECRET}")),
        below(&format!("    clientSecret={SECRET}")),
        below(&format!("    {SECRET}: {{}}\n    {SECRET}: {{}}")),
        below(&format!(
            "    clientId: {{ env: A, env: {SECRET} }}\n    clientSecret: {{ file: {SECRET}, env: 0123 }}"
        )),
        below(&format!("    clientSecret: |\n      {SECRET}\n     {SECRET}")),
        below(&format!("    clientSecret: {{ secretKeyRef: {SECRET} }}")),
        below(&format!("    clientSecret: {{ secretKeyRef: {{ name: [{SECRET}] }} }}")),
        below(&format!("    clientId: {{ env: A }}\n    clientSecret: {{ env: {SECRET} }}")),
        below(&format!("    clientId: {{ env: A }}\n    clientSecret: {{ file: {SECRET} }}")),
        whole(&format!(
            "memory: {{ reference: refs/koreconcile/x, remote: \"https://u:{SECRET}@127.0.0.1:9/x\" }}"
        )),
        whole(&format!("memory: {{ reference: \"https://u:{SECRET}@127.0.0.1:9/x\" }}")),
    ]
}

#[test]
fn below_credentials_nothing_is_ever_shown() {
    for mistake in mistakes() {
        for head in [
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreAccount",
            "kind: KoreAccount",
            "apiVersion: koreconcile.dev/v1\nkind: KoreAccount",
        ] {
            let text = format!(
                "{head}\nmetadata: {{ name: acme }}\nspec:\n  endpoint: {{ host: \"https://127.0.0.1:9\" }}\n{mistake}"
            );
            let workspace = Workspace::with(&[("account.yaml", &text)]);
            let all = [
                &["validate"][..],
                &["validate", "--format", "json"],
                &["validate", "--format", "sarif"],
                &["validate", "--format", "github"],
                &["plan", "-vv", "--color", "always"],
                &["doctor"],
            ];
            // A header that is wrong changes what is checked, and not how it is shown.
            let shown =
                if head.starts_with("apiVersion: koreconcile.dev/v1alpha1") { &all[..] } else { &all[..1] };
            for args in shown {
                let run = workspace.koreconcile(args).env("A", "id").run();
                for part in [SECRET, "Canary", "s3cr3t"] {
                    assert!(!run.said().contains(part), "{mistake}\n{run}");
                }
            }
        }
    }
}

#[test]
fn a_secret_in_git_is_named_as_one_with_the_way_out() {
    let text = format!(
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreAccount\nmetadata: {{ name: acme }}\nspec:\n  endpoint: {{ host: \"https://kore.example.com\" }}\n  credentials:\n    clientID: {{ env: A }}\n    clientSecret: {SECRET}\n"
    );
    let run = Workspace::with(&[("account.yaml", &text)]).run(&["validate"]).expect(3);
    for part in
        ["a secret does not belong in git", "write { env: NAME }", "revoke it", "did you mean clientId?"]
    {
        assert!(run.stderr.contains(part), "{part}: {run}");
    }
}

fn with_secret_file(bytes: &[u8]) -> (Served, Run) {
    let served = Served::new(&[]);
    std::fs::write(served.workspace.path("secret.txt"), bytes).unwrap();
    served.workspace.edit(
        "account.yaml",
        "clientSecret: { env: KORE_CLIENT_SECRET }",
        "clientSecret: { file: secret.txt }",
    );
    served.workspace.write("main.yaml", &user("new.hire", ""));
    let run = served.run(&["plan"]);
    (served, run)
}

#[test]
fn secrets_are_cleaned_as_manifests_are_and_slips_get_a_hint() {
    let served = Served::new(&[user("new.hire", "")]);
    let secret = served.workspace.exported("KORE_CLIENT_SECRET").to_owned();
    served.workspace.edit(
        "account.yaml",
        "clientSecret: { env: KORE_CLIENT_SECRET }",
        "clientSecret: { file: secret.txt }",
    );
    for text in [format!("\u{feff}{secret}\r\n"), format!("\n  {secret}\t\n\n"), format!("{secret}\0")] {
        served.workspace.write("secret.txt", &text);
        assert_eq!(served.run(&["plan"]).expect(0).stderr, "");
    }
    for (text, hint) in [
        (format!("\"{secret}\""), "has quotes around it"),
        (format!("KORE_CLIENT_SECRET={secret}"), "begins with NAME="),
        (format!("{} {}", &secret[..4], &secret[4..]), "has blanks"),
        (format!("={secret}"), "begins with ="),
    ] {
        served.workspace.write("secret.txt", &text);
        let run = served.run(&["plan"]).expect(7);
        assert!(run.stderr.contains(hint) && run.stderr.contains("secret.txt"), "{run}");
        assert!(!run.said().contains(&secret), "{run}");
    }
    let (_, run) = with_secret_file(b"\xff\xfes\0");
    assert!(run.expect(7).stderr.contains("save it as UTF-8"));
    let (_, run) = with_secret_file(b" \n");
    assert!(run.expect(7).stderr.contains("secret.txt is empty"));
}
