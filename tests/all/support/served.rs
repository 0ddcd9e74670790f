//! An account behind a port, and a folder of manifests about it: the sandbox served by the binary, with faults at hand.

use super::workspace::{Run, Workspace};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// The account every served sandbox has.
pub const ACCOUNT: &str = "6661e128d3203924648c10bf";

/// One manifest, its `spec` in flow style.
pub fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: koreconcile.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}\n"
    )
}

/// A user with a name.
pub fn user(name: &str, more: &str) -> String {
    document("KoreUser", name, &format!("{{ email: {name}@example.com{more} }}"))
}

/// One request over HTTP: status and body.
pub fn ask(host: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A served sandbox, killed at the end.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    fn start(workspace: &Workspace, more: &[&str]) -> Self {
        let data = workspace.path("../sandbox");
        let mut child = Command::new(env!("CARGO_BIN_EXE_koreconcile"))
            .args(["sandbox", "serve", "--listen", "127.0.0.1:0", "--test-controls", "--account", ACCOUNT])
            .arg("--data")
            .arg(data)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }

    /// Something goes wrong from now on: a `Fault` as JSON.
    pub fn fault(&self, fault: &Value) {
        self.control("POST", "/__test/faults", &fault.to_string());
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.control("DELETE", "/__test/faults", "");
    }

    /// Somebody does what no API does: an `Act` as JSON.
    pub fn act(&self, act: &Value) {
        self.control("POST", "/__test/acts", &act.to_string());
    }

    /// The truth of the account.
    pub fn truth(&self) -> Value {
        serde_json::from_str(&self.control("GET", "/__test/snapshot", "")).unwrap()
    }

    /// How often an endpoint was called.
    pub fn calls(&self, endpoint: &str) -> u64 {
        self.counts().get(endpoint).copied().unwrap_or(0)
    }

    /// How often each endpoint was called.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut log: Value = serde_json::from_str(&self.control("GET", "/__test/requests", "")).unwrap();
        serde_json::from_value(log["counts"].take()).unwrap()
    }

    /// Every request so far, in the order of its number.
    pub fn requests(&self) -> Vec<Value> {
        let log: Value = serde_json::from_str(&self.control("GET", "/__test/requests", "")).unwrap();
        let mut requests = log["requests"].as_array().unwrap().clone();
        requests.sort_by_key(|request| request["call"].as_u64());
        requests
    }

    /// How often the account was written to: every POST and PUT but the look-ups.
    pub fn writes(&self) -> usize {
        let is_write = |request: &&Value| {
            let endpoint = request["endpoint"].as_str().unwrap();
            !endpoint.starts_with("GET") && !endpoint.ends_with("usersInfo")
        };
        self.requests().iter().filter(is_write).count()
    }

    fn control(&self, method: &str, path: &str, body: &str) -> String {
        let (status, answer) = ask(self.url.strip_prefix("http://").unwrap(), method, path, body);
        assert!((200..300).contains(&status), "{status}: {answer}");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A served account, credentials for it in the environment, and manifests about it.
pub struct Served {
    pub workspace: Workspace,
    pub server: Server,
}

impl Served {
    /// The demo account with an app that may do everything, and no rate limit.
    pub fn new(manifests: &[String]) -> Self {
        Self::with(&["--rate-limit", "off"], "all", manifests)
    }

    /// The demo account with so many more people, bots and groups.
    pub fn seeded(counts: &[(&str, usize)], serve: &[&str]) -> Self {
        let workspace = Workspace::with(&[("main.yaml", "")]);
        let counts: Vec<String> =
            counts.iter().flat_map(|(flag, count)| [(*flag).to_owned(), count.to_string()]).collect();
        let mut args = vec!["seed", "--account", ACCOUNT];
        args.extend(counts.iter().map(String::as_str));
        sandbox(&workspace, &args).expect(0);
        Self::at(workspace, serve, "all")
    }

    /// With other words to `sandbox serve` and other scopes. `manifests` are all in `main.yaml`.
    pub fn with(serve: &[&str], scopes: &str, manifests: &[String]) -> Self {
        Self::at(Workspace::with(&[("main.yaml", &manifests.concat())]), serve, scopes)
    }

    fn at(workspace: Workspace, serve: &[&str], scopes: &str) -> Self {
        let server = Server::start(&workspace, serve);
        let mut whole = Self { workspace, server };
        whole.sign_in(scopes);
        whole.account("");
        whole
    }

    /// From now on with the credentials of a new app with these scopes.
    pub fn sign_in(&mut self, scopes: &str) {
        let app = sandbox(&self.workspace, &["app", "--name", scopes, "--scopes", scopes]);
        for line in app.expect(0).stdout.lines() {
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            self.workspace.export(name, value);
        }
    }

    /// Writes `account.yaml`, with more lines in its spec.
    pub fn account(&self, more: &str) {
        let url = &self.server.url;
        // The seed of the sandbox has Master Admins that few tests are about.
        let ownership = if more.contains("ownership:") { "" } else { "  ownership: { failOn: Never }\n" };
        let text = format!(
            "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: {{ name: acme }}
spec:
  endpoint: {{ host: \"{url}\" }}
  accountId: {ACCOUNT}
  credentials:
    clientId: {{ env: KORE_CLIENT_ID }}
    clientSecret: {{ env: KORE_CLIENT_SECRET }}
  sources: [\"*.yaml\"]
  rateLimit: {{ perMinute: 100000, perHour: 1000000, reserve: 0 }}
{ownership}{more}"
        );
        self.workspace.write("account.yaml", &text);
    }

    /// Runs a verb on `account.yaml` and `main.yaml`.
    pub fn run(&self, args: &[&str]) -> Run {
        self.workspace.run(&Self::files(args))
    }

    /// The verb with the files it is about.
    pub fn files<'a>(args: &[&'a str]) -> Vec<&'a str> {
        [args, &["account.yaml", "main.yaml"]].concat()
    }

    /// Somebody accepts the invitation.
    pub fn accept(&self, email: &str) {
        sandbox(&self.workspace, &["accept", email]).expect(0);
    }

    /// After a bad day: the next run ends the work, and the one after that finds nothing to do.
    #[track_caller]
    pub fn recovers(&self) {
        self.server.heal();
        self.run(&["apply", "--yes"]).expect(0);
        let plan = self.run(&["plan", "--exit-code"]).expect(0);
        assert!(plan.stdout.contains("No changes"), "{plan}");
    }
}

fn sandbox(workspace: &Workspace, args: &[&str]) -> Run {
    let (verb, rest) = args.split_first().unwrap();
    let args = [&["sandbox", *verb, "--data", "../sandbox"], rest].concat();
    workspace.run(&args)
}
