//! Whose approval the effects of a plan need: each effect asks the owners of the areas that it touches, wherever the line
//! stands that brings it about.
//!
//! A bot, a platform group or an admin role is an area's own where `mayTouch` means it by more than a lone `*`. What a
//! group or a role holds counts with it. While an area changes, what was declared of it before decides who is asked.

use super::effects::{Effect, EffectKind};
use super::memory::{self, Memory};
use super::model::{Change, ChangeId, Origin, Plan, Risk, RiskLevel};
use super::{Declaration, resolve, risk};
use crate::facts::{
    self, Area, AreaApprovals, BotId, Desired, Holder, Key, RoleType, Source, Value, Verdict, Want, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An area that a plan touches, and whose approval that needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AreaNeed {
    /// Name of the `KoreArea`.
    pub area: String,
    /// Who may approve: addresses of people, and `@name` as the forge calls a user or a team.
    pub owners: Vec<String>,
    /// How many of them have to: the most of its kinds.
    pub approvals: u32,
    /// The effects on the area, by kind.
    pub kinds: Vec<KindNeed>,
    /// Where the area is declared.
    pub source: Source,
}

/// The effects of one kind on an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindNeed {
    /// Which kind.
    pub kind: NeedKind,
    /// How many approvals it needs.
    pub approvals: u32,
    /// Ids of the changes and of what is only declared.
    pub effects: BTreeSet<ChangeId>,
}

/// What an effect does to an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NeedKind {
    /// It gives access of high or critical risk, or changes the area itself.
    Privileged,
    /// It gives access, or changes it.
    Additions,
    /// It takes access away.
    Removals,
}

impl NeedKind {
    fn of_change(change: &Change) -> Self {
        if change.action.is_removal() { Self::Removals } else { Self::of_giving(&change.risk) }
    }

    fn of_giving(risk: &Risk) -> Self {
        if risk.level >= RiskLevel::High { Self::Privileged } else { Self::Additions }
    }

    fn approvals(self, approvals: AreaApprovals) -> u32 {
        match self {
            Self::Privileged => approvals.privileged,
            Self::Additions => approvals.additions,
            Self::Removals => approvals.removals,
        }
    }
}

/// What was declared before.
#[derive(Debug)]
pub enum DeclaredBefore<'a> {
    /// By the last apply, as it is remembered.
    Remembered(&'a Memory),
    /// By other manifests, with their areas.
    Base(Desired, &'a [Area]),
}

/// The plan with the areas that it touches. Without areas, now and before, it stays as it is.
#[must_use]
pub fn with_areas(
    plan: Plan,
    desired: impl FnOnce() -> Desired,
    areas: &[Area],
    before: Option<DeclaredBefore<'_>>,
    observed: &World,
) -> Plan {
    let mut plan = plan;
    plan.areas.clear();
    plan.declared.retain(|effect| !effect.kind.is_of_areas());
    let before = before.and_then(|before| Before::new(before, observed));
    if areas.is_empty() && before.as_ref().is_none_or(|before| before.areas.is_empty()) {
        return plan;
    }
    let parties = Parties::new(areas, before.as_ref().map(|before| before.areas.as_slice()), observed);
    let mut needs = Needs::default();
    let held = Held::new(&plan, observed);
    for change in plan.changes.iter().filter(|change| !is_settled(change, &plan, before.as_ref())) {
        let touched = parties.touched(&change.key, change.action.is_removal(), &change.sources, &held);
        needs.add(touched, NeedKind::of_change(change), &change.id);
    }
    for effect in &plan.declared {
        let Some(key) = &effect.subject else { continue };
        let touched = parties.touched(key, false, &effect.sources, &held);
        needs.add(touched, NeedKind::of_giving(&effect.risk), &effect.id);
    }
    if let Some(before) = &before {
        let wants = wants_of(desired(), observed);
        for (touched, kind, effect) in
            parties.changed().into_iter().chain(parties.handed_over(&before.facts, &wants, observed))
        {
            needs.add(touched, kind, &effect.id);
            plan.declared.push(effect);
        }
        plan.declared.sort_by_key(|effect| std::cmp::Reverse(effect.risk.level));
    }
    plan.areas = needs.finish(&parties);
    plan
}

/// What nobody is asked about again: the clock ended it, or it was asked for before and the account has drifted.
fn is_settled(change: &Change, plan: &Plan, before: Option<&Before>) -> bool {
    let is_restored = || {
        let fact = facts::find(&before?.facts, &change.key)?;
        Some(!change.action.is_removal() && change.after.as_ref() == Some(&fact.value))
    };
    change.origin == Origin::Drift || plan.ended.contains(&change.id) || is_restored().unwrap_or(false)
}

/// The facts that were declared, with their lines, and the areas.
struct Before {
    facts: Vec<(Key, DeclaredFact)>,
    areas: Vec<Area>,
}

struct DeclaredFact {
    value: Value,
    sources: Vec<Source>,
}

impl Before {
    /// Nothing where no apply has written anything down: everything would be new.
    fn new(before: DeclaredBefore<'_>, observed: &World) -> Option<Self> {
        match before {
            DeclaredBefore::Remembered(memory) => {
                memory.applied_revision.as_ref()?;
                let recalled = memory::recall(&memory.facts, &observed.directory);
                let facts = recalled.into_iter().filter(|(_, fact)| fact.dropped.is_none());
                let facts = facts
                    .map(|(key, fact)| (key, DeclaredFact { value: fact.value, sources: fact.sources }))
                    .collect();
                let areas = memory.guards.as_ref().map(|guards| guards.areas.clone()).unwrap_or_default();
                Some(Self { facts, areas })
            }
            DeclaredBefore::Base(desired, areas) => {
                let facts = wants_of(desired, observed).into_iter().filter_map(|(key, want)| {
                    let Verdict::Present(value) = want.verdict else { return None };
                    Some((key, DeclaredFact { value, sources: want.sources }))
                });
                Some(Self { facts: facts.collect(), areas: areas.to_vec() })
            }
        }
    }
}

fn wants_of(desired: Desired, observed: &World) -> Vec<(Key, Want)> {
    resolve::resolve(desired, Declaration::default(), &BTreeMap::new(), observed).wants
}

/// What groups, roles and people of the plan hold, in the account and by the plan.
#[derive(Default)]
struct Held<'p> {
    groups: BTreeMap<&'p str, Vec<&'p Key>>,
    roles: BTreeMap<&'p str, BTreeSet<&'p BotId>>,
    people: BTreeMap<&'p str, Vec<&'p Key>>,
}

