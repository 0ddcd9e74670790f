//! Policies and their exceptions as guards that are remembered, and which of them a later declaration loosens.
//!
//! Each is taken apart into limits that can be compared. What cannot be compared, such as another condition in CEL,
//! counts as loosened: nobody can tell that it is not.

use super::{
    BuilderAccess, PolicyRule, RoleSet, RuleAction, RuleException, RuleMatch, RuleSeverity, RuleShape, Source,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The policies and exceptions of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleGuards {
    /// The policies, by name.
    pub rules: Vec<PolicyRule>,
    /// Their exceptions, by name.
    pub exceptions: Vec<RuleException>,
}

/// A policy or an exception by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleRef {
    /// A `KorePolicy`.
    Policy(Arc<str>),
    /// A `KorePolicyException`.
    Exception(Arc<str>),
}

/// A policy that asks for less than before, or an exception that excepts more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoosenedRule {
    /// Which one.
    pub which: RuleRef,
    /// What has become of it.
    pub message: String,
    /// What is declared now, as text: an approval is about exactly this.
    pub declared: String,
    /// How bad what it lets happen is.
    pub severity: RuleSeverity,
    /// Where it is declared now; nothing where it is gone.
    pub source: Option<Source>,
}

/// Every entry of a list that may be left out: nothing is excluded by it.
const ANY: &str = "*";

/// One thing that a policy limits.
enum Limit {
    /// Weaker when it grows; with the text for it.
    AtMost(i64, String),
    /// Weaker when it falls.
    AtLeast(i64, String),
    /// Weaker when one is missing.
    Every(BTreeSet<String>),
    /// Weaker when there is another one.
    Only(BTreeSet<String>),
    /// Weaker, as far as anybody can tell, when it is another one.
    Same(String),
    /// The same, and too long to be shown.
    Condition(String),
}

impl Limit {
    /// What has become of it, where it is weaker now.
    fn loosened(&self, now: &Self) -> Option<String> {
        match (self, now) {
            (Self::AtMost(was, text), Self::AtMost(is, now)) if is > was => {
                Some(format!("{now} instead of {text}"))
            }
            (Self::AtLeast(was, text), Self::AtLeast(is, now)) if is < was => {
                Some(format!("{now} instead of {text}"))
            }
            (Self::Every(was), Self::Every(is)) if !is.contains(ANY) => listed("without", was.difference(is)),
            (Self::Only(was), Self::Only(is)) if !was.contains(ANY) => listed("also", is.difference(was)),
            (Self::Same(was), Self::Same(is)) if is != was => Some(format!("{is} instead of {was}")),
            (Self::Condition(was), Self::Condition(is)) if is != was => Some("another condition".to_owned()),
            _ => None,
        }
    }
}

/// `without Bot Developer, Release Manager`; nothing where there is none.
fn listed<'t>(word: &str, texts: impl Iterator<Item = &'t String>) -> Option<String> {
    let texts: Vec<&str> = texts.map(|text| if text == ANY { "all" } else { text.as_str() }).collect();
    (!texts.is_empty()).then(|| format!("{word} {}", texts.join(", ")))
}

