//! Writes on role bindings and role definitions (kore-api 2.8 to 2.11).

use super::super::gateway::Call;
use super::super::reply::reason;
use super::super::transport::Body;
use super::super::wire::{RoleWire, Text, parse};
use super::super::{Endpoint, KoreError};
use super::{Misread, WriteReply, Writer};
use crate::facts::{BotId, Email, GroupName, RoleId, RoleName, RoleType};
use serde::Deserialize;
use serde_json::{Value, json};

/// Who gains and who loses a role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleEdit {
    /// Which role.
    pub role: RoleId,
    /// People who gain it, in the account's own spelling.
    pub add_users: Vec<Email>,
    /// People who lose it.
    pub remove_users: Vec<Email>,
    /// Groups that gain it, by name. Master Admin cannot be given to groups.
    pub add_groups: Vec<GroupName>,
    /// Groups that lose it.
    pub remove_groups: Vec<GroupName>,
}

impl RoleEdit {
    /// Nothing yet about this role.
    pub fn for_role(role: RoleId) -> Self {
        Self {
            role,
            add_users: Vec::new(),
            remove_users: Vec::new(),
            add_groups: Vec::new(),
            remove_groups: Vec::new(),
        }
    }

    fn json(&self) -> Value {
        let Self { role, add_users, remove_users, add_groups, remove_groups } = self;
        let spellings =
            |users: &[Email]| users.iter().map(|user| user.as_str().to_owned()).collect::<Vec<_>>();
        json!({
            "roleId": role,
            "addUsers": spellings(add_users),
            "removeUsers": spellings(remove_users),
            "addGroups": add_groups,
            "removeGroups": remove_groups,
        })
    }
}

/// The same, on one bot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BotRoleEdit {
    /// Which bot.
    pub bot: BotId,
    /// Which role, and who.
    pub edit: RoleEdit,
}

/// A role as the platform stored it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedRole {
    /// Its id now; whether an import keeps ids is undocumented.
    pub id: RoleId,
    /// Canonical name.
    pub name: RoleName,
}

impl Writer {
    /// Edits admin role bindings (2.10), one call. Failures are told by position.
    ///
    /// # Errors
    /// As [`Writer::create_users`].
    pub async fn assign_admin_roles(&self, edits: &[RoleEdit]) -> Result<WriteReply, KoreError> {
        let body = edits.iter().map(RoleEdit::json).collect();
        self.assign(Endpoint::AdminRoleAssignments, body).await
    }

    /// Edits bot role bindings (2.11), one call. Never name Bot Owner here.
    ///
    /// # Errors
    /// As [`Writer::create_users`].
    pub async fn assign_bot_roles(&self, edits: &[BotRoleEdit]) -> Result<WriteReply, KoreError> {
        let body = edits.iter().map(|BotRoleEdit { bot, edit }| {
            let mut json = edit.json();
            json["botId"] = json!(bot);
            json
        });
        self.assign(Endpoint::BotRoleAssignments, body.collect()).await
    }

    async fn assign(&self, endpoint: Endpoint, edits: Vec<Value>) -> Result<WriteReply, KoreError> {
        let sent = edits.len();
        let body = Value::Array(edits);
        self.send(Self::json(endpoint, &body), |body| {
            let answer: Value = parse(body)?;
            let elements = match answer {
                Value::Array(elements) => elements,
                Value::Object(map) if map.contains_key("errors") => return Err(Misread::Refused),
                _ => return Err(Misread::Unclear("the answer is no list".to_owned())),
            };
            if elements.len() != sent {
                return Err(Misread::Unclear(format!("{} answers for {sent} edits", elements.len())));
            }
            let failures = elements.iter().enumerate().filter_map(|(index, element)| {
                let status = element.get("status").and_then(Value::as_str).unwrap_or_default();
                // The vendor's own sample has a space behind the word (2.11).
                let is_success = status.trim().eq_ignore_ascii_case("success");
                let told =
                    || reason(element).map_or_else(|| format!("status \"{status}\""), |(text, _)| text);
                (!is_success).then(|| (index, told()))
            });
            Ok(self.failures(failures))
        })
        .await
    }

    /// Creates or changes roles by an incremental import (2.8): two calls, an upload (2.9) and the import. `documents` as
    /// the export gives them, with the changes laid over; nothing is ever deleted by it.
    ///
    /// An upload alone changes nothing, so a failed one is a refusal.
    ///
    /// # Errors
    /// As [`Writer::create_users`].
    pub async fn import_roles(
        &self,
        role_type: RoleType,
        documents: &[Value],
    ) -> Result<WriteReply<Vec<ImportedRole>>, KoreError> {
        let mut upload = Call::new(Endpoint::UploadFile);
        upload.body = Body::File {
            name: "roles.json",
            content: Value::from(documents.to_vec()).to_string().into_bytes(),
            fields: vec![("fileContext", "bulkImport"), ("fileExtension", "json")],
        };
        let file = match self.send(upload, uploaded).await? {
            WriteReply::Accepted(file) => file,
            WriteReply::Refused(vendor) | WriteReply::Unknown(vendor) => {
                return Ok(WriteReply::Refused(vendor));
            }
        };
        let import = Self::json(Endpoint::ImportRoles, &json!({ "fileId": file }))
            .query("roleType", role_type.as_str())
            .query("fullImport", false);
        self.send(import, |body| {
            if let Ok(Value::Object(map)) = parse::<Value>(body)
                && map.contains_key("errors")
            {
                return Err(Misread::Refused);
            }
            let roles = RoleWire::list(body, role_type)?;
            let stored = roles.into_iter().flatten();
            Ok(stored.map(|RoleWire { id, entry }| ImportedRole { id, name: entry.name }).collect())
        })
        .await
    }
}

fn uploaded(body: &[u8]) -> Result<String, Misread> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Uploaded {
        file_id: Text,
    }
    let Uploaded { file_id } = parse(body)?;
    file_id.get().map(str::to_owned).ok_or_else(|| Misread::Unclear("the upload got no file id".to_owned()))
}