impl<'p> Held<'p> {
    fn new(plan: &'p Plan, observed: &'p World) -> Self {
        let subjects = || {
            let declared = plan.declared.iter().filter_map(|effect| effect.subject.as_ref());
            plan.changes.iter().map(|change| &change.key).chain(declared)
        };
        let mut held = Self::default();
        for key in subjects() {
            match key {
                Key::InGroup(_, group) => {
                    held.groups.entry(group.as_str()).or_default();
                }
                Key::RoleDefinition(RoleType::Bot, role) => {
                    held.roles.entry(role.as_str()).or_default();
                }
                Key::Member(email) => {
                    held.people.entry(email.folded()).or_default();
                }
                _ => {}
            }
        }
        for key in observed.facts().iter().map(|(key, _)| key).chain(subjects()) {
            if let Key::BotRole(_, role, bot) = key
                && let Some(bots) = held.roles.get_mut(role.as_str())
            {
                bots.insert(bot);
            }
            if let Some(Holder::Group(group)) = key.holder()
                && let Some(keys) = held.groups.get_mut(group.as_str())
            {
                keys.push(key);
            }
            if let Some(keys) = key.email().and_then(|email| held.people.get_mut(email.folded())) {
                keys.push(key);
            }
        }
        held
    }
}

/// An area as it is and as it was. The earlier one decides who is asked.
struct Party<'a> {
    judge: &'a Area,
    now: Option<&'a Area>,
    before: Option<&'a Area>,
}

impl Party<'_> {
    fn any(&self, test: impl Fn(&Area) -> bool) -> bool {
        self.now.is_some_and(&test) || self.before.is_some_and(&test)
    }
}

/// All areas, now and before, by name.
struct Parties<'a> {
    all: Vec<Party<'a>>,
    observed: &'a World,
    is_compared: bool,
}

/// Indices of parties.
type Touched = BTreeSet<usize>;

impl<'a> Parties<'a> {
    fn new(now: &'a [Area], before: Option<&'a [Area]>, observed: &'a World) -> Self {
        let mut by_name: BTreeMap<&str, Party<'a>> = BTreeMap::new();
        for area in before.unwrap_or_default() {
            by_name.insert(&*area.name, Party { judge: area, now: None, before: Some(area) });
        }
        for area in now {
            let new = Party { judge: area, now: None, before: None };
            by_name.entry(&*area.name).or_insert(new).now = Some(area);
        }
        Self { all: by_name.into_values().collect(), observed, is_compared: before.is_some() }
    }

    fn matching(&self, test: impl Fn(&Area) -> bool) -> Touched {
        self.all.iter().enumerate().filter(|(_, party)| party.any(&test)).map(|(at, _)| at).collect()
    }

