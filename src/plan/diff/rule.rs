//! The diff rule as a table: what one fact calls for, before anything is asked about people, proofs or the API. Pure,
//! and the only place where a removal is decided.

use crate::facts::{Closure, OwnershipLevel, Scope, Source, Value, Verdict, Want};

/// Why a fact is unmanaged where there is nothing more to tell.
pub(in crate::plan) const NOT_DECLARED: &str = "not declared";

/// What a declared fact calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Declared<'a> {
    /// Declared present, and observed so.
    Satisfied,
    /// Declared present, not observed.
    Add(&'a Value),
    /// Declared present, observed with another value.
    Change {
        /// What is observed.
        before: &'a Value,
        /// What is declared.
        after: &'a Value,
    },
    /// Declared absent or ended, and observed.
    Remove(&'a Value),
    /// Declared absent, not observed: worth a message only where that is not proved.
    ConfirmAbsent,
}

/// What a fact calls for that is observed and not declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undeclared<'a> {
    /// Pruned once both sides are proved complete; the sources of the authoritative list.
    Prune(&'a Value, &'a [Source]),
    /// Reported, with the reason.
    Unmanaged(String),
    /// Left as it is without a message.
    Ignore,
}

/// Who decides about a fact that is not declared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Authority<'a> {
    /// The binding, membership or assignment that lists who holds it.
    List(&'a Scope),
    /// No list is about it: the account's ownership decides.
    Ownership(OwnershipLevel),
}

/// The rule for a fact that is declared.
pub(super) fn declared<'a>(want: &'a Want, seen: Option<&'a Value>) -> Declared<'a> {
    match (&want.verdict, seen) {
        (Verdict::Present(after), None) => Declared::Add(after),
        (Verdict::Present(after), Some(seen)) if seen.satisfies(after) => Declared::Satisfied,
        (Verdict::Present(after), Some(before)) => Declared::Change { before, after },
        (Verdict::Absent, Some(seen)) => Declared::Remove(seen),
        (Verdict::Absent, None) => Declared::ConfirmAbsent,
    }
}

/// The rule for a fact that is observed and not declared.
pub(super) fn undeclared<'a>(seen: &'a Value, authority: Authority<'a>) -> Undeclared<'a> {
    match authority {
        Authority::List(scope) => match &scope.closure {
            Closure::Closed => Undeclared::Prune(seen, &scope.sources),
            Closure::Open(why) => {
                Undeclared::Unmanaged(format!("its list is not authoritative for now: {why}"))
            }
            Closure::Additive => Undeclared::Ignore,
        },
        Authority::Ownership(OwnershipLevel::Remove) => Undeclared::Prune(seen, &[]),
        Authority::Ownership(OwnershipLevel::Report) => Undeclared::Unmanaged(NOT_DECLARED.to_owned()),
        Authority::Ownership(OwnershipLevel::Ignore) => Undeclared::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{DialogId, DialogSet, RoleName, ScopeExtent};

    fn want(verdict: Verdict) -> Want {
        Want { verdict, sources: Vec::new(), until: None }
    }

    fn scope(closure: Closure) -> Scope {
        let sources = vec![Source::file("access.yaml", 5, 1)];
        Scope { extent: ScopeExtent::AdminRole(RoleName::new("Auditor")), closure, sources }
    }

    #[test]
    fn each_line_of_the_rule_for_what_is_declared() {
        let (all, one) = (DialogSet::ALL, DialogSet::only([DialogId::new("dg-1")]));
        let (all, one) = (Value::Dialogs(all), Value::Dialogs(one));
        let present = want(Verdict::Present(one.clone()));
        assert_eq!(declared(&present, None), Declared::Add(&one));
        assert_eq!(declared(&present, Some(&one)), Declared::Satisfied);
        assert_eq!(declared(&present, Some(&all)), Declared::Change { before: &all, after: &one });
        let absent = want(Verdict::Absent);
        assert_eq!(declared(&absent, Some(&one)), Declared::Remove(&one));
        assert_eq!(declared(&absent, None), Declared::ConfirmAbsent);
    }

    #[test]
    fn each_line_of_the_rule_for_what_is_not_declared() {
        let held = Value::Held;
        let closed = scope(Closure::Closed);
        let list = |closure| {
            matches!(undeclared(&Value::Held, Authority::List(&scope(closure))), Undeclared::Ignore)
        };
        assert_eq!(undeclared(&held, Authority::List(&closed)), Undeclared::Prune(&held, &closed.sources));
        assert!(list(Closure::Additive));
        assert!(!list(Closure::Open("team bankers is not declared".to_owned())));
        let owned = |level| undeclared(&held, Authority::Ownership(level));
        assert_eq!(owned(OwnershipLevel::Remove), Undeclared::Prune(&held, &[]));
        assert_eq!(owned(OwnershipLevel::Report), Undeclared::Unmanaged("not declared".to_owned()));
        assert_eq!(owned(OwnershipLevel::Ignore), Undeclared::Ignore);
    }
}
