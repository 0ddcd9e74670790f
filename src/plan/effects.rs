//! What the manifests say by now that changes nothing at the platform and everything for a reviewer: an end that moved, a
//! fact that another process gave and that is declared now, a guard that was loosened.

use super::memory::RememberedFact;
use super::model::{Change, Risk, RiskLevel};
use super::{ends, risk};
use crate::facts::{Family, Guards, Key, KeyRecord, Policy, Source, Value, Verdict, Want, World};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Something declared that changes nothing at the platform: an end that moved, a fact that holds already, a guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The fact that it is about; none for a rule of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<KeyRecord>")]
    pub subject: Option<Key>,
    /// What kind it is.
    pub kind: EffectKind,
    /// What is declared now, and what was before.
    pub message: String,
    /// How much harm the holder could do, or the loosened guard let happen.
    pub risk: Risk,
    /// The manifest lines that declare it.
    pub sources: Vec<Source>,
}

/// What is declared otherwise than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EffectKind {
    /// A grant ends later.
    EndMoved,
    /// A grant does not end any more.
    EndRemoved,
    /// What was not declared and is held is declared now.
    Adopted,
    /// A ceiling, a protection or another guard is weaker.
    GuardLoosened,
}

/// What was declared before, sorted by key, with its ends; and the guards.
pub(super) struct Before {
    pub facts: Vec<(Key, Option<Timestamp>)>,
    pub guards: Option<Guards>,
}

impl Before {
    /// What the last apply has written down.
    pub(super) fn of_memory(recalled: &[(Key, RememberedFact)], guards: Option<&Guards>) -> Self {
        let declared = recalled.iter().filter(|(_, fact)| fact.dropped.is_none());
        let facts = declared.map(|(key, fact)| (key.clone(), fact.until)).collect();
        Self { facts, guards: guards.cloned() }
    }

    /// What other manifests declare.
    pub(super) fn of_wants(wants: &[(Key, Want)], policy: &Policy) -> Self {
        let present = wants.iter().filter(|(_, want)| matches!(want.verdict, Verdict::Present(_)));
        let facts = present.map(|(key, want)| (key.clone(), want.until)).collect();
        Self { facts, guards: Some(policy.guards()) }
    }

    /// Everything that is declared otherwise now; what the plan changes shows itself.
    pub(super) fn effects(
        &self,
        wants: &[(Key, Want)],
        changes: &[Change],
        observed: &World,
        policy: &Policy,
    ) -> Vec<Effect> {
        let in_plan: BTreeSet<&Key> = changes.iter().map(|change| &change.key).collect();
        let mut effects = Vec::new();
        let mut known = self.facts.iter().peekable();
        for (key, want) in wants {
            while known.next_if(|(before, _)| before < key).is_some() {}
            let before = known.next_if(|(before, _)| before == key).map(|(_, until)| *until);
            let Verdict::Present(value) = &want.verdict else { continue };
            if in_plan.contains(key) || is_no_grant(key) {
                continue;
            }
            if let Some((kind, message)) = of_fact(before, want, observed.get(key), value) {
                effects.push(Effect {
                    subject: Some(key.clone()),
                    kind,
                    message,
                    risk: risk::of_holding(key, observed.get(key)),
                    sources: want.sources.clone(),
                });
            }
        }
        effects.extend(self.guards.iter().flat_map(|before| of_guards(before, policy)));
        effects.sort_by_key(|effect| std::cmp::Reverse(effect.risk.level));
        effects
    }
}

/// Names and write-only values give nobody anything.
fn is_no_grant(key: &Key) -> bool {
    matches!(key.family(), Family::Names | Family::Profile | Family::DataTables)
}

/// `before`: the end that it was declared with, if it was declared.
#[allow(clippy::option_option, reason = "not declared, declared without an end, declared with one")]
fn of_fact(
    before: Option<Option<Timestamp>>,
    want: &Want,
    seen: Option<&Value>,
    value: &Value,
) -> Option<(EffectKind, String)> {
    match (before, want.until) {
        (Some(Some(old)), None) => {
            Some((EffectKind::EndRemoved, format!("no end any more, was to end {}", ends::moment(old))))
        }
        (Some(Some(old)), Some(new)) if new.cmp(&old) == Ordering::Greater => {
            let (old, new) = (ends::moment(old), ends::moment(new));
            Some((EffectKind::EndMoved, format!("ends {new} instead of {old}")))
        }
        (Some(_), _) => None,
        (None, until) => seen.filter(|seen| seen.satisfies(value)).map(|_| {
            let until = until.map(|until| format!(", ends {}", ends::moment(until))).unwrap_or_default();
            (EffectKind::Adopted, format!("held already, declared from now on{until}"))
        }),
    }
}

fn of_guards(before: &Guards, policy: &Policy) -> impl Iterator<Item = Effect> {
    let loosened = before.loosened_by(&policy.guards()).into_iter();
    loosened.map(|(field, how)| {
        let sources: Vec<Source> = policy.places.get(field).cloned().into_iter().collect();
        Effect {
            subject: None,
            kind: EffectKind::GuardLoosened,
            message: format!("{field}: {how}"),
            risk: Risk { level: RiskLevel::High, why: "a guard is loosened".to_owned() },
            sources,
        }
    })
}
