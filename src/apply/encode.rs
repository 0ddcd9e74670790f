//! A call in the words of facts becomes a request in the words of the API, and its answer is sorted by entry.
//!
//! What the API wants beyond the change comes from the read just made: both builder flags with every update
//! (left out, they default to *true*: kore-api 2.2), the complete list of a person's assignments, the account's own
//! spelling of an address, the exported document under an imported role.

use super::assignments::{as_sent, assignments_after};
use super::known_ids::KnownIds;
use crate::facts::{
    BotId, BuilderAccess, Email, Holder, Key, Level, PermissionName, PersonName, Policy, RoleId, RoleName,
    RoleSpec, RoleType, Value, World,
};
use crate::kore::{
    Assignments, BotAssignment, BotRoleEdit, Failure, Grant, KoreError, NewUser, RoleEdit, SetEdit,
    UserUpdate, WriteReply, Writer,
};
use crate::plan::pack::{Call, WriteKind};
use crate::plan::{Action, Change, ChangeId};
use std::collections::BTreeMap;
use std::fmt;

/// One call with all that its request is made of.
pub(super) struct RequestEncoder<'a> {
    pub call: &'a Call,
    pub changes: &'a BTreeMap<ChangeId, Change>,
    pub known_ids: &'a KnownIds,
    /// The read that the call was checked against.
    pub observed: &'a World,
}

/// An answer, sorted by the call's entries.
pub(super) enum Reply {
    /// Taken, but for these.
    Sorted {
        /// Entries refused, and why.
        refused: Vec<(usize, String)>,
        /// Entries that travelled as one and failed as one: the bad one among them is to be found.
        together: Vec<(Vec<usize>, String)>,
    },
    /// Refused as a whole.
    Refused(String),
    /// The reply was lost.
    Unknown(String),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sorted { refused, together } if refused.is_empty() && together.is_empty() => {
                f.write_str("accepted")
            }
            Self::Sorted { refused, together } => {
                let whys: Vec<&str> = refused
                    .iter()
                    .map(|(_, why)| why)
                    .chain(together.iter().map(|(_, why)| why))
                    .map(String::as_str)
                    .collect();
                write!(f, "accepted in part: {}", whys.join("; "))
            }
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Unknown(why) => write!(f, "unknown: {why}"),
        }
    }
}

