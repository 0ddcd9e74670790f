//! What a browser may send to the console: requests written down one after the other, each a line with method and path,
//! header lines, an empty line and a body; a line `====` stands between two. `{cookie}` and `{form_token}` stand for
//! what the Primary Admin's browser holds, so that an input can get past the gate.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use jiff::Timestamp;
use koreconcile::sandbox::{ManualClock, Options, Sandbox};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const OWNER: &str = "owner@example.com";
const PASSWORD: &str = "Right-Horse-7";
const HOST: &str = "127.0.0.1:8080";
const FORM: &str = "application/x-www-form-urlencoded";
/// Requests of one input.
const MOST: usize = 6;
/// The largest page of the small account: nothing that is sent may be given back many times over.
const LARGEST: usize = 4 * 1024 * 1024;

/// An account in which the Primary Admin is signed in. Made once, because passwords are slow on purpose; every input
/// starts from a copy of its database, so that what it does it does again.
struct SignedIn {
    database: Vec<u8>,
    cookie: String,
    form_token: String,
}

static SIGNED_IN: LazyLock<SignedIn> = LazyLock::new(SignedIn::new);

impl SignedIn {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (cookie, form_token) = {
            let sandbox = Sandbox::open(folder.path(), options()).unwrap();
            sandbox.admin().unwrap().set_password(OWNER, Some(PASSWORD)).unwrap();
            let (runtime, router) = (runtime(), sandbox.router());
            let (cookie, token) = page(&runtime, &router, "", "/sign-in");
            let form = format!("form_token={token}&email={OWNER}&password={PASSWORD}");
            let request = Request::post("/sign-in")
                .header(header::HOST, HOST)
                .header(header::ORIGIN, format!("http://{HOST}"))
                .header(header::COOKIE, cookie)
                .header(header::CONTENT_TYPE, FORM);
            let (_, headers, _) = runtime.block_on(answer(&router, request.body(Body::from(form)).unwrap()));
            let (cookie, _) = page(&runtime, &router, &cookie_of(&headers), "/enter");
            let (_, token) = page(&runtime, &router, &cookie, "/Admin/dashboard");
            (cookie, token)
        };
        Self { database: std::fs::read(database(folder.path())).unwrap(), cookie, form_token }
    }

    fn fill(&self, bytes: &[u8]) -> Vec<u8> {
        let bytes = replaced(bytes, b"{cookie}", self.cookie.as_bytes());
        replaced(&bytes, b"{form_token}", self.form_token.as_bytes())
    }
}

/// Whatever a browser sends, each request is answered, by no mistake of ours, and nothing typed becomes markup.
pub fn console(bytes: &[u8]) {
    let signed_in = &*SIGNED_IN;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(database(folder.path()), &signed_in.database).unwrap();
    let sandbox = Sandbox::open_existing(folder.path(), options()).unwrap();
    let (runtime, router) = (runtime(), sandbox.router());
    for written in split(bytes, b"\n====\n").into_iter().take(MOST) {
        let Some(request) = request(&signed_in.fill(written)) else { continue };
        let told = format!("{} {}", request.method(), request.uri());
        // The API's paths are another matter, and are served by the same router.
        if request.uri().path().starts_with("/api") {
            continue;
        }
        let (status, headers, body) = runtime.block_on(answer(&router, request));
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{told}");
        let text = String::from_utf8_lossy(&body);
        assert!(!is_page(&headers) || !text.contains("<script>"), "{told}: {text}");
    }
}

fn options() -> Options {
    let clock = ManualClock::new(Timestamp::from_second(1_772_442_000).unwrap());
    Options { clock: Arc::new(clock), record_requests: false, ..Options::default() }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("account.db")
}

/// A request as it is written down; `None` if that is none.
fn request(written: &[u8]) -> Option<Request<Body>> {
    let (head, body) = match written.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&written[..at], &written[at + 2..]),
        None => (written, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, path) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(path).body(Body::from(body.to_vec())).ok()?;
    let headers = request.headers_mut();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = header::HeaderName::from_bytes(&line[..colon]).ok()?;
        headers.append(name, header::HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    for (name, value) in [
        (header::HOST, HOST),
        (header::ORIGIN, "http://127.0.0.1:8080"),
        (header::COOKIE, SIGNED_IN.cookie.as_str()),
        (header::CONTENT_TYPE, FORM),
    ] {
        headers.entry(name).or_insert(header::HeaderValue::from_str(value).ok()?);
    }
    Some(request)
}

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let is_endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let body = if is_endless { Bytes::new() } else { to_bytes(body, LARGEST).await.unwrap() };
    (parts.status, parts.headers, body)
}

/// Follows the way to a page; the cookie and the form token at its end.
fn page(runtime: &Runtime, router: &Router, cookie: &str, path: &str) -> (String, String) {
    let request = Request::get(path).header(header::HOST, HOST).header(header::COOKIE, cookie);
    let (_, headers, body) = runtime.block_on(answer(router, request.body(Body::empty()).unwrap()));
    let text = String::from_utf8_lossy(&body);
    let token = text.split_once("name=\"form_token\" value=\"").map(|(_, rest)| rest[..64].to_owned());
    let set = cookie_of(&headers);
    (if set.is_empty() { cookie.to_owned() } else { set }, token.unwrap_or_default())
}

fn cookie_of(headers: &HeaderMap) -> String {
    let set = headers.get(header::SET_COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    set.split(';').next().unwrap_or_default().to_owned()
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        parts.push(&rest[..at]);
        rest = &rest[at + mark.len()..];
    }
    parts.push(rest);
    parts
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    split(bytes, what).join(with)
}
