//! What is asked: every read there is, each by itself, so that one that fails hides no other.

use super::super::session::Session;
use crate::facts::{Email, SignOn, World};
use crate::kore::{Endpoint, HOUR, KoreError, ReadRequest, ReadSizes};
use crate::manifest::Compiled;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// Most people looked up: enough to prove the largest batch that reads begin with.
const MOST: usize = 1_000;

/// What came back. Reads after one that ends everything were not made.
pub(super) struct Evidence {
    pub(super) bots: Option<Result<World, KoreError>>,
    pub(super) roles: Option<Result<World, KoreError>>,
    pub(super) groups: Option<Result<World, KoreError>>,
    pub(super) users: Option<Result<World, KoreError>>,
    pub(super) people: Option<Result<World, KoreError>>,
    pub(super) mapping: Option<Result<Option<SignOn>, KoreError>>,
    pub(super) audit: Option<Result<usize, KoreError>>,
    /// People in the look-up.
    pub(super) asked: usize,
    /// Sizes that were proved.
    pub(super) sizes: ReadSizes,
    /// By how much the platform's clock is ahead of this machine's.
    pub(super) skew: Option<SignedDuration>,
    /// Requests this took.
    pub(super) calls: BTreeMap<Endpoint, u32>,
    /// Why the state folder cannot be used.
    pub(super) state_problem: Option<String>,
    /// Calls that can go at once, and within an hour.
    pub(super) room: (usize, usize),
}

/// Asks everything that does no harm, until the account itself is out of reach.
pub(super) async fn collect(session: &Session, compiled: &Compiled) -> Evidence {
    let reader = &session.reader;
    let mut evidence = Evidence {
        bots: None,
        roles: None,
        groups: None,
        users: None,
        people: None,
        mapping: None,
        audit: None,
        asked: 0,
        sizes: reader.sizes(),
        skew: None,
        calls: BTreeMap::new(),
        room: (0, 0),
        state_problem: session.state_problem.clone(),
    };
    gather(&mut evidence, session, compiled).await;
    session.quiet_down();
    evidence.sizes = reader.sizes();
    evidence.skew = session.skew();
    evidence.calls = session.gateway.calls();
    let room = |within| session.gateway.room_within(within);
    evidence.room = (room(SignedDuration::ZERO), room(HOUR.saturating_sub(SignedDuration::from_secs(1))));
    evidence
}

async fn gather(evidence: &mut Evidence, session: &Session, compiled: &Compiled) {
    let reader = &session.reader;
    let read = async |ask: ReadRequest| reader.read(&ask).await;
    let bots = evidence.bots.insert(read(ReadRequest { bots: true, ..ReadRequest::default() }).await);
    if is_over(bots) {
        return;
    }
    // Without the scope every other listing says the same, and each question costs a call.
    if !matches!(bots, Err(KoreError::Scope { .. })) {
        for (place, ask) in [
            (&mut evidence.roles, ReadRequest { roles: true, ..ReadRequest::default() }),
            (&mut evidence.groups, ReadRequest { groups: true, ..ReadRequest::default() }),
            (&mut evidence.users, ReadRequest { users: true, ..ReadRequest::default() }),
        ] {
            if is_over(place.insert(read(ask).await)) {
                return;
            }
        }
    }
    let people = sample(evidence, compiled);
    evidence.asked = people.len();
    if is_over(evidence.people.insert(read(ReadRequest::of_users(people)).await)) {
        return;
    }
    if is_over(evidence.mapping.insert(reader.sign_on().await)) {
        return;
    }
    evidence.audit = Some(reader.audit_log(None).await.map(|page| page.events.len()));
}

/// Whether further reads would fail too.
fn is_over<T>(answer: &Result<T, KoreError>) -> bool {
    matches!(
        answer,
        Err(KoreError::Credentials { .. }
            | KoreError::RateLimited { .. }
            | KoreError::Unreachable { is_connected: false, .. })
    )
}

/// Who is looked up: the listed users, up to one batch; else those that manifests refer to.
fn sample(evidence: &Evidence, compiled: &Compiled) -> BTreeSet<Email> {
    let listed = evidence.users.iter().flatten().flat_map(|world| world.directory.users.keys());
    let mut people: BTreeSet<Email> = listed.take(MOST).cloned().collect();
    if people.is_empty() {
        people.extend(compiled.desired.referenced.iter().take(MOST).cloned());
    }
    if people.is_empty() {
        // Nobody is known: whether the question is allowed can be asked of anybody.
        people.insert(Email::observed("nobody@example.com"));
    }
    people
}
