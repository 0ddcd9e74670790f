//! Policies and their exceptions become rules. They grant nothing: what is wanted does not depend on them.

use super::account::duration;
use crate::facts::{
    BuilderAccess, GrantTerms, Key, ObjectKind, Pattern, PolicyRule, RoleName, RoleSet, RoleType, RuleAction,
    RuleException, RuleMatch, RuleObject, RuleOver, RuleSet, RuleShape, as_read,
};
use crate::manifest::finding::{Code, Finding};
use crate::manifest::kinds::policy::{Allow, Exclusive, Holders, PolicyMatch, Require, Together};
use crate::manifest::kinds::{Kind, KorePolicyExceptionSpec, KorePolicySpec, Spec};
use crate::manifest::model::Manifest;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// What the objects of one account say about who may hold what, and whose approval it needs: the digest is over both. An
/// exception that has ended is a finding.
pub(super) fn collect(
    account: &Manifest,
    objects: &[&Manifest],
    terms: Vec<(Key<crate::facts::BotRef>, GrantTerms)>,
    now: Timestamp,
) -> (RuleSet, Vec<Finding>) {
    let mut set = RuleSet { terms: merged(terms), ..RuleSet::default() };
    let mut findings = Vec::new();
    let mut hash = Sha256::new();
    let mut has_areas = false;
    let mut known: BTreeSet<RoleName> = BTreeSet::new();
    for object in objects {
        let text = match &object.spec {
            Spec::Policy(spec) => {
                set.rules.push(rule(object, spec));
                serde_json::to_string(spec)
            }
            Spec::PolicyException(spec) => {
                let exception = exception(object, spec);
                if !exception.is_live(now) {
                    findings.push(ended(object, spec));
                }
                set.exceptions.push(exception);
                serde_json::to_string(spec)
            }
            Spec::Area(spec) => {
                has_areas = true;
                serde_json::to_string(spec)
            }
            Spec::Role(spec) => {
                known.insert(RoleName::canonical(spec.r#type.into(), &spec.name));
                continue;
            }
            Spec::RoleBinding(spec) => {
                known.insert(RoleName::canonical(spec.role.r#type.into(), &spec.role.name));
                continue;
            }
            _ => continue,
        };
        hash.update(Sha256::digest(format!("{} {}\n", object.name, text.unwrap_or_default())));
    }
    set.known_roles = known.into_iter().collect();
    let is_over_objects = |shape: &RuleShape| matches!(shape, RuleShape::Cel { over: RuleOver::Object, .. });
    if set.rules.iter().flat_map(|rule| &rule.shapes).any(is_over_objects) {
        set.objects = std::iter::once(account).chain(objects.iter().copied()).map(as_object).collect();
    }
    if has_areas || !set.is_empty() {
        set.digest = hex::encode(hash.finalize());
    }
    (set, findings)
}

/// An object as an API server would store it.
fn as_object(object: &Manifest) -> RuleObject {
    let value = object.value.as_deref().cloned();
    RuleObject {
        kind: object.kind().name().to_owned(),
        name: std::sync::Arc::clone(&object.name),
        spec: value.unwrap_or_else(|| object.spec.value()),
        source: object.source(""),
    }
}

fn ended(object: &Manifest, spec: &KorePolicyExceptionSpec) -> Finding {
    let message = format!("this exception from {} ended at {}", spec.policy, spec.expires_at);
    Finding::new(Code::ExceptionEnded, object.spot("expiresAt"), message)
        .hint("the policy counts again; delete the exception")
}

/// Of several lines that grant one fact, one that gives a reason is enough.
fn merged(
    mut terms: Vec<(Key<crate::facts::BotRef>, GrantTerms)>,
) -> Vec<(Key<crate::facts::BotRef>, GrantTerms)> {
    terms.sort();
    terms.dedup_by(|(key, later), (known, kept)| {
        let is_again = key == known;
        if is_again {
            kept.reason = kept.reason.take().or(later.reason.take());
            kept.ticket = kept.ticket.take().or(later.ticket.take());
        }
        is_again
    });
    terms
}

fn rule(object: &Manifest, spec: &KorePolicySpec) -> PolicyRule {
    let KorePolicySpec {
        account: _,
        description,
        control,
        severity,
        validation_actions,
        deadline,
        over,
        r#match,
        exclusive,
        allow,
        require,
        holders,
        together,
        rule,
        message,
        message_expression,
    } = spec;
    let cel = rule.as_ref().map(|rule| RuleShape::Cel {
        over: over.unwrap_or_default(),
        kinds: r#match.iter().flat_map(|about| &about.kinds).filter_map(|name| object_kind(name)).collect(),
        rule: rule.clone(),
        message: message.clone(),
        message_expression: message_expression.clone(),
    });
    let shapes = [
        exclusive.as_ref().map(shape_of_exclusive),
        allow.as_ref().map(shape_of_allow),
        require.as_ref().map(shape_of_require),
        holders.as_ref().map(shape_of_holders),
        together.as_ref().map(shape_of_together),
        cel,
    ];
    PolicyRule {
        name: std::sync::Arc::clone(&object.name),
        description: description.clone(),
        control: control.clone(),
        severity: *severity,
        action: validation_actions.iter().copied().max().unwrap_or(RuleAction::Audit),
        deadline: *deadline,
        about: about(r#match.as_ref()),
        shapes: shapes.into_iter().flatten().collect(),
        source: object.source(""),
        places: object.places(),
    }
}

fn object_kind(name: &str) -> Option<ObjectKind> {
    let mut schema = Kind::named(name)?.schema();
    Some(ObjectKind { name: name.to_owned(), schema: schema["properties"]["spec"].take() })
}

fn exception(object: &Manifest, spec: &KorePolicyExceptionSpec) -> RuleException {
    let KorePolicyExceptionSpec { account: _, policy, r#match, expires_at, reason: _, ticket: _ } = spec;
    RuleException {
        name: std::sync::Arc::clone(&object.name),
        policy: policy.clone(),
        about: about(r#match.as_ref()),
        expires_at: *expires_at,
        source: object.source(""),
        policy_source: object.source("policy"),
    }
}

fn about(spec: Option<&PolicyMatch>) -> RuleMatch {
    let Some(spec) = spec else { return RuleMatch::default() };
    let PolicyMatch {
        emails,
        email_domains,
        not_email_domains,
        groups,
        roles,
        permissions,
        bots,
        kinds: _,
        risk,
    } = spec;
    RuleMatch {
        emails: patterns(emails),
        email_domains: email_domains.clone(),
        not_email_domains: not_email_domains.clone(),
        groups: groups.iter().map(|group| as_read(group.as_str()).into_owned()).collect(),
        roles: RoleSet { roles: canonical(roles), permissions: permissions.clone() },
        bots: names(bots),
        risk: risk.iter().map(|level| level.label().to_owned()).collect(),
    }
}

fn patterns(texts: &[String]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text)).collect()
}

/// Patterns of names: as they read.
fn names(texts: &[String]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(&as_read(text))).collect()
}

/// A policy does not say which type a role is of, so each name has the spelling of both.
fn canonical(roles: &[RoleName]) -> Vec<RoleName> {
    roles.iter().map(|role| role.as_compared(RoleType::Admin).as_compared(RoleType::Bot)).collect()
}

fn shape_of_exclusive(spec: &Exclusive) -> RuleShape {
    let Exclusive { roles, permissions, at_most, on } = spec;
    let set = RoleSet { roles: canonical(roles), permissions: permissions.clone() };
    RuleShape::Exclusive { set, at_most: *at_most as usize, on: *on }
}

fn shape_of_allow(spec: &Allow) -> RuleShape {
    let Allow { roles, bots, builder_access } = spec;
    RuleShape::Allow {
        is_nothing: *spec == Allow::default(),
        roles: RoleSet { roles: canonical(roles), permissions: Vec::new() },
        bots: names(bots),
        builder_access: builder_access.unwrap_or(BuilderAccess::None),
    }
}

fn shape_of_require(spec: &Require) -> RuleShape {
    let Require { expires_within, reason, ticket } = spec;
    RuleShape::Require {
        expires_within: expires_within.as_deref().and_then(duration),
        reason: *reason,
        ticket: ticket.clone(),
    }
}

fn shape_of_holders(spec: &Holders) -> RuleShape {
    let Holders { roles, permissions, min, max, on } = spec;
    RuleShape::Holders {
        set: RoleSet { roles: canonical(roles), permissions: permissions.clone() },
        min: min.map(|count| count as usize),
        max: max.map(|count| count as usize),
        on: *on,
    }
}

fn shape_of_together(spec: &Together) -> RuleShape {
    let Together { roles, permissions, needs, on, on_removal } = spec;
    RuleShape::Together {
        set: RoleSet { roles: canonical(roles), permissions: permissions.clone() },
        needs: RoleSet { roles: canonical(needs), permissions: Vec::new() },
        on: *on,
        on_removal: *on_removal,
    }
}
