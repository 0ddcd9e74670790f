//! What koreconcile may do to an account, and what needs an approval: the policy part of a `KoreAccount`.

use super::{AccountId, Area, Email, RuleGuards, Source};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The rules of one account.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The tenant this manifest is about. Required for saved plans and any removal.
    pub account_id: Option<AccountId>,
    /// Enforce or only report.
    pub mode: Mode,
    /// Nothing is written while set.
    pub suspend: bool,
    /// Why it is.
    pub suspend_reason: Option<String>,
    /// Time between full reads (controller): a target.
    pub interval: SignedDuration,
    /// Removals wait until nothing has been edited for this long (controller).
    pub settle: SignedDuration,
    /// Which changes need an approval (controller).
    pub approval: Approval,
    /// What to do with facts that are not declared.
    pub ownership: Ownership,
    /// Limits of removals, and protected users.
    pub safety: Safety,
    /// The call budget.
    pub rate: RateLimit,
    /// Most entries in one write.
    pub batch_size: BatchSize,
    /// How invitations go out.
    pub invitations: Invitations,
    /// Policies about who may hold what, and their exceptions.
    pub rules: RuleGuards,
    /// Parts of the account with owners of their own.
    pub areas: Vec<Area>,
    /// Where fields were written, by path below `spec` (`safety.maxRemovals`), for messages.
    pub places: BTreeMap<&'static str, Source>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            account_id: None,
            mode: Mode::default(),
            suspend: false,
            suspend_reason: None,
            interval: Self::INTERVAL,
            settle: Self::SETTLE,
            approval: Approval::default(),
            ownership: Ownership::default(),
            safety: Safety::default(),
            rate: RateLimit::default(),
            batch_size: BatchSize::default(),
            invitations: Invitations::default(),
            rules: RuleGuards::default(),
            areas: Vec::new(),
            places: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// The account this manifest is about and the one that was seen, where both are known and differ.
    pub fn account_mismatch<'a>(
        &'a self,
        seen: Option<&'a AccountId>,
    ) -> Option<(&'a AccountId, &'a AccountId)> {
        self.account_id.as_ref().zip(seen).filter(|(pinned, seen)| pinned != seen)
    }

    /// Why nothing is written to the account, where nothing is.
    pub fn why_read_only(&self) -> Option<String> {
        if self.suspend {
            let place = self.blame("suspend");
            let why = self.suspend_reason.as_ref().map(|why| format!(": \"{why}\"")).unwrap_or_default();
            return Some(format!("the account is suspended ({place}){why}"));
        }
        (self.mode == Mode::Observe)
            .then(|| format!("the mode of the account is Observe ({})", self.blame("mode")))
    }

    /// `interval`, when it is left out.
    pub const INTERVAL: SignedDuration = SignedDuration::from_mins(5);
    /// `safety.settle`, when it is left out.
    pub const SETTLE: SignedDuration = SignedDuration::from_mins(2);

    /// ` (safety.maxRemovals in account.yaml:21)`, or with ` by default` when it was left out.
    pub fn blame(&self, field: &'static str) -> String {
        match self.places.get(field) {
            Some(source) => format!("{field} in {source}"),
            None => format!("{field}, by default"),
        }
    }
}

/// Most entries in one write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchSize(pub usize);

impl Default for BatchSize {
    fn default() -> Self {
        Self(50)
    }
}

/// Enforce or only report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Plan and apply.
    #[default]
    Enforce,
    /// Plan and report only.
    Observe,
}

/// Which changes need an approval (controller), the laxest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Approval {
    /// No change does.
    #[default]
    Automatic,
    /// Changes of high or critical risk do.
    WhenRisky,
    /// Every change does.
    Manual,
}

/// What to do with facts that are not declared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ownership {
    /// Users of the account that no manifest declares.
    pub users: OwnershipLevel,
    /// (role, bot) pairs and admin roles with no binding.
    pub role_bindings: OwnershipLevel,
    /// Assignments of bots that no manifest assigns.
    pub bot_assignments: OwnershipLevel,
    /// People outside these domains are never removed; empty: no such limit.
    pub email_domains: Vec<String>,
    /// What to do with facts that were declared once and are not any more.
    pub retired: Retired,
    /// Which unmanaged facts make a plan fail.
    pub fail_on: FailOn,
}

/// What to do with facts that were declared once and are not any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retired {
    /// Roles, group memberships, assignments, builder access and permissions.
    pub grants: Retirement,
    /// People: a removed user can only be invited again.
    pub people: Retirement,
}