impl RequestEncoder<'_> {
    /// Encodes the call, sends it, sorts the answer.
    pub(super) async fn send(&self, writer: &Writer, policy: &Policy) -> Result<Reply, KoreError> {
        match self.call.kind {
            WriteKind::ImportAdminRoles => self.import(RoleType::Admin, writer).await,
            WriteKind::ImportBotRoles => self.import(RoleType::Bot, writer).await,
            WriteKind::CreateUsers => {
                let users: Vec<NewUser> = self.entries().map(|entry| self.new_user(&entry)).collect();
                Ok(one_by_one(writer.create_users(&users, policy.invitations.send_email).await?))
            }
            WriteKind::UpdateUsers => {
                let users: Vec<UserUpdate> = self.entries().map(|entry| self.update(&entry)).collect();
                Ok(one_by_one(writer.update_users(&users).await?))
            }
            WriteKind::AssignAdminRoles | WriteKind::TakeMasterAdmin => {
                let elements = self.role_edits();
                let edits: Vec<RoleEdit> = elements.iter().map(|element| element.edit.clone()).collect();
                Ok(by_element(writer.assign_admin_roles(&edits).await?, &elements))
            }
            WriteKind::AssignBotRoles => {
                let elements = self.role_edits();
                let edits: Vec<BotRoleEdit> = elements
                    .iter()
                    .filter_map(|Element { edit, bot, entries: _ }| {
                        bot.clone().map(|bot| BotRoleEdit { bot, edit: edit.clone() })
                    })
                    .collect();
                Ok(by_element(writer.assign_bot_roles(&edits).await?, &elements))
            }
            WriteKind::SetDataTables { allow, access } => {
                Ok(one_by_one(writer.set_access(access, allow, &self.spellings()).await?))
            }
            WriteKind::RemoveUsers => Ok(one_by_one(writer.remove_users(&self.spellings()).await?)),
        }
    }

    fn entries(&self) -> impl Iterator<Item = Vec<&Change>> {
        self.call.entries.iter().map(|entry| entry.iter().filter_map(|id| self.changes.get(id)).collect())
    }

    fn spellings(&self) -> Vec<Email> {
        self.entries()
            .filter_map(|entry| entry.first().and_then(|change| change.key.email().cloned()))
            .map(|email| self.known_ids.spelling(&email))
            .collect()
    }

    fn new_user(&self, entry: &[&Change]) -> NewUser {
        let mut user = NewUser {
            email: person(entry),
            org_user_id: None,
            name: PersonName::default(),
            profile: BTreeMap::new(),
            groups: Vec::new(),
            roles: Vec::new(),
            assignments: Vec::new(),
            access: BuilderAccess::None,
        };
        for change in entry {
            match &change.key {
                Key::Names(_) => {
                    if let Some(Value::Names(name)) = &change.after {
                        user.name = name.clone();
                    }
                }
                Key::Profile(_) => {
                    if let Some(Value::Profile(fields)) = &change.after {
                        user.profile.clone_from(fields);
                        user.org_user_id = user.profile.remove("orgUserId");
                    }
                }
                Key::Access(_) => {
                    if let Some(Value::Access(access)) = &change.after {
                        user.access = *access;
                    }
                }
                Key::InGroup(_, group) => user.groups.extend(self.known_ids.group(group)),
                Key::AdminRole(_, role) => {
                    let role = self.known_ids.role(RoleType::Admin, role);
                    user.roles.extend(role.map(|role| Grant { role, bot: None }));
                }
                Key::BotRole(_, role, bot) => {
                    let role = self.known_ids.role(RoleType::Bot, role);
                    user.roles.extend(role.map(|role| Grant { role, bot: Some(bot.clone()) }));
                }
                Key::Assigned(_, bot) => {
                    if let Some(Value::Dialogs(dialogs)) = &change.after {
                        let dialogs = dialogs.only.as_ref().map(|only| only.iter().cloned().collect());
                        user.assignments.push(BotAssignment { bot: bot.clone(), dialogs });
                    }
                }
                // The entry itself, and what has calls of its own.
                Key::Member(_) | Key::DataTables(_) | Key::RoleDefinition(..) => {}
            }
        }
        user
    }

    fn update(&self, entry: &[&Change]) -> UserUpdate {
        let email = person(entry);
        // The run has dropped everyone whose access the read did not show.
        let access = access_of(self.observed, &email).unwrap_or(BuilderAccess::None);
        let mut update = unchanged(self.known_ids.spelling(&email), access);
        if entry.iter().any(|change| matches!(change.key, Key::Assigned(..))) {
            update.assignments = as_sent(assignments_after(&email, entry.iter().copied(), self.observed));
        }
        for change in entry {
            match &change.key {
                Key::Names(_) => {
                    if let Some(Value::Names(name)) = &change.after {
                        update.name = name.clone();
                    }
                }
                Key::Profile(_) => {
                    if let Some(Value::Profile(fields)) = &change.after {
                        update.profile.clone_from(fields);
                    }
                }
                Key::Access(_) => {
                    if let Some(Value::Access(access)) = &change.after {
                        update.access = *access;
                    }
                }
                Key::InGroup(_, group) => {
                    let SetEdit { add, remove } = &mut update.groups;
                    let edited = if change.after.is_some() { add } else { remove };
                    edited.extend(self.known_ids.group(group));
                }
                // Assignments are in the complete list, above; the rest has calls of its own.
                Key::Assigned(..)
                | Key::Member(_)
                | Key::DataTables(_)
                | Key::RoleDefinition(..)
                | Key::AdminRole(..)
                | Key::BotRole(..) => {}
            }
        }
        update
    }

    /// One element a role and bot, whoever it is about.
    fn role_edits(&self) -> Vec<Element> {
        let mut elements: BTreeMap<(RoleId, Option<BotId>), Element> = BTreeMap::new();
        for (at, entry) in self.entries().enumerate() {
            for change in entry {
                let role =
                    change.key.role().and_then(|(role_type, role)| self.known_ids.role(role_type, role));
                let (Some(role), Some(holder)) = (role, change.key.holder()) else { continue };
                let bot = change.key.bot().cloned();
                let Element { edit, bot: _, entries } = elements
                    .entry((role.clone(), bot.clone()))
                    .or_insert_with(|| Element { edit: RoleEdit::for_role(role), bot, entries: Vec::new() });
                entries.push(at);
                match (holder, change.action.is_removal()) {
                    (Holder::User(email), true) => edit.remove_users.push(self.known_ids.spelling(email)),
                    (Holder::User(email), false) => edit.add_users.push(self.known_ids.spelling(email)),
                    (Holder::Group(group), true) => edit.remove_groups.push(group.clone()),
                    (Holder::Group(group), false) => edit.add_groups.push(group.clone()),
                }
            }
        }
        elements.into_values().collect()
    }

    async fn import(&self, role_type: RoleType, writer: &Writer) -> Result<Reply, KoreError> {
        let documents: Vec<serde_json::Value> = self
            .entries()
            .flatten()
            .filter_map(|change| {
                let (Key::RoleDefinition(_, role), Some(Value::Role(spec))) = (&change.key, &change.after)
                else {
                    return None;
                };
                Some(self.document(role_type, role, spec, change.action))
            })
            .collect();
        Ok(match writer.import_roles(role_type, &documents).await? {
            WriteReply::Accepted(_) => Reply::Sorted { refused: Vec::new(), together: Vec::new() },
            WriteReply::Refused(vendor) => Reply::Refused(vendor.to_string()),
            WriteReply::Unknown(vendor) => Reply::Unknown(vendor.to_string()),
        })
    }

    /// The exported document with the declared keys laid over it, in the shape the export has.
    fn document(
        &self,
        role_type: RoleType,
        role: &RoleName,
        spec: &RoleSpec,
        action: Action,
    ) -> serde_json::Value {
        let exported = match action {
            Action::Add => None,
            Action::Change | Action::Remove | Action::Retire | Action::Prune => {
                self.known_ids.document(role_type, role)
            }
        };
        let mut document = exported.unwrap_or_else(|| {
            serde_json::json!({ "roleType": role_type.as_str(), "role": role.as_str(), "rDesc": "", "permissions": {} })
        });
        if let Some(description) = &spec.description {
            document["rDesc"] = description.as_str().into();
        }
        for (name, level) in &spec.permissions {
            let known = level_in(&document, name);
            if known.as_ref().is_some_and(|known| known.is_same(level)) {
                continue; // It stays as it was read, in the spelling in which it was read.
            }
            // A level that changes is written as this account spells it, if it is anywhere (kore-api 3.11).
            let spelled = self.known_ids.spelling_of_level(role_type, name, level);
            let level = spelled.as_ref().unwrap_or(level);
            let is_list = match document["permissions"].get(name.as_str()) {
                Some(known) => known.is_array(),
                None => role_type == RoleType::Bot,
            };
            document["permissions"][name.as_str()] = permission(level, is_list);
        }
        document
    }
}