    /// The areas that an effect on a fact touches, and those whose documents the lines are in.
    fn touched(&self, key: &Key, is_removal: bool, sources: &[Source], held: &Held<'_>) -> Touched {
        let mut touched = self.matching(|area| sources.iter().any(|source| area.holds(source)));
        self.touch(key, &mut touched);
        match key {
            Key::InGroup(_, group) => {
                let keys = held.groups.get(group.as_str()).into_iter().flatten();
                keys.for_each(|key| self.touch(key, &mut touched));
            }
            Key::RoleDefinition(RoleType::Bot, role) => {
                let bots = held.roles.get(role.as_str()).into_iter().flatten();
                bots.for_each(|bot| touched.extend(self.owners_of_bot(bot)));
            }
            Key::Member(email) if is_removal => {
                let keys = held.people.get(email.folded()).into_iter().flatten();
                keys.for_each(|key| self.touch(key, &mut touched));
            }
            _ => {}
        }
        touched
    }

    /// By the fact alone.
    fn touch(&self, key: &Key, touched: &mut Touched) {
        if let Some(bot) = key.bot() {
            touched.extend(self.owners_of_bot(bot));
        }
        if let Some(group) = key.group() {
            touched.extend(self.matching(|area| area.reach.owns_group(group.as_str())));
        }
        if let Some((RoleType::Admin, role)) = key.role() {
            touched.extend(self.matching(|area| area.reach.owns_admin_role(role)));
        }
    }

    fn owners_of_bot(&self, bot: &BotId) -> Touched {
        let name = self.observed.directory.bots.get(bot).map(|entry| entry.name.clone());
        self.matching(|area| {
            area.reach.owns_bot(bot.as_str())
                || name.as_ref().is_some_and(|name| area.reach.owns_bot(name.as_str()))
        })
    }

    /// Areas that are declared otherwise than before, each with those whom that concerns.
    fn changed(&self) -> Vec<(Touched, NeedKind, Effect)> {
        if !self.is_compared {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for (at, party) in self.all.iter().enumerate() {
            let Some(how) = how_changed(party) else { continue };
            // A new area has no earlier owners to ask, but what it takes may have some.
            let mut touched: Touched = party.before.map(|_| at).into_iter().collect();
            touched.extend(self.losing_to(party));
            let (level, why) = match party.before {
                None => (RiskLevel::Low, String::new()),
                Some(_) => (RiskLevel::High, "a guard is loosened or moved".to_owned()),
            };
            let effect = effect(
                EffectKind::AreaChanged,
                how,
                Risk { level, why },
                vec![party.now.unwrap_or(party.judge).source.clone()],
            );
            changed.push((touched, NeedKind::Privileged, effect));
        }
        changed
    }

    /// Other areas whose own bots, groups or admin roles this one may touch now and might not before.
    fn losing_to(&self, party: &Party<'_>) -> Touched {
        let Some(now) = party.now else { return Touched::new() };
        let is_gained = |allows: &dyn Fn(&Area) -> bool| allows(now) && !party.before.is_some_and(allows);
        let mut losing = Touched::new();
        for (bot, entry) in &self.observed.directory.bots {
            let allows = |area: &Area| {
                area.reach.allows_bot(bot.as_str()) || area.reach.allows_bot(entry.name.as_str())
            };
            if is_gained(&allows) {
                losing.extend(self.owners_of_bot(bot));
            }
        }
        for entry in self.observed.directory.groups.values() {
            if is_gained(&|area: &Area| area.reach.allows_group(entry.name.as_str())) {
                losing.extend(self.matching(|area| area.reach.owns_group(entry.name.as_str())));
            }
        }
        let itself = &now.name;
        losing.retain(|at| {
            let other = &self.all[*at];
            other.judge.name != *itself && other.before.is_some()
        });
        losing
    }

    /// Facts whose lines were in one area's documents and are in another's, or in none: both sides are asked.
    fn handed_over(
        &self,
        before: &[(Key, DeclaredFact)],
        wants: &[(Key, Want)],
        observed: &World,
    ) -> Vec<(Touched, NeedKind, Effect)> {
        let mut moved: BTreeMap<(Touched, Touched), Moved> = BTreeMap::new();
        for (key, fact) in before {
            let Some(want) = facts::find(wants, key) else { continue };
            if !matches!(want.verdict, Verdict::Present(_)) {
                continue;
            }
            let (from, to) = (self.holding(&fact.sources, true), self.holding(&want.sources, false));
            if from == to {
                continue;
            }
            let entry = moved.entry((from, to)).or_default();
            entry.facts += 1;
            entry.sources.extend(want.sources.first().cloned());
            let risk = risk::of_holding(key, observed.get(key));
            if entry.risk.as_ref().is_none_or(|highest| highest.level < risk.level) {
                entry.risk = Some(risk);
            }
        }
        let told = moved.into_iter().map(|((from, to), Moved { facts, risk, sources })| {
            let what = if facts == 1 { "1 fact moves".to_owned() } else { format!("{facts} facts move") };
            let message = format!("{what} from {} to {}", self.names(&from), self.names(&to));
            let risk = risk.unwrap_or(Risk { level: RiskLevel::Low, why: String::new() });
            let kind = NeedKind::of_giving(&risk);
            let effect = effect(EffectKind::HandedOver, message, risk, sources.into_iter().collect());
            (from.union(&to).copied().collect(), kind, effect)
        });
        told.collect()
    }

    /// The areas that hold lines. One that is new, or gone, is told as a whole.
    fn holding(&self, sources: &[Source], is_before: bool) -> Touched {
        let holds = |party: &Party<'_>| {
            let (Some(before), Some(now)) = (party.before, party.now) else { return false };
            let area = if is_before { before } else { now };
            sources.iter().any(|source| area.holds(source))
        };
        self.all.iter().enumerate().filter(|(_, party)| holds(party)).map(|(at, _)| at).collect()
    }

