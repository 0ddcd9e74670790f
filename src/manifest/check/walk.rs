//! Walks a document's tree along its kind's schema, and finds everything that does not fit, at once.
//!
//! What fits comes out as JSON with the schema's defaults filled in (as an API server would), together with the
//! places of its fields and list items.

use super::form::right_form;
use super::schema::{Field, Schema, Text};
use crate::facts::{Email, nearest};
use crate::manifest::finding::{Code, Finding, Span, Spot, shown};
use crate::manifest::kinds::text::{EMAIL_PATTERN, time};
use crate::manifest::marks::Marks;
use crate::manifest::scalar;
use crate::manifest::tree::{Key, MapEntry, Node, Shape};
use serde_json::{Map, Value};
use std::sync::Arc;

/// One walk.
pub(super) struct Walk<'f> {
    /// The file, for findings.
    pub file: &'f Arc<str>,
    /// The kind of the document: `KoreUser`.
    pub kind: &'static str,
    /// What was found.
    pub findings: &'f mut Vec<Finding>,
    /// Where things are.
    pub marks: Marks,
    /// Items of lists that do not fit, where the rest of their object is used without them.
    pub dropped: Dropped,
    /// The item of a list that is looked at.
    pub item: Option<Span>,
}

/// Items that are left out, and how many of the findings are about them alone.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    /// Whether items go alone. Otherwise an object that has one is not used.
    is_allowed: bool,
    /// Errors in them.
    pub errors: usize,
    spans: Vec<Span>,
}

impl Dropped {
    /// None so far.
    pub(super) fn allowed(is_allowed: bool) -> Self {
        Self { is_allowed, ..Self::default() }
    }
}

