//! User Management > User Settings: how people come in, what they start with, and what their profile holds.

use crate::sandbox::NewUser;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::{audit, settings};
use askama::Template;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

const NEEDS: Needs = Needs::Any(&[Permission::ManageUserSettings]);
const PATH: &str = "/Admin/user-settings";
/// The page's name in the store.
const PAGE: &str = "user-settings";

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page(PATH, NEEDS, show), Route::action(PATH, NEEDS, save)];

/// Whether people from the owner's e-mail domain may ask to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SelfSignUp {
    #[default]
    Block,
    OnRequest,
    AutoApprove,
}

impl SelfSignUp {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Block, "block", "Block: only invited people join"),
        (Self::OnRequest, "on-request", "People from the owner's e-mail domain may ask to join"),
        (Self::AutoApprove, "auto-approve", "They may ask, and are approved automatically"),
    ];
}

/// A profile field beyond the names, as the API calls it and as people do.
pub(super) const PROFILE_FIELDS: [(&str, &str); 12] = [
    ("companyName", "Company"),
    ("dept", "Department"),
    ("title", "Title"),
    ("companyContactPhone", "Mobile Number"),
    ("worknumber", "Work Number"),
    ("street", "Address (Number & Street)"),
    ("suiteNo", "Address (Street/Suite #)"),
    ("city", "City"),
    ("state", "State"),
    ("zip", "Zip"),
    ("country", "Country"),
    ("organisationId", "Employee Organisation ID"),
];

/// A field that only a file of people sets (3.2); it is shown where it is set.
pub(super) const ALTERNATE_ID: (&str, &str) = ("alternateId", "Alternate ID");

/// What is saved.
#[allow(clippy::struct_excessive_bools, reason = "independent parts of one page")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct UserSettings {
    pub(super) self_sign_up: SelfSignUp,
    pub(super) notify_invited: bool,
    pub(super) notify_synchronised: bool,
    pub(super) notify_by_api: bool,
    /// What a user invited in the console starts with.
    pub(super) create_apps: bool,
    pub(super) data_tables: bool,
    pub(super) dialog_builder: bool,
    /// Fields of the profile that are shown, and of these the ones that people may edit themselves.
    pub(super) shown: Vec<String>,
    pub(super) editable: Vec<String>,
}

impl Default for UserSettings {
    fn default() -> Self {
        Self {
            self_sign_up: SelfSignUp::Block,
            notify_invited: true,
            notify_synchronised: true,
            notify_by_api: true,
            create_apps: false,
            data_tables: false,
            dialog_builder: false,
            shown: PROFILE_FIELDS.iter().map(|(key, _)| (*key).to_owned()).collect(),
            editable: Vec::new(),
        }
    }
}

impl UserSettings {
    pub(super) fn load(conn: &Connection, account: i64) -> rusqlite::Result<Self> {
        settings::of_account(conn, account, PAGE)
    }

    /// A new user, with the settings that new users start with.
    pub(super) fn newcomer(&self, email: &str) -> NewUser {
        NewUser {
            is_developer: self.dialog_builder,
            can_create_bot: self.create_apps,
            data_tables: self.data_tables.then_some(true),
            ..NewUser::active(email)
        }
    }
}

#[derive(Template)]
#[template(path = "user_settings.html")]
struct UserSettingsPage {
    frame: Frame,
    sign_up: Vec<SettingChoice>,
    notifications: Vec<SettingChoice>,
    permissions: Vec<SettingChoice>,
    fields: Vec<ProfileFieldSetting>,
}

struct SettingChoice {
    value: &'static str,
    label: &'static str,
    is_on: bool,
}

struct ProfileFieldSetting {
    key: &'static str,
    label: &'static str,
    is_shown: bool,
    is_editable: bool,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let saved = admin.read(|conn| Ok(UserSettings::load(conn, admin.account.seq)?))?;
    let choice = |value, label, is_on| SettingChoice { value, label, is_on };
    let sign_up =
        SelfSignUp::ALL.iter().map(|(rule, value, label)| choice(value, label, *rule == saved.self_sign_up));
    let fields = PROFILE_FIELDS.iter().map(|(key, label)| ProfileFieldSetting {
        key,
        label,
        is_shown: saved.shown.iter().any(|shown| shown == key),
        is_editable: saved.editable.iter().any(|editable| editable == key),
    });
    Reply::page(&UserSettingsPage {
        frame: Frame::new(admin, "User Settings", &[("User Management", None)])?,
        sign_up: sign_up.collect(),
        notifications: vec![
            choice("notify_invited", "When an administrator invites them", saved.notify_invited),
            choice(
                "notify_synchronised",
                "When they are added or synchronised from a directory",
                saved.notify_synchronised,
            ),
            choice("notify_by_api", "When they are added by the API", saved.notify_by_api),
        ],
        permissions: vec![
            choice("create_apps", "Create New Apps", saved.create_apps),
            choice("data_tables", "Manage Datatables and Views", saved.data_tables),
            choice("dialog_builder", "Access Dialog Builder", saved.dialog_builder),
        ],
        fields: fields.collect(),
    })
}

fn save(admin: &AdminContext<'_>) -> Outcome {
    let wanted = admin.field("self_sign_up");
    let Some((self_sign_up, ..)) = SelfSignUp::ALL.iter().find(|(_, value, _)| *value == wanted) else {
        return Err(PageError::Refused("Choose how people may sign up by themselves.".to_owned()));
    };
    let is_on = |name: &str| !admin.field(name).is_empty();
    let fields = |name: &str| -> Vec<String> {
        let ticked = admin.fields(name);
        let known = PROFILE_FIELDS.iter().map(|(key, _)| *key).filter(|key| ticked.contains(key));
        known.map(str::to_owned).collect()
    };
    let settings = UserSettings {
        self_sign_up: *self_sign_up,
        notify_invited: is_on("notify_invited"),
        notify_synchronised: is_on("notify_synchronised"),
        notify_by_api: is_on("notify_by_api"),
        create_apps: is_on("create_apps"),
        data_tables: is_on("data_tables"),
        // Whoever may create apps has to get into the builder.
        dialog_builder: is_on("dialog_builder") || is_on("create_apps"),
        shown: fields("shown"),
        editable: fields("editable"),
    };
    admin.change(|change| {
        if UserSettings::load(change.conn(), admin.account.seq)?.self_sign_up != settings.self_sign_up {
            change.log(audit::ENROLLMENT_PREFERENCES, &format!("self sign-up set to {wanted}"))?;
        }
        settings::save_of_account(change.conn(), admin.account.seq, PAGE, &settings)?;
        change.log(audit::SETTINGS_MODIFIED, "user settings changed")
    })?;
    Ok(Reply::see(PATH).saying("The settings are saved."))
}
