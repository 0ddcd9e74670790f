//! Edits that are proved. Three proofs are about the texts alone ([`edit::prove`]); the fourth is made here, because it
//! needs both the manifests and the policies: no policy is newly violated. A fact that a policy does not allow is left
//! to a person, and the rest is edited without it.

use crate::cli::policies::newly_violated;
use crate::facts::{BotId, Key, World};
use crate::manifest::edit::{self, Adoption, ByHand, Edited};
use crate::manifest::{Compiled, Manifests};
use crate::policy::Breach;
use jiff::Timestamp;

/// An edit of which a proof fails, and what does not hold.
pub(super) struct Unproved {
    pub(super) edited: Edited,
    pub(super) problems: Vec<String>,
}

/// The edit that writes as many of the facts down as the policies allow.
pub(super) fn edit(
    manifests: &Manifests,
    compiled: &Compiled,
    world: &World,
    adoptions: Vec<Adoption>,
    now: Timestamp,
) -> Result<Edited, Unproved> {
    let mut left = adoptions;
    let mut denied: Vec<ByHand> = Vec::new();
    loop {
        let mut edited = edit::edit(manifests, compiled, world, &left);
        let breaches = match edit::prove(manifests, compiled, &edited, world, now) {
            Ok(after) => newly_violated(compiled, &after, now),
            Err(problems) => return Err(Unproved { edited, problems }),
        };
        let Some(first) = breaches.first() else {
            edited.by_hand.extend(denied);
            return Ok(edited);
        };
        let count = left.len();
        left.retain(|adoption| match breaches.iter().find(|breach| is_part(&adoption.key, breach, world)) {
            Some(breach) => {
                denied.push(by_hand(&adoption.key, breach, compiled));
                false
            }
            None => true,
        });
        if left.len() == count {
            let problem = format!("policy {} would be newly violated: {}", first.policy, first.message);
            return Err(Unproved { edited, problems: vec![problem] });
        }
    }
}

/// Manifests name a bot by its name or by its id; a violation of what is declared has it as it is written.
fn is_part(key: &Key, breach: &Breach, world: &World) -> bool {
    let name = |bot: BotId| Some(BotId::new(world.directory.bot_label(&bot)));
    let named = key.clone().with_bot(name);
    breach.facts.iter().any(|fact| fact == key || Some(fact) == named.as_ref())
}

fn by_hand(key: &Key, breach: &Breach, compiled: &Compiled) -> ByHand {
    let rule = compiled.rules.rules.iter().find(|rule| *rule.name == *breach.policy);
    ByHand {
        key: key.clone(),
        place: rule.map(|rule| rule.source.to_string()),
        why: format!(
            "policy {} does not allow it: {}; take it back in the console, or declare it with a KorePolicyException",
            breach.policy, breach.message
        ),
        lines: Vec::new(),
    }
}
