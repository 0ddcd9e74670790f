//! Secrets stay put: what the credentials, the account's bots, mails, passwords and cookies hold is in nothing that a
//! run prints, keeps or hands on.

use crate::support::console_harness::{ConsoleHarness, JANE, OWNER, PASSWORD};
use crate::support::served::{ACCOUNT, Served, document, user};
use crate::support::workspace::wait_until;
use koreconcile::kore::Credentials;
use koreconcile::sandbox::{Mail, Options, Sandbox};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Every file below a folder, with its bytes. Those beside a database in use come and go.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let all = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    all.filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| match std::fs::read(entry.path()) {
            Ok(bytes) => Some((entry.path().display().to_string(), bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => panic!("{}: {error}", entry.path().display()),
        })
        .collect()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// The client secrets of the account's bots, as the API hands them out.
pub(crate) fn secrets_of_bots(data: &Path) -> Vec<String> {
    let sandbox = Sandbox::open_existing(data, Options::default()).unwrap();
    let app = sandbox.admin().unwrap().app_called("web channel").unwrap();
    vec![app.client_secret]
}

#[test]
fn are_in_nothing_that_any_verb_prints_or_keeps() {
    let binding =
        "{ role: { type: Bot, name: Bot Tester }, bot: HR Assistant, subjects: [{ user: one@example.com }] }";
    let leaver = document("KoreUser", "former", "{ email: former@example.com, state: Absent }");
    let mut served = Served::new(&[user("one", ""), document("KoreRoleBinding", "testers", binding), leaver]);
    let mut secrets = served.workspace.secrets();
    secrets.extend(secrets_of_bots(&served.workspace.path("../sandbox")));
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
        said.push(served.run(&["adopt", loudness, "--as", "list", "--format", "json"]));
        said.push(served.run(&["explain", loudness, "one@example.com"]));
    }
    said.push(served.run(&["plan", "--out", "saved.json"]));
    said.push(served.run(&["snapshot", "--out", "seen.json"]));
    said.push(served.run(&["plan", "--observed", "seen.json"]));
    for format in ["html", "csv", "json", "markdown"] {
        said.push(served.run(&["report", "access", "-vv", "--format", format, "--evidence", "evidence"]));
    }
    said.push(served.run(&["runs"]));
    let loud = served.workspace.koreconcile(&Served::files(&["apply", "--yes", "-vv"]));
    said.push(loud.env("KORECONCILE_LOG", "trace").run());
    said.push(served.run(&["reinvite", "--yes", "-vv", "one@example.com"]));
    said.push(served.workspace.run(&[
        "import",
        "--account-file",
        "account.yaml",
        "--out",
        "imported",
        "-vv",
    ]));
    assert!(said.iter().all(|run| run.code == Some(0)), "all of it went well");
    let lost = serde_json::json!({ "endpoint": "GET /api/public/bots", "times": 9, "effect": { "html": { "status": 502 } } });
    served.server.fault(&lost);
    said.push(served.run(&["plan", "-vv"]));
    served.server.heal();
    let right = served.workspace.exported("KORE_CLIENT_SECRET").to_owned();
    let wrong = format!("{right}-canary-of-a-typing-error");
    served.workspace.export("KORE_CLIENT_SECRET", &wrong);
    said.push(served.run(&["plan", "-vv"]).expect(7));
    secrets.push(wrong);

    for run in &said {
        for secret in &secrets {
            assert!(!run.said().contains(secret.as_str()), "{run}");
        }
        assert!(!run.said().contains("eyJ"), "a token: {run}");
    }
    let kept: Vec<_> =
        ["", "../home"].iter().flat_map(|folder| files(&served.workspace.path(folder))).collect();
    for name in ["saved.json", "seen.json", ".jsonl", "imported"] {
        assert!(kept.iter().any(|(path, _)| path.contains(name)), "nothing was kept in {name}");
    }
    for (path, bytes) in &kept {
        for secret in &secrets {
            assert!(!holds(bytes, secret), "a secret is in {path}");
        }
    }
}

/// A sandbox that is served with everything it can log, into a folder; ends with this value.
struct VerboseSandbox {
    child: Child,
    host: String,
    folder: tempfile::TempDir,
}

