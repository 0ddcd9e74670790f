//! What the manifests say by now that changes nothing at the platform and everything for a reviewer: an end that moved, a
//! fact that another process gave and that is declared now, a guard that was loosened.

use super::memory::RememberedFact;
use super::model::{Change, ChangeId, Risk, RiskLevel};
use super::{ends, risk};
use crate::facts::{
    self, Family, GuardRef, Guards, Key, KeyRecord, LoosenedRule, Policy, RuleRef, Source, Value, Verdict,
    Want, World,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Something declared that changes nothing at the platform: an end that moved, a fact that holds already, a guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Stable id: a hash of what it is about and of what is declared now. An approval may list it. Plans of earlier versions
    /// have none.
    #[serde(default)]
    pub id: ChangeId,
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
    /// A policy asks for less, or an exception excepts more.
    PolicyLoosened,
    /// An area has other owners, limits or approvals, is new, or is gone.
    AreaChanged,
    /// The lines that declare facts are in another area.
    HandedOver,
}

impl EffectKind {
    /// Whether it is about areas, and so found out where areas are.
    pub(super) fn is_of_areas(self) -> bool {
        matches!(self, Self::AreaChanged | Self::HandedOver)
    }
}

/// What was declared before, sorted by key, with its ends; and the guards.
pub(super) struct Before {
    pub facts: Vec<(Key, Option<Timestamp>)>,
    pub guards: Option<Guards>,
}

impl Before {
    /// What the last apply has written down. What was dropped since and is still held was declared, too: to declare it
    /// again gives nobody anything.
    pub(super) fn of_memory(recalled: &[(Key, RememberedFact)], guards: Option<&Guards>) -> Self {
        let facts = recalled.iter().map(|(key, fact)| (key.clone(), fact.until)).collect();
        Self { facts, guards: guards.cloned() }
    }

    /// What other manifests declare.
    pub(super) fn of_wants(wants: &[(Key, Want)], policy: &Policy) -> Self {
        let present = wants.iter().filter(|(_, want)| matches!(want.verdict, Verdict::Present(_)));
        let facts = present.map(|(key, want)| (key.clone(), want.until)).collect();
        Self { facts, guards: Some(policy.guards()) }
    }

    /// What is declared otherwise now, fact by fact.
    pub(super) fn of_facts(&self, wants: &[(Key, Want)], observed: &World) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut known = self.facts.iter().peekable();
        for (key, want) in wants {
            while known.next_if(|(before, _)| before < key).is_some() {}
            let before = known.next_if(|(before, _)| before == key).map(|(_, until)| *until);
            let Verdict::Present(value) = &want.verdict else { continue };
            if is_no_grant(key) {
                continue;
            }
            if let Some((kind, message)) = of_fact(before, want, observed.get(key), value) {
                effects.push(Effect {
                    id: ChangeId::of_effect(Some(key), kind, &message),
                    subject: Some(key.clone()),
                    kind,
                    message,
                    risk: risk::of_holding(key, observed.get(key)),
                    sources: want.sources.clone(),
                });
            }
        }
        effects
    }

    /// These and the guards; what the plan changes shows itself, unless it waits for an approval.
    pub(super) fn effects(
        &self,
        mut of_facts: Vec<Effect>,
        changes: &[Change],
        held: &BTreeSet<ChangeId>,
        policy: &Policy,
    ) -> Vec<Effect> {
        let in_plan: BTreeSet<&Key> = changes.iter().map(|change| &change.key).collect();
        let is_in_plan = |effect: &Effect| effect.subject.as_ref().is_some_and(|key| in_plan.contains(key));
        of_facts.retain(|effect| held.contains(&effect.id) || !is_in_plan(effect));
        let guards = self.guards.iter().flat_map(|before| loosened_guards(before, policy));
        of_facts.extend(guards.map(|(_, effect)| effect));
        of_facts.sort_by_key(|effect| std::cmp::Reverse(effect.risk.level));
        of_facts
    }
}

/// Puts the earlier ends back where the later ones wait for an approval: what has ended by then is declared absent.
pub(super) fn hold_ends(
    wants: &mut [(Key, Want)],
    effects: &[Effect],
    recalled: &[(Key, RememberedFact)],
    held: &BTreeSet<ChangeId>,
    now: Timestamp,
) {
    let is_end = |effect: &&Effect| matches!(effect.kind, EffectKind::EndMoved | EffectKind::EndRemoved);
    let keys = effects.iter().filter(is_end).filter(|effect| held.contains(&effect.id));
    for key in keys.filter_map(|effect| effect.subject.as_ref()) {
        let until = facts::find(recalled, key).and_then(|fact| fact.until);
        let Ok(at) = wants.binary_search_by(|(known, _)| known.cmp(key)) else { continue };
        let want = &mut wants[at].1;
        want.until = until;
        if until.is_some_and(|until| until <= now) {
            want.verdict = Verdict::Absent;
        }
    }
}

/// Facts that were not declared before and whose adoption waits for an approval: nothing remembers them until then.
pub(super) fn held_adoptions<'e>(
    effects: &'e [Effect],
    held: &'e BTreeSet<ChangeId>,
) -> impl Iterator<Item = &'e Key> {
    let is_held = |effect: &&Effect| effect.kind == EffectKind::Adopted && held.contains(&effect.id);
    effects.iter().filter(is_held).filter_map(|effect| effect.subject.as_ref())
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

/// What guards less than before, each with its effect: fields of an account, policies and exceptions.
pub fn loosened_guards(before: &Guards, policy: &Policy) -> impl Iterator<Item = (GuardRef, Effect)> {
    let now = policy.guards();
    let rules = before.rules.loosened_by(&now.rules).into_iter().map(loosened_rule);
    let loosened = before.loosened_by(&now).into_iter();
    let fields = loosened.map(|(field, how)| {
        let sources: Vec<Source> = policy.places.get(field).cloned().into_iter().collect();
        let message = format!("{field}: {how}");
        let effect = Effect {
            id: ChangeId::of_effect(None, EffectKind::GuardLoosened, &message),
            subject: None,
            kind: EffectKind::GuardLoosened,
            message,
            risk: Risk { level: RiskLevel::High, why: "a guard is loosened".to_owned() },
            sources,
        };
        (GuardRef::Field(field), effect)
    });
    let fields: Vec<_> = fields.collect();
    fields.into_iter().chain(rules)
}

/// It lets happen what the policy is about: as bad as that.
fn loosened_rule(loosened: LoosenedRule) -> (GuardRef, Effect) {
    let LoosenedRule { which, message, declared, severity, source } = loosened;
    let why = match &which {
        RuleRef::Policy(_) => "a policy is loosened",
        RuleRef::Exception(_) => "more is excepted from a policy",
    };
    let level = RiskLevel::of_severity(severity);
    let effect = Effect {
        id: ChangeId::of_effect(None, EffectKind::PolicyLoosened, &format!("{message} {declared}")),
        subject: None,
        kind: EffectKind::PolicyLoosened,
        message,
        risk: Risk { level, why: why.to_owned() },
        sources: source.into_iter().collect(),
    };
    (GuardRef::Rule(which), effect)
}
