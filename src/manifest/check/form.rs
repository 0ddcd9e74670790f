//! The right form of exactly what was written, where a value has another type than its field: a text where a map is
//! wanted, a map where a list is, and the reverse.

use super::schema::{Field, Schema};
use super::vocabulary::built_in_roles;
use crate::facts::RoleType;
use crate::manifest::tree::{Node, Shape};

/// The longest value that is shown again.
const LONGEST: usize = 60;

/// Exactly this value in the form that the field takes, where that can be said. `is_item`: it is an item of the field's
/// list.
pub(super) fn right_form(node: &Node<'_>, schema: &Schema, field: &str, is_item: bool) -> Option<String> {
    let name = field.rsplit('.').next().unwrap_or(field);
    let form = value(node, schema, name)?;
    Some(if is_item { format!("write {form}") } else { format!("write {name}: {form}") })
}

/// A value in the form of a schema, in one line.
fn value(node: &Node<'_>, schema: &Schema, name: &str) -> Option<String> {
    match (schema, &node.shape) {
        (Schema::List { .. }, Shape::Map(entries)) if entries.is_empty() => Some("[]".to_owned()),
        (Schema::List { item, .. }, _) => Some(format!("[{}]", value(node, item, name)?)),
        (Schema::Text(_), Shape::Scalar { .. }) => scalar(node),
        // One value in brackets or below a key.
        (Schema::Text(_), Shape::List(items)) => only(items).and_then(scalar),
        (Schema::Text(_), Shape::Map(entries)) => only(entries).and_then(|entry| scalar(&entry.value)),
        (Schema::Object { fields }, Shape::Scalar { .. }) => object_of(node, fields, name),
        (Schema::Object { fields }, Shape::List(items)) => match only(items) {
            Some(item) if item.text().is_some() => object_of(item, fields, name),
            _ => merged(items),
        },
        (Schema::Object { .. }, Shape::Map(_)) => map(node),
        (Schema::Dictionary { .. }, Shape::List(items)) => {
            let keys: Option<Vec<String>> = items.iter().map(scalar).collect();
            match keys {
                Some(keys) => braces(&keys.iter().map(|key| format!("{key}: \u{2026}")).collect::<Vec<_>>()),
                None => merged(items),
            }
        }
        _ => None,
    }
}

/// A text where an object is wanted: the field that it can only be.
fn object_of(node: &Node<'_>, fields: &[Field], name: &str) -> Option<String> {
    let (text, shown) = (node.text()?, scalar(node)?);
    let has = |name: &str| fields.iter().any(|field| field.name == name);
    Some(match name {
        "subjects" | "absent" if has("user") => {
            let of_name = ["team", "group"].into_iter().find(|name| has(name));
            let who = of_name.filter(|_| !text.contains('@')).unwrap_or("user");
            format!("{{ {who}: {shown} }}")
        }
        "role" if has("type") => {
            let kind = if built_in_roles(RoleType::Admin).contains(&text) { "Admin" } else { "Bot" };
            format!("{{ type: {kind}, name: {shown} }}")
        }
        "endpoint" if text.contains("://") => format!("{{ host: {shown} }}"),
        "spec" if has("email") && text.contains('@') => format!("{{ email: {shown} }}"),
        _ => return None,
    })
}

/// A list of maps with one entry each, as one map.
fn merged(items: &[Node<'_>]) -> Option<String> {
    let mut entries = Vec::new();
    for item in items {
        let Shape::Map(of_item) = &item.shape else { return None };
        for entry in of_item {
            if is_secret(&entry.key.text) {
                return None;
            }
            entries.push(format!("{}: {}", entry.key.text, scalar(&entry.value)?));
        }
    }
    braces(&entries)
}

fn map(node: &Node<'_>) -> Option<String> {
    let Shape::Map(entries) = &node.shape else { return None };
    let entries = entries.iter().filter(|entry| !is_secret(&entry.key.text));
    let entries = entries.map(|entry| Some(format!("{}: {}", entry.key.text, scalar(&entry.value)?)));
    braces(&entries.collect::<Option<Vec<String>>>()?)
}

fn braces(entries: &[String]) -> Option<String> {
    let text = entries.join(", ");
    (!text.is_empty() && text.len() <= 2 * LONGEST).then(|| format!("{{ {text} }}"))
}

/// What is below such a key is shown nowhere.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["credential", "secret", "clientid", "token", "password"].iter().any(|word| key.contains(word))
}

fn only<T>(items: &[T]) -> Option<&T> {
    items.first().filter(|_| items.len() == 1)
}

/// A short scalar, quoted where a flow list or map would read it otherwise.
fn scalar(node: &Node<'_>) -> Option<String> {
    let Shape::Scalar { text, is_plain } = &node.shape else { return None };
    if text.is_empty() || text.len() > LONGEST || text.contains(['\n', '"', '\\']) {
        return None;
    }
    let is_special = !is_plain || text.contains([':', '#', '{', '}', '[', ']', ',']);
    Some(if is_special { format!("\"{text}\"") } else { text.clone().into_owned() })
}
