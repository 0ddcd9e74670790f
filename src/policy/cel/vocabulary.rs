//! What a rule may name: variables, their fields and types.

use crate::facts::{ObjectKind, RuleOver};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

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
    /// A map, of which a rule can say nothing.
    Map,
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
    /// Of an object's field.
    Of(&'static Type),
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
        optional("since", Kind::Time),
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
        RuleOver::Object => &ANY_OBJECT,
    }
}

/// The name of the variable.
pub(super) fn variable(over: RuleOver) -> &'static str {
    record(over).name
}

/// An object of a kind that is not known.
static ANY_OBJECT: Record = Record { name: "object", fields: &[] };

/// The objects of each kind, made once: there are as many as there are kinds.
static OBJECTS: Mutex<BTreeMap<String, &'static Record>> = Mutex::new(BTreeMap::new());

/// What a rule over objects of a kind looks at: the fields of its schema.
pub(super) fn object(kind: &ObjectKind) -> &'static Record {
    let mut objects = OBJECTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = objects.get(&kind.name).copied() {
        return known;
    }
    let metadata = leaked("metadata", vec![("name".to_owned(), Type::Text, false)]);
    let fields = vec![
        ("kind".to_owned(), Type::Text, false),
        ("metadata".to_owned(), Type::Record(metadata), false),
        ("spec".to_owned(), type_of(&kind.name, &kind.schema), false),
    ];
    let made = leaked(&kind.name, fields);
    objects.insert(kind.name.clone(), made);
    made
}

/// Kept for as long as the process lives.
fn leaked(name: &str, fields: Vec<(String, Type, bool)>) -> &'static Record {
    let text = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let field = |(name, of, is_optional): (String, Type, bool)| Field {
        name: text(name),
        kind: Kind::Of(Box::leak(Box::new(of))),
        is_optional,
    };
    let fields: Vec<Field> = fields.into_iter().map(field).collect();
    Box::leak(Box::new(Record { name: text(name.to_owned()), fields: fields.leak() }))
}

/// The type of what a JSON Schema describes. A field that need not be written and has no default may be unknown.
fn type_of(name: &str, schema: &Value) -> Type {
    match schema["type"].as_str() {
        Some("string") => Type::Text,
        Some("integer") => Type::Number,
        Some("boolean") => Type::Bool,
        Some("array") => Type::List(Box::new(type_of(name, &schema["items"]))),
        Some("object") if schema["properties"].is_object() => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let properties = schema["properties"].as_object().into_iter().flatten();
            let fields = properties.map(|(field, schema)| {
                let is_there = required.contains(&field.as_str()) || schema.get("default").is_some();
                (field.clone(), type_of(field, schema), !is_there)
            });
            Type::Record(leaked(name, fields.collect()))
        }
        _ => Type::Map,
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
            Kind::Of(of) => of.clone(),
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
            Self::Map => f.write_str("a map"),
            Self::Any => f.write_str("anything"),
        }
    }
}
