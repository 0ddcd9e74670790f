//! An e-mail address: compared by its lower-case form, printed as it was written.

use super::visible::is_format;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// An e-mail address. Two that differ only in ASCII case are the same person (kore-api section 4, row 34);
/// the spelling is kept, because look-ups and writes use the account's own.
///
/// One text, because accounts have hundreds of thousands of facts with an address in them: the address itself where
/// nothing is in upper case; else [`FOLDED`], the lower-case form and the address as it was written, of equal length.
#[derive(Clone)]
pub struct Email(Arc<str>);

/// Begins the text of an address that has a lower-case form of its own.
const FOLDED: char = '\0';

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an e-mail address: {why}")]
pub struct EmailError {
    /// What was given.
    pub text: String,
    /// Which rule it breaks.
    pub why: String,
}

impl Email {
    /// Longest address in characters (RFC 5321 path limit).
    pub const MAX: usize = 254;

    /// Checks the syntax a person would recognise: one `@`, something on both sides, a dot in the domain, no
    /// spaces. Whether a mailbox answers is for the platform to find out.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let fail = |why: &str| Err(EmailError { text: text.to_owned(), why: why.to_owned() });
        if text.len() > Self::MAX {
            return fail("it is longer than 254 characters");
        }
        if let Some(c) = text.chars().find(|c| hides(*c)) {
            return fail(&format!("it contains U+{:04X}, which does not show", u32::from(c)));
        }
        if text.chars().any(char::is_whitespace) {
            return fail("it contains white space");
        }
        let Some((local, domain)) = text.split_once('@') else { return fail("there is no @ in it") };
        if local.is_empty() || domain.is_empty() || domain.contains('@') {
            return fail("it needs a name, one @ and a domain");
        }
        if domain.split('.').count() < 2 || domain.split('.').any(str::is_empty) {
            return fail("its domain needs a dot between names");
        }
        Ok(Self::observed(text))
    }

    /// An address as the account spells it. Nothing is checked: what is there is there.
    pub fn observed(text: &str) -> Self {
        if text.starts_with(FOLDED) || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Self(Arc::from(format!("{FOLDED}{}{text}", text.to_ascii_lowercase())));
        }
        Self(Arc::from(text))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.forms().map_or(&self.0, |(_, written)| written)
    }

    /// The lower-case form that decides equality.
    pub fn folded(&self) -> &str {
        self.forms().map_or(&self.0, |(folded, _)| folded)
    }

    /// The lower-case form and the written one, where they differ.
    fn forms(&self) -> Option<(&str, &str)> {
        let both = self.0.strip_prefix(FOLDED)?;
        Some(both.split_at(both.len() / 2))
    }

    /// What stands behind the last `@`, in lower case.
    pub fn domain(&self) -> &str {
        self.folded().rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Whether a character cannot be seen in an address: another person would look the same.
fn hides(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
        || is_format(c)
        || c.is_whitespace() && !c.is_ascii()
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{2800}')
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.folded() == other.folded()
    }
}

impl Eq for Email {}

impl PartialOrd for Email {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Email {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for Email {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Serialize for Email {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::observed(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_make_another_person() {
        let written = Email::parse("Jane.Doe@Example.com").unwrap();
        assert_eq!(written, Email::parse("jane.doe@example.com").unwrap());
        assert_eq!(written.to_string(), "Jane.Doe@Example.com");
        assert_eq!(written.as_str(), "Jane.Doe@Example.com");
        assert_eq!(format!("{written:?}"), "\"Jane.Doe@Example.com\"");
        assert_eq!(written.domain(), "example.com");
        assert_eq!(written.folded(), "jane.doe@example.com");
    }

    #[test]
    fn whatever_the_account_says_is_kept_as_it_is() {
        for text in ["", "\0", "\0a", "\0aA", "aA", "ÄÖ@Example.com", "jane@example.com"] {
            let email = Email::observed(text);
            assert_eq!((email.as_str(), email.folded()), (text, text.to_ascii_lowercase().as_str()));
        }
        assert_ne!(Email::observed("\0aa"), Email::observed("a"));
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (text, why) in [
            ("jane", "@"),
            ("@example.com", "name"),
            ("a@b@example.com", "one @"),
            ("jane@example", "dot"),
            ("jane@example..com", "dot"),
            ("ja ne@example.com", "white space"),
        ] {
            let error = Email::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn characters_that_do_not_show_are_named() {
        for c in [
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{ad}',
            '\u{2060}',
            '\u{feff}',
            '\u{202e}',
            '\u{2066}',
            '\u{61c}',
            '\u{180e}',
            '\u{a0}',
            '\u{3000}',
            '\u{2028}',
            '\u{e0041}',
            '\u{fe0f}',
            '\u{3164}',
            '\u{7}',
            '\u{85}',
        ] {
            for text in [
                format!("jane{c}@example.com"),
                format!("{c}jane@example.com"),
                format!("jane@example.com{c}"),
            ] {
                let error = Email::parse(&text).unwrap_err().why;
                assert!(error.contains(&format!("U+{:04X}", u32::from(c))), "{c:?}: {error}");
            }
        }
        for text in [
            "jörg@example.com",
            "花子@example.com",
            "анна@\u{43f}\u{440}\u{438}\u{43c}\u{435}\u{440}.example",
            "o'neil+x_y@example.com",
        ] {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_longest_address_has_254_characters() {
        let of = |length: usize| format!("{}@example.com", "a".repeat(length - "@example.com".len()));
        assert!(Email::parse(&of(254)).is_ok());
        for length in [255, 300] {
            let error = Email::parse(&of(length)).unwrap_err().to_string();
            assert!(error.contains("254 characters"), "{error}");
        }
    }

    #[test]
    fn two_spellings_are_found_by_one_hash_and_two_people_are_not() {
        let hash = |text| {
            let mut hasher = std::hash::DefaultHasher::new();
            Email::observed(text).hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash("Jane@example.com"), hash("jane@example.com"));
        assert_ne!(hash("jane@example.com"), hash("sam@example.com"));
    }
}
