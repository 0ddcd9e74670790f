//! A question before something that is hard to take back: the same form once more, with a yes.

use askama::Template;

use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::{Crumb, Frame};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) title: &'a str,
    pub(super) crumbs: &'a [Crumb],
    pub(super) text: String,
    /// Whom or what it is about.
    pub(super) subjects: Vec<String>,
    /// The button that says yes.
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
pub(super) fn is_given(desk: &Desk<'_>) -> bool {
    desk.field("confirmed") == "yes"
}

/// The page that asks; its form is the one that came.
pub(super) fn ask(desk: &Desk<'_>, question: Question<'_>) -> Outcome {
    let Question { title, crumbs, text, subjects, yes, back } = question;
    let fields = desk.incoming.form.0.iter().filter(|(name, _)| name != "form_token" && name != "confirmed");
    Reply::page(&Confirm {
        frame: Frame::of(desk, title, crumbs)?,
        text,
        subjects,
        yes,
        back,
        path: &desk.incoming.path,
        fields: fields.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    })
}

/// Says a refusal on that page: the one it came from is the question, which cannot be opened again.
pub(super) fn refused_at(back: &str) -> impl Fn(Fault) -> Fault {
    move |fault| match fault {
        Fault::Refused(text) => Fault::refused_at(back, text),
        other => other,
    }
}
