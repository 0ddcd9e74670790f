//! The `sandbox` verbs as a user meets them: output, messages, and what a kill leaves behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use koreconcile::sandbox::{App, Options};
use serde_json::{Value, json};

use crate::sandbox::world::token;

fn sandbox(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koreconcile"));
    command.arg("sandbox").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    sandbox(args).output().unwrap()
}

fn path(data: &Path) -> &str {
    data.to_str().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The message of a verb that is refused.
fn refusal(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// Makes an app and reads the two lines the way a shell's `eval` would.
fn app(data: &Path, extra: &[&str]) -> App {
    let output = run(&[&["app", "--data", path(data), "--name", "tests"], extra].concat());
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    let [id, secret] = lines[..] else { panic!("not two lines: {text}") };
    App {
        client_id: id.strip_prefix("export KORE_CLIENT_ID=").unwrap().to_owned(),
        client_secret: secret.strip_prefix("export KORE_CLIENT_SECRET=").unwrap().to_owned(),
    }
}

/// A served sandbox, killed (not stopped) at the end.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(data: &Path, extra: &[&str]) -> Self {
        let args = [&["serve", "--data", path(data), "--listen", "127.0.0.1:0"], extra].concat();
        let mut child = sandbox(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn call(&self, app: &App, method: &str, path: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let request = client
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .header("auth", token(app, json!({})));
        let response = if body.is_null() { request } else { request.json(body) }.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::from(text))))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn answered_changes_survive_kill_9() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let app = app(data.path(), &[]);
    let users = json!({ "users": [{ "userInfo": { "emailId": "new@example.com" } }] });
    let (status, body) = server.call(&app, "POST", "/api/public/users", &users).await.unwrap();
    assert_eq!((status, &body["msg"]), (200, &json!("Users are created Successfully")));
    server.kill();

    let mails: Vec<_> =
        std::fs::read_dir(data.path().join("mail")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(mails.len(), 1);
    let mail = std::fs::read_to_string(&mails[0]).unwrap();
    assert!(mail.contains("To: new@example.com") && mails[0].extension().unwrap() == "eml", "{mail}");

    stdout(&run(&["accept", "--data", path(data.path()), "new@example.com"]));
    let server = Server::start(data.path(), &[]);
    let body = json!({ "emailIds": ["new@example.com"] });
    let (_, info) = server.call(&app, "POST", "/api/public/usersInfo", &body).await.unwrap();
    assert_eq!(info[0]["userInfo"]["status"], "active");
}

#[tokio::test]
async fn dropped_reply_is_a_dead_connection() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--test-controls", "--rate-limit", "1/m,10/h"]);
    let app = app(data.path(), &["--scopes", "role_management:role_management"]);
    let control =
        async |method: &str, path: &str, body: Value| server.call(&app, method, path, &body).await.unwrap();
    let fault = json!({ "endpoint": "GET /api/public/bots", "effect": "drop-after" });
    assert_eq!(control("POST", "/__test/faults", fault).await.0, 204);
    let error = server.call(&app, "GET", "/api/public/bots", &Value::Null).await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "{error:?}");
    assert_eq!(control("GET", "/api/public/bots", Value::Null).await.0, 429);
    assert_eq!(control("POST", "/__test/clock", json!({ "advance_seconds": 60 })).await.0, 200);
    assert_eq!(control("GET", "/api/public/bots", Value::Null).await.0, 200);
    let (_, log) = control("GET", "/__test/requests", Value::Null).await;
    assert_eq!(log["counts"]["GET /api/public/bots"], 3);
    let (_, truth) = control("GET", "/__test/snapshot", Value::Null).await;
    assert_eq!(truth["users"]["pat@example.com"]["state"], "not-active");
}

#[tokio::test]
async fn test_controls_are_closed_by_default() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let app = app(data.path(), &[]);
    assert_eq!(server.call(&app, "GET", "/__test/snapshot", &Value::Null).await.unwrap().0, 404);
}

#[tokio::test]
async fn dialect_is_read_from_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--dialect", "page_default=2,bot_role_names=app"]);
    let app = app(data.path(), &[]);
    let (_, body) = server.call(&app, "GET", "/api/public/roles?roleType=bot", &Value::Null).await.unwrap();
    assert_eq!(body["roles"].as_array().unwrap().len(), 2);
    assert_eq!(body["roles"][1]["role"], "App Developer");
}

