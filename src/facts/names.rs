//! Names and ids. Each is its own type, made once where data enters, so that a wrong mix does not compile. The number
//! is the longest text in characters that schemas allow; what the platform answers is taken as it is.

use icu_normalizer::ComposingNormalizerBorrowed;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $longest:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "minLength": 1, "maxLength": $longest })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

text!(
    /// The account's own id: 24 hex digits at the vendor, opaque here.
    AccountId, 64
);
text!(
    /// A user's id, `u-…`.
    UserId, 64
);
text!(
    /// A bot's id, `st-…` (the vendor also says stream, app and assistant).
    BotId, 64
);
text!(
    /// A bot's display name; not unique at the platform.
    BotName, 256
);
text!(
    /// A group's id, `e-…`.
    GroupId, 64
);
text!(
    /// A platform group's name; role assignments address groups by it.
    GroupName, 256
);
text!(
    /// A role's id: 24 hex digits, opaque here.
    RoleId, 64
);
text!(
    /// A dialog task's id, `dg-…`.
    DialogId, 128
);
text!(
    /// A permission's name as the API spells it, such as `Publish bot`.
    PermissionName, 128
);
text!(
    /// A permission's level: `FULL`, `VIEW`, `NO`, `YES`, or what the platform invents next.
    Level, 32
);
impl Level {
    /// The level of a permission that is not given.
    pub const NO: &'static str = "NO";

    /// Whether the permission is given at all.
    pub fn is_given(&self) -> bool {
        self.as_str() != Self::NO
    }
}

text!(
    /// A role's name, in one spelling for all accounts: see [`RoleName::canonical`].
    RoleName, 256
);

impl Level {
    /// Whether both give the same: case, blanks around it and the several words for nothing and for everything make no
    /// difference (kore-api 3.11). `Edit` is a level of its own.
    pub fn is_same(&self, other: &Self) -> bool {
        self.meaning() == other.meaning()
    }

    /// Whether it gives nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.meaning() == "NO"
    }

    /// Whether it gives no more than a view.
    pub fn is_harmless(&self) -> bool {
        self.is_nothing() || self.meaning() == "VIEW"
    }

    fn meaning(&self) -> String {
        let level = self.as_str().trim().to_ascii_uppercase();
        match level.as_str() {
            "NONE" | "NO ACCESS" => "NO".to_owned(),
            "FULL ACCESS" => "FULL".to_owned(),
            _ => level,
        }
    }
}

impl RoleName {
    /// The role that may do everything in the console. The API calls it `admin`.
    pub const MASTER_ADMIN: &'static str = "Master Admin";
    /// Given when a bot is created; never granted nor taken by us (kore-api 3.5).
    pub const BOT_OWNER: &'static str = "Bot Owner";

    /// One spelling for the names that differ between accounts: `admin` is Master Admin among admin roles,
    /// and newer accounts write `App Developer` where older ones write `Bot Developer` (kore-api 2.0).
    pub fn canonical(role_type: super::RoleType, written: &str) -> Self {
        use super::RoleType::{Admin, Bot};
        match (role_type, written) {
            (Admin, "admin") => Self::new(Self::MASTER_ADMIN),
            (Bot, "App Owner") => Self::new(Self::BOT_OWNER),
            (Bot, "App Developer") => Self::new("Bot Developer"),
            (Bot, "App Tester") => Self::new("Bot Tester"),
            _ => Self::new(written),
        }
    }

    /// What names are compared by: as it reads, in the one spelling for all accounts.
    #[must_use]
    pub fn as_compared(&self, role_type: super::RoleType) -> Self {
        Self::canonical(role_type, &as_read(self.as_str()))
    }

    /// Whether this is the canonical name of the Master Admin role.
    pub fn is_master_admin(&self) -> bool {
        self.as_str() == Self::MASTER_ADMIN
    }

    /// Whether every account has this role, and the platform decides what it may do (kore-api 3.5).
    pub fn is_built_in(&self, role_type: super::RoleType) -> bool {
        match role_type {
            super::RoleType::Admin => self.is_master_admin(),
            super::RoleType::Bot => {
                matches!(self.as_str(), Self::BOT_OWNER | "Bot Developer" | "Bot Tester")
            }
        }
    }