impl RuleGuards {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.exceptions.is_empty()
    }

    /// What is weaker in `now`.
    pub fn loosened_by(&self, now: &Self) -> Vec<LoosenedRule> {
        let mut loosened = Vec::new();
        for was in &self.rules {
            let is = now.rules.iter().find(|is| is.name == was.name);
            let how = match is {
                Some(is) => changes(&limits(was), &limits(is)),
                None => vec!["it is not declared any more".to_owned()],
            };
            if !how.is_empty() {
                loosened.push(LoosenedRule {
                    which: RuleRef::Policy(Arc::clone(&was.name)),
                    message: format!("policy {}: {}", was.name, how.join("; ")),
                    declared: is.map(|is| as_text(&(&is.about, &is.shapes))).unwrap_or_default(),
                    severity: is.map_or(was.severity, |is| was.severity.max(is.severity)),
                    source: is.map(|is| is.source.clone()),
                });
            }
        }
        // Whatever is excepted from a policy that is new was allowed before.
        let known = now.exceptions.iter().filter_map(|is| Some((is, self.policy(&is.policy)?)));
        loosened.extend(known.filter_map(|(is, policy)| {
            let was = self.exceptions.iter().find(|was| was.name == is.name && was.policy == is.policy);
            let how = excepted(was, is)?;
            Some(LoosenedRule {
                which: RuleRef::Exception(Arc::clone(&is.name)),
                message: format!("exception {} from {}: {how}", is.name, is.policy),
                declared: as_text(&(&is.about, is.expires_at)),
                severity: policy.severity,
                source: Some(is.source.clone()),
            })
        }));
        loosened
    }

    fn policy(&self, name: &str) -> Option<&PolicyRule> {
        self.rules.iter().find(|rule| *rule.name == *name)
    }

    /// Puts one of them back to what it was: its loosening waits for an approval.
    pub fn keep(&mut self, which: &RuleRef, before: &Self) {
        match which {
            RuleRef::Policy(name) => {
                self.rules.retain(|rule| rule.name != *name);
                self.rules.extend(before.rules.iter().find(|rule| rule.name == *name).cloned());
                self.rules.sort_by(|left, right| left.name.cmp(&right.name));
            }
            RuleRef::Exception(name) => {
                self.exceptions.retain(|exception| exception.name != *name);
                self.exceptions
                    .extend(before.exceptions.iter().find(|exception| exception.name == *name).cloned());
                self.exceptions.sort_by(|left, right| left.name.cmp(&right.name));
            }
        }
    }
}

fn as_text(declared: &impl Serialize) -> String {
    serde_json::to_string(declared).unwrap_or_default()
}

type Limits = BTreeMap<&'static str, Limit>;

/// What is weaker: a limit that is gone, or one that allows more.
fn changes(was: &Limits, is: &Limits) -> Vec<String> {
    let change = |(field, limit): (&&'static str, &Limit)| match is.get(field) {
        Some(now) => limit.loosened(now).map(|how| format!("{field}: {how}")),
        None => Some(format!("{field}: not asked for any more")),
    };
    was.iter().filter_map(change).collect()
}

/// Everything that a policy limits, by field.
fn limits(rule: &PolicyRule) -> Limits {
    let mut limits = Limits::new();
    let action = match rule.action {
        RuleAction::Audit => 0,
        RuleAction::Warn => 1,
        RuleAction::Deny => 2,
    };
    limits.insert("validationActions", Limit::AtLeast(action, format!("{:?}", rule.action)));
    if let Some(deadline) = rule.deadline {
        limits.insert("deadline", Limit::AtMost(deadline.as_second(), deadline.to_string()));
    }
    let RuleMatch { emails, email_domains, not_email_domains, groups, roles, bots, risk } = &rule.about;
    limits.insert("match.emails", Limit::Every(or_any(texts(emails))));
    limits.insert("match.emailDomains", Limit::Every(or_any(texts(email_domains))));
    limits.insert("match.notEmailDomains", Limit::Only(texts(not_email_domains)));
    limits.insert("match.groups", Limit::Every(or_any(texts(groups))));
    limits.insert("match.roles", Limit::Every(or_any(of_set(roles))));
    limits.insert("match.bots", Limit::Every(or_any(texts(bots))));
    limits.insert("match.risk", Limit::Every(or_any(texts(risk))));
    for shape in &rule.shapes {
        of_shape(shape, &mut limits);
    }
    limits
}