#[test]
fn seed_adds_the_same_everywhere() {
    let dumps: Vec<Value> = (0..2)
        .map(|_| {
            let data = tempfile::tempdir().unwrap();
            stdout(&run(&[
                "seed",
                "--data",
                path(data.path()),
                "--users",
                "200",
                "--bots",
                "20",
                "--groups",
                "10",
            ]));
            let sandbox = koreconcile::sandbox::Sandbox::open_existing(
                data.path(),
                koreconcile::sandbox::Options::default(),
            )
            .unwrap();
            sandbox.admin().unwrap().dump().unwrap()
        })
        .collect();
    assert_eq!(dumps[0], dumps[1]);
    let users: Vec<&Value> = dumps[0]["users"].as_object().unwrap().values().collect();
    let seeded: Vec<&&Value> = users.iter().filter(|user| user["last_name"] != "").collect();
    assert!(seeded.len() >= 200);
    let count = |key: &str| seeded.iter().map(|user| user[key].as_array().unwrap().len()).sum::<usize>();
    let roles = count("admin_roles") + count("bot_roles") + count("inherited");
    assert!((seeded.len() * 15 / 10..seeded.len() * 25 / 10).contains(&roles), "{roles} roles");
    let assigned = seeded.iter().filter(|user| !user["assignments"].as_object().unwrap().is_empty()).count();
    assert!((seeded.len() * 20 / 100..seeded.len() * 40 / 100).contains(&assigned), "{assigned} assigned");
    assert!(users.iter().any(|user| user["state"] == "not-active"));
}

#[test]
fn help_lists_every_dialect_switch() {
    let help = stdout(&run(&["serve", "--help"]));
    for name in koreconcile::sandbox::Dialect::FIELDS {
        assert!(help.contains(&format!("{name}=")), "{name}");
    }
    assert!(help.contains("put_assignments=replaces"), "{help}");
}

#[test]
fn seed_twice_is_refused() {
    let data = tempfile::tempdir().unwrap();
    stdout(&run(&["seed", "--data", path(data.path()), "--users", "3"]));
    let text = refusal(&["seed", "--data", path(data.path()), "--users", "3"]);
    assert!(text.contains("has been seeded before") && text.contains("--account ID"), "{text}");
}

