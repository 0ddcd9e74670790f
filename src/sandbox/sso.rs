//! The configuration of single sign-on, as the API and the console both write it (2.17). Only SAML is documented; the
//! other protocols are stored alike.

use super::admin::NewUser;
use super::admin::edit::Editor;
use super::dialect::Dialect;
use super::error::SandboxError;
use super::store::bindings::{self, HolderSeq, NO_BOT};
use super::store::{accounts, apps, groups, roles, settings, users};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const PROTOCOLS: [&str; 3] = ["saml", "wsfed", "oidc"];
/// More are not taken.
pub(crate) const CERTIFICATES_MAX: usize = 2;

/// What is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) protocol: String,
    pub(crate) provider: String,
    pub(crate) entry_point: String,
    pub(crate) issuer: String,
    pub(crate) certificates: Vec<String>,
    pub(crate) restricts_onboarding: bool,
    /// No second factor for sign-ins that begin at the identity provider, or here.
    pub(crate) skips_second_factor: (bool, bool),
    /// Requests for a sign-in do not say how the identity provider is to check the person.
    pub(crate) excludes_authn_context: bool,
    pub(crate) mapping: Option<Mapping>,
}

/// Roles and groups given by attributes of the identity provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// What the attributes do not say is taken away.
    pub(crate) is_full: bool,
    pub(crate) attributes: Vec<Attribute>,
}

/// One attribute, and what it gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) value: String,
    /// `Role` or `Group`.
    pub(crate) kind: String,
    /// A role's id, a group's id, or `isDeveloper`.
    pub(crate) kore: String,
}

/// Users who keep their password while single sign-on is on (3.9). The API shows nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exclusions {
    pub(crate) emails: Vec<String>,
}

const EXCLUSIONS: &str = "sso-exclusions";

impl Exclusions {
    pub(crate) fn load(conn: &Connection, account: i64) -> rusqlite::Result<Self> {
        settings::of_account(conn, account, EXCLUSIONS)
    }

    pub(crate) fn save(&self, conn: &Connection, account: i64) -> rusqlite::Result<()> {
        settings::save_of_account(conn, account, EXCLUSIONS, self)
    }

    /// Whether the user of that address is among them.
    pub(crate) fn has(&self, email: &str) -> bool {
        self.emails.iter().any(|one| one.eq_ignore_ascii_case(email))
    }
}

/// Switches single sign-on on, and the second factor off: they exclude each other (3.9). Returns what is stored.
pub(crate) fn enable(
    conn: &Connection,
    account: i64,
    config: &Config,
    modified_by: &str,
    now: &str,
) -> rusqlite::Result<Value> {
    let document = document(config, modified_by, now);
    apps::set_sso(conn, account, &config.protocol, &document.to_string())?;
    accounts::set_two_factor(conn, account, false)?;
    Ok(document)
}

fn document(config: &Config, modified_by: &str, now: &str) -> Value {
    let (idp, sp) = config.skips_second_factor;
    let mut document = json!({
        "method": config.protocol, "allusers": false, "ssoProvider": config.provider,
        "autoOnboarding": { "restrict": config.restricts_onboarding },
        "modifiedDate": now, "modifiedBy": modified_by,
        "skip2faVerification": { "idp": idp, "sp": sp },
        "config": {
            "cert": config.certificates, "entryPoint": config.entry_point, "issuer": config.issuer,
            "disableRequestedAuthnContext": config.excludes_authn_context
        }
    });
    if let Some(Mapping { is_full, attributes }) = &config.mapping {
        let attributes: Vec<Value> = attributes
            .iter()
            .map(|Attribute { name, value, kind, kore }| {
                json!({
                    "samlAttributeName": name, "samlAttributeValue": value, "attributeType": kind,
                    "koreAttribute": kore
                })
            })
            .collect();
        document["samlAttributeMapping"] = json!({
            "fullSynchronization": if *is_full { "enabled" } else { "disabled" }, "status": "active",
            "attributeMapping": attributes
        });
    }
    document
}

/// What a stored document says.
pub(crate) fn read(document: &Value) -> Config {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let flag = |value: &Value| value.as_bool().unwrap_or(false);
    let mapping = &document["samlAttributeMapping"];
    let attributes = mapping["attributeMapping"].as_array().map(Vec::as_slice).unwrap_or_default();
    Config {
        protocol: text(&document["method"]),
        provider: text(&document["ssoProvider"]),
        entry_point: text(&document["config"]["entryPoint"]),
        issuer: text(&document["config"]["issuer"]),
        certificates: document["config"]["cert"]
            .as_array()
            .map(|all| all.iter().map(text).collect())
            .unwrap_or_default(),
        restricts_onboarding: flag(&document["autoOnboarding"]["restrict"]),
        skips_second_factor: (
            flag(&document["skip2faVerification"]["idp"]),
            flag(&document["skip2faVerification"]["sp"]),
        ),
        excludes_authn_context: flag(&document["config"]["disableRequestedAuthnContext"]),
        mapping: mapping.is_object().then(|| Mapping {
            is_full: mapping["fullSynchronization"] == "enabled",
            attributes: attributes
                .iter()
                .map(|one| Attribute {
                    name: text(&one["samlAttributeName"]),
                    value: text(&one["samlAttributeValue"]),
                    kind: text(&one["attributeType"]),
                    kore: text(&one["koreAttribute"]),
                })
                .collect(),
        }),
    }
}

