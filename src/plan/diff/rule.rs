//! The diff rule as a table: what one fact calls for, before anything is asked about people, proofs or the API. Pure,
//! and the only place where a removal is decided.

use crate::facts::{Closure, OwnershipLevel, Scope, Source, Value, Verdict, Want};
use crate::plan::memory::RememberedFact;

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
    /// Taken back: the manifests asked for it once and do not any more.
    Retire(&'a Value, &'a RememberedFact),
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
    Nobody,
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

/// The rule for a fact that is observed and not declared. What others gave is at least reported, where the account's
/// ownership reports its family.
pub(super) fn undeclared<'a>(
    seen: &'a Value,
    remembered: Option<&'a RememberedFact>,
    authority: Authority<'a>,
    ownership: OwnershipLevel,
) -> Undeclared<'a> {
    match (remembered, authority) {
        (Some(RememberedFact { undone: Some(run), .. }), _) => Undeclared::Unmanaged(format!(
            "the undo of {run} has brought it back, and no manifest asks for it"
        )),
        (Some(fact), _) => Undeclared::Retire(seen, fact),
        (None, Authority::List(scope)) => match &scope.closure {
            Closure::Closed => Undeclared::Prune(seen, &scope.sources),
            Closure::Open(why) => {
                Undeclared::Unmanaged(format!("its list is not authoritative for now: {why}"))
            }
            Closure::Additive => report(ownership, "not declared, and its list is Additive"),
        },
        (None, Authority::Nobody) if ownership == OwnershipLevel::Remove => Undeclared::Prune(seen, &[]),
        (None, Authority::Nobody) => report(ownership, NOT_DECLARED),
    }
}

fn report(ownership: OwnershipLevel, why: &str) -> Undeclared<'static> {
    match ownership {
        OwnershipLevel::Ignore => Undeclared::Ignore,
        OwnershipLevel::Report | OwnershipLevel::Remove => Undeclared::Unmanaged(why.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{DialogId, DialogSet, RoleName, ScopeExtent};

    fn want(verdict: Verdict) -> Want {
        Want { verdict, sources: Vec::new(), until: None, reason: None }
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
        let open = scope(Closure::Open("team bankers is not declared".to_owned()));
        let additive = scope(Closure::Additive);
        let [remove, report, ignore] =
            [OwnershipLevel::Remove, OwnershipLevel::Report, OwnershipLevel::Ignore];
        let by = |authority, ownership| undeclared(&held, None, authority, ownership);
        let unmanaged = |why: &str| Undeclared::Unmanaged(why.to_owned());
        for level in [remove, report, ignore] {
            assert_eq!(by(Authority::List(&closed), level), Undeclared::Prune(&held, &closed.sources));
            assert!(matches!(by(Authority::List(&open), level), Undeclared::Unmanaged(_)));
        }
        let extra = unmanaged("not declared, and its list is Additive");
        assert_eq!(by(Authority::List(&additive), remove), extra);
        assert_eq!(by(Authority::List(&additive), report), extra);
        assert_eq!(by(Authority::List(&additive), ignore), Undeclared::Ignore);
        assert_eq!(by(Authority::Nobody, remove), Undeclared::Prune(&held, &[]));
        assert_eq!(by(Authority::Nobody, report), unmanaged("not declared"));
        assert_eq!(by(Authority::Nobody, ignore), Undeclared::Ignore);
    }

    #[test]
    fn what_an_undo_has_brought_back_is_reported_whoever_decides_about_the_rest() {
        let undone = Some("20261130T120000Z-1".into());
        let (held, fact) = (Value::Held, RememberedFact { undone, ..RememberedFact::asked(Value::Held) });
        let closed = scope(Closure::Closed);
        for authority in [Authority::List(&closed), Authority::Nobody] {
            let decided = undeclared(&held, Some(&fact), authority, OwnershipLevel::Remove);
            assert!(matches!(decided, Undeclared::Unmanaged(why) if why.contains("20261130T120000Z-1")));
        }
    }

    #[test]
    fn what_was_asked_for_once_is_retired_whoever_decides_about_the_rest() {
        let (held, fact) = (Value::Held, RememberedFact::asked(Value::Held));
        for closure in [Closure::Closed, Closure::Additive, Closure::Open("an error".to_owned())] {
            let scope = scope(closure);
            for ownership in [OwnershipLevel::Remove, OwnershipLevel::Report, OwnershipLevel::Ignore] {
                for authority in [Authority::List(&scope), Authority::Nobody] {
                    let decided = undeclared(&held, Some(&fact), authority, ownership);
                    assert_eq!(decided, Undeclared::Retire(&held, &fact));
                }
            }
        }
    }
}
