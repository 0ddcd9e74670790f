//! Credentials from the environment and from files, cleaned as manifests are.

use super::{CliError, Output};
use crate::kore::{Credentials, clean_secret};
use crate::manifest::{Compiled, SecretRef};
use std::path::Path;

/// Both of them; what looks like a slip of copying gets a warning. A value is never shown, and neither is what is
/// written in place of a name or a path and may be one.
pub(super) fn credentials(compiled: &Compiled, output: &Output) -> Result<Credentials, CliError> {
    let Some(references) = &compiled.account.credentials else {
        return Err(CliError::Credential {
            what: "the client id",
            why: format!("the KoreAccount {} has no credentials", compiled.account.name),
            next: "add spec.credentials with clientId and clientSecret, each from env or file".to_owned(),
        });
    };
    Ok(Credentials {
        client_id: secret(["the client id", "clientId"], &references.client_id, output)?,
        client_secret: secret(["the client secret", "clientSecret"], &references.client_secret, output)?
            .into(),
    })
}

/// The client id, where it can be had without asking anybody: it names the state folder of an account without id.
pub(super) fn client_id(compiled: &Compiled, output: &Output) -> Option<String> {
    let references = compiled.account.credentials.as_ref()?;
    secret(["the client id", "clientId"], &references.client_id, output).ok()
}

fn secret(
    [what, field]: [&'static str; 2],
    reference: &SecretRef,
    output: &Output,
) -> Result<String, CliError> {
    let (text, place) = stored([what, field], reference)?;
    let text = clean_secret(&text);
    if text.is_empty() {
        let (why, next) = (format!("{place} is empty"), "set it to what the console shows".to_owned());
        return Err(CliError::Credential { what, why, next });
    }
    if let Some(slip) = slip(text) {
        output.warn(format_args!(
            "warning: {what} from {place} {slip}; if the platform refuses it, correct that first"
        ));
    }
    Ok(text.to_owned())
}

/// What stands where the reference points, and the place in words.
fn stored([what, field]: [&'static str; 2], reference: &SecretRef) -> Result<(String, String), CliError> {
    let missing = |why: String, next: String| Err(CliError::Credential { what, why, next });
    match reference {
        SecretRef::Env(name) => {
            let shown = if is_variable(name) {
                format!("the environment variable {name}")
            } else {
                format!("the environment variable that credentials.{field}.env names")
            };
            match std::env::var(name) {
                Ok(text) => Ok((text, shown)),
                Err(_) if is_variable(name) => {
                    missing(
                        format!("{shown} is not set"),
                        format!(
                            "export {name}, as shown by the console under Security & Control > API Scopes"
                        ),
                    )
                }
                Err(_) => missing(
                    format!("{shown} is not set, and is no name of a variable"),
                    "write the name of a variable there; if it is a secret, it does not belong in git: revoke it"
                        .to_owned(),
                ),
            }
        }
        SecretRef::File(path) => {
            let shown = if is_place(path) {
                path.display().to_string()
            } else {
                format!("the file that credentials.{field}.file names")
            };
            match std::fs::read_to_string(path) {
                Ok(text) => Ok((text, shown)),
                Err(error) => {
                    let next = if error.kind() == std::io::ErrorKind::InvalidData {
                        "save it as UTF-8"
                    } else {
                        "put it there, or correct the path"
                    };
                    missing(format!("{shown} cannot be read: {error}"), next.to_owned())
                }
            }
        }
        SecretRef::SecretKey { .. } => {
            let why = format!("credentials.{field}.secretKeyRef is for the controller");
            missing(why, "use env or file on the command line".to_owned())
        }
    }
}

/// What people copy with a secret by mistake.
fn slip(text: &str) -> Option<&'static str> {
    let is_quote = |c: char| "\"'`\u{201c}\u{201d}\u{2018}\u{2019}".contains(c);
    if text.starts_with(is_quote) || text.ends_with(is_quote) {
        return Some("has quotes around it");
    }
    if text.chars().any(char::is_whitespace) {
        return Some("has blanks or line ends in it");
    }
    if text.chars().any(|c| c.is_control() || crate::facts::is_format(c)) {
        return Some("has characters in it that do not show");
    }
    let name = text.split_once(['=', ':']).map(|(name, _)| name)?;
    if name.is_empty() {
        return Some("begins with =");
    }
    let is_name =
        name.contains('_') || ["clientid", "clientsecret", "secret"].contains(&&*name.to_lowercase());
    (is_name && is_variable(name)).then_some("begins with NAME=")
}

fn is_variable(name: &str) -> bool {
    let is_first = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    let is_rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // A secret of capitals and digits alone has no words in it.
    is_first && is_rest && (name.contains('_') || name.len() <= 24)
        || is_rest
            && !name.is_empty()
            && name.contains('_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text is a path: there is such a file, or a folder that it would be in.
fn is_place(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let has_ending = path.extension().is_some();
    // A bare name may be the secret itself.
    let is_in_folder = folder.is_some_and(|folder| folder != Path::new(".") && folder.is_dir());
    path.exists() || is_in_folder || folder.is_some() && path.is_absolute() || has_ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_copying_are_seen_and_secrets_are_not() {
        for text in [
            "\"abc\"",
            "'abc",
            "\u{201c}abc\u{201d}",
            "a b",
            "a\nb",
            "=abc",
            "KORE_CLIENT_SECRET=abc",
            "clientSecret: abc",
            "SECRET=abc",
            "a\u{200b}b",
        ] {
            assert!(slip(text).is_some(), "{text}");
        }
        for text in ["abc", "cs-1b2c", "aGVsbG8+/==", "x=y", "Zm9v=YmFy", "a:b"] {
            assert_eq!(slip(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_variables_are_told_from_values() {
        for name in ["KORE_CLIENT_SECRET", "SECRET", "A1", "kore_secret", "_X"] {
            assert!(is_variable(name), "{name}");
        }
        for name in ["s3cr3t-value", "cs-1234", "Abc/def+1=", "", "1A", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"] {
            assert!(!is_variable(name), "{name}");
        }
    }
}
