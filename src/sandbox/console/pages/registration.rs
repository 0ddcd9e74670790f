//! What a new user enters about themselves: a name, and a password unless they have one on the platform already.

use super::password::problems;
use crate::sandbox::console::reply::PageError;
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::password;

/// Characters of a name.
const NAME_MAX: usize = 100;

/// What the form says, and nothing is wrong with it.
pub(super) struct Registration<'a> {
    pub(super) first: &'a str,
    pub(super) last: &'a str,
    /// The hash of the new password; `None`: they have one.
    pub(super) password: Option<String>,
}

/// Why a form is no registration.
pub(super) enum RegistrationError {
    /// What is wrong with it, in sentences for the user.
    Objections(Vec<String>),
    /// The page cannot be served.
    Page(PageError),
}

impl From<PageError> for RegistrationError {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

/// The registration of `email` (in lower case) in the form.
pub(super) fn read<'a>(
    context: &'a RequestContext<'_>,
    email: &str,
    has_password: bool,
) -> Result<Registration<'a>, RegistrationError> {
    let (first, last) = (context.field("first_name"), context.field("last_name"));
    let mut objections = Vec::new();
    if first.is_empty() || last.is_empty() {
        objections.push("Type your first and your last name.".to_owned());
    }
    if [first, last].iter().any(|name| name.chars().count() > NAME_MAX) {
        objections.push(format!("A name has at most {NAME_MAX} characters."));
    }
    let wanted = context.raw_field("password");
    if !has_password {
        objections.extend(problems(context, email, wanted, context.raw_field("again"))?);
    }
    if !objections.is_empty() {
        return Err(RegistrationError::Objections(objections));
    }
    let password = if has_password { None } else { Some(password::hash(wanted).map_err(PageError::from)?) };
    Ok(Registration { first, last, password })
}
