//! A kind's schema, prepared once for walking: the same schema as in the CRD.

use crate::manifest::kinds::Kind;
use kube::core::cel::{CompiledSchema, compile_schema};
use regex::Regex;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// What a value may be.
#[derive(Debug)]
pub(super) enum Schema {
    /// A text.
    Text(Text),
    /// A whole number.
    Integer {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// `true` or `false`.
    Truth,
    /// A list.
    List {
        /// What each item is.
        item: Box<Schema>,
        /// Fewest items.
        min: usize,
        /// Most items.
        max: usize,
    },
    /// A map with known fields.
    Object {
        /// The fields.
        fields: Vec<Field>,
    },
    /// A map with any keys.
    Dictionary {
        /// What each value is.
        value: Box<Schema>,
        /// Most keys.
        max: usize,
    },
    /// Anything; not looked at.
    Anything,
}

/// Limits of a text.
#[derive(Debug)]
pub(super) struct Text {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// What it has to look like.
    pub pattern: Option<Regex>,
    /// The only values, if not empty.
    pub allowed: Vec<String>,
    /// An RFC 3339 timestamp.
    pub is_timestamp: bool,
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name.
    pub name: String,
    /// Its path below `spec`: `safety.maxRemovals`.
    pub path: String,
    /// Whether it must be written.
    pub is_required: bool,
    /// What it is when it is not written.
    pub default: Option<Value>,
    /// What it may be.
    pub schema: Schema,
}

/// Everything about one kind that checking needs.
pub(super) struct Prepared {
    /// The schema of `spec`.
    pub spec: Schema,
    /// The rules of `spec` that a single document can break; `None` if there are none.
    pub rules: Option<CompiledSchema>,
}

static PREPARED: LazyLock<Vec<Prepared>> =
    LazyLock::new(|| Kind::ALL.into_iter().map(Prepared::new).collect());

/// The schema and rules of a kind, prepared at first use.
pub(super) fn prepared(kind: Kind) -> &'static Prepared {
    let index = Kind::ALL.iter().position(|candidate| *candidate == kind).unwrap_or_default();
    &PREPARED[index]
}

impl Prepared {
    fn new(kind: Kind) -> Self {
        let document = kind.schema();
        let mut spec = document.pointer("/properties/spec").cloned().unwrap_or_default();
        let prepared = Schema::new(&spec, "");
        let rules = keep_standing_rules(&mut spec).then(|| compile_schema(&spec));
        Self { spec: prepared, rules }
    }
}

impl Schema {
    fn new(schema: &Value, path: &str) -> Self {
        let number = |key: &str| schema.get(key).and_then(Value::as_f64);
        let count = |key: &str, other: usize| {
            schema
                .get(key)
                .and_then(Value::as_u64)
                .map_or(other, |count| usize::try_from(count).unwrap_or(other))
        };
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => Self::Text(Text {
                min: count("minLength", 0),
                max: count("maxLength", usize::MAX),
                pattern: schema
                    .get("pattern")
                    .and_then(Value::as_str)
                    .and_then(|pattern| Regex::new(pattern).ok()),
                allowed: texts(schema.get("enum")),
                is_timestamp: schema.get("format").and_then(Value::as_str) == Some("date-time"),
            }),
            #[allow(clippy::cast_possible_truncation, reason = "limits in our schemas are whole numbers")]
            Some("integer") => Self::Integer {
                min: number("minimum").map_or(i64::MIN, |number| number as i64),
                max: number("maximum").map_or(i64::MAX, |number| number as i64),
            },
            Some("boolean") => Self::Truth,
            Some("array") => Self::List {
                item: Box::new(Self::new(&schema["items"], path)),
                min: count("minItems", 0),
                max: count("maxItems", usize::MAX),
            },
            Some("object") => match (schema.get("properties"), schema.get("additionalProperties")) {
                (Some(Value::Object(properties)), _) => {
                    Self::Object { fields: fields(properties, &texts(schema.get("required")), path) }
                }
                (_, Some(value)) => Self::Dictionary {
                    value: Box::new(Self::new(value, path)),
                    max: count("maxProperties", usize::MAX),
                },
                _ => Self::Anything,
            },
            _ => Self::Anything,
        }
    }
}

