//! Random histories: commits that declare and drop, applies that are refused, killed or of an old commit, edits in the
//! console. A model of five lines says what is owed; the memory has to agree with it after every step.

use super::*;
use crate::facts::{LoadedObject, LoadedObjects, ObjectRef};
use proptest::prelude::*;

const PEOPLE: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    /// A new commit declares these people developers.
    Commit([bool; PEOPLE]),
    /// An apply of the commit that is so many behind the newest. It is killed before some of its calls.
    Apply { behind: usize, sent: [bool; PEOPLE], is_killed: bool },
    /// Somebody edits the account.
    Console(usize, bool),
    /// The memory is rotated through its stored form.
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<[bool; PEOPLE]>().prop_map(Step::Commit),
        4 => (prop_oneof![4 => Just(0usize), 1 => 1usize..4], any::<[bool; PEOPLE]>(), any::<bool>())
            .prop_map(|(behind, sent, is_killed)| Step::Apply { behind, sent, is_killed }),
        1 => (0..PEOPLE, any::<bool>()).prop_map(|(who, is_held)| Step::Console(who, is_held)),
        1 => Just(Step::Reload),
    ]
}

fn role_of(at: usize) -> Key {
    developer(&format!("u{at}@example.com"))
}

/// The account, the repository and the memory.
struct History {
    commits: Vec<[bool; PEOPLE]>,
    held: [bool; PEOPLE],
    memory: Memory,
    /// The newest applied commit that declared each fact, until a read has shown the fact gone.
    owed: [Option<usize>; PEOPLE],
}

impl History {
    fn fixture(&self, commit: usize) -> Fixture {
        let mut fixture = Fixture::converged();
        fixture.limits.allow_removals = Some(1_000);
        for at in 0..PEOPLE {
            fixture.joined(&format!("u{at}@example.com"));
            if self.held[at] {
                fixture.see(role_of(at), Value::Held);
            }
            if self.commits[commit][at] {
                fixture.want(&role_of(at), present(Value::Held));
            }
        }
        fixture.memory = self.memory.clone();
        let object = ObjectRef { kind: "KoreRoleBinding".into(), namespace: None, name: "banking".into() };
        let loaded = LoadedObject {
            object,
            deletion_policy: crate::facts::DeletionPolicy::Remove,
            place: Source::file("a.yaml", 1, 1).place,
        };
        fixture.declaration.objects = LoadedObjects::new(vec![loaded]);
        fixture.declaration.revision.commit = Some(commit.to_string());
        fixture.declaration.newer = (commit + 1..self.commits.len()).map(|newer| newer.to_string()).collect();
        fixture
    }

    /// Plans one commit, checks the plan against the model, and carries out a part of it.
    fn apply(&mut self, commit: usize, sent: &[bool; PEOPLE], is_killed: bool) -> Result<(), TestCaseError> {
        let fixture = self.fixture(commit);
        let world = fixture.world();
        let (plan, next) = plan_and_remember(fixture.desired(), &world, &fixture.policy, &fixture.context());
        for at in 0..PEOPLE {
            let (is_declared, is_held) = (self.commits[commit][at], self.held[at]);
            let change = plan.changes.iter().find(|change| change.key == role_of(at));
            let is_retired = change.is_some_and(|change| change.action == Action::Retire);
            let is_owed = self.owed[at].is_some_and(|since| since <= commit);
            prop_assert_eq!(
                is_retired,
                is_owed && is_held && !is_declared,
                "{} at commit {}",
                role_of(at),
                commit
            );
            if is_held && !is_declared && self.owed[at].is_some() {
                let is_remembered = facts::find(&next.facts, &role_of(at)).is_some();
                prop_assert!(is_remembered, "{} is held and forgotten", role_of(at));
            }
            self.owed[at] = match self.owed[at] {
                _ if is_declared => Some(self.first_of_run(at, commit)),
                owed @ Some(since) if since > commit || is_held => owed,
                _ => None,
            };
        }
        self.memory = next;
        let changes: Vec<Change> = plan.sendable().into_iter().cloned().collect();
        for change in &changes {
            let Some(at) = (0..PEOPLE).find(|at| role_of(*at) == change.key) else { continue };
            if !sent[at] {
                continue;
            }
            self.held[at] = change.action == Action::Add;
            if !is_killed {
                self.memory.note_read_back([change], fixture.context().now);
                if change.action.is_removal() {
                    self.owed[at] = None;
                }
            }
        }
        Ok(())
    }

    /// Since when a fact that this commit declares counts as declared: what was owed before, if nothing came between.
    fn first_of_run(&self, at: usize, commit: usize) -> usize {
        let known = facts::find(&self.memory.facts, &role_of(at)).filter(|fact| fact.dropped.is_none());
        known.and_then(|fact| fact.since.commit.as_ref()?.parse().ok()).unwrap_or(commit)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_retired_that_a_newer_commit_asks_for_and_nothing_is_forgotten_while_it_is_held(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let mut history = History {
            commits: vec![[false; PEOPLE]],
            held: [false; PEOPLE],
            memory: Memory::default(),
            owed: [None; PEOPLE],
        };
        for step in steps {
            match step {
                Step::Commit(declared) => history.commits.push(declared),
                Step::Console(who, is_held) => history.held[who] = is_held,
                Step::Reload => {
                    let json = serde_json::to_string(&history.memory).unwrap();
                    let read: Memory = serde_json::from_str(&json).unwrap();
                    prop_assert_eq!(&read, &history.memory);
                    history.memory = read;
                }
                Step::Apply { behind, sent, is_killed } => {
                    let commit = (history.commits.len() - 1).saturating_sub(behind);
                    history.apply(commit, &sent, is_killed)?;
                }
            }
        }
        // Whatever has happened: two applies of the newest commit leave what it asks for, and nothing that we gave.
        let newest = history.commits.len() - 1;
        for _ in 0..2 {
            history.apply(newest, &[true; PEOPLE], false)?;
        }
        for at in 0..PEOPLE {
            prop_assert!(!history.commits[newest][at] || history.held[at], "{} is declared", role_of(at));
        }
        let fixture = history.fixture(newest);
        prop_assert!(fixture.plan().changes.is_empty());
    }
}
