//! The guards of an account as one value that is remembered, and which of them another value loosens.

use super::{Allowance, Approval, Area, FailOn, Policy, RuleGuards, RuleRef, Safety};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What stops a mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Guards {
    /// Limits of removals, and protected people.
    pub safety: Safety,
    /// Which changes need an approval (controller).
    pub approval: Approval,
    /// How long removals wait for edits to settle (controller), in seconds.
    pub settle: i64,
    /// Which unmanaged facts make a plan fail.
    pub fail_on: FailOn,
    /// Policies about who may hold what, and their exceptions.
    #[serde(default, skip_serializing_if = "RuleGuards::is_empty")]
    pub rules: RuleGuards,
    /// Parts of the account with owners of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<Area>,
}

/// One guard: a field of the account, or a policy or exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardRef {
    /// By path below `spec`.
    Field(&'static str),
    /// By name.
    Rule(RuleRef),
}

impl Policy {
    /// Its guards alone.
    pub fn guards(&self) -> Guards {
        Guards {
            safety: self.safety.clone(),
            approval: self.approval,
            settle: self.settle.as_secs(),
            fail_on: self.ownership.fail_on,
            rules: self.rules.clone(),
            areas: self.areas.clone(),
        }
    }
}

impl Policy {
    /// Puts one guard back to what it was: its loosening waits for an approval.
    pub fn keep_guard(&mut self, guard: &GuardRef, before: &Guards) {
        let field = match guard {
            GuardRef::Field(field) => *field,
            GuardRef::Rule(rule) => return self.rules.keep(rule, &before.rules),
        };
        let was = &before.safety;
        let is = &mut self.safety;
        match field {
            "safety.maxRemovals" => is.max_removals = was.max_removals,
            "safety.maxRemovalsPercent" => is.max_removals_percent = was.max_removals_percent,
            "safety.minMasterAdmins" => is.min_master_admins = was.min_master_admins,
            "safety.primaryAdmin" => is.primary_admin.clone_from(&was.primary_admin),
            "safety.protected" => {
                let missing: Vec<_> =
                    was.protected.iter().filter(|pattern| !is.protected.contains(pattern)).cloned().collect();
                is.protected.extend(missing);
            }
            "safety.allowRemovals" => is.allow_removals.clone_from(&was.allow_removals),
            "approval" => self.approval = before.approval,
            "safety.settle" => self.settle = SignedDuration::from_secs(before.settle),
            "ownership.failOn" => self.ownership.fail_on = before.fail_on,
            _ => {}
        }
    }
}

impl Guards {
    /// The fields that are weaker in `now`, each with what has become of it. Policies say that for themselves.
    pub fn loosened_by(&self, now: &Self) -> Vec<(&'static str, String)> {
        // What becomes of areas is told by plans: their owners are asked.
        let Self { safety: was, approval, settle, fail_on, rules: _, areas: _ } = self;
        let is = &now.safety;
        let mut loosened = Vec::new();
        let mut raised = |field, before: u32, after: u32| {
            if after > before {
                loosened.push((field, format!("{after} instead of {before}")));
            }
        };
        raised("safety.maxRemovals", was.max_removals, is.max_removals);
        raised("safety.maxRemovalsPercent", was.max_removals_percent, is.max_removals_percent);
        // The other way round: the fewer have to stay, the more can go.
        if is.min_master_admins < was.min_master_admins {
            let how = format!("{} instead of {}", is.min_master_admins, was.min_master_admins);
            loosened.push(("safety.minMasterAdmins", how));
        }
        if let Some(primary) = was.primary_admin.as_ref().filter(|was| is.primary_admin.as_ref() != Some(was))
        {
            loosened.push(("safety.primaryAdmin", format!("{primary} is it no longer")));
        }
        for pattern in was.protected.iter().filter(|pattern| !is.protected.contains(pattern)) {
            loosened.push(("safety.protected", format!("{pattern} is protected no longer")));
        }
        if let Some(allowed) = is.allow_removals.as_ref().filter(|_| is.allow_removals != was.allow_removals)
        {
            let Allowance { count, until, reason } = allowed;
            loosened.push(("safety.allowRemovals", format!("{count} removals until {until} (\"{reason}\")")));
        }
        if now.approval < *approval {
            loosened.push(("approval", format!("{:?} instead of {approval:?}", now.approval)));
        }
        if now.settle < *settle {
            loosened.push(("safety.settle", format!("{} s instead of {settle} s", now.settle)));
        }
        if now.fail_on.strictness() < fail_on.strictness() {
            loosened.push(("ownership.failOn", format!("{:?} instead of {fail_on:?}", now.fail_on)));
        }
        loosened
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Email, Pattern};

    #[test]
    fn each_guard_that_is_weaker_is_named_and_none_that_is_stricter() {
        let strict = Guards {
            safety: Safety {
                max_removals: 5,
                max_removals_percent: 10,
                min_master_admins: 3,
                primary_admin: Some(Email::observed("owner@example.com")),
                protected: vec![Pattern::new("a-*@example.com"), Pattern::new("b@example.com")],
                allow_removals: None,
            },
            approval: Approval::Manual,
            settle: 120,
            fail_on: FailOn::All,
            rules: RuleGuards::default(),
            areas: Vec::new(),
        };
        let loose = Guards {
            safety: Safety {
                max_removals: 6,
                max_removals_percent: 20,
                min_master_admins: 2,
                primary_admin: None,
                protected: vec![Pattern::new("b@example.com")],
                allow_removals: Some(Allowance {
                    count: 12,
                    until: jiff::Timestamp::UNIX_EPOCH,
                    reason: "leavers".to_owned(),
                }),
            },
            approval: Approval::WhenRisky,
            settle: 60,
            fail_on: FailOn::High,
            rules: RuleGuards::default(),
            areas: Vec::new(),
        };
        let fields: Vec<&str> = strict.loosened_by(&loose).into_iter().map(|(field, _)| field).collect();
        let all = [
            "safety.maxRemovals",
            "safety.maxRemovalsPercent",
            "safety.minMasterAdmins",
            "safety.primaryAdmin",
            "safety.protected",
            "safety.allowRemovals",
            "approval",
            "safety.settle",
            "ownership.failOn",
        ];
        assert_eq!(fields, all);
        assert_eq!(loose.loosened_by(&strict), []);
        assert_eq!(strict.loosened_by(&strict), []);
        let other = Some(Email::observed("other@example.com"));
        let moved =
            Guards { safety: Safety { primary_admin: other, ..strict.safety.clone() }, ..strict.clone() };
        let said = strict.loosened_by(&moved);
        assert_eq!(said, [("safety.primaryAdmin", "owner@example.com is it no longer".to_owned())]);
        // Each of them can be put back.
        let mut policy =
            Policy { approval: loose.approval, safety: loose.safety.clone(), ..Policy::default() };
        policy.settle = SignedDuration::from_secs(loose.settle);
        policy.ownership.fail_on = loose.fail_on;
        assert_eq!(policy.guards(), loose);
        for field in all {
            policy.keep_guard(&GuardRef::Field(field), &strict);
        }
        assert_eq!(strict.loosened_by(&policy.guards()), []);
    }
}