impl Default for Retired {
    fn default() -> Self {
        Self { grants: Retirement::Remove, people: Retirement::Report }
    }
}

/// What to do with one kind of facts that are not declared any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retirement {
    /// They are named in every plan until they are gone or declared again.
    Report,
    /// They are removed, within the limits of [`Safety`].
    Remove,
}

/// Which unmanaged facts make a plan fail (`plan --exit-code`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum FailOn {
    /// Those of high or critical risk.
    #[default]
    High,
    /// Those that the last apply has not seen.
    New,
    /// Every one.
    All,
    /// None: they are shown, and nothing fails.
    Never,
}

impl FailOn {
    /// The higher, the more fails.
    pub fn strictness(self) -> u8 {
        match self {
            Self::Never => 0,
            Self::High => 1,
            Self::New => 2,
            Self::All => 3,
        }
    }
}

/// What to do with one kind of undeclared fact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum OwnershipLevel {
    /// Neither list nor remove them.
    Ignore,
    /// List them as unmanaged.
    #[default]
    Report,
    /// Remove them, within the limits of [`Safety`].
    Remove,
}

/// Limits of removals, and protected users.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Safety {
    /// Most removals in a run (CLI) or in 24 hours (controller).
    pub max_removals: u32,
    /// The same in per cent of the facts of the family; the stricter of the two holds.
    pub max_removals_percent: u32,
    /// The floor: a change that would leave fewer Master Admins who can sign in is refused.
    pub min_master_admins: u32,
    /// Not readable through the API; needed before any change that takes Master Admin away.
    pub primary_admin: Option<Email>,
    /// Users from whom nothing is removed.
    pub protected: Vec<Pattern>,
    /// More removals than the ceilings allow, for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_removals: Option<Allowance>,
}

/// More removals for a while, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Allowance {
    /// Up to so many.
    pub count: u32,
    /// Until then.
    pub until: Timestamp,
    /// What they are for.
    pub reason: String,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            max_removals: 10,
            max_removals_percent: 20,
            min_master_admins: 2,
            primary_admin: None,
            protected: Vec::new(),
            allow_removals: None,
        }
    }
}

impl Safety {
    /// The allowance that holds now.
    pub fn allowance(&self, now: Timestamp) -> Option<&Allowance> {
        self.allow_removals.as_ref().filter(|allowance| now < allowance.until)
    }

    /// The stricter of two, rule by rule; protected people of either are protected.
    #[must_use]
    pub fn stricter(&self, other: &Self) -> Self {
        let Self {
            max_removals,
            max_removals_percent,
            min_master_admins,
            primary_admin,
            protected,
            allow_removals,
        } = other;
        let mut strict = self.clone();
        strict.max_removals = strict.max_removals.min(*max_removals);
        strict.max_removals_percent = strict.max_removals_percent.min(*max_removals_percent);
        strict.min_master_admins = strict.min_master_admins.max(*min_master_admins);
        // What only one of the two allows is not allowed.
        strict.allow_removals = match (strict.allow_removals, allow_removals) {
            (Some(one), Some(two)) => Some(Allowance {
                count: one.count.min(two.count),
                until: one.until.min(two.until),
                reason: one.reason,
            }),
            _ => None,
        };
        strict.protected.extend(protected.iter().cloned());
        strict.protected.extend(primary_admin.iter().map(|email| Pattern::new(email.folded())));
        strict
    }

    /// Whether nothing may be removed from this user: the Primary Admin, or a user that a pattern matches.
    pub fn protects(&self, email: &Email) -> bool {
        self.primary_admin.as_ref() == Some(email)
            || self.protected.iter().any(|pattern| pattern.matches(email))
    }
}

/// An address, or `*` and a domain: `*@partner.example.com`. A `*` stands for any run of characters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl AsRef<str> for Pattern {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Pattern {
    /// Compared in lower case.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    /// Whether it is a `*` alone, and so matches everything.
    pub fn is_anything(&self) -> bool {
        self.0 == "*"
    }

    /// Whether it names this person.
    pub fn matches(&self, email: &Email) -> bool {
        self.matches_folded(email.folded())
    }

    /// Whether it names a text in lower case: a bot, for instance.
    pub fn matches_folded(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let head = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(head) else { return false };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The call budget, in calls (kore-api 2.0).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// Calls in any 60 seconds.
    pub per_minute: u32,
    /// Calls in any 3,600 seconds.
    pub per_hour: u32,
    /// Of both, left to other tools.
    pub reserve: u32,
    /// Of the hour, for reads (controller), in per cent.
    pub read_share: u32,
}