fn of_shape(shape: &RuleShape, limits: &mut Limits) {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    match shape {
        RuleShape::Exclusive { set, at_most, on } => {
            limits.insert("exclusive.roles", Limit::Every(of_set(set)));
            limits.insert("exclusive.atMost", Limit::AtMost(number(*at_most), at_most.to_string()));
            limits.insert("exclusive.on", Limit::Same(format!("{on:?}")));
        }
        RuleShape::Allow { is_nothing, roles, bots, builder_access } => {
            let membership: &[&str] = if *is_nothing { &[] } else { &["membership"] };
            limits.insert("allow", Limit::Only(texts(membership)));
            limits.insert("allow.roles", Limit::Only(of_set(roles)));
            let bots = if *is_nothing { BTreeSet::new() } else { or_any(texts(bots)) };
            limits.insert("allow.bots", Limit::Only(bots));
            let most = BuilderAccess::ALL.iter().position(|access| access == builder_access);
            let levels = BuilderAccess::ALL.iter().take(most.unwrap_or_default() + 1);
            let levels = levels.map(|access| access.label().to_owned()).collect();
            limits.insert("allow.builderAccess", Limit::Only(levels));
        }
        RuleShape::Require { expires_within, reason, ticket } => {
            if let Some(within) = expires_within {
                limits.insert("require.expiresWithin", Limit::AtMost(within.as_secs(), hours(*within)));
            }
            if *reason {
                limits.insert("require.reason", Limit::Same("true".to_owned()));
            }
            if let Some(ticket) = ticket {
                limits.insert("require.ticket", Limit::Same(ticket.clone()));
            }
        }
        RuleShape::Holders { set, min, max, on } => {
            limits.insert("holders.roles", Limit::Every(of_set(set)));
            limits.insert("holders.on", Limit::Same(format!("{on:?}")));
            if let Some(max) = max {
                limits.insert("holders.max", Limit::AtMost(number(*max), max.to_string()));
            }
            if let Some(min) = min {
                limits.insert("holders.min", Limit::AtLeast(number(*min), min.to_string()));
            }
        }
        RuleShape::Together { set, needs, on, on_removal: _ } => {
            limits.insert("together.roles", Limit::Every(of_set(set)));
            limits.insert("together.needs", Limit::Only(of_set(needs)));
            limits.insert("together.on", Limit::Same(format!("{on:?}")));
        }
        RuleShape::Cel { over, kinds, rule, message: _, message_expression: _ } => {
            limits.insert("rule", Limit::Condition(format!("{over:?}: {rule}")));
            let kinds = kinds.iter().map(|kind| kind.name.clone()).collect();
            limits.insert("match.kinds", Limit::Every(or_any(kinds)));
        }
    }
}

/// How an exception excepts more than it did; `was`: as it was declared before.
fn excepted(was: Option<&RuleException>, is: &RuleException) -> Option<String> {
    let Some(was) = was else { return Some(format!("new, ends {}", is.expires_at)) };
    let mut how = Vec::new();
    if is.expires_at > was.expires_at {
        how.push(later(was.expires_at, is.expires_at));
    }
    how.extend(changes(&covered(&was.about), &covered(&is.about)));
    (!how.is_empty()).then(|| how.join("; "))
}

fn later(was: Timestamp, is: Timestamp) -> String {
    format!("ends {is} instead of {was}")
}

/// What an exception covers, as limits of it.
fn covered(about: &RuleMatch) -> Limits {
    let RuleMatch { emails, email_domains, not_email_domains, groups, roles, bots, risk } = about;
    Limits::from([
        ("match.emails", Limit::Only(or_any(texts(emails)))),
        ("match.emailDomains", Limit::Only(or_any(texts(email_domains)))),
        ("match.notEmailDomains", Limit::Every(texts(not_email_domains))),
        ("match.groups", Limit::Only(or_any(texts(groups)))),
        ("match.roles", Limit::Only(or_any(of_set(roles)))),
        ("match.bots", Limit::Only(or_any(texts(bots)))),
        ("match.risk", Limit::Only(or_any(texts(risk)))),
    ])
}

fn texts<T: AsRef<str>>(all: &[T]) -> BTreeSet<String> {
    all.iter().map(|text| text.as_ref().to_owned()).collect()
}

fn of_set(set: &RoleSet) -> BTreeSet<String> {
    let permissions = set.permissions.iter().map(|name| format!("permission {name}"));
    set.roles.iter().map(ToString::to_string).chain(permissions).collect()
}

/// A list that is left out is about everything.
fn or_any(texts: BTreeSet<String>) -> BTreeSet<String> {
    if texts.is_empty() { BTreeSet::from([ANY.to_owned()]) } else { texts }
}