impl VerboseSandbox {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_koreconcile"))
            .args(["sandbox", "serve", "--listen", "127.0.0.1:0", "--account", ACCOUNT, "-vv", "--data"])
            .arg(folder.path().join("data"))
            .env("KORECONCILE_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        let mut loud = Self { child, host: String::new(), folder };
        wait_until("it is served", || {
            loud.read("stdout").ends_with('\n') && loud.said().contains("/mailbox")
        });
        let url = loud.read("stdout");
        url.lines().next().unwrap().strip_prefix("http://").unwrap().clone_into(&mut loud.host);
        loud
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn said(&self) -> String {
        ["stdout", "stderr"].map(|name| self.read(name)).concat()
    }

    /// One request of a browser with that cookie; the whole answer.
    fn ask(&self, method: &str, path: &str, headers: &str, form: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let (host, length) = (&self.host, form.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n{headers}\r\n{form}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for VerboseSandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stands between two marks.
fn between(text: &str, from: &str, to: &str) -> String {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split(to).next().unwrap().to_owned()
}

#[test]
fn secrets_that_people_and_programs_send_to_the_sandbox_are_in_no_log_of_it() {
    let loud = VerboseSandbox::start();
    let password = std::fs::read_to_string(loud.folder.path().join("data/first-password.txt"));
    let password = password.unwrap().trim().to_owned();
    let page = loud.ask("GET", "/sign-in", "", "");
    let mut canaries = vec![password.clone()];
    let port = loud.host.rsplit_once(':').unwrap().1;
    let name = format!("koreconcile-{port}=");
    let (visitor, form_token) =
        (between(&page, &name, ";"), between(&page, "name=\"form_token\" value=\"", "\""));
    let cookie = |token: &str| format!("cookie: {name}{token}\r\n");
    let wrong = "canary-of-a-slip-Xq72";
    let sign_in = |password: &str| {
        let form = format!("form_token={form_token}&email=owner%40example.com&password={password}");
        loud.ask("POST", "/sign-in", &cookie(&visitor), &form)
    };
    assert!(sign_in(wrong).starts_with("HTTP/1.1 401"));
    let signed_in = between(&sign_in(&password), &name, ";");
    let entered = between(&loud.ask("GET", "/enter", &cookie(&signed_in), ""), &name, ";");
    assert!(loud.ask("GET", "/Admin/dashboard", &cookie(&entered), "").starts_with("HTTP/1.1 200"));
    let page = loud.ask("GET", "/password", &cookie(&entered), "");
    let token = between(&page, "name=\"form_token\" value=\"", "\"");
    let fresh = "canary-Of-A-New-1-kept";
    let form = format!("form_token={token}&current={password}&password={fresh}&again={fresh}");
    assert!(loud.ask("POST", "/password", &cookie(&entered), &form).starts_with("HTTP/1.1 303"));
    let form = format!("form_token={form_token}&email=jane.doe%40example.com");
    loud.ask("POST", "/password/forgot", &cookie(&visitor), &form);
    let mails = loud.folder.path().join("data/mail");
    // Before it is whole, its name begins with a dot.
    let is_whole = |path: &str| !path.rsplit('/').next().unwrap().starts_with('.');
    let arrived = || files(&mails).into_iter().find(|(path, _)| is_whole(path));
    wait_until("the mail is out", || arrived().is_some());
    let mail = arrived().unwrap().1;
    let link = String::from_utf8(mail).unwrap().replace("=\r\n", "").replace("token=3D", "token=");
    let link_token: String =
        between(&link, "token=", "\r").chars().take_while(char::is_ascii_alphanumeric).collect();
    loud.ask("GET", &format!("/password/reset?token={link_token}"), "", "");
    let forged = "eyJhbGciOiJIUzI1NiJ9.canaryCANARYcanary.c2lnbmF0dXJl";
    let refused = loud.ask("GET", "/api/public/bots", &format!("auth: {forged}\r\n"), "");
    assert!(!refused.starts_with("HTTP/1.1 200"), "{refused}");

    canaries.extend([visitor, signed_in, entered, link_token].iter().cloned());
    canaries.extend([wrong, fresh, forged].map(str::to_owned));
    let said = loud.said();
    assert!(said.lines().count() > 2, "it said something: {said}");
    for canary in canaries {
        assert!(canary.len() >= 8 && !said.contains(&canary), "{canary} is in:\n{said}");
    }
}

#[tokio::test]
async fn secrets_of_the_console_are_hashed_where_they_are_kept() {
    let data = tempfile::tempdir().unwrap();
    let harness = ConsoleHarness::at(data.path());
    let mut jane = harness.signed_in(JANE).await;
    let cookie = jane.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    jane.open("/Admin/dashboard").await;
    harness.admin.set_two_factor(true).unwrap();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    let second = owner.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let mut visitor = harness.visitor().await;
    visitor.post("/password/forgot", &[("email", JANE)]).await;
    let link = harness.newest_link(JANE);
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
fn are_not_in_the_debug_output_of_public_types() {
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
    assert!(!format!("{app:?} {app:#?}").contains(&app.client_secret));
    let mail = Mail::Smtp(format!("smtps://relay:{canary}@mail.example.com"));
    let relayed = Sandbox::in_memory(Options { mail: mail.clone(), ..Options::default() }).unwrap();
    assert!(!format!("{mail:?} {relayed:?} {:?}", relayed.options()).contains(canary));
}