impl Walk<'_> {
    /// The value of a node, as far as it fits. `field` is how messages name it. Outside lists, places are kept.
    pub(super) fn value(
        &mut self,
        node: &Node<'_>,
        schema: &'static Schema,
        field: &str,
        in_list: bool,
    ) -> Value {
        match (schema, &node.shape) {
            (_, Shape::Refused) | (Schema::Anything, _) => Value::Null,
            (Schema::Text(limits), Shape::Scalar { text, is_plain }) => {
                self.text(node.span, text, *is_plain, limits, field);
                Value::String(text.clone().into_owned())
            }
            (Schema::Integer { min, max }, Shape::Scalar { text, is_plain }) => {
                self.integer(node.span, text, *is_plain, (*min, *max), field)
            }
            (Schema::Truth, Shape::Scalar { text, is_plain }) => {
                self.truth(node.span, text, *is_plain, field)
            }
            (Schema::List { item, min, max }, Shape::List(nodes)) => {
                if nodes.len() < *min {
                    let message = format!("{field} has {} items, and needs at least {min}", nodes.len());
                    self.finding(Code::OutOfRange, node.span, message, "write the missing ones");
                }
                self.at_most(node.span, nodes.len(), *max, "items", field);
                Value::Array(nodes.iter().filter_map(|node| self.item(node, item, field)).collect())
            }
            (Schema::Object { fields }, Shape::Map(entries)) => {
                self.object(node, entries, fields, field, in_list)
            }
            (Schema::Dictionary { value, max }, Shape::Map(entries)) => {
                self.at_most(node.span, entries.len(), *max, "keys", field);
                Value::Object(self.dictionary(entries, value))
            }
            (schema, _) => {
                self.wrong_type(node, schema, field);
                Value::Null
            }
        }
    }

    /// An item of a list; `None`: it goes alone.
    fn item(&mut self, node: &Node<'_>, schema: &'static Schema, field: &str) -> Option<Value> {
        let before = self.findings.len();
        self.item = Some(node.span);
        let value = self.value(node, schema, field, true);
        let errors = self.findings[before..].iter().filter(|finding| finding.is_error()).count();
        if errors == 0 || !self.dropped.is_allowed {
            return Some(value);
        }
        self.dropped.errors += errors;
        self.dropped.spans.push(node.span);
        None
    }

    fn object(
        &mut self,
        node: &Node<'_>,
        entries: &[MapEntry<'_>],
        fields: &'static [Field],
        parent: &str,
        in_list: bool,
    ) -> Value {
        let mut object = Map::new();
        for MapEntry { key, value: child } in entries {
            let Some(field) = fields.iter().find(|field| field.name == key.text) else {
                self.unknown_field(key, fields, parent);
                continue;
            };
            let value = self.value(child, &field.schema, &field.path, in_list);
            if !in_list {
                self.mark(field, key, child);
            }
            object.insert(field.name.clone(), value);
        }
        for field in fields {
            if object.contains_key(&field.name) {
                continue;
            }
            if let Some(default) = &field.default {
                object.insert(field.name.clone(), default.clone());
            } else if field.is_required {
                let message = format!("{} is missing: {} needs it", field.path, self.owner(parent));
                self.finding(Code::MissingField, node.span, message, format!("add {}: …", field.name));
            }
        }
        Value::Object(object)
    }

    fn mark(&mut self, field: &'static Field, key: &Key<'_>, child: &Node<'_>) {
        let span = if matches!(child.shape, Shape::Scalar { .. }) { child.span } else { key.span };
        self.marks.field(&field.path, span);
        if let Shape::List(nodes) = &child.shape {
            let spans = nodes.iter().map(|node| node.span);
            self.marks.list(&field.path, spans.filter(|span| !self.dropped.spans.contains(span)).collect());
        }
    }

    fn dictionary(&mut self, entries: &[MapEntry<'_>], schema: &'static Schema) -> Map<String, Value> {
        let mut dictionary = Map::new();
        for MapEntry { key, value } in entries {
            if let (true, Some(meaning)) = (key.is_plain, scalar::taken_for(&key.text)) {
                self.quote(key.span, &key.text, meaning, "a key");
            }
            let value = self.value(value, schema, &key.text, true);
            dictionary.insert(key.text.clone().into_owned(), value);
        }
        dictionary
    }

    fn text(&mut self, span: Span, text: &str, is_plain: bool, limits: &Text, field: &str) {
        let Text { min, max, pattern, allowed, is_timestamp } = limits;
        if is_plain && text.is_empty() {
            let message = format!("{field} has no value");
            return self.finding(
                Code::QuoteIt,
                span,
                message,
                "leave the field out, or quote an empty text: \"\"",
            );
        }
        if let (true, Some(meaning)) = (is_plain, scalar::taken_for(text)) {
            return self.quote(span, text, meaning, field);
        }
        if !allowed.is_empty() {
            if !allowed.iter().any(|candidate| candidate == text) {
                let message = format!("{field} cannot be {}", shown(text));
                let finding = Finding::new(Code::UnknownValue, self.spot(span), message);
                let near = nearest(text, allowed.iter().map(String::as_str));
                let listed = format!("one of {}", allowed.join(", "));
                self.findings.push(match near {
                    Some(_) => finding.did_you_mean(near),
                    None => finding.hint(listed),
                });
            }
            return;
        }
        let is_email = pattern.as_ref().is_some_and(|pattern| pattern.as_str() == EMAIL_PATTERN);
        if is_email {
            if let Err(error) = Email::parse(text) {
                let message = format!("{} is not an e-mail address: {}", shown(text), error.why);
                self.finding(Code::Email, span, message, "write it as name@example.com");
            }
            return;
        }
        let length =
            if text.len() > *max || text.len() < 4 * *min { text.chars().count() } else { text.len() };
        if length > *max {
            let message = format!("{field} is {length} characters long, {max} are allowed");
            self.finding(Code::OutOfRange, span, message, "shorten it");
        } else if length < *min {
            self.finding(Code::OutOfRange, span, format!("{field} is empty"), "write a value");
        } else if *is_timestamp {
            if !is_timestamp_text(text) {
                let message = format!("{field} is {}, not a timestamp", shown(text));
                self.finding(
                    Code::Timestamp,
                    span,
                    message,
                    "write date, time and zone: 2026-12-31T18:00:00Z",
                );
            }
        } else if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let (rule, hint) = pattern_rule(pattern.as_str());
            self.finding(Code::Pattern, span, format!("{field} is {}, {rule}", shown(text)), hint);
        }
    }

    fn integer(&mut self, span: Span, text: &str, is_plain: bool, limits: (i64, i64), field: &str) -> Value {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.is_empty()
            && (digits == "0" || !digits.starts_with('0'));
        if !is_plain || !is_decimal {
            let message = format!("{field} takes a whole number, not {}", shown(text));
            self.finding(Code::WrongType, span, message, "write it in decimal digits, without quotes");
            return Value::Null;
        }
        let (min, max) = limits;
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => number.into(),
            _ => {
                let message = format!("{field} is {}, outside {min} to {max}", unquoted(text));
                self.finding(Code::OutOfRange, span, message, "write a number within the limits");
                Value::Null
            }
        }
    }

    fn truth(&mut self, span: Span, text: &str, is_plain: bool, field: &str) -> Value {
        match (is_plain, text) {
            (true, "true" | "True" | "TRUE") => true.into(),
            (true, "false" | "False" | "FALSE") => false.into(),
            _ => {
                let message = format!("{field} takes true or false, not {}", shown(text));
                self.finding(Code::WrongType, span, message, "write true or false, without quotes");
                Value::Null
            }
        }
    }

    fn wrong_type(&mut self, node: &Node<'_>, schema: &Schema, field: &str) {
        let (wanted, example) = match schema {
            Schema::Text(_) => ("a text", "write one value"),
            Schema::Integer { .. } => ("a whole number", "write one number"),
            Schema::Truth => ("true or false", "write true or false"),
            Schema::List { .. } => ("a list", "write its items with a dash each, or [] for none"),
            Schema::Object { .. } | Schema::Dictionary { .. } => ("a map", "write key: value pairs below it"),
            Schema::Anything => return,
        };
        let found = match &node.shape {
            Shape::Scalar { text, is_plain: true } if scalar::is_nothing(text) => "nothing".to_owned(),
            Shape::Scalar { text, .. } => shown(text),
            Shape::List(_) => "a list".to_owned(),
            Shape::Map(_) => "a map".to_owned(),
            Shape::Refused => return,
        };
        let field = if field.is_empty() { "spec" } else { field };
        let message = format!("{field} takes {wanted}, not {found}");
        let example = right_form(node, schema, field, self.item == Some(node.span))
            .unwrap_or_else(|| example.to_owned());
        self.finding(Code::WrongType, node.span, message, example);
    }

    fn unknown_field(&mut self, key: &Key<'_>, fields: &[Field], parent: &str) {
        let names = || fields.iter().map(|field| field.name.as_str());
        let message = format!("{} has no field {}", self.owner(parent), shown(&key.text));
        let finding = Finding::new(Code::UnknownField, self.spot(key.span), message);
        let near = nearest(&key.text, names());
        self.findings.push(match near {
            Some(_) => finding.did_you_mean(near),
            None => finding.hint(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        });
    }

    fn at_most(&mut self, span: Span, count: usize, max: usize, what: &str, field: &str) {
        if count > max {
            let message = format!("{field} has {count} {what}, {max} are allowed");
            self.finding(Code::OutOfRange, span, message, "split it into several documents");
        }
    }

    /// An unquoted scalar that another reader takes for something else.
    pub(super) fn quote(&mut self, span: Span, text: &str, meaning: &str, field: &str) {
        let message =
            format!("{field} takes a text, but kubectl and other readers take {text} for {meaning}");
        self.finding(Code::QuoteIt, span, message, format!("quote it: \"{text}\""));
    }

    fn owner(&self, parent: &str) -> String {
        if parent.is_empty() { format!("the spec of a {}", self.kind) } else { parent.to_owned() }
    }

    /// Adds a finding.
    pub(super) fn finding(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let finding = Finding::new(code, self.spot(span), message).hint(hint);
        self.findings.push(finding);
    }

    /// A place in this file.
    pub(super) fn spot(&self, span: Span) -> Spot {
        Spot { file: Arc::clone(self.file), span }
    }
}

