//! Secrets stay put: what the credentials, the account's bots, mails, passwords and cookies hold is in nothing that a
//! run prints, keeps or hands on.

use crate::support::served::{Served, document, user};
use crate::support::site::{JANE, OWNER, PASSWORD, Site};
use koreconcile::kore::Credentials;
use koreconcile::sandbox::{Options, Sandbox};
use std::path::Path;

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let all = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    all.filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// The client secrets of the account's bots, as the API hands them out.
fn secrets_of_bots(data: &Path) -> Vec<String> {
    let sandbox = Sandbox::open_existing(data, Options::default()).unwrap();
    let app = sandbox.admin().unwrap().app_called("web channel").unwrap();
    vec![app.client_secret]
}

#[test]
fn secrets_are_in_nothing_that_any_verb_prints_or_keeps() {
    let binding =
        "{ role: { type: Bot, name: Bot Tester }, bot: HR Assistant, subjects: [{ user: one@example.com }] }";
    let leaver = document("KoreUser", "former", "{ email: former@example.com, state: Absent }");
    let mut served = Served::new(&[user("one", ""), document("KoreRoleBinding", "testers", binding), leaver]);
    let mut secrets = served.place.secrets();
    secrets.extend(secrets_of_bots(&served.place.path("../sandbox")));
    assert!(
        secrets.len() == 2 && secrets.iter().all(|secret| secret.len() > 20),
        "{} canaries",
        secrets.len()
    );

    let mut said = Vec::new();
    for loudness in ["-q", "-v", "-vv"] {
        said.push(served.run(&["plan", loudness]));
        said.push(served.run(&["plan", loudness, "--format", "json"]));
        said.push(served.run(&["plan", loudness, "--format", "markdown"]));
        said.push(served.run(&["doctor", loudness]));
        said.push(served.run(&["explain", loudness, "one@example.com"]));
    }
    said.push(served.run(&["plan", "--out", "saved.json"]));
    said.push(served.run(&["snapshot", "--out", "seen.json"]));
    said.push(served.run(&["plan", "--observed", "seen.json"]));
    let loud = served.place.koreconcile(&Served::files(&["apply", "--yes", "-vv"]));
    said.push(loud.env("KORECONCILE_LOG", "trace").run());
    said.push(served.place.run(&["import", "--account-file", "account.yaml", "--out", "imported", "-vv"]));
    assert!(said.iter().all(|run| run.code == Some(0)), "all of it went well");
    let lost = serde_json::json!({ "endpoint": "GET /api/public/bots", "times": 9, "effect": { "html": { "status": 502 } } });
    served.server.fault(&lost);
    said.push(served.run(&["plan", "-vv"]));
    served.server.heal();
    let right = served.place.exported("KORE_CLIENT_SECRET").to_owned();
    let wrong = format!("{right}-canary-of-a-typing-error");
    served.place.export("KORE_CLIENT_SECRET", &wrong);
    said.push(served.run(&["plan", "-vv"]).expect(7));
    secrets.push(wrong);

    for run in &said {
        for secret in &secrets {
            assert!(!run.said().contains(secret.as_str()), "{run}");
        }
        assert!(!run.said().contains("eyJ"), "a token: {run}");
    }
    let kept: Vec<_> = ["", "../home"].iter().flat_map(|folder| files(&served.place.path(folder))).collect();
    for name in ["saved.json", "seen.json", ".jsonl", "imported"] {
        assert!(kept.iter().any(|(path, _)| path.contains(name)), "nothing was kept in {name}");
    }
    for (path, bytes) in &kept {
        for secret in &secrets {
            assert!(!holds(bytes, secret), "a secret is in {path}");
        }
    }
}

#[tokio::test]
async fn secrets_of_the_console_are_hashed_where_they_are_kept() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::at(data.path());
    let mut jane = site.signed_in(JANE).await;
    let cookie = jane.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    jane.open("/Admin/dashboard").await;
    site.admin.set_two_factor(true).unwrap();
    let mut owner = site.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    let second = owner.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let mut visitor = site.visitor().await;
    visitor.post("/password/forgot", &[("email", JANE)]).await;
    let link = site.newest_link(JANE);
    let token = link.split_once("token=").unwrap().1.to_owned();
    let canaries = [PASSWORD.to_owned(), cookie, second];
    let database: Vec<_> =
        files(data.path()).into_iter().filter(|(path, _)| !path.contains("/mail/")).collect();
    assert!(database.iter().any(|(_, bytes)| holds(bytes, JANE)), "the database was looked at");
    for (path, bytes) in &database {
        for canary in &canaries {
            assert!(canary.len() >= 8 && !holds(bytes, canary), "{canary} is in {path}");
        }
    }
    assert!(token.len() >= 32, "the mail holds it, and only the mail may");
}

#[test]
fn secrets_are_not_in_the_debug_output_of_public_types() {
    let canary = "canary-4fA9zQ77-secret-of-the-app";
    let credentials = Credentials { client_id: "cs-1".into(), client_secret: canary.into() };
    assert!(!format!("{credentials:?} {credentials:#?}").contains(canary));
    let sandbox = Sandbox::in_memory(Options::default()).unwrap();
    let admin = sandbox.admin().unwrap();
    let app = admin.create_app("koreconcile", &["all"], true).unwrap();
    let shown = format!("{sandbox:?} {admin:?} {:?}", admin.snapshot().unwrap());
    assert!(!shown.contains(&app.client_secret));
    let password = admin.set_password(OWNER, None).unwrap();
    let shown = format!("{sandbox:?} {:?} {:?}", admin.snapshot().unwrap(), admin.audit_log().unwrap());
    assert!(!shown.contains(&password));
}
