//! Writes on users (kore-api 2.1, 2.2, 2.3, 2.12).

use super::super::wire::{Failures, parse};
use super::super::{Endpoint, KoreError};
use super::{Misread, WriteReply, Writer};
use crate::facts::{BotId, BuilderAccess, DialogId, Email, GroupId, PersonName, RoleId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A role given to a person: on a bot, or an admin role.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Grant {
    /// Which role.
    pub role: RoleId,
    /// On which bot; `None` for an admin role.
    pub bot: Option<BotId>,
}

/// A bot that is assigned to a user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BotAssignment {
    /// Which bot.
    pub bot: BotId,
    /// Which dialog tasks; `None` for all of them.
    pub dialogs: Option<Vec<DialogId>>,
}

/// A person to add, with everything they start with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUser {
    /// Sent as written.
    pub email: Email,
    /// The organisation's own id; can be set at creation only.
    pub org_user_id: Option<String>,
    /// First and last name.
    pub name: PersonName,
    /// Other profile fields, by API name (`companyName`, `dept`, …).
    pub profile: BTreeMap<String, String>,
    /// Groups to join.
    pub groups: Vec<GroupId>,
    /// Roles to hold.
    pub roles: Vec<Grant>,
    /// Bots to use.
    pub assignments: Vec<BotAssignment>,
    /// Builder access; always sent, because the vendor's default is *Creator*.
    pub access: BuilderAccess,
}

/// A change to a user of the account. What is empty or `None` stays as it is; roles go with the assignments calls, which
/// carry many people at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserUpdate {
    /// In the account's own spelling.
    pub email: Email,
    /// Name parts to set.
    pub name: PersonName,
    /// Other profile fields to set, by API name.
    pub profile: BTreeMap<String, String>,
    /// Groups to join and leave.
    pub groups: SetEdit<GroupId>,
    /// Bots to use.
    pub assignments: Assignments,
    /// Builder access, wanted or as just read: always sent, because leaving it out means *Creator* (kore-api 2.2).
    pub access: BuilderAccess,
}

/// What to add to a set and what to take out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetEdit<T> {
    /// To add.
    pub add: Vec<T>,
    /// To take out.
    pub remove: Vec<T>,
}

impl<T> Default for SetEdit<T> {
    fn default() -> Self {
        Self { add: Vec::new(), remove: Vec::new() }
    }
}

/// What an update does to a person's bot assignments (kore-api 2.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Assignments {
    /// Does not change them.
    #[default]
    Keep,
    /// The complete list: whether the platform replaces or adds is undocumented, and only the complete list is right
    /// under both.
    Complete(Vec<BotAssignment>),
    /// Takes all of them away.
    Clear,
}

impl Writer {
    /// Adds people (POST users, 2.1), one call. `send_email`: let the platform mail the activation link.
    ///
    /// Not idempotent: what happens for an existing user is undocumented, so look first.
    ///
    /// # Errors
    /// Only when nothing can have been written: credentials, scope, no connection, budget.
    pub async fn create_users(&self, users: &[NewUser], send_email: bool) -> Result<WriteReply, KoreError> {
        let entries: Vec<Value> = users.iter().map(new_user).collect();
        let body = json!({ "users": entries, "sendEmail": send_email });
        let people: Vec<EntryTarget<'_>> = users
            .iter()
            .map(|user| EntryTarget { email: user.email.as_str(), org_user_id: user.org_user_id.as_deref() })
            .collect();
        self.send_users(Endpoint::CreateUsers, &body, &people).await
    }

    /// Changes people (PUT users, 2.2), one call.
    ///
    /// # Errors
    /// As [`Writer::create_users`].
    pub async fn update_users(&self, users: &[UserUpdate]) -> Result<WriteReply, KoreError> {
        let body = json!({ "users": users.iter().map(update).collect::<Vec<_>>() });
        let people: Vec<EntryTarget<'_>> =
            users.iter().map(|user| EntryTarget::by_email(&user.email)).collect();
        self.send_users(Endpoint::UpdateUsers, &body, &people).await
    }

    /// Takes people out of the account (DELETE users, 2.3), one call. Addresses in the account's own spelling.
    ///
    /// # Errors
    /// As [`Writer::create_users`].
    pub async fn remove_users(&self, users: &[Email]) -> Result<WriteReply, KoreError> {
        let body = json!({ "deleteEmailIds": users.iter().map(Email::as_str).collect::<Vec<_>>() });
        let people: Vec<EntryTarget<'_>> = users.iter().map(EntryTarget::by_email).collect();
        self.send_users(Endpoint::RemoveUsers, &body, &people).await
    }

    /// Gives all of these people the same builder access and data-table access (POST useraccess, 2.12), one call. The
    /// platform takes all or none.
    ///
    /// # Errors
    /// As [`Writer::create_users`].
    pub async fn set_access(
        &self,
        access: BuilderAccess,
        data_tables: bool,
        users: &[Email],
    ) -> Result<WriteReply, KoreError> {
        let body = json!({
            "emailIds": users.iter().map(Email::as_str).collect::<Vec<_>>(),
            "canCreateBot": access.can_create_bot(),
            "isDeveloper": access.is_developer(),
            "hasDataTableAndViewAccess": data_tables,
        });
        self.send(Self::json(Endpoint::UserAccess, &body), |body| {
            let answer: Value = parse(body)?;
            let is_success = |text: &str| text.trim().eq_ignore_ascii_case("success");
            match &answer {
                Value::Array(words) if words.iter().any(|word| word.as_str().is_some_and(is_success)) => {
                    Ok(Vec::new())
                }
                Value::Object(map) if map.contains_key("errors") => Err(Misread::Refused),
                _ => Err(Misread::Unclear("the answer does not say SUCCESS".to_owned())),
            }
        })
        .await
    }

