//! As much of GitHub and GitLab as the templates talk to: lists that can be read page by page, added to and edited, and
//! fixed answers for everything else. It listens on loopback, asks for the token, and remembers every write.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What the templates sign in with.
pub const TOKEN: &str = "token-of-the-job";
/// Entries on one page.
const PAGE: usize = 100;

/// A write that came in.
#[derive(Clone, Debug)]
pub struct Write {
    /// `POST issues`: below the repository or project.
    pub what: String,
    /// What was sent.
    pub body: Value,
}

#[derive(Default)]
struct State {
    /// By path, without the query.
    answers: BTreeMap<String, Vec<u8>>,
    lists: BTreeMap<String, Vec<Value>>,
    writes: Vec<Write>,
}

/// The server, until it goes out of sight.
pub struct Forge {
    pub url: String,
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    is_over: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Forge {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (state, is_over) = (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(false)));
        let server = std::thread::spawn({
            let (state, is_over) = (Arc::clone(&state), Arc::clone(&is_over));
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    serve(stream, &state);
                }
            }
        });
        Self { url: format!("http://{address}"), address, state, is_over, server: Some(server) }
    }

    /// Answers this path, below the repository or project, from now on.
    pub fn answer(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), body.into());
    }

    /// Puts an entry into a list as if somebody else had written it.
    pub fn has(&self, list: &str, entry: Value) {
        self.state.lock().unwrap().lists.entry(list.to_owned()).or_default().push(entry);
    }

    /// The writes since the last time somebody asked.
    pub fn writes(&self) -> Vec<Write> {
        std::mem::take(&mut self.state.lock().unwrap().writes)
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        let _ = self.server.take().map(JoinHandle::join);
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut length, mut is_known) = (String::new(), 0, false);
    reader.read_line(&mut request).unwrap();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => is_known |= value == format!("Bearer {TOKEN}"),
            "private-token" => is_known |= value == TOKEN,
            // GitLab lets a job's own token read artefacts, and little else.
            "job-token" => is_known |= value == TOKEN && request.contains("/jobs/"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (status, answer) = if is_known {
        state.lock().unwrap().handle(method, target, &body)
    } else {
        (401, json!({ "message": "Bad credentials" }).to_string().into_bytes())
    };
    let head =
        format!("HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", answer.len());
    // A client that has gone away is the test's to notice.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer));
}

impl State {
    fn handle(&mut self, method: &str, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path =
            ["/repos/acme/access/", "/projects/42/", "/"].iter().find_map(|root| path.strip_prefix(root));
        let path = path.unwrap();
        if method == "GET" {
            return match (self.answers.get(path), is_list(path)) {
                (Some(answer), _) => (200, answer.clone()),
                (None, true) => (200, self.page(path, query)),
                (None, false) => (404, b"{}".to_vec()),
            };
        }
        let body: Value = serde_json::from_slice(body).unwrap();
        self.writes.push(Write { what: format!("{method} {path}"), body: body.clone() });
        let written = match method {
            "POST" if is_list(path) => Some(self.add(path, body)),
            "PATCH" | "PUT" => self.edit(path, &body),
            _ => None,
        };
        written.map_or((404, b"{}".to_vec()), |written| (200, written.to_string().into_bytes()))
    }

    fn page(&self, path: &str, query: &str) -> Vec<u8> {
        let number = query.split('&').find_map(|pair| pair.strip_prefix("page="));
        let number: usize = number.map_or(1, |number| number.parse().unwrap());
        let entries = self.lists.get(path).map_or(&[][..], Vec::as_slice);
        let entries: Vec<&Value> = entries.iter().skip((number - 1) * PAGE).take(PAGE).collect();
        serde_json::to_vec(&entries).unwrap()
    }

    fn add(&mut self, path: &str, body: Value) -> Value {
        let id = 1_000 + self.lists.values().map(Vec::len).sum::<usize>();
        let mut entry = body;
        for field in ["id", "number", "iid"] {
            entry[field] = id.into();
        }
        entry["user"] = json!({ "type": "Bot" });
        entry["author"] = json!({ "id": 1 });
        self.lists.entry(path.to_owned()).or_default().push(entry.clone());
        entry
    }

    fn edit(&mut self, path: &str, body: &Value) -> Option<Value> {
        let (parent, id) = path.rsplit_once('/')?;
        let id: u64 = id.parse().ok()?;
        let is_of = |list: &str| list == parent || parent == "issues/comments" && list.ends_with("/comments");
        let list = self.lists.iter_mut().find(|(list, _)| is_of(list))?.1;
        let at = list.iter().position(|entry| entry["id"] == id)?;
        for (field, value) in body.as_object()? {
            list[at][field] = value.clone();
        }
        let is_closed = body["state"] == "closed" || body["state_event"] == "close";
        Some(if is_closed { list.remove(at) } else { list[at].clone() })
    }
}

fn is_list(path: &str) -> bool {
    ["issues", "comments", "notes", "pulls", "merge_requests", "reviews", "commits", "versions"]
        .iter()
        .any(|end| path.rsplit('/').next() == Some(end))
}