fn hours(duration: SignedDuration) -> String {
    match duration.as_secs() {
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Pattern, RoleName, RuleOn, RuleOver};

    fn set(roles: &[&str]) -> RoleSet {
        RoleSet { roles: roles.iter().map(|role| RoleName::new(*role)).collect(), permissions: Vec::new() }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rule(shape: RuleShape) -> PolicyRule {
        PolicyRule {
            name: "p".into(),
            description: None,
            control: Vec::new(),
            severity: RuleSeverity::High,
            action: RuleAction::Deny,
            deadline: None,
            about: RuleMatch::default(),
            shapes: vec![shape],
            source: Source::file("p.yaml", 3, 1),
            places: BTreeMap::new(),
        }
    }

    fn exclusive(roles: &[&str], at_most: usize) -> PolicyRule {
        rule(RuleShape::Exclusive { set: set(roles), at_most, on: RuleOn::SameBot })
    }

    fn guards(rule: PolicyRule) -> RuleGuards {
        RuleGuards { rules: vec![rule], exceptions: Vec::new() }
    }

    /// What is said when the second comes in place of the first.
    fn said(was: &PolicyRule, is: &PolicyRule) -> Vec<String> {
        let loosened = guards(was.clone()).loosened_by(&guards(is.clone()));
        loosened.into_iter().map(|loosened| loosened.message).collect()
    }

    fn allow(is_nothing: bool, roles: &[&str], bots: &[&str], builder_access: BuilderAccess) -> PolicyRule {
        let bots = bots.iter().map(|bot| Pattern::new(bot)).collect();
        rule(RuleShape::Allow { is_nothing, roles: set(roles), bots, builder_access })
    }

    fn require(days: Option<i64>, reason: bool, ticket: Option<&str>) -> PolicyRule {
        let expires_within = days.map(|days| SignedDuration::from_hours(24 * days));
        rule(RuleShape::Require { expires_within, reason, ticket: ticket.map(str::to_owned) })
    }

    fn holders(min: Option<usize>, max: Option<usize>) -> PolicyRule {
        rule(RuleShape::Holders { set: set(&["A"]), min, max, on: RuleOn::Account })
    }

    fn cel(text: &str) -> PolicyRule {
        rule(RuleShape::Cel {
            over: RuleOver::Grant,
            kinds: Vec::new(),
            rule: text.to_owned(),
            message: None,
            message_expression: None,
        })
    }

    fn together(roles: &[&str], needs: &[&str]) -> PolicyRule {
        let on_removal = RuleAction::Audit;
        rule(RuleShape::Together { set: set(roles), needs: set(needs), on: RuleOn::Account, on_removal })
    }

    #[test]
    fn each_limit_is_weaker_one_way_and_never_the_other() {
        let warns = PolicyRule { action: RuleAction::Warn, ..exclusive(&["A", "B"], 1) };
        let of_domain = |domains: &[&str]| PolicyRule {
            about: RuleMatch {
                email_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
                ..RuleMatch::default()
            },
            ..exclusive(&["A", "B"], 1)
        };
        let not_of = |domains: &[&str]| PolicyRule {
            about: RuleMatch {
                not_email_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
                ..RuleMatch::default()
            },
            ..exclusive(&["A", "B"], 1)
        };
        let until = |text: Option<&str>| PolicyRule { deadline: text.map(at), ..exclusive(&["A", "B"], 1) };
        let (none, builder) = (BuilderAccess::None, BuilderAccess::Builder);
        let weaker = [
            (exclusive(&["A", "B"], 1), exclusive(&["A", "B"], 2), "exclusive.atMost: 2 instead of 1"),
            (exclusive(&["A", "B"], 1), exclusive(&["A"], 1), "exclusive.roles: without B"),
            (exclusive(&["A", "B"], 1), warns, "validationActions: Warn instead of Deny"),
            (of_domain(&[]), of_domain(&["example.com"]), "match.emailDomains: without all"),
            (
                of_domain(&["a.example.com", "b.example.com"]),
                of_domain(&["a.example.com"]),
                "match.emailDomains: without b.example.com",
            ),
            (not_of(&[]), not_of(&["example.com"]), "match.notEmailDomains: also example.com"),
            (until(Some("2030-01-01T00:00:00Z")), until(None), "deadline: not asked for any more"),
            (
                until(Some("2030-01-01T00:00:00Z")),
                until(Some("2031-01-01T00:00:00Z")),
                "deadline: 2031-01-01T00:00:00Z instead of 2030-01-01T00:00:00Z",
            ),
            (
                allow(true, &[], &[], none),
                allow(false, &["A"], &["B"], none),
                "allow: also membership; allow.bots: also b; allow.roles: also A",
            ),
            (allow(false, &["A"], &["B"], none), allow(false, &["A"], &[], none), "allow.bots: also all"),
            (
                allow(false, &["A"], &[], none),
                allow(false, &["A"], &[], builder),
                "allow.builderAccess: also Builder",
            ),
            (
                require(Some(30), true, None),
                require(Some(90), true, None),
                "require.expiresWithin: 90d instead of 30d",
            ),
            (
                require(Some(30), true, Some("x")),
                require(Some(30), false, Some("y")),
                "require.reason: not asked for any more; require.ticket: y instead of x",
            ),
            (holders(None, Some(2)), holders(None, Some(3)), "holders.max: 3 instead of 2"),
            (holders(Some(2), None), holders(Some(1), None), "holders.min: 1 instead of 2"),
            (together(&["A"], &["B"]), together(&["A"], &["B", "C"]), "together.needs: also C"),
            (
                together(&["A"], &["B"]),
                exclusive(&["A"], 1),
                "together.needs: not asked for any more; together.on: not asked for any more; together.roles: not asked for any more",
            ),
        ];
        for (strict, loose, how) in weaker {
            assert_eq!(said(&strict, &loose), [format!("policy p: {how}")]);
            assert_eq!(said(&strict, &strict), Vec::<String>::new());
            if !how.contains("together.on") && !how.contains("require.ticket") {
                assert_eq!(said(&loose, &strict), Vec::<String>::new(), "{how}");
            }
        }
        // Of a condition in CEL nobody can tell.
        assert_eq!(said(&cel("true"), &cel("false")), ["policy p: rule: another condition"]);
        assert_eq!(said(&cel("false"), &cel("true")), ["policy p: rule: another condition"]);
        let declared = |is: &str| guards(cel("a")).loosened_by(&guards(cel(is))).remove(0).declared;
        assert_ne!(declared("b"), declared("c"), "an approval of one is none of the other");
    }

    #[test]
    fn a_policy_that_goes_is_loosened_and_can_be_put_back() {
        let before = guards(exclusive(&["A", "B"], 1));
        let mut now = RuleGuards::default();
        let loosened = before.loosened_by(&now).remove(0);
        assert_eq!(loosened.message, "policy p: it is not declared any more");
        assert_eq!((loosened.source, loosened.severity), (None, RuleSeverity::High));
        now.keep(&loosened.which, &before);
        assert_eq!(now, before);
        assert_eq!(RuleGuards::default().loosened_by(&before), []);
    }

    #[test]
    fn an_exception_that_is_new_ends_later_or_covers_more_loosens_its_policy() {
        let exception = |end: &str, emails: &[&str]| RuleException {
            name: "e".into(),
            policy: "p".to_owned(),
            about: RuleMatch {
                emails: emails.iter().map(|email| Pattern::new(email)).collect(),
                ..RuleMatch::default()
            },
            expires_at: at(end),
            source: Source::file("e.yaml", 1, 1),
            policy_source: Source::file("e.yaml", 2, 1),
        };
        let with = |exceptions: Vec<RuleException>| RuleGuards { exceptions, ..guards(exclusive(&["A"], 1)) };
        let short = exception("2030-01-01T00:00:00Z", &["a@example.com"]);
        let long = exception("2031-01-01T00:00:00Z", &["a@example.com"]);
        let wide = exception("2030-01-01T00:00:00Z", &[]);
        let said = |was: &RuleGuards, is: &RuleGuards| -> Vec<String> {
            was.loosened_by(is).into_iter().map(|loosened| loosened.message).collect()
        };
        let (none, short, long, wide) = (with(vec![]), with(vec![short]), with(vec![long]), with(vec![wide]));
        assert_eq!(said(&none, &short), ["exception e from p: new, ends 2030-01-01T00:00:00Z"]);
        let later = "exception e from p: ends 2031-01-01T00:00:00Z instead of 2030-01-01T00:00:00Z";
        assert_eq!(said(&short, &long), [later]);
        assert_eq!(said(&short, &wide), ["exception e from p: match.emails: also all"]);
        for (was, is) in [(&long, &short), (&wide, &short), (&short, &none), (&short, &short)] {
            assert_eq!(said(was, is), Vec::<String>::new());
        }
        // From a policy that is new, nothing was denied before.
        assert_eq!(said(&RuleGuards::default(), &short), Vec::<String>::new());
        let mut held = long.clone();
        held.keep(&RuleRef::Exception("e".into()), &short);
        assert_eq!(held, short);
        held.keep(&RuleRef::Exception("e".into()), &none);
        assert_eq!(held, none);
    }
}
