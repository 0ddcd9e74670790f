//! A transport that answers from a closure and remembers what it was sent. No platform: each test says what comes back.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use koreconcile::facts::RateLimit;
use koreconcile::kore::{
    Body, Clock, Credentials, Endpoint, Gateway, Ledger, Observer, Parts, Reader, Stage, Transport,
    TransportError, VirtualClock, WireRequest, WireResponse, Writer,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub const SECRET: &str = "CANARY-client-secret/with+odd=chars";

/// One request as it came, with everything decoded.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub query: Vec<(&'static str, String)>,
    pub token: String,
    pub json: Value,
    pub file: Option<Value>,
    pub fields: Vec<(&'static str, &'static str)>,
    pub at: Timestamp,
}

impl Seen {
    pub fn number(&self, name: &str) -> usize {
        self.query.iter().find(|(key, _)| *key == name).unwrap().1.parse().unwrap()
    }

    pub fn text(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    pub fn emails(&self) -> Vec<String> {
        serde_json::from_value(self.json["emailIds"].clone()).unwrap()
    }
}

pub type Reply = Result<WireResponse, TransportError>;
type Handler = Box<dyn Fn(&Seen, usize) -> Reply + Send + Sync>;

pub struct Script {
    handler: Handler,
    clock: Arc<VirtualClock>,
    log: Mutex<Vec<Seen>>,
    in_flight: Mutex<(usize, usize)>,
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: &WireRequest) -> Reply {
        let WireRequest { method, path, query, auth, body } = request;
        let (json, file, fields) = match body {
            Body::Empty => (Value::Null, None, Vec::new()),
            Body::Json(json) => (serde_json::from_slice(json).unwrap(), None, Vec::new()),
            Body::File { name: _, content, fields } => {
                (Value::Null, Some(serde_json::from_slice(content).unwrap()), fields.clone())
            }
        };
        let seen = Seen {
            line: format!("{} {path}", method.as_str()),
            query: query.clone(),
            token: auth.expose_secret().to_owned(),
            json,
            file,
            fields,
            at: self.clock.now(),
        };
        {
            let mut in_flight = self.in_flight.lock().unwrap();
            in_flight.0 += 1;
            in_flight.1 = in_flight.1.max(in_flight.0);
        }
        tokio::task::yield_now().await;
        self.in_flight.lock().unwrap().0 -= 1;
        let number = {
            let mut log = self.log.lock().unwrap();
            log.push(seen.clone());
            log.len()
        };
        (self.handler)(&seen, number)
    }
}

#[derive(Default)]
pub struct RecordingObserver(pub Mutex<Vec<String>>);

impl Observer for RecordingObserver {
    fn waiting(&self, endpoint: Endpoint, until: Timestamp) {
        self.0.lock().unwrap().push(format!("{endpoint} waits until {until}"));
    }

    fn retrying(&self, endpoint: Endpoint, tries: u32, why: &str) {
        self.0.lock().unwrap().push(format!("{endpoint} again after {tries}: {why}"));
    }
}

/// An account behind a script.
pub struct Account {
    pub script: Arc<Script>,
    pub clock: Arc<VirtualClock>,
    pub gateway: Gateway,
    pub reader: Reader,
    pub writer: Writer,
    pub observer: Arc<RecordingObserver>,
}

pub fn account(handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Account {
    account_with(RateLimit { per_minute: 10_000, per_hour: 100_000, reserve: 0, read_share: 50 }, handler)
}

pub fn account_with(
    limit: RateLimit,
    handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
) -> Account {
    account_with_patience(limit, SignedDuration::from_mins(20), handler)
}

/// A call is given up when it would have to wait longer than that.
pub fn account_with_patience(
    limit: RateLimit,
    max_wait: SignedDuration,
    handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
) -> Account {
    let clock = Arc::new(VirtualClock::default());
    let script = Arc::new(Script {
        handler: Box::new(handler),
        clock: clock.clone(),
        log: Mutex::default(),
        in_flight: Mutex::default(),
    });
    let observer = Arc::new(RecordingObserver::default());
    let gateway = Gateway::new(Parts {
        transport: script.clone(),
        credentials: Credentials { client_id: "cs-test".into(), client_secret: SECRET.into() },
        ledger: Arc::new(Ledger::in_memory(limit)),
        clock: clock.clone(),
        observer: observer.clone(),
        max_wait,
    });
    let (reader, writer) = (Reader::new(gateway.clone()), Writer::new(gateway.clone()));
    Account { script, clock, gateway, reader, writer, observer }
}

impl Account {
    pub fn log(&self) -> Vec<Seen> {
        self.script.log.lock().unwrap().clone()
    }

    /// Method and path of each request, in order.
    pub fn lines(&self) -> Vec<String> {
        self.log().into_iter().map(|seen| seen.line).collect()
    }

    /// Requests to one path.
    pub fn to(&self, path: &str) -> Vec<Seen> {
        self.log().into_iter().filter(|seen| seen.line.ends_with(path)).collect()
    }

    pub fn most_in_flight(&self) -> usize {
        self.script.in_flight.lock().unwrap().1
    }

    pub fn observer(&self) -> Vec<String> {
        self.observer.0.lock().unwrap().clone()
    }
}

pub fn ok(body: &Value) -> Reply {
    answer(200, body)
}

pub fn answer(status: u16, body: &Value) -> Reply {
    raw(status, &body.to_string())
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "all replies have one type, so that a script reads as a list of them"
)]
pub fn raw(status: u16, body: &str) -> Reply {
    Ok(WireResponse { status, retry_after: None, body: body.as_bytes().to_vec() })
}

pub fn refused(status: u16, msg: &str) -> Reply {
    answer(status, &json!({ "errors": [{ "msg": msg, "code": status }] }))
}

pub fn lost(stage: Stage) -> Reply {
    Err(TransportError { stage, message: "no answer in time".into() })
}

/// A fixture from `tests/fixtures/kore-api`.
pub fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/kore-api/client-{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs a future on a small runtime of its own.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
