//! A question before something that is hard to take back: the same form once more, with a confirmation.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Crumb, Frame};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use askama::Template;

/// What is asked.
pub(super) struct Confirmation<'a> {
    pub(super) title: &'a str,
    pub(super) crumbs: &'a [Crumb],
    pub(super) text: String,
    /// Whom or what it is about.
    pub(super) subjects: Vec<String>,
    /// The label of the button that confirms.
    pub(super) yes: &'a str,
    /// The page that *Cancel* leads to.
    pub(super) back: &'a str,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm<'a> {
    frame: Frame,
    text: String,
    subjects: Vec<String>,
    yes: &'a str,
    back: &'a str,
    path: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

/// Whether the form has been confirmed.
pub(super) fn is_given(admin: &AdminContext<'_>) -> bool {
    admin.field("confirmed") == "yes"
}

/// The page that asks; its form is the one that came.
pub(super) fn confirm_page(admin: &AdminContext<'_>, confirmation: Confirmation<'_>) -> Outcome {
    let Confirmation { title, crumbs, text, subjects, yes, back } = confirmation;
    let fields = admin.incoming.form.0.iter().filter(|(name, _)| name != "form_token" && name != "confirmed");
    Reply::page(&Confirm {
        frame: Frame::new(admin, title, crumbs)?,
        text,
        subjects,
        yes,
        back,
        path: &admin.incoming.path,
        fields: fields.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    })
}

/// Says a refusal on that page: the one it came from is the question, which cannot be opened again.
pub(super) fn refused_at(back: &str) -> impl Fn(PageError) -> PageError {
    move |fault| match fault {
        PageError::Refused(text) => PageError::refused_at(back, text),
        other => other,
    }
}
