//! User Management > Users > one person > Edit: names, fields of the profile, and what they may do in the builder.

use super::user::{self, path_of, person};
use super::user_settings::{PROFILE_FIELDS, UserSettings};
use super::users;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::role_rules;
use crate::sandbox::console::route::Route;
use crate::sandbox::store::users::User;
use crate::sandbox::store::{audit, users as people};
use askama::Template;
use serde_json::{Map, Value};

pub(super) const EDIT: &str = "/Admin/users/{id}/edit";
/// Characters that a name or a field may have.
const LONGEST: usize = 100;

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page(EDIT, users::NEEDS, show), Route::action(EDIT, users::NEEDS, save)];

#[derive(Template)]
#[template(path = "user_edit.html")]
struct EditProfilePage {
    frame: Frame,
    back: String,
    email: String,
    form: Form,
    problems: Vec<String>,
}

/// The form as it stands, or as it was typed.
struct Form {
    first: String,
    last: String,
    fields: Vec<ProfileField>,
    is_developer: bool,
    can_create_bot: bool,
    data_tables: bool,
}

struct ProfileField {
    key: &'static str,
    label: &'static str,
    value: String,
}

fn page(
    admin: &AdminContext<'_>,
    user: &User,
    form: Form,
    problems: Vec<String>,
) -> Result<EditProfilePage, PageError> {
    let name = full_name(&user.first_name, &user.last_name, &user.email);
    let frame = Frame::new(admin, &format!("Edit {name}"), &user::CRUMBS)?;
    Ok(EditProfilePage { frame, back: path_of(user), email: user.email.clone(), form, problems })
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let form = admin.read(|conn| {
        let (profile, data_tables) = people::profile(conn, user.seq)?;
        let settings = UserSettings::load(conn, admin.account.seq)?;
        let text = |key: &str| profile.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let shown = PROFILE_FIELDS.iter().filter(|(key, _)| settings.shown.iter().any(|shown| shown == key));
        Ok(Form {
            first: user.first_name.clone(),
            last: user.last_name.clone(),
            fields: shown.map(|(key, label)| ProfileField { key, label, value: text(key) }).collect(),
            is_developer: user.is_developer,
            can_create_bot: user.can_create_bot,
            data_tables: data_tables == Some(true),
        })
    })?;
    Reply::page(&page(admin, &user, form, Vec::new())?)
}

fn save(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let form = typed(admin)?;
    let problems = problems(&form);
    if !problems.is_empty() {
        return Reply::invalid(&page(admin, &user, form, problems)?);
    }
    let profile: Map<String, Value> =
        form.fields.iter().map(|field| (field.key.to_owned(), Value::from(field.value.as_str()))).collect();
    admin.change(|change| {
        let conn = change.conn();
        role_rules::check_act(admin, conn, &user)?;
        people::set_names(conn, user.seq, Some(&form.first), Some(&form.last), &profile)?;
        change.set_access(&user.email, form.is_developer, form.can_create_bot)?;
        // Never set and not ticked stays never set.
        if form.data_tables || people::profile(conn, user.seq)?.1.is_some() {
            people::set_data_tables(conn, user.seq, form.data_tables)?;
        }
        change.log(audit::USER_MODIFIED, &format!("profile of {} modified", user.email))
    })?;
    Ok(Reply::see(&path_of(&user)).saying("The profile is saved."))
}

fn typed(admin: &AdminContext<'_>) -> Result<Form, PageError> {
    let settings = admin.read(|conn| Ok(UserSettings::load(conn, admin.account.seq)?))?;
    let shown = PROFILE_FIELDS.iter().filter(|(key, _)| settings.shown.iter().any(|shown| shown == key));
    let is_on = |name: &str| !admin.field(name).is_empty();
    Ok(Form {
        first: admin.field("first_name").to_owned(),
        last: admin.field("last_name").to_owned(),
        fields: shown
            .map(|(key, label)| ProfileField { key, label, value: admin.field(key).to_owned() })
            .collect(),
        is_developer: is_on("is_developer"),
        can_create_bot: is_on("can_create_bot"),
        data_tables: is_on("data_tables"),
    })
}

fn problems(form: &Form) -> Vec<String> {
    let mut problems = Vec::new();
    if form.first.is_empty() || form.last.is_empty() {
        problems.push("Type a first and a last name.".to_owned());
    }
    let names = [("First Name", &form.first), ("Last Name", &form.last)];
    let fields = form.fields.iter().map(|field| (field.label, &field.value));
    for (label, text) in names.into_iter().chain(fields) {
        if text.chars().count() > LONGEST {
            problems.push(format!("{label} has at most {LONGEST} characters."));
        }
    }
    if form.can_create_bot && !form.is_developer {
        problems.push("App Creation Access needs Builder Portal Access.".to_owned());
    }
    problems
}