impl RateLimit {
    /// As good as none: the most that a manifest may say.
    pub const NONE: Self = Self { per_minute: 100_000, per_hour: 1_000_000, reserve: 0, read_share: 100 };
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { per_minute: 60, per_hour: 1800, reserve: 6, read_share: 50 }
    }
}

impl RateLimit {
    /// What we may use of a minute; at least one.
    pub fn usable_per_minute(self) -> u32 {
        self.per_minute.saturating_sub(self.reserve).max(1)
    }

    /// What we may use of an hour; at least one.
    pub fn usable_per_hour(self) -> u32 {
        self.per_hour.saturating_sub(self.reserve).max(1)
    }
}

/// How invitations go out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invitations {
    /// Let the platform mail the activation link.
    pub send_email: bool,
    /// After this long an open invitation is overdue.
    pub overdue_after: SignedDuration,
}

impl Default for Invitations {
    fn default() -> Self {
        Self { send_email: true, overdue_after: SignedDuration::from_hours(7 * 24) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_a_whole_address() {
        for (pattern, address, is_match) in [
            ("owner@example.com", "Owner@Example.com", true),
            ("owner@example.com", "owner@example.com.evil.example", false),
            ("*@partner.example.com", "pat@partner.example.com", true),
            ("*@partner.example.com", "pat@example.com", false),
            ("svc-*@*.example.com", "svc-1@eu.example.com", true),
            ("svc-*@*.example.com", "svc@eu.example.com", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(&Email::observed(address)),
                is_match,
                "{pattern} {address}"
            );
        }
    }

    #[test]
    fn the_primary_admin_is_protected_without_a_pattern() {
        let safety =
            Safety { primary_admin: Some(Email::observed("owner@example.com")), ..Safety::default() };
        assert!(safety.protects(&Email::observed("OWNER@example.com")));
        assert!(!safety.protects(&Email::observed("jane@example.com")));
    }

    #[test]
    fn what_a_star_has_matched_is_not_matched_again() {
        let pattern = Pattern::new("*Ops*@example.com");
        assert!(pattern.matches(&Email::observed("team-ops-x@example.com")));
        assert!(!Pattern::new("*ops*ops@example.com").matches(&Email::observed("ops@example.com")));
        assert_eq!(pattern.to_string(), "*ops*@example.com");
    }

    #[test]
    fn of_two_rules_the_stricter_counts_and_whoever_either_protects_is_protected() {
        let rules =
            |max_removals, max_removals_percent, min_master_admins, primary: &str, pattern: &str| Safety {
                max_removals,
                max_removals_percent,
                min_master_admins,
                primary_admin: Some(Email::observed(primary)),
                protected: vec![Pattern::new(pattern)],
                allow_removals: None,
            };
        let one = rules(5, 50, 2, "one@example.com", "a-*@example.com");
        let other = rules(9, 10, 3, "other@example.com", "b-*@example.com");
        for (left, right) in [(&one, &other), (&other, &one)] {
            let strict = left.stricter(right);
            let Safety { max_removals, max_removals_percent, min_master_admins, .. } = strict;
            assert_eq!((max_removals, max_removals_percent, min_master_admins), (5, 10, 3));
            for who in ["one@example.com", "other@example.com", "a-1@example.com", "b-1@example.com"] {
                assert!(strict.protects(&Email::observed(who)), "{who}");
            }
        }
    }

    #[test]
    fn an_allowance_holds_until_its_end_and_only_where_both_have_one() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let allows = |count, until| Safety {
            allow_removals: Some(Allowance { count, until: at(until), reason: "leavers".to_owned() }),
            ..Safety::default()
        };
        let strict = allows(12, 100).stricter(&allows(9, 200));
        assert_eq!(strict.allowance(at(99)).map(|allowance| allowance.count), Some(9));
        assert_eq!(strict.allowance(at(100)), None);
        assert_eq!(allows(12, 100).stricter(&Safety::default()).allow_removals, None);
        assert_eq!(Safety::default().stricter(&allows(12, 100)).allow_removals, None);
    }

    #[test]
    fn a_rule_is_blamed_on_its_line_or_on_the_default() {
        let places = BTreeMap::from([("safety.maxRemovals", Source::file("account.yaml", 21, 3))]);
        let policy = Policy { places, ..Policy::default() };
        assert_eq!(policy.blame("safety.maxRemovals"), "safety.maxRemovals in account.yaml:21");
        assert_eq!(policy.blame("safety.settle"), "safety.settle, by default");
    }
}
