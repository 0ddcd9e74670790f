//! Text types shared by the schemas: their length and pattern.

use crate::facts::Email;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize as _, Deserializer, Error as _};
use std::borrow::Cow;

/// What an e-mail address looks like; [`Email::parse`] explains what is wrong with one that does not match.
pub const EMAIL_PATTERN: &str = r"^[^@\s]+@[^@\s.]+([.][^@\s.]+)+$";
/// A whole number and a unit: `30s`, `5m`, `2h`, `7d`.
pub const DURATION_PATTERN: &str = "^[1-9][0-9]{0,5}[smhd]$";
/// A share: `0%` to `100%`.
pub const PERCENT_PATTERN: &str = "^(100|[1-9]?[0-9])%$";
/// An https origin, or an http one on this machine.
pub const HOST_PATTERN: &str =
    r"^(https://[^/?#@\s]+|http://(localhost|127[.]0[.]0[.]1|\[::1\])(:[0-9]+)?)/?$";

/// An owner of an area: an address, or the name of a user or team at the forge behind an `@`.
pub const OWNER_PATTERN: &str =
    r"^(@[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*|[^@\s]+@[^@\s.]+([.][^@\s.]+)+)$";

impl JsonSchema for Email {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": Email::MAX, "pattern": EMAIL_PATTERN })
    }
}

/// The time a text names. RFC 3339 ends a day after the last time that is kept, and the last second of the year 9999 is
/// how databases write "never": it is read as that last time.
pub fn time(text: &str) -> Result<Timestamp, jiff::Error> {
    text.parse().or_else(|error| {
        let is_end =
            text.starts_with("9999-12-3") && text.replacen("9999", "9995", 1).parse::<Timestamp>().is_ok();
        if is_end { Ok(Timestamp::MAX) } else { Err(error) }
    })
}

/// The same for serde.
pub(super) fn optional_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| time(&text).map_err(D::Error::custom)).transpose()
}

/// The same for a field that must be there.
pub(super) fn required_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    time(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A timestamp: RFC 3339, with `Z` or an offset.
pub fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 64 })
}