/// A short value as it was written, a long one cut.
fn unquoted(text: &str) -> &str {
    const LONGEST: usize = 60;
    if text.len() > LONGEST { "it" } else { text }
}

/// RFC 3339: what an API server takes. jiff also reads shorter forms, which a server would refuse.
fn is_timestamp_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20
        && bytes[10].eq_ignore_ascii_case(&b'T')
        && bytes[13] == b':'
        && bytes[16] == b':'
        && time(text).is_ok()
}

/// The rule that a text breaks when a pattern does not match it, and the next step.
fn pattern_rule(pattern: &str) -> (&'static str, &'static str) {
    use crate::manifest::kinds::text::{DURATION_PATTERN, HOST_PATTERN, OWNER_PATTERN, PERCENT_PATTERN};
    match pattern {
        DURATION_PATTERN => ("not a duration", "write a whole number and a unit: 30s, 5m, 2h, 7d"),
        PERCENT_PATTERN => ("not a percentage", "write a share: 0% to 100%"),
        HOST_PATTERN => (
            "not an origin (scheme://host[:port])",
            "write an origin: https://platform.kore.ai; http only on this machine",
        ),
        OWNER_PATTERN => (
            "neither an address nor a @name of the forge",
            "write an address such as name@example.com, or @team",
        ),
        _ => ("not in the form of this field", "see the reference of this field"),
    }
}
