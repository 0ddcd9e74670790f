//! Teams stand for their members: nested teams are expanded once each, and remembered.

use super::people::People;
use crate::facts::Email;
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::model::{Index, Manifest};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// The members of a team, each once, in order.
#[derive(Debug, Default)]
pub(super) struct Expansion {
    /// Direct members and those of nested teams.
    pub(super) members: Vec<Email>,
    /// Why this is not everybody: a team that is named and not declared.
    pub(super) gap: Option<String>,
}

/// Expands teams by name.
pub(super) struct Teams<'m> {
    index: &'m Index<'m>,
    done: HashMap<*const Manifest, Rc<Expansion>>,
}

impl<'m> Teams<'m> {
    pub(super) fn new(index: &'m Index<'m>) -> Self {
        Self { index, done: HashMap::new() }
    }

    /// The members of the team that `from` calls `name`.
    pub(super) fn expand(&mut self, name: &str, from: &Manifest, people: &mut People) -> Rc<Expansion> {
        let Some(team) = self.find(name, from) else {
            let gap = Some(format!("there is no team {name}"));
            return Rc::new(Expansion { members: Vec::new(), gap });
        };
        if let Some(done) = self.done.get(&std::ptr::from_ref(team)) {
            return Rc::clone(done);
        }
        let mut members: BTreeSet<Email> = BTreeSet::new();
        let mut gap = None;
        // A walk over everything the team reaches: a cycle is an error of its own, and ends here by `seen`.
        let mut seen: Vec<*const Manifest> = vec![team];
        let mut open: Vec<&Manifest> = vec![team];
        while let Some(current) = open.pop() {
            let Spec::Team(spec) = &current.spec else { continue };
            members.extend(spec.members.iter().map(|member| people.known(member)));
            for inner in &spec.teams {
                match self.find(inner, current) {
                    Some(inner) if !seen.contains(&std::ptr::from_ref(inner)) => {
                        seen.push(inner);
                        open.push(inner);
                    }
                    Some(_) => {}
                    None => gap = Some(format!("there is no team {inner}")),
                }
            }
        }
        let expansion = Rc::new(Expansion { members: members.into_iter().collect(), gap });
        self.done.insert(team, Rc::clone(&expansion));
        expansion
    }

    fn find(&self, name: &str, from: &Manifest) -> Option<&'m Manifest> {
        let team = self.index.find(Kind::Team, name, from)?;
        match (team.spec.account(), from.spec.account()) {
            (Some(theirs), Some(ours)) if theirs != ours => None,
            _ => Some(team),
        }
    }
}