/// The level of a permission in an exported document.
fn level_in(document: &serde_json::Value, name: &PermissionName) -> Option<Level> {
    let level = document["permissions"].get(name.as_str())?;
    level.as_str().or(level.get(0).and_then(serde_json::Value::as_str)).map(Level::new)
}

fn permission(level: &Level, is_list: bool) -> serde_json::Value {
    if is_list { serde_json::json!([level.as_str()]) } else { level.as_str().into() }
}

/// What a read says that a person may do in the builder. Nobody is updated without it: the flags go with every update.
pub(super) fn access_of(observed: &World, email: &Email) -> Option<BuilderAccess> {
    let value = observed.get(&Key::Access(email.clone()))?;
    if let Value::Access(access) = value { Some(*access) } else { None }
}

/// One element of an assignments body, and the entries of the call that it carries.
struct Element {
    edit: RoleEdit,
    bot: Option<BotId>,
    entries: Vec<usize>,
}

/// Who an entry is about; every entry of these bodies is about a person.
fn person(entry: &[&Change]) -> Email {
    entry.first().and_then(|change| change.key.email()).cloned().unwrap_or_else(|| Email::observed(""))
}

/// An update that changes nothing yet.
pub(super) fn unchanged(email: Email, access: BuilderAccess) -> UserUpdate {
    UserUpdate {
        email,
        name: PersonName::default(),
        profile: BTreeMap::new(),
        groups: SetEdit::default(),
        assignments: Assignments::Keep,
        access,
    }
}

/// Bodies whose entries stand one beside the other.
fn one_by_one(answer: WriteReply) -> Reply {
    match answer {
        WriteReply::Accepted(failures) => {
            let refused = failures.into_iter().map(|Failure { index, message }| (index, message)).collect();
            Reply::Sorted { refused, together: Vec::new() }
        }
        WriteReply::Refused(vendor) => Reply::Refused(vendor.to_string()),
        WriteReply::Unknown(vendor) => Reply::Unknown(vendor.to_string()),
    }
}

/// Bodies with one element for many entries.
fn by_element(answer: WriteReply, elements: &[Element]) -> Reply {
    let WriteReply::Accepted(failures) = answer else { return one_by_one(answer) };
    let (mut refused, mut together) = (Vec::new(), Vec::new());
    for Failure { index, message } in failures {
        match elements.get(index).map(|element| element.entries.as_slice()) {
            Some([entry]) => refused.push((*entry, message)),
            Some(several) => together.push((several.to_vec(), message)),
            None => {}
        }
    }
    Reply::Sorted { refused, together }
}
