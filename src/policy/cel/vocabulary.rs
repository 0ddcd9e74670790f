//! What a rule may name: variables, their fields and types.

use crate::facts::RuleOver;
use std::fmt;

/// The variable for the time of the judgement.
pub(super) const NOW: &str = "now";

/// The type of an expression.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Type {
    Bool,
    Number,
    Text,
    Time,
    Duration,
    List(Box<Type>),
    Record(&'static Record),
    Null,
    /// Of an empty list's elements.
    Any,
}

/// A sort of things with fields.
#[derive(PartialEq, Debug)]
pub(crate) struct Record {
    /// The variable's name.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

/// One field.
#[derive(PartialEq, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    kind: Kind,
    /// It may be unknown: `has()` must be asked first.
    pub(crate) is_optional: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Bool,
    Number,
    Text,
    Time,
    Texts,
    Grants,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_optional: true }
}

static PERSON: Record = Record {
    name: "person",
    fields: &[
        field("email", Kind::Text),
        field("domain", Kind::Text),
        field("declared", Kind::Bool),
        field("member", Kind::Bool),
        field("state", Kind::Text),
        field("groups", Kind::Texts),
        field("roles", Kind::Texts),
        field("bots", Kind::Texts),
        field("builderAccess", Kind::Text),
        field("grants", Kind::Grants),
    ],
};

static GRANT: Record = Record {
    name: "grant",
    fields: &[
        field("holder", Kind::Text),
        field("domain", Kind::Text),
        field("role", Kind::Text),
        field("type", Kind::Text),
        field("bot", Kind::Text),
        field("through", Kind::Text),
        field("direct", Kind::Bool),
        field("declared", Kind::Bool),
        field("team", Kind::Text),
        field("risk", Kind::Text),
        field("reason", Kind::Text),
        field("ticket", Kind::Text),
        field("permissions", Kind::Texts),
        optional("expiresAt", Kind::Time),
        optional("published", Kind::Bool),
    ],
};

static ROLE: Record = Record {
    name: "role",
    fields: &[
        field("name", Kind::Text),
        field("type", Kind::Text),
        field("builtIn", Kind::Bool),
        field("declared", Kind::Bool),
        field("escalating", Kind::Bool),
        field("permissions", Kind::Texts),
        field("holders", Kind::Number),
    ],
};

static BOT: Record = Record {
    name: "bot",
    fields: &[
        field("name", Kind::Text),
        field("id", Kind::Text),
        field("holders", Kind::Texts),
        field("assigned", Kind::Number),
        optional("owners", Kind::Texts),
        optional("published", Kind::Bool),
    ],
};

static CHANGE: Record = Record {
    name: "change",
    fields: &[
        field("action", Kind::Text),
        field("kind", Kind::Text),
        field("person", Kind::Text),
        field("domain", Kind::Text),
        field("group", Kind::Text),
        field("role", Kind::Text),
        field("bot", Kind::Text),
        field("risk", Kind::Text),
        field("origin", Kind::Text),
    ],
};

/// What a rule over these looks at.
pub(super) fn record(over: RuleOver) -> &'static Record {
    match over {
        RuleOver::Person => &PERSON,
        RuleOver::Grant => &GRANT,
        RuleOver::Role => &ROLE,
        RuleOver::Bot => &BOT,
        RuleOver::Change => &CHANGE,
    }
}

impl Field {
    /// Its type.
    pub(super) fn r#type(&self) -> Type {
        match self.kind {
            Kind::Bool => Type::Bool,
            Kind::Number => Type::Number,
            Kind::Text => Type::Text,
            Kind::Time => Type::Time,
            Kind::Texts => Type::List(Box::new(Type::Text)),
            Kind::Grants => Type::List(Box::new(Type::Record(&GRANT))),
        }
    }
}

impl Type {
    /// Whether a value of this type can stand where the other one is wanted.
    pub(super) fn fits(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(left), Self::List(right)) => left.fits(right),
            (left, right) => left == right,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("a boolean"),
            Self::Number => f.write_str("a number"),
            Self::Text => f.write_str("a text"),
            Self::Time => f.write_str("a timestamp"),
            Self::Duration => f.write_str("a duration"),
            Self::List(_) => f.write_str("a list"),
            Self::Record(record) => write!(f, "a {}", record.name),
            Self::Null => f.write_str("null"),
            Self::Any => f.write_str("anything"),
        }
    }
}