/// The switches that attributes can set, by field and by label (2.17). Of the first only the field is documented.
const SWITCHES: [(&str, &str); 3] = [
    ("isDeveloper", "isDeveloper"),
    ("canCreateBot", "New App Creation"),
    ("hasDataTableAndViewAccess", "Data Tables and Views"),
];

/// Writes the switches of a stored document by their labels.
pub(crate) fn label_switches(document: &mut Value) {
    let attributes =
        document.pointer_mut("/samlAttributeMapping/attributeMapping").and_then(Value::as_array_mut);
    for attribute in attributes.into_iter().flatten() {
        if let Some((_, label)) = SWITCHES.iter().find(|(field, _)| attribute["koreAttribute"] == *field) {
            attribute["koreAttribute"] = json!(label);
        }
    }
}

/// A user signs in at the identity provider with these attributes: a stranger joins unless that is restricted, and
/// the mapping gives and takes.
pub(crate) fn sign_in(
    editor: &Editor<'_>,
    dialect: &Dialect,
    email: &str,
    attributes: &[(&str, &str)],
) -> Result<(), SandboxError> {
    let (conn, account) = (editor.conn, editor.account.seq);
    let Some((_, document)) = apps::sso(conn, account)? else {
        return Err(SandboxError::NoSingleSignOn(editor.account.id.clone()));
    };
    let config = read(&serde_json::from_str(&document)?);
    if Exclusions::load(conn, account)?.has(email) {
        return Err(SandboxError::KeepsPassword(email.to_owned()));
    }
    if users::by_email(conn, account, email, false)?.is_none() {
        if config.restricts_onboarding {
            return Err(SandboxError::NotAdmitted(email.to_owned()));
        }
        editor.add_user(&NewUser::active(email))?;
    }
    let user = editor.user(email)?;
    users::set_last_login(conn, account, &user.email.to_lowercase(), &editor.now)?;
    let Some(Mapping { is_full, attributes: mapped }) = config.mapping else { return Ok(()) };
    let mut switches = [user.is_developer, user.can_create_bot, false];
    if is_full {
        for (_, id, _) in groups::of_users(conn, &[user.seq], false)? {
            if let Some(group) = groups::by_id(conn, account, &id)? {
                groups::leave(conn, group.seq, user.seq)?;
            }
        }
        bindings::unbind_admin_roles(conn, user.seq)?;
        if dialect.full_sync_resets_access {
            switches = [false; 3];
            users::set_data_tables(conn, user.seq, false)?;
        }
    }
    let named = mapped.iter().filter(|one| attributes.contains(&(one.name.as_str(), one.value.as_str())));
    for Attribute { kore, .. } in named {
        if let Some(place) = SWITCHES.iter().position(|(field, label)| kore == field || kore == label) {
            switches[place] = true;
        } else if let Some(group) = groups::by_id(conn, account, kore)? {
            groups::join(conn, group.seq, user.seq)?;
        } else if let Some(role) = roles::by_id(conn, account, kore)? {
            bindings::bind(conn, HolderSeq::User(user.seq), role.seq, NO_BOT)?;
        }
    }
    let [is_developer, can_create_bot, may_have_tables] = switches;
    users::set_flags(conn, user.seq, is_developer, can_create_bot)?;
    if may_have_tables {
        users::set_data_tables(conn, user.seq, true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_survives_being_stored() {
        let attribute = Attribute {
            name: "role".to_owned(),
            value: "Admin".to_owned(),
            kind: "Role".to_owned(),
            kore: "isDeveloper".to_owned(),
        };
        let config = Config {
            protocol: "saml".to_owned(),
            provider: "okta".to_owned(),
            entry_point: "https://idp.example.com/sso".to_owned(),
            issuer: "https://idp.example.com".to_owned(),
            certificates: vec!["one".to_owned(), "two".to_owned()],
            restricts_onboarding: true,
            skips_second_factor: (true, false),
            excludes_authn_context: true,
            mapping: Some(Mapping { is_full: true, attributes: vec![attribute] }),
        };
        assert_eq!(read(&document(&config, "u-1", "now")), config);
    }
}