    async fn send_users(
        &self,
        endpoint: Endpoint,
        body: &Value,
        people: &[EntryTarget<'_>],
    ) -> Result<WriteReply, KoreError> {
        self.send(Self::json(endpoint, body), |body| {
            failed(parse(body)?, people).map(|failures| self.failures(failures))
        })
        .await
    }
}

/// Who an entry of a request is about, to find them again in the answer.
struct EntryTarget<'a> {
    email: &'a str,
    org_user_id: Option<&'a str>,
}

impl<'a> EntryTarget<'a> {
    fn by_email(email: &'a Email) -> Self {
        Self { email: email.as_str(), org_user_id: None }
    }
}

/// Which entries failed. A failure of a user who is not in the request makes the complete answer unclear.
fn failed(answer: Failures, people: &[EntryTarget<'_>]) -> Result<Vec<(usize, String)>, Misread> {
    let Failures { msg, failed_user_details, errors } = answer;
    if !errors.is_null() {
        return Err(Misread::Refused);
    }
    if msg.get().is_none() && failed_user_details.is_none() {
        return Err(Misread::Unclear("the answer says neither success nor failure".to_owned()));
    }
    let mut failures = Vec::new();
    for entry in failed_user_details.into_iter().flatten().filter(|entry| !entry.is_success()) {
        let place = |matches: &dyn Fn(&EntryTarget<'_>) -> bool| people.iter().position(matches);
        let by_email = entry.email().and_then(|email| {
            place(&|person| person.email == email)
                .or_else(|| place(&|person| person.email.eq_ignore_ascii_case(email)))
        });
        let by_id = || {
            let id = entry.org_user_id()?;
            place(&|person| person.org_user_id == Some(id))
        };
        let only = (people.len() == 1).then_some(0);
        let Some(index) = by_email.or_else(by_id).or(only) else {
            return Err(Misread::Unclear("a failure is listed for a user who was not sent".to_owned()));
        };
        failures.push((index, entry.message()));
    }
    failures.sort();
    failures.dedup_by_key(|(index, _)| *index);
    Ok(failures)
}

fn new_user(user: &NewUser) -> Value {
    let NewUser { email, org_user_id, name, profile, groups, roles, assignments, access } = user;
    let mut info = info(email, name, profile);
    if let Some(id) = org_user_id {
        info.insert("orgUserId".into(), id.as_str().into());
    }
    let mut entry = Map::new();
    entry.insert("userInfo".into(), Value::Object(info));
    let lists = [
        ("groups", groups.iter().map(|group| json!(group)).collect::<Vec<_>>()),
        ("roles", roles.iter().map(grant).collect()),
        // POST says streamId where PUT says botId (kore-api 2.0).
        ("assignBotTasks", assignments.iter().map(|assigned| assignment("streamId", assigned)).collect()),
    ];
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        entry.insert(key.into(), list.into());
    }
    entry.insert("canCreateBot".into(), access.can_create_bot().into());
    entry.insert("isDeveloper".into(), access.is_developer().into());
    Value::Object(entry)
}

fn update(user: &UserUpdate) -> Value {
    let UserUpdate { email, name, profile, groups, assignments, access } = user;
    let mut entry = Map::new();
    entry.insert("userInfo".into(), Value::Object(info(email, name, profile)));
    if !groups.add.is_empty() || !groups.remove.is_empty() {
        entry.insert("groups".into(), json!({ "addTo": groups.add, "removeFrom": groups.remove }));
    }
    let assigned = match assignments {
        Assignments::Keep => None,
        // An empty list might read as "not present"; an entry without bot is the documented way to clear.
        Assignments::Clear => Some(json!([{}])),
        Assignments::Complete(list) if list.is_empty() => Some(json!([{}])),
        Assignments::Complete(list) => {
            Some(list.iter().map(|assigned| assignment("botId", assigned)).collect::<Vec<_>>().into())
        }
    };
    if let Some(assigned) = assigned {
        entry.insert("assignBotTasks".into(), assigned);
    }
    entry.insert("canCreateBot".into(), access.can_create_bot().into());
    entry.insert("isDeveloper".into(), access.is_developer().into());
    Value::Object(entry)
}

fn info(email: &Email, name: &PersonName, profile: &BTreeMap<String, String>) -> Map<String, Value> {
    let PersonName { first, last } = name;
    let names = [("firstName", first), ("lastName", last)];
    let names = names.into_iter().filter_map(|(key, part)| Some((key.to_owned(), part.as_deref()?.into())));
    let profile = profile.iter().map(|(key, text)| (key.clone(), text.as_str().into()));
    std::iter::once(("emailId".to_owned(), email.as_str().into())).chain(names).chain(profile).collect()
}

fn grant(grant: &Grant) -> Value {
    match grant {
        Grant { role, bot: Some(bot) } => json!({ "roleId": role, "botId": bot }),
        Grant { role, bot: None } => json!({ "roleId": role }),
    }
}

fn assignment(bot_key: &str, assigned: &BotAssignment) -> Value {
    match assigned {
        BotAssignment { bot, dialogs: None } => json!({ bot_key: bot }),
        BotAssignment { bot, dialogs: Some(dialogs) } => json!({ bot_key: bot, "dialogs": dialogs }),
    }
}
