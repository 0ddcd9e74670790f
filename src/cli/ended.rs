//! `apply --ended`: what was applied with an end goes when the end has passed, and nothing else. The job that runs every
//! hour, between the applies of edits.

use super::apply::{carry_out, restore};
use super::inputs::{Inputs, Reach};
use super::memory;
use super::plan::{Made, digest_of, style};
use super::session::Session;
use super::{CliError, Exit, Output};
use crate::kore::ReadRequest;
use crate::manifest::{Compiled, Finding};
use crate::plan::{self, Memory, render};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Ends what the memory knows. The manifests say which account it is, and what has been given a later end; with errors
/// in them the end that was applied holds.
pub(super) async fn run(
    inputs: &Inputs,
    reach: &Reach,
    is_agreed: bool,
    output: &Output,
) -> Result<Exit, CliError> {
    let (manifests, compiled) = inputs.compile_all(true, Timestamp::now(), output)?;
    if manifests.findings().iter().chain(&compiled.findings).any(Finding::is_error) {
        output.warn("warning: the manifests have errors; what was applied with an end ends all the same");
    }
    let session = Session::open_to_write(&compiled, reach, output).await?;
    let ended = async {
        let _lock = session.lock(reach.max_wait, output)?;
        let remembered = session.memory.load_existing("nothing is known to have ended")?;
        memory::check_owner(&remembered, &manifests, &compiled)?;
        restore(&session, &compiled.policy, output).await?;
        let now = Timestamp::now();
        let over = over(&remembered, now);
        if over.is_empty() {
            output.result("No changes: nothing that was applied has ended.\n");
            return Ok(Exit::Done);
        }
        let world = session.read(&compiled, ReadRequest::full(over)).await?;
        let mut context = session.context(&compiled, digest_of(&manifests), reach, remembered);
        context.fills_ceiling = true;
        let Compiled { desired, policy, rules, .. } = compiled;
        let plan = plan::make_ended(desired, &world, &policy, &context);
        output.result(&render::text(&plan, style(output)));
        output.written()?;
        let made = Made::undeclared(plan, world, policy, rules.digest);
        Box::pin(carry_out(made, is_agreed, &session, output)).await
    }
    .await;
    session.close().await;
    ended
}

/// Whoever holds something with an end that has passed.
fn over(memory: &Memory, now: Timestamp) -> BTreeSet<crate::facts::Email> {
    let over = memory.facts.iter().filter(|(_, fact)| fact.until.is_some_and(|until| until <= now));
    over.filter_map(|(key, _)| key.email().cloned()).collect()
}
