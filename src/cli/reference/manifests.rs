//! Every declared kind, from its schema: the same one that `validate` and a cluster check with.

use super::table::{Table, cell, code};
use crate::manifest::kinds;
use serde_json::Value;

/// The page.
pub(super) fn page() -> String {
    let kinds: String =
        kinds::schemas().into_iter().map(|(kind, schema)| section(kind.name(), &schema)).collect();
    let version = kinds::API_VERSION;
    format!(
        "# Manifests\n\nEvery document has `apiVersion: {version}`, its `kind`, and `metadata.name`. These are the fields of \
         its `spec`.\nFields in **bold** are required where their parent is written. Immutable fields are checked in a cluster, \
         where there is an\nearlier object to compare with.\n\n{kinds}"
    )
}

fn section(kind: &str, schema: &Value) -> String {
    let heading = ["field", "type", "default", "limits", "what it is"];
    let mut page = KindPage { fields: Table::new(heading), rules: Vec::new() };
    page.object("", &schema["properties"]["spec"]);
    let about = schema["description"].as_str().unwrap_or_default();
    let rules = match page.rules.as_slice() {
        [] => String::new(),
        rules => format!("Rules:\n\n{}\n", rules.concat()),
    };
    format!("## {kind}\n\n{about}\n\n{}{rules}", page.fields.markdown())
}

/// What one kind says of itself.
struct KindPage {
    fields: Table<5>,
    rules: Vec<String>,
}

impl KindPage {
    fn object(&mut self, path: &str, schema: &Value) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let about = if path.is_empty() { String::new() } else { format!("{}: ", code(path)) };
            self.rules.push(format!("* {about}{}\n", rule["message"].as_str().unwrap_or_default()));
        }
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.field(&below, field, required.iter().any(|required| required == name));
        }
    }

    fn field(&mut self, path: &str, schema: &Value, is_required: bool) {
        let name = if is_required { format!("**{}**", code(path)) } else { code(path) };
        let default = match &schema["default"] {
            // The fields of an object say theirs.
            Value::Null | Value::Object(_) => String::new(),
            Value::String(text) => code(text),
            other => code(&other.to_string()),
        };
        let about = cell(schema["description"].as_str().unwrap_or_default());
        self.fields.row([name, kind_of(schema), default, limits(schema), about]);
        self.below(path, schema);
    }

    /// The fields of what a field holds.
    fn below(&mut self, path: &str, schema: &Value) {
        self.object(path, schema);
        if schema["items"].is_object() {
            self.below(&format!("{path}[]"), &schema["items"]);
        }
    }
}

fn kind_of(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<String> = choices.iter().filter_map(Value::as_str).map(code).collect();
        return choices.join(", ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind_of(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind_of(&schema["additionalProperties"]))
        }
        Some("integer") => "whole number".to_owned(),
        Some("string") if schema["format"] == "date-time" => "timestamp (RFC 3339)".to_owned(),
        Some("string") => "text".to_owned(),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}

/// Of the field itself and of what a list holds.
fn limits(schema: &Value) -> String {
    let range = |least: &Value, most: &Value, what: &str| match (least.as_f64(), most.as_f64()) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{what}")),
        (Some(least), None) => Some(format!("at least {least}{what}")),
        (None, Some(most)) => Some(format!("at most {most}{what}")),
        (None, None) => None,
    };
    let pattern =
        |schema: &Value| schema["pattern"].as_str().map(|pattern| format!("like {}", code(pattern)));
    let items = &schema["items"];
    let limits = [
        range(&schema["minimum"], &schema["maximum"], ""),
        range(&schema["minLength"], &schema["maxLength"], " characters"),
        pattern(schema),
        range(&schema["minItems"], &schema["maxItems"], " entries"),
        range(&items["minLength"], &items["maxLength"], " characters each"),
        pattern(items),
    ];
    limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