#[test]
fn refusals_say_what_rule_and_next_step() {
    let data = tempfile::tempdir().unwrap();
    let missing = data.path().join("none");
    let text = refusal(&["app", "--data", path(&missing), "--name", "x"]);
    assert!(text.contains("no sandbox in") && text.contains("koreconcile sandbox seed --data"), "{text}");
    assert!(!missing.exists());

    stdout(&run(&["seed", "--data", path(data.path())]));
    let text = refusal(&["accept", "--data", path(data.path()), "nobody@example.com"]);
    assert!(text.contains(r#"no user "nobody@example.com" in account"#), "{text}");
    let text = refusal(&["accept", "--data", path(data.path()), "jane.doe@example.com"]);
    assert!(text.contains("jane.doe@example.com has already joined (state: active)"), "{text}");
    let text = refusal(&["app", "--data", path(data.path()), "--name", "x", "--scopes", "users"]);
    assert!(
        text.contains("\"users\" is not a scope") && text.contains("user_management:user_management"),
        "{text}"
    );

    stdout(&run(&["seed", "--data", path(data.path()), "--account", "bbbbbbbbbbbbbbbbbbbbbbbb"]));
    let text = refusal(&["app", "--data", path(data.path()), "--name", "x"]);
    assert!(text.contains("2 accounts here") && text.contains("--account ID"), "{text}");
    let text = refusal(&["app", "--data", path(data.path()), "--name", "x", "--account", "cc"]);
    assert!(text.contains("no account cc here"), "{text}");
    app(data.path(), &["--account", "bbbbbbbbbbbbbbbbbbbbbbbb"]);
}

#[test]
fn serve_refuses_addresses_it_should_not_have() {
    let data = tempfile::tempdir().unwrap();
    let text = refusal(&["serve", "--data", path(data.path()), "--listen", "0.0.0.0:0"]);
    assert!(text.contains("other machines could reach it") && text.contains("--allow-remote"), "{text}");
    assert!(text.contains("passwords"), "{text}");
    let text = refusal(&["serve", "--data", path(data.path()), "--public-url", "http://sandbox.example.com"]);
    assert!(text.contains("not an origin of a TLS proxy, such as https://console.example.com"), "{text}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = refusal(&["serve", "--data", path(data.path()), "--listen", &address]);
    assert!(text.contains(&format!("cannot listen on {address}")) && text.contains("port 0"), "{text}");
    let text =
        refusal(&["serve", "--data", path(data.path()), "--listen", "127.0.0.1:0", "--dialect", "x=1"]);
    assert!(text.contains("cannot read the dialect") && text.contains("`x`"), "{text}");
}

#[test]
fn serve_refuses_test_controls_for_others() {
    let data = tempfile::tempdir().unwrap();
    let text = refusal(&[
        "serve",
        "--data",
        path(data.path()),
        "--listen",
        "127.0.0.1:0",
        "--allow-remote",
        "--test-controls",
    ]);
    assert!(text.contains("everyone who reaches /__test controls the sandbox"), "{text}");
}

/// What a served sandbox says before it answers, and its mode bits afterwards.
#[cfg(unix)]
fn announced(data: &Path, extra: &[&str]) -> String {
    let args = [&["serve", "--data", path(data)], extra].concat();
    let mut child = sandbox(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    child.kill().unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
}

#[cfg(unix)]
#[test]
fn serve_announces_what_answers_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let here = announced(data.path(), &["--listen", "127.0.0.1:0"]);
    assert!(here.contains("/Admin    messages: http://127.0.0.1:"), "{here}");
    let any = announced(data.path(), &["--listen", "0.0.0.0:0", "--allow-remote"]);
    assert!(any.contains("console: http://127.0.0.1:") && !any.contains("0.0.0.0"), "{any}");
    let smtp = announced(data.path(), &["--listen", "127.0.0.1:0", "--smtp", "smtp://127.0.0.1:9"]);
    assert!(smtp.contains("/Admin") && !smtp.contains("messages:"), "{smtp}");
    let tls = ["--listen", "127.0.0.1:0", "--public-url", "https://console.example.com"];
    let tls = announced(data.path(), &tls);
    assert!(
        tls.contains("console: https://console.example.com/Admin") && !tls.contains("messages:"),
        "{tls}"
    );
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

#[cfg(unix)]
#[tokio::test]
async fn data_is_closed_to_other_users_whatever_the_umask() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let start = |data: &Path| {
        let exe = env!("CARGO_BIN_EXE_koreconcile");
        let line =
            format!("umask 000; exec {exe} sandbox serve --listen 127.0.0.1:0 --data {}", data.display());
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Server { child, url: url.trim().to_owned() }
    };
    let server = start(&data);
    let app = app(&data, &[]);
    let invited = json!({ "users": [{ "userInfo": { "emailId": "new@example.com" } }] });
    assert_eq!(server.call(&app, "POST", "/api/public/users", &invited).await.unwrap().0, 200);
    server.kill();
    assert_eq!((mode(&data), mode(&data.join("mail"))), (0o700, 0o700));
    let files = |folder: &Path| -> Vec<_> {
        let all = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        all.filter(|path| path.is_file()).collect()
    };
    let all = [files(&data), files(&data.join("mail"))].concat();
    assert!(all.len() >= 4, "{all:?}");
    for file in &all {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    // What an earlier version left open is closed; a folder that is not ours alone is told of.
    for file in &all {
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    }
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut server = start(&data);
    let mut stderr = server.child.stderr.take().unwrap();
    server.kill();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
    assert!(
        said.contains("other users of this machine can look into") && said.contains("chmod 700"),
        "{said}"
    );
    for file in files(&data) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn database_that_is_damaged_is_named_with_the_next_step() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("account.db"), "this is no database, whatever its name is".repeat(200))
        .unwrap();
    let text = refusal(&["serve", "--data", path(data.path()), "--listen", "127.0.0.1:0"]);
    assert!(text.contains(path(data.path())) && text.contains("use another data folder"), "{text}");
}

/// A second interrupt does not wait for what is in flight.
#[cfg(unix)]
#[test]
fn second_interrupt_ends_the_server_at_once() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::io::Write;
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let mut half = std::net::TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    half.write_all(b"GET /sign-in HTT").unwrap();
    let pid = Pid::from_raw(i32::try_from(server.child.id()).unwrap()).unwrap();
    while server.child.try_wait().unwrap().is_none() {
        let _ = kill_process(pid, Signal::INT);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

#[test]
fn first_password_is_in_a_file_that_only_its_owner_reads() {
    let data = tempfile::tempdir().unwrap();
    let served = |data: &Path| {
        let server = Server::start(data, &[]);
        server.kill();
        std::fs::read_to_string(data.join("first-password.txt")).unwrap()
    };
    let first = served(data.path());
    #[cfg(unix)]
    {
        let file = std::fs::metadata(data.path().join("first-password.txt")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600);
    }
    let sandbox = koreconcile::sandbox::Sandbox::open_existing(data.path(), Options::default()).unwrap();
    let again = sandbox.admin().unwrap().set_password("sam@example.com", Some(first.trim())).unwrap_err();
    assert!(again.to_string().contains("none of the last 5 passwords"), "{again}");
    drop(sandbox);
    assert_eq!(served(data.path()), first, "it is made once");
    let other = tempfile::tempdir().unwrap();
    assert_ne!(served(other.path()), first, "and for each folder anew");
}

#[test]
fn password_is_generated_or_read_and_keeps_the_rules() {
    let data = tempfile::tempdir().unwrap();
    stdout(&run(&["seed", "--data", path(data.path())]));
    let password = stdout(&run(&["password", "--data", path(data.path()), "owner@example.com"]));
    assert_eq!(password.trim().len(), 17, "{password}");
    let typed = |text: &str| {
        let mut child = sandbox(&["password", "--data", path(data.path()), "--stdin", "owner@example.com"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = typed("weak\n");
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("at least 8 characters, an upper-case letter, a digit, a special character"),
        "{text}"
    );
    assert!(typed("Right-Horse-7\n").status.success());
    let text = refusal(&["password", "--data", path(data.path()), "nobody@example.com"]);
    assert!(text.contains(r#"no user "nobody@example.com""#), "{text}");
}

#[test]
fn account_is_renamed_from_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    stdout(&run(&["seed", "--data", path(data.path())]));
    let output = run(&["rename", "--data", path(data.path()), "Example Bank"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.ends_with(" is called Example Bank\n"), "{said}");
    let text = refusal(&["rename", "--data", path(data.path()), " blank"]);
    assert!(text.contains("\" blank\" is no name for an account"), "{text}");
}