    /// Whether this is the canonical name of the Bot Owner role.
    pub fn is_bot_owner(&self) -> bool {
        self.as_str() == Self::BOT_OWNER
    }
}

/// A name as people read it: composed (NFC), without blanks around it, and with one blank where there are several. Two
/// names that read the same are one name, as far as the account has only one of them.
pub fn as_read(name: &str) -> Cow<'_, str> {
    let is_plain = name.is_ascii()
        && !name.starts_with(' ')
        && !name.ends_with(' ')
        && !name.contains("  ")
        && !name.bytes().any(|byte| byte.is_ascii_whitespace() && byte != b' ');
    if is_plain {
        return Cow::Borrowed(name);
    }
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(name);
    Cow::Owned(composed.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// How a manifest names a bot: by its id where names repeat, else by its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BotRef {
    /// `st-…`
    Id(BotId),
    /// The display name.
    Name(BotName),
}

impl BotRef {
    /// `st-…` is an id, everything else a name.
    pub fn new(text: &str) -> Self {
        if text.starts_with("st-") { Self::Id(BotId::new(text)) } else { Self::Name(BotName::new(text)) }
    }
}

impl fmt::Display for BotRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RoleType;
    use super::*;

    #[test]
    fn names_that_read_the_same_are_one_name() {
        for (name, read) in [
            ("Bot Developer", "Bot Developer"),
            (" Bot  Developer\t", "Bot Developer"),
            ("Bot\u{a0}Developer", "Bot Developer"),
            ("Jo\u{308}rg\n", "Jörg"),
            ("花子\u{3000}組", "花子 組"),
            (" ", ""),
        ] {
            assert_eq!(as_read(name), read);
            assert_eq!(as_read(&as_read(name)), read);
        }
        assert_ne!(as_read("Bot developer"), as_read("Bot Developer"), "case counts");
    }

    #[test]
    fn levels_are_compared_by_what_they_give() {
        let is_same = |one: &str, other: &str| Level::new(one).is_same(&Level::new(other));
        for (one, other) in [
            ("FULL", "Full Access"),
            (" no", "None"),
            ("No Access", "NO"),
            ("View & Invite", "VIEW & INVITE"),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [("FULL", "Edit"), ("VIEW", "View & Invite"), ("YES", "FULL"), ("NO", "")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
        let harmless = ["None", "no", "View"].map(|level| Level::new(level).is_harmless());
        let granting =
            ["View & Invite", "All", "YES", "invented"].map(|level| Level::new(level).is_harmless());
        assert_eq!((harmless, granting), ([true; 3], [false; 4]));
    }

    #[test]
    fn role_names_of_both_generations_are_one_name() {
        assert_eq!(
            RoleName::canonical(RoleType::Bot, "App Tester"),
            RoleName::canonical(RoleType::Bot, "Bot Tester")
        );
        assert!(RoleName::canonical(RoleType::Admin, "admin").is_master_admin());
        assert!(!RoleName::canonical(RoleType::Bot, "admin").is_master_admin());
    }

    #[test]
    fn a_bot_reference_is_an_id_only_with_its_prefix() {
        assert_eq!(BotRef::new("st-1"), BotRef::Id(BotId::new("st-1")));
        assert_eq!(BotRef::new("Banking"), BotRef::Name(BotName::new("Banking")));
    }

    #[test]
    fn every_name_of_the_newer_generation_has_its_older_one() {
        let canonical = |written| RoleName::canonical(RoleType::Bot, written).to_string();
        assert_eq!(
            ["App Owner", "App Developer", "App Tester"].map(canonical),
            ["Bot Owner", "Bot Developer", "Bot Tester"]
        );
        assert!(RoleName::canonical(RoleType::Bot, "App Owner").is_bot_owner());
        assert_eq!(RoleType::ALL.map(RoleType::as_str), ["admin", "bot"]);
    }

    #[test]
    fn a_bot_reference_reads_as_it_was_written() {
        assert_eq!(["st-1", "Banking"].map(|text| BotRef::new(text).to_string()), ["st-1", "Banking"]);
    }
}
