//! What single sign-on makes of the plan of a pass. Its configuration is read beside everything else, at most once an
//! hour; a pass that looks only at what was edited takes it as it was read.

use super::{AccountMemory, Session};
use crate::facts::World;
use crate::kore::Reader;
use crate::plan::{Plan, mark_sign_in};
use jiff::{SignedDuration, Timestamp};

/// How long the configuration counts as known.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Marks what the next sign-in rewrites. Without the scope, or where the calls would have to wait, nothing is known.
pub(super) async fn mark(
    plan: &mut Plan,
    memory: &mut AccountMemory,
    session: &Session<'_>,
    world: &World,
    now: Timestamp,
) {
    let is_known = memory.sign_on.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < EVERY);
    let is_due = !is_known && plan.observed.focused.is_none();
    if is_due && session.gateway.room_within(SignedDuration::ZERO) >= Reader::SIGN_ON_CALLS {
        let sign_on = Box::pin(session.reader.sign_on()).await.unwrap_or_default();
        memory.sign_on = Some((now, sign_on));
    }
    if let Some((_, Some(sign_on))) = &memory.sign_on {
        mark_sign_in(plan, sign_on, world);
    }
}