    fn names(&self, parties: &Touched) -> String {
        let names: Vec<&str> = parties.iter().map(|at| &*self.all[*at].judge.name).collect();
        match names.as_slice() {
            [] => "no area".to_owned(),
            [name] => format!("area {name}"),
            names => format!("areas {}", names.join(" and ")),
        }
    }
}

#[derive(Default)]
struct Moved {
    facts: usize,
    risk: Option<Risk>,
    sources: BTreeSet<Source>,
}

fn effect(kind: EffectKind, message: String, risk: Risk, sources: Vec<Source>) -> Effect {
    Effect { id: ChangeId::of_effect(None, kind, &message), subject: None, kind, message, risk, sources }
}

/// What is different about an area, in words; nothing where only its lines have moved.
fn how_changed(party: &Party<'_>) -> Option<String> {
    let (before, now) = match (party.before, party.now) {
        (Some(before), Some(now)) => (before, now),
        (None, Some(now)) => return Some(format!("area {} is new", now.name)),
        (Some(before), None) => return Some(format!("area {} is gone", before.name)),
        (None, None) => return None,
    };
    let mut changes = Vec::new();
    if before.owners != now.owners {
        changes.push(format!("owners are {} instead of {}", now.owners.join(", "), before.owners.join(", ")));
    }
    if before.approvals != now.approvals {
        changes.push(format!("approvals are {} instead of {}", told(now.approvals), told(before.approvals)));
    }
    let (was, is) = (&before.reach, &now.reach);
    for (what, before, now) in [
        ("bots", &was.bots, &is.bots),
        ("roles", &was.roles, &is.roles),
        ("emailDomains", &was.email_domains, &is.email_domains),
        ("groups", &was.groups, &is.groups),
    ] {
        if before != now {
            let list = |patterns: &[facts::Pattern]| {
                let texts: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
            };
            changes.push(format!("mayTouch.{what} is {} instead of {}", list(now), list(before)));
        }
    }
    if before.namespaces != now.namespaces {
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        changes.push(format!(
            "namespaces are {} instead of {}",
            list(&now.namespaces),
            list(&before.namespaces)
        ));
    }
    (!changes.is_empty()).then(|| format!("area {}: {}", now.name, changes.join("; ")))
}

fn told(approvals: AreaApprovals) -> String {
    let AreaApprovals { additions, removals, privileged } = approvals;
    format!("{additions} of additions, {removals} of removals, {privileged} of what is privileged")
}

/// What has been found to touch areas.
#[derive(Default)]
struct Needs {
    found: BTreeMap<usize, BTreeMap<NeedKind, BTreeSet<ChangeId>>>,
}

impl Needs {
    fn add(&mut self, touched: Touched, kind: NeedKind, id: &ChangeId) {
        for at in touched {
            self.found.entry(at).or_default().entry(kind).or_default().insert(id.clone());
        }
    }

    fn finish(self, parties: &Parties<'_>) -> Vec<AreaNeed> {
        let needs = self.found.into_iter().map(|(at, kinds)| {
            let area = parties.all[at].judge;
            let kinds: Vec<KindNeed> = kinds
                .into_iter()
                .map(|(kind, effects)| KindNeed { kind, approvals: kind.approvals(area.approvals), effects })
                .collect();
            AreaNeed {
                area: area.name.to_string(),
                owners: area.owners.clone(),
                approvals: kinds.iter().map(|need| need.approvals).max().unwrap_or(0),
                kinds,
                source: area.source.clone(),
            }
        });
        needs.collect()
    }
}
