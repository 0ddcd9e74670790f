//! What is fuzzed: everything that takes bytes from outside. Each function takes any bytes and may refuse them; it may
//! not panic, and not go on for ever. `make fuzz` feeds them with libFuzzer, `make test` with the kept inputs and
//! changed copies of them.

pub mod console;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use koreconcile::apply::SavedPlan;
use koreconcile::facts::{Desired, Email, Policy, RateLimit, World};
use koreconcile::kore::{
    Credentials, Gateway, Ledger, Parts, ReadRequest, Reader, Silent, Transport, TransportError,
    VirtualClock, WireRequest, WireResponse,
};
use koreconcile::manifest::{self, Input};
use koreconcile::plan::{self, Context, render};
use std::sync::Arc;

/// One kind of input: its name, and what takes it.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("manifests", manifests),
    ("plans", plans),
    ("worlds", worlds),
    ("answers", answers),
    ("console", console::console),
];

/// A file of manifests: checked, shown, compiled.
pub fn manifests(bytes: &[u8]) {
    let manifests = manifest::read(vec![Input::new("main.yaml", bytes)]);
    let shown = manifest::render::text(manifests.findings(), manifests.texts(), false);
    assert_eq!(shown.is_empty(), manifests.findings().is_empty(), "every finding is shown");
    let _ = manifest::compile(&manifests, None, Timestamp::UNIX_EPOCH);
}

/// A saved plan: with its seal, and as whoever has the secret could have made it.
pub fn plans(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = SavedPlan::open(text, &"secret".into(), Timestamp::UNIX_EPOCH);
    }
    if let Ok(saved) = serde_json::from_slice::<SavedPlan>(bytes) {
        let _ = render::text(&saved.plan, render::Style::default());
        let again = plan::recheck(saved.plan, &World::default(), &Policy::default(), &Context::default());
        let _ = again.sendable();
    }
}

/// What a snapshot holds: planned against.
pub fn worlds(bytes: &[u8]) {
    if let Ok(world) = serde_json::from_slice::<World>(bytes) {
        let plan = plan::make(Desired::default(), &world, &Policy::default(), &Context::default());
        let _ = render::text(&plan, render::Style::default());
    }
}

/// The same answer to every call of a whole read; the first byte chooses its status.
pub fn answers(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let status = [200, 200, 200, 400, 401, 429, 500, 302][usize::from(*first) % 8];
    let gateway = Gateway::new(Parts {
        transport: Arc::new(Same(WireResponse { status, retry_after: None, body: body.to_vec() })),
        credentials: Credentials { client_id: "cs-fuzz".into(), client_secret: "secret".into() },
        ledger: Arc::new(Ledger::in_memory(RateLimit::default())),
        clock: Arc::new(VirtualClock::default()),
        observer: Arc::new(Silent),
        max_wait: SignedDuration::from_mins(5),
    });
    let jane = Email::observed("jane.doe@example.com");
    let reader = Reader::new(gateway.clone());
    let ask = ReadRequest { look_up_everyone: true, ..ReadRequest::full([jane].into()) };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let _ = runtime.map(|runtime| runtime.block_on(reader.read(&ask)));
    assert!(gateway.total_calls() < 500, "{} calls for one read", gateway.total_calls());
}

struct Same(WireResponse);

#[async_trait]
impl Transport for Same {
    async fn send(&self, _: &WireRequest) -> Result<WireResponse, TransportError> {
        Ok(self.0.clone())
    }
}
