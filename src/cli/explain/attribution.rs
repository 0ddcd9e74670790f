//! Which object a place belongs to, the reason it gives, and where a team lists a user.

use crate::facts::{Email, Location, Source};
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::{Manifest, Manifests};
use crate::plan::explain::{Attribution, Explanation, Object, SourceEffect};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Fills it in.
pub(in crate::cli) fn fill(explanation: &mut Explanation, manifests: &Manifests) {
    let files = Files::new(explanation, manifests);
    let teams: HashMap<&str, &Manifest> = manifests
        .all()
        .iter()
        .filter(|manifest| manifest.kind() == Kind::Team)
        .map(|manifest| (&*manifest.name, manifest))
        .collect();
    for (fact, all) in explanation.attributions_mut() {
        let mut filled = Vec::with_capacity(all.len());
        for attributions in std::mem::take(all) {
            let membership = attributions
                .source
                .team
                .as_deref()
                .zip(fact.user.as_ref())
                .and_then(|(team, who)| listing(&teams, team, who))
                .filter(|(_, source)| source.place != attributions.source.place);
            filled.push(files.belonging(attributions));
            if let Some((team, source)) = membership {
                filled.push(files.belonging(Attribution::new(SourceEffect::InTeam, &source.through(&team))));
            }
        }
        *all = filled;
    }
}

/// Where a team, or a team in it, lists a user; and which team that is.
fn listing(teams: &HashMap<&str, &Manifest>, name: &str, who: &Email) -> Option<(Arc<str>, Source)> {
    let mut open = vec![name];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some((team, Spec::Team(spec))) = teams.get(name).map(|team| (team, &team.spec)) else { continue };
        if !seen.insert(name) {
            continue;
        }
        if let Some(index) = spec.members.iter().position(|member| member == who) {
            return Some((Arc::clone(&team.name), team.item("members", index)));
        }
        open.extend(spec.teams.iter().map(String::as_str));
    }
    None
}

/// The manifests of the files that matter, by the line they begin at.
struct Files<'m> {
    by_file: HashMap<Arc<str>, BTreeMap<u32, &'m Manifest>>,
}

impl<'m> Files<'m> {
    fn new(explanation: &mut Explanation, manifests: &'m Manifests) -> Self {
        let mut by_file: HashMap<Arc<str>, BTreeMap<u32, &'m Manifest>> = HashMap::new();
        for (_, all) in explanation.attributions_mut() {
            for attributions in all {
                if let Location::File { file, .. } = &attributions.source.place {
                    by_file.entry(Arc::clone(file)).or_default();
                }
            }
        }
        for manifest in manifests.all() {
            // Teams may be met on the way, wherever they stand.
            let Some(file) = manifest.file() else { continue };
            let lines = match manifest.kind() {
                Kind::Team => by_file.entry(Arc::clone(file)).or_default(),
                _ => match by_file.get_mut(file) {
                    Some(lines) => lines,
                    None => continue,
                },
            };
            lines.insert(manifest.spot("").span.line, manifest);
        }
        Self { by_file }
    }

    fn belonging(&self, attributions: Attribution) -> Attribution {
        let Location::File { file, line, column: _ } = &attributions.source.place else {
            return attributions;
        };
        let owner = self.by_file.get(file).and_then(|lines| lines.range(..=*line).next_back());
        let Some((_, manifest)) = owner else { return attributions };
        Attribution {
            object: Some(Object { kind: manifest.kind().name().to_owned(), name: manifest.name.to_string() }),
            reason: reason(manifest, &attributions.source.place),
            ..attributions
        }
    }
}

/// The `reason` of a subject.
fn reason(manifest: &Manifest, place: &Location) -> Option<String> {
    let reasons: Vec<Option<&String>> = match &manifest.spec {
        Spec::RoleBinding(spec) => spec.subjects.iter().map(|subject| subject.reason.as_ref()).collect(),
        Spec::GroupMembership(spec) => spec.subjects.iter().map(|subject| subject.reason.as_ref()).collect(),
        Spec::BotAssignment(spec) => spec.subjects.iter().map(|subject| subject.reason.as_ref()).collect(),
        Spec::Account(_)
        | Spec::User(_)
        | Spec::Team(_)
        | Spec::Role(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => return None,
    };
    let mut said = reasons.into_iter().enumerate().filter_map(|(index, reason)| Some((index, reason?)));
    said.find(|(index, _)| manifest.item("subjects", *index).place == *place)
        .map(|(_, reason)| reason.clone())
}
