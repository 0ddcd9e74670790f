//! Answers as the vendor writes them, in both generations of the API. What is odd about the wire stays in here:
//! numbers as text, one-element lists, missing keys. Every key is optional, and whether it was there is kept,
//! because a shortened answer must not read as "nothing".
//!
//! Client secrets that GET bots returns (kore-api 2.14) have no field here, so they are dropped while decoding.

mod listings;
mod users;

pub(super) use listings::{BotWire, GroupWire, ListedUser, Page, Paged, RoleWire};
pub(super) use users::{AssignedWire, Failures, Label, RoleHeld, UserElement};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Text, also when it comes as a number or inside a one-element list. A large account has millions of them at once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Text(Option<Box<str>>);

impl Text {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// As it came; nothing where the key was left out or null.
    pub(super) fn into_string(self) -> Option<String> {
        self.0.map(String::from)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> serde::de::Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(Box::from(text))))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text(Some(text.into_boxed_str())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
        Ok(Text(Some(number.to_string().into_boxed_str())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
        Ok(Text(Some(number.to_string().into_boxed_str())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
        Ok(Text(Some(number.to_string().into_boxed_str())))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Text, E> {
        Ok(Text(Some(flag.to_string().into_boxed_str())))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
        let first = list.next_element::<Text>()?;
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(first.unwrap_or_default())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

/// A boolean, also when it comes as text or number.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Text::deserialize(deserializer)?.get().map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "yes" | "1") => Some(true),
        Some("false" | "no" | "0") => Some(false),
        _ => None,
    })
}

/// A count, also when it comes as text.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Text::deserialize(deserializer)?.get().and_then(|text| text.trim().parse().ok()))
}

/// Keeps that the key was there, even with null for a value.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    Text::deserialize(deserializer).map(Some)
}

/// A list: null is an empty one, and the key was there.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Some(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default()))
}

/// Parses a body, or says in words what is wrong with it, without quoting it.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        use serde_json::error::Category;
        let what = match error.classify() {
            Category::Data => "not of the documented shape",
            Category::Eof => "cut off",
            Category::Syntax | Category::Io => "not JSON",
        };
        format!("{what} (line {}, column {})", error.line(), error.column())
    })
}

/// The text of a value that should be a string.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(list) => list.first().and_then(text_of),
        Value::Null | Value::Object(_) => None,
    }
}