fn fields(properties: &Map<String, Value>, required: &[String], path: &str) -> Vec<Field> {
    properties
        .iter()
        .map(|(name, schema)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            Field {
                name: name.clone(),
                is_required: required.contains(name),
                default: schema.get("default").cloned(),
                schema: Schema::new(schema, &path),
                path,
            }
        })
        .collect()
}

/// Keeps what a rule can break in a single document, and says whether anything is left. Rules about changes go (they
/// compare with `oldSelf`, and a file has no past), and so does every branch without a rule: each would cost an
/// evaluation of nothing for every subject of every binding.
fn keep_standing_rules(schema: &mut Value) -> bool {
    let Value::Object(schema) = schema else { return false };
    let mut is_any = false;
    if let Some(Value::Array(rules)) = schema.get_mut("x-kubernetes-validations") {
        let compares = |rule: &Value| rule["rule"].as_str().is_some_and(|rule| rule.contains("oldSelf"));
        rules.retain(|rule| !compares(rule));
        is_any |= !rules.is_empty();
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|_, property| keep_standing_rules(property));
        is_any |= !properties.is_empty();
    }
    for below in ["items", "additionalProperties"] {
        if let Some(branch) = schema.get_mut(below) {
            if keep_standing_rules(branch) {
                is_any = true;
            } else {
                schema.remove(below);
            }
        }
    }
    is_any
}

fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new schema keyword must be handled by the walk before a kind uses it.
    fn nothing_is_ignored(schema: &Value, path: &str) {
        const UNDERSTOOD: [&str; 18] = [
            "type",
            "description",
            "properties",
            "required",
            "items",
            "additionalProperties",
            "default",
            "enum",
            "minLength",
            "maxLength",
            "pattern",
            "format",
            "minimum",
            "maximum",
            "minItems",
            "maxItems",
            "maxProperties",
            "x-kubernetes-validations",
        ];
        let Value::Object(schema) = schema else { return };
        for (keyword, value) in schema {
            assert!(UNDERSTOOD.contains(&keyword.as_str()), "{path}: the walk does not know {keyword}");
            match keyword.as_str() {
                "properties" => {
                    for (name, property) in value.as_object().unwrap() {
                        nothing_is_ignored(property, &format!("{path}.{name}"));
                    }
                }
                "items" | "additionalProperties" => nothing_is_ignored(value, &format!("{path}[]")),
                "pattern" => assert!(Regex::new(value.as_str().unwrap()).is_ok(), "{path}"),
                "format" => {
                    assert!(
                        ["date-time", "int32", "int64"].contains(&value.as_str().unwrap()),
                        "{path}: {value}"
                    );
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_walk_understands_every_keyword_of_every_schema() {
        for (kind, schema) in crate::manifest::kinds::schemas() {
            nothing_is_ignored(&schema["properties"]["spec"], kind.name());
        }
    }

    #[test]
    fn every_list_text_and_map_has_a_limit() {
        fn limited(schema: &Schema, path: &str) {
            match schema {
                Schema::Text(text) => assert!(text.max < usize::MAX || !text.allowed.is_empty(), "{path}"),
                Schema::List { item, min: _, max } => {
                    assert!(*max <= 1000, "{path}");
                    limited(item, path);
                }
                Schema::Dictionary { value, max } => {
                    assert!(*max <= 1000, "{path}");
                    limited(value, path);
                }
                Schema::Object { fields } => {
                    for field in fields {
                        limited(&field.schema, &field.path);
                    }
                }
                Schema::Integer { .. } | Schema::Truth => {}
                Schema::Anything => panic!("{path} takes anything"),
            }
        }
        for kind in Kind::ALL {
            limited(&prepared(kind).spec, kind.name());
        }
    }
}
