//! Facts become edits of documents: which list gets an item, which item goes, which field changes.
//!
//! Each fact is decided as a whole before any of its edits counts, so that one that has to be left to a person leaves
//! nothing behind.

use super::document::DocumentEdit;
use super::fresh::{Fresh, Grantee, Target};
use super::place::{Mention, Places, grant_of, is_authoritative, subjects};
use super::sequence::ListItem;
use super::{Adoption, Declared, Stance};
use crate::facts::{
    BuilderAccess, DialogId, DialogSet, Email, Holder, Key, Membership, PersonName, RoleName, RoleSpec,
    RoleType, ScopeExtent, Value, Verdict, World,
};
use crate::manifest::kinds::{KoreUserSpec, Spec, shared::State};
use crate::manifest::write::names::KnownNames;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Most items that a list takes.
const LONGEST_LIST: usize = 1000;

/// Why a fact is left to a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    /// Which object it is about.
    pub object: Option<usize>,
    /// Why.
    pub why: String,
    /// What a person would write there.
    pub lines: Vec<String>,
}

fn refuse<T>(object: Option<usize>, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { object, why: why.into(), lines: Vec::new() })
}

/// One step of a fact.
enum Step {
    Remove(Mention),
    Insert { object: usize, list: &'static str, item: ListItem },
    Scalar { object: usize, field: &'static str, value: Option<String> },
    Permission { object: usize, name: String, level: Option<String> },
    RemoveObject(usize),
    User(Email),
    Grant(Target, Grantee),
    Expect(Key, Declared),
}

/// What the facts come to.
#[derive(Default)]
pub(super) struct Planned {
    /// By object: the edit, and the facts that it is for.
    pub edits: BTreeMap<usize, (DocumentEdit, BTreeSet<usize>)>,
    /// Documents that come.
    pub fresh: Fresh,
    /// What the manifests declare of these facts afterwards.
    pub expected: BTreeMap<Key, Declared>,
    /// Facts that are left to a person.
    pub refused: BTreeMap<usize, Refusal>,
}

/// Decides about each fact.
pub(super) struct Planner<'p, 'm> {
    pub places: &'p Places<'m>,
    pub known: &'p KnownNames<'p>,
    pub world: &'p World,
    /// What is declared now.
    pub before: &'p BTreeMap<Key, Declared>,
    /// People who are adopted, so that what they hold may be.
    pub joining: BTreeSet<Email>,
    pub planned: Planned,
}

impl Planner<'_, '_> {
    /// Takes one fact; what it comes to is in `planned`.
    pub(super) fn take(&mut self, number: usize, adoption: &Adoption) {
        let steps = match &adoption.stance {
            Stance::Gone => self.gone(&adoption.key),
            Stance::Present { value, until, reason } => {
                self.present(&adoption.key, value, *until, reason.as_deref())
            }
        };
        match steps {
            Ok(steps) => steps.into_iter().for_each(|step| self.step(number, step)),
            Err(refusal) => drop(self.planned.refused.insert(number, refusal)),
        }
    }

    fn step(&mut self, number: usize, step: Step) {
        let Planned { edits, fresh, expected, .. } = &mut self.planned;
        match step {
            Step::Remove(Mention { object, list, index }) => {
                edit_of(edits, object, number).spec.lists.entry(list).or_default().remove.insert(index);
            }
            Step::Insert { object, list, item } => {
                edit_of(edits, object, number).spec.lists.entry(list).or_default().insert.push(item);
            }
            Step::Scalar { object, field, value } => {
                edit_of(edits, object, number).spec.scalars.insert(field.to_owned(), value);
            }
            Step::Permission { object, name, level } => {
                edit_of(edits, object, number).permissions.scalars.insert(name, level);
            }
            Step::RemoveObject(object) => edit_of(edits, object, number).is_removed = true,
            Step::User(email) => fresh.users.push((email, number)),
            Step::Grant(target, grantee) => fresh.grants.entry(target).or_default().push((grantee, number)),
            Step::Expect(key, declared) => drop(expected.insert(key, declared)),
        }
    }

    fn present(
        &self,
        key: &Key,
        value: &Value,
        until: Option<Timestamp>,
        reason: Option<&str>,
    ) -> Result<Vec<Step>, Refusal> {
        match (key, value) {
            (Key::Member(email), _) => self.joins(email),
            (Key::Names(email), Value::Names(names)) => self.renamed(email, names),
            (Key::Access(email), Value::Access(access)) => self.access(email, *access),
            (Key::RoleDefinition(role_type, role), Value::Role(seen)) => self.role(*role_type, role, seen),
            (Key::Assigned(email, _), Value::Dialogs(dialogs)) if self.is_declared_present(key) => {
                self.other_dialogs(key, email, dialogs)
            }
            (_, Value::Inherited(_)) => refuse(None, "it is held through a group: adopt the group's role"),
            _ => match grant_of(key) {
                Some((extent, holder)) => self.granted(key, &extent, &holder, value, until, reason),
                None => refuse(None, "the platform does not show it, so it cannot be adopted"),
            },
        }
    }

    fn is_declared_present(&self, key: &Key) -> bool {
        matches!(self.before.get(key), Some(Some((Verdict::Present(_), _))))
    }

    fn joins(&self, email: &Email) -> Result<Vec<Step>, Refusal> {
        if Email::parse(email.as_str()).is_err() {
            return refuse(None, "a manifest cannot hold this address");
        }
        let declared = self.places.users.get(email).map_or(&[][..], Vec::as_slice);
        if declared.is_empty() {
            let user = super::fresh::user_facts(self.world, email);
            let expected = user.into_iter().map(|(key, value)| Step::Expect(key, Some(present(value))));
            return Ok(std::iter::once(Step::User(email.clone())).chain(expected).collect());
        }
        let mut steps =
            vec![Step::Expect(Key::Member(email.clone()), Some(present(Value::Member(Membership::Joined))))];
        for object in declared {
            let Spec::User(spec) = &self.places.objects[*object].spec else { continue };
            if spec.state == State::Absent && !says_nothing_else(spec) {
                return refuse(
                    Some(*object),
                    "the object declares the user absent, and more: delete state: Absent",
                );
            }
            steps.push(Step::Scalar { object: *object, field: "state", value: None });
        }
        Ok(steps)
    }

    fn renamed(&self, email: &Email, seen: &PersonName) -> Result<Vec<Step>, Refusal> {
        let mut steps = Vec::new();
        let mut expected = PersonName::default();
        for object in self.places.users.get(email).into_iter().flatten() {
            let Spec::User(spec) = &self.places.objects[*object].spec else { continue };
            for (field, declared, seen, part) in [
                ("firstName", &spec.first_name, &seen.first, &mut expected.first),
                ("lastName", &spec.last_name, &seen.last, &mut expected.last),
            ] {
                if declared.is_none() {
                    continue;
                }
                *part = seen.clone().filter(|name| !name.is_empty());
                if declared.as_deref() != part.as_deref() {
                    steps.push(Step::Scalar { object: *object, field, value: part.clone() });
                }
            }
        }
        if steps.is_empty() {
            return refuse(None, "no KoreUser declares the name");
        }
        let is_left = expected != PersonName::default();
        let declared = is_left.then_some((Verdict::Present(Value::Names(expected)), None));
        steps.push(Step::Expect(Key::Names(email.clone()), declared));
        Ok(steps)
    }

    fn access(&self, email: &Email, seen: BuilderAccess) -> Result<Vec<Step>, Refusal> {
        let mut steps = Vec::new();
        for object in self.places.users.get(email).into_iter().flatten() {
            let Spec::User(spec) = &self.places.objects[*object].spec else { continue };
            if spec.builder_access.is_some() {
                let value = Some(seen.label().to_owned());
                steps.push(Step::Scalar { object: *object, field: "builderAccess", value });
            }
        }
        if steps.is_empty() {
            return refuse(None, "no KoreUser declares the builder access");
        }
        steps.push(Step::Expect(Key::Access(email.clone()), Some(present(Value::Access(seen)))));
        Ok(steps)
    }

    fn role(&self, role_type: RoleType, role: &RoleName, seen: &RoleSpec) -> Result<Vec<Step>, Refusal> {
        let objects = self.places.roles.get(&(role_type, role.clone())).map_or(&[][..], Vec::as_slice);
        let [object] = objects else { return refuse(None, "no KoreRole declares it, or several do") };
        let Spec::Role(spec) = &self.places.objects[*object].spec else { return refuse(None, "no KoreRole") };
        let mut steps = Vec::new();
        let mut expected = RoleSpec { description: None, permissions: spec.permissions.clone() };
        for (name, declared) in &spec.permissions {
            let level = match seen.permissions.get(name) {
                Some(level) if level.is_same(declared) => continue,
                Some(level) => {
                    expected.permissions.insert(name.clone(), level.clone());
                    Some(level.to_string())
                }
                None => {
                    expected.permissions.remove(name);
                    None
                }
            };
            steps.push(Step::Permission { object: *object, name: name.to_string(), level });
        }
        if let Some(declared) = &spec.description {
            let text = seen.description.clone().filter(|text| !text.is_empty());
            if text.as_deref().unwrap_or_default() == declared {
                expected.description = Some(declared.clone());
            } else {
                expected.description.clone_from(&text);
                steps.push(Step::Scalar { object: *object, field: "description", value: text });
            }
        }
        if steps.is_empty() {
            return refuse(Some(*object), "what differs is not declared by this KoreRole");
        }
        let key = Key::RoleDefinition(role_type, role.clone());
        steps.push(Step::Expect(key, Some(present(Value::Role(expected)))));
        Ok(steps)
    }

    fn granted(
        &self,
        key: &Key,
        extent: &ScopeExtent,
        holder: &Holder,
        value: &Value,
        until: Option<Timestamp>,
        reason: Option<&str>,
    ) -> Result<Vec<Step>, Refusal> {
        if let Value::Dialogs(DialogSet { has_other_tasks: true, .. }) = value {
            return refuse(None, "it lists tasks that no manifest can declare: change it in the console");
        }
        let mut steps: Vec<Step> =
            self.places.mentions_in(extent, holder, "absent").into_iter().map(Step::Remove).collect();
        if let Holder::User(email) = holder {
            self.check_person(email)?;
            if let (false, [through, ..]) =
                (steps.is_empty(), self.places.through_teams(extent, email).as_slice())
            {
                return refuse(
                    Some(*through),
                    "it is declared absent beside a team that grants it: delete that line",
                );
            }
        }
        let grantee = Grantee { holder: holder.clone(), until, reason: reason.map(str::to_owned) };
        let value =
            match self.home(extent, value) {
                Ok(Some((object, value))) => {
                    let item = ListItem::Fields(grantee.fields());
                    steps.push(Step::Insert { object, list: "subjects", item });
                    value
                }
                Ok(None) => match (key, self.groups_of(key)) {
                    (Key::InGroup(_, group), Some(object)) if until.is_none() => {
                        let item = ListItem::Text(group.to_string());
                        steps.push(Step::Insert { object, list: "groups", item });
                        value.clone()
                    }
                    _ => {
                        let target = Target::new(extent, value, holder, self.known)
                            .map_err(|why| Refusal { object: None, why, lines: Vec::new() })?;
                        steps.push(Step::Grant(target, grantee));
                        value.clone()
                    }
                },
                Err(mut refusal) => {
                    refusal.lines = grantee.lines();
                    return Err(refusal);
                }
            };
        steps.push(Step::Expect(key.clone(), Some((Verdict::Present(value), until))));
        Ok(steps)
    }

    /// What is declared absent holds nothing.
    fn check_person(&self, email: &Email) -> Result<(), Refusal> {
        if Email::parse(email.as_str()).is_err() {
            return refuse(None, "a manifest cannot hold this address");
        }
        let is_absent = |object: &&usize| matches!(&self.places.objects[**object].spec, Spec::User(spec) if spec.state == State::Absent);
        let absent = self.places.users.get(email).into_iter().flatten().find(is_absent);
        match absent.filter(|_| !self.joining.contains(email)) {
            Some(object) => refuse(Some(*object), "the user is declared absent here"),
            None => Ok(()),
        }
    }

    /// The object that gets a new holder, and what it declares of them: the authoritative one, else the longest.
    fn home(&self, extent: &ScopeExtent, value: &Value) -> Result<Option<(usize, Value)>, Refusal> {
        let objects = self.places.lists_about(extent);
        let pending = |object: usize| {
            let edit = self.planned.edits.get(&object).and_then(|(edit, _)| edit.spec.lists.get("subjects"));
            edit.map_or(0, |edit| edit.insert.len())
        };
        let length = |object: usize| subjects(self.places.objects[object]).len();
        let has_room = |object: usize| length(object) + pending(object) < LONGEST_LIST;
        if let Some(list) = objects.iter().find(|object| is_authoritative(self.places.objects[**object])) {
            let candidates = objects.iter().filter(|object| is_authoritative(self.places.objects[**object]));
            let fitting = candidates
                .filter(|object| has_room(**object))
                .find_map(|object| Some((*object, self.declared_by(*object, value)?)));
            return match fitting {
                Some(found) => Ok(Some(found)),
                None => refuse(
                    Some(*list),
                    "its list is authoritative, and a line there would declare more or other dialogs",
                ),
            };
        }
        let fits =
            |object: &&usize| has_room(**object) && self.declared_by(**object, value).as_ref() == Some(value);
        let longest =
            objects.iter().filter(fits).max_by_key(|object| (length(**object), usize::MAX - **object));
        Ok(longest.map(|object| (*object, value.clone())))
    }

    /// The value that a line in this object declares, if what is observed satisfies it.
    fn declared_by(&self, object: usize, seen: &Value) -> Option<Value> {
        let declared = match &self.places.objects[object].spec {
            Spec::BotAssignment(spec) if spec.dialogs.is_empty() => Value::Dialogs(DialogSet::ALL),
            Spec::BotAssignment(spec) => Value::Dialogs(DialogSet::only(spec.dialogs.iter().cloned())),
            _ => Value::Held,
        };
        seen.satisfies(&declared).then_some(declared)
    }

    /// The `KoreUser` that lists the groups of this person already.
    fn groups_of(&self, key: &Key) -> Option<usize> {
        let users = key.email().and_then(|email| self.places.users.get(email))?;
        let has_groups = |object: &&usize| matches!(&self.places.objects[**object].spec, Spec::User(spec) if !spec.groups.is_empty());
        users.iter().find(has_groups).copied()
    }

    fn other_dialogs(&self, key: &Key, email: &Email, seen: &DialogSet) -> Result<Vec<Step>, Refusal> {
        let Some((extent, holder)) = grant_of(key) else { return refuse(None, "no assignment") };
        if let [through, ..] = self.places.through_teams(&extent, email).as_slice() {
            return refuse(
                Some(*through),
                "it is declared through a team, whose members have the same dialogs",
            );
        }
        let mentions = self.places.mentions_in(&extent, &holder, "subjects");
        let [mention] = mentions.as_slice() else {
            return refuse(mentions.first().map(|mention| mention.object), "several lines declare it");
        };
        let object = self.places.objects[mention.object];
        let all = subjects(object);
        let Spec::BotAssignment(spec) = &object.spec else { return refuse(None, "no KoreBotAssignment") };
        let Some(only) = seen.only.as_ref().filter(|only| !only.is_empty() && !seen.has_other_tasks) else {
            return refuse(Some(mention.object), "no manifest can declare these tasks");
        };
        let expected = Value::Dialogs(DialogSet::only(only.iter().cloned()));
        let view = all[mention.index];
        let mut steps = Vec::new();
        if all.len() == 1 {
            steps.extend(other_list(mention.object, &spec.dialogs, only));
        } else {
            let grantee = Grantee {
                holder: holder.clone(),
                until: view.expires_at,
                reason: view.reason.map(str::to_owned),
            };
            steps.push(Step::Remove(*mention));
            match self.home(&extent, &expected)? {
                Some((object, value)) if value == expected => {
                    steps.push(Step::Insert {
                        object,
                        list: "subjects",
                        item: ListItem::Fields(grantee.fields()),
                    });
                }
                Some((object, _)) => {
                    return refuse(Some(object), "its list is authoritative for other dialogs");
                }
                None => {
                    let target = Target::new(&extent, &expected, &holder, self.known).map_err(|why| {
                        Refusal { object: Some(mention.object), why, lines: grantee.lines() }
                    })?;
                    steps.push(Step::Grant(target, grantee));
                }
            }
        }
        steps.push(Step::Expect(key.clone(), Some((Verdict::Present(expected), view.expires_at))));
        Ok(steps)
    }

    fn gone(&self, key: &Key) -> Result<Vec<Step>, Refusal> {
        match key {
            Key::Member(email) => self.leaves(email),
            Key::RoleDefinition(role_type, role) => self.role_gone(*role_type, role),
            _ => match grant_of(key) {
                Some((extent, holder)) => self.revoked(key, &extent, &holder),
                None => refuse(None, "the platform does not show it, so it cannot be adopted"),
            },
        }
    }

    /// Every line that names the person goes, and with them everything that is declared of them.
    fn leaves(&self, email: &Email) -> Result<Vec<Step>, Refusal> {
        let holder = Holder::User(email.clone());
        let objects =
            self.places.users.get(email).into_iter().flatten().map(|object| Step::RemoveObject(*object));
        let mentions = self.places.mentions(&holder).iter().copied().map(Step::Remove);
        let mut steps: Vec<Step> = objects.chain(mentions).collect();
        if steps.is_empty() {
            return refuse(None, "no line names the user");
        }
        let facts = self.before.keys().filter(|key| key.email() == Some(email));
        steps.extend(facts.map(|key| Step::Expect(key.clone(), None)));
        Ok(steps)
    }

    fn role_gone(&self, role_type: RoleType, role: &RoleName) -> Result<Vec<Step>, Refusal> {
        let is_of = |extent: &ScopeExtent| match extent {
            ScopeExtent::AdminRole(name) => role_type == RoleType::Admin && name == role,
            ScopeExtent::BotRole(name, _) => role_type == RoleType::Bot && name == role,
            ScopeExtent::Group(_) | ScopeExtent::Assignments(_) => false,
        };
        let binding =
            self.places.lists.iter().filter(|(extent, _)| is_of(extent)).flat_map(|(_, objects)| objects);
        if let Some(object) = binding.min() {
            return refuse(
                Some(*object),
                "the role is gone, and this KoreRoleBinding grants it: delete both",
            );
        }
        let Some(objects) = self.places.roles.get(&(role_type, role.clone())) else {
            return refuse(None, "no KoreRole declares it");
        };
        let removed = objects.iter().map(|object| Step::RemoveObject(*object));
        let gone = Step::Expect(Key::RoleDefinition(role_type, role.clone()), None);
        Ok(removed.chain([gone]).collect())
    }

    fn revoked(&self, key: &Key, extent: &ScopeExtent, holder: &Holder) -> Result<Vec<Step>, Refusal> {
        let mut steps: Vec<Step> =
            self.places.mentions_in(extent, holder, "subjects").into_iter().map(Step::Remove).collect();
        if let Key::InGroup(email, group) = key {
            for object in self.places.users.get(email).into_iter().flatten() {
                let Spec::User(spec) = &self.places.objects[*object].spec else { continue };
                let named = spec.groups.iter().enumerate().filter(|(_, name)| *name == group);
                steps.extend(
                    named.map(|(index, _)| Step::Remove(Mention { object: *object, list: "groups", index })),
                );
            }
        }
        let through = match holder {
            Holder::User(email) => self.places.through_teams(extent, email),
            Holder::Group(_) => Vec::new(),
        };
        let (None, true) = (through.first(), steps.is_empty()) else {
            let mut declared = None;
            // What a team gives is taken from one of its members by name.
            if let (Some(object), Holder::User(email)) = (through.first(), holder) {
                let item = ListItem::Fields(vec![("user", email.as_str().to_owned())]);
                steps.push(Step::Insert { object: *object, list: "absent", item });
                declared = Some((Verdict::Absent, None));
            }
            steps.push(Step::Expect(key.clone(), declared));
            return Ok(steps);
        };
        refuse(None, "the line that declares it was not found")
    }
}

/// The edit of an object, which this fact is now a part of.
fn edit_of(
    edits: &mut BTreeMap<usize, (DocumentEdit, BTreeSet<usize>)>,
    object: usize,
    number: usize,
) -> &mut DocumentEdit {
    let (edit, numbers) = edits.entry(object).or_default();
    numbers.insert(number);
    edit
}

fn present(value: Value) -> (Verdict, Option<Timestamp>) {
    (Verdict::Present(value), None)
}

/// Whether a `KoreUser` that is declared absent declares nothing that would count once it is not.
fn says_nothing_else(spec: &KoreUserSpec) -> bool {
    spec.first_name.is_none()
        && spec.last_name.is_none()
        && spec.builder_access.is_none()
        && spec.groups.is_empty()
        && spec.profile.is_none()
        && spec.org_user_id.is_none()
        && spec.data_tables.is_none()
}

/// The steps that make one list of dialogs another.
fn other_list(object: usize, declared: &[DialogId], only: &BTreeSet<DialogId>) -> Vec<Step> {
    let removed = declared.iter().enumerate().filter(|(_, dialog)| !only.contains(*dialog));
    let added = only.iter().filter(|dialog| !declared.contains(dialog)).map(|dialog| {
        let item = ListItem::Text(dialog.to_string());
        Step::Insert { object, list: "dialogs", item }
    });
    removed.map(|(index, _)| Step::Remove(Mention { object, list: "dialogs", index })).chain(added).collect()
}
