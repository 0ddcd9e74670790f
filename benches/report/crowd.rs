//! The console with a crowd in front of it: 10,000 people in the account, 200 browsers at once, and 500 that watch the
//! dashboard. The server is a process of its own, so that its memory is its own.

use crate::figures::Report;
use crate::noop::koreconcile;
use crate::process::{peak_mib, resident_mib};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const USERS: &str = "10000";
const BROWSERS: usize = 200;
const REQUESTS: usize = 4_000;
const WATCHERS: usize = 500;
const OWNER: &str = "owner@example.com";
/// A dashboard asks every two seconds.
const LOOKS: usize = 5;

/// What a crowd opens.
const PAGES: [&str; 5] = [
    "/Admin/dashboard",
    "/Admin/users",
    "/Admin/users?search=example+5",
    "/Admin/bots/enterprise",
    "/Admin/analytics/audit?period=7d",
];

/// Adds the figures of the crowd and of the watchers.
pub fn measure(report: &mut Report) {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let seed = ["sandbox", "seed", "--data", folder, "--users", USERS, "--bots", "200", "--groups", "50"];
    assert!(koreconcile().args(seed).status().unwrap().success());
    let password = koreconcile().args(["sandbox", "password", "--data", folder, OWNER]).output().unwrap();
    let password = String::from_utf8(password.stdout).unwrap();

    let server = Server::start(data.path());
    let cookies = server.sign_in(password.trim());
    let mut taken = server.crowd(&cookies);
    taken.sort_by(f64::total_cmp);
    report.add("console_p95_ms_200", "ms", vec![taken[taken.len() * 95 / 100]]);
    report.add("console_rss_mib_200", "MiB", vec![peak_mib(&server.id())]);
    std::thread::sleep(Duration::from_secs(60));
    report.add("console_rss_mib_200_later", "MiB", vec![resident_mib(&server.id())]);
    drop(server);

    let server = Server::start(data.path());
    let cookies = server.sign_in(password.trim());
    server.watched(&cookies);
    report.add("console_sse_500_mib", "MiB", vec![peak_mib(&server.id())]);
}

struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = koreconcile()
            .args(["sandbox", "serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").expect("an address").to_owned();
        Self { child, address }
    }

    fn id(&self) -> String {
        self.child.id().to_string()
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        Connection { reader: BufReader::new(stream), host: self.address.clone() }
    }

    /// The cookies of a session with the account open.
    fn sign_in(&self, password: &str) -> String {
        let mut browser = self.connect();
        let page = browser.ask("GET", "/sign-in", "", "");
        let (_, rest) = page.body.split_once("name=\"form_token\" value=\"").expect("a form");
        let form_token = rest.split_once('"').unwrap().0;
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("form_token", form_token), ("email", OWNER), ("password", password)])
            .finish();
        let signed = browser.ask("POST", "/sign-in", &page.cookies, &form);
        assert_eq!(signed.status, 303, "{}", signed.body);
        let entered = browser.ask("GET", "/enter", &signed.cookies, "");
        assert_eq!(entered.status, 303, "{}", entered.body);
        entered.cookies
    }

    /// Every browser on a connection of its own, all at once; what each page took, in milliseconds.
    fn crowd(&self, cookies: &str) -> Vec<f64> {
        let taken = Mutex::new(Vec::with_capacity(REQUESTS));
        std::thread::scope(|scope| {
            for browser in 0..BROWSERS {
                let taken = &taken;
                scope.spawn(move || {
                    let mut connection = self.connect();
                    let mut own = Vec::new();
                    for request in 0..REQUESTS / BROWSERS {
                        let start = Instant::now();
                        let page = PAGES[(browser + request) % PAGES.len()];
                        assert_eq!(connection.ask("GET", page, cookies, "").status, 200, "{page}");
                        own.push(start.elapsed().as_secs_f64() * 1000.0);
                    }
                    taken.lock().unwrap().extend(own);
                });
            }
        });
        taken.into_inner().unwrap()
    }

    /// Dashboards that stay open, each on a connection of its own.
    fn watched(&self, cookies: &str) {
        let mut watchers: Vec<Connection> = (0..WATCHERS).map(|_| self.connect()).collect();
        for _ in 0..LOOKS {
            let start = Instant::now();
            for half in watchers.chunks_mut(WATCHERS / 2) {
                std::thread::scope(|scope| {
                    for watcher in half {
                        scope.spawn(move || {
                            let answer = watcher.ask("GET", "/Admin/dashboard/live", cookies, "");
                            assert_eq!(answer.status, 200, "{}", answer.body);
                        });
                    }
                });
            }
            std::thread::sleep(Duration::from_secs(2).saturating_sub(start.elapsed()));
        }
    }
}

struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
}

struct Page {
    status: u16,
    cookies: String,
    body: String,
}

impl Connection {
    /// One request on the connection; the cookies of the answer go over those that were sent.
    fn ask(&mut self, method: &str, path: &str, cookies: &str, form: &str) -> Page {
        let host = self.host.as_str();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\ncookie: {cookies}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        self.reader.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        let status =
            line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{line}"));
        let mut jar: Vec<(String, String)> = cookies.split("; ").filter_map(pair).collect();
        let mut length = 0;
        loop {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "set-cookie" => {
                    let fresh = pair(value.split(';').next().unwrap()).unwrap();
                    jar.retain(|(name, _)| *name != fresh.0);
                    jar.push(fresh);
                }
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).unwrap();
        let cookies: Vec<String> = jar.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        Page { status, cookies: cookies.join("; "), body: String::from_utf8_lossy(&body).into_owned() }
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((name.to_owned(), value.to_owned()))
}
