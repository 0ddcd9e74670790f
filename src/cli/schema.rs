//! `schema`: JSON Schemas, from the Rust types.

use super::{CliError, Exit, Output, policy};
use crate::kore::replace_file;
use crate::manifest::{kinds, write};
use crate::plan::Plan;
use crate::report::Report;
use clap::Args;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Print the JSON Schema of manifests, tests of policies, plans or reports.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// What the schema describes
    #[arg(value_enum)]
    document: Described,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Described {
    /// Every kind of manifest, for editors
    Manifests,
    /// `KorePolicyTest`, for editors
    PolicyTest,
    /// `plan --format json`
    Plan,
    /// `report --format json`
    Report,
}

/// Prints the schema.
pub(super) fn run(args: &SchemaArgs, output: &Output) -> Result<Exit, CliError> {
    let text = match args.document {
        Described::Manifests => manifests_text()?,
        Described::PolicyTest => policy_test_text()?,
        Described::Plan => pretty(&Plan::schema())?,
        Described::Report => pretty(&Report::schema())?,
    };
    output.result(&text);
    Ok(Exit::Done)
}

fn pretty(schema: &schemars::Schema) -> Result<String, CliError> {
    let json = serde_json::to_string_pretty(schema);
    Ok(json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n")
}

/// The schema of manifests, as text.
pub(super) fn manifests_text() -> Result<String, CliError> {
    let json = serde_json::to_string_pretty(&manifests());
    Ok(json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n")
}

/// Writes the schema into a folder of manifests, where the first lines of the files name it, unless it is there. Gives
/// its path if it was written.
pub(super) fn write_beside(folder: &Path, is_needed: bool) -> Result<Option<PathBuf>, CliError> {
    let path = folder.join(write::SCHEMA_FILE);
    if !is_needed || std::fs::symlink_metadata(&path).is_ok() {
        return Ok(None);
    }
    let failed = |source| CliError::Write { path: path.display().to_string(), source };
    replace_file(&path, manifests_text()?.as_bytes()).map_err(failed)?;
    Ok(Some(path))
}

/// One schema for every kind. The document's `kind` chooses the schema of its `spec`, by `if` and not by `oneOf`, so
/// that an editor names the field that is wrong and not every kind that it is not. Everything is closed. Draft 7, which
/// every editor knows.
fn manifests() -> Value {
    let ByKind { definitions, chosen, names } = by_kind();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("https://{}/{}/{}", kinds::GROUP, kinds::VERSION, write::SCHEMA_FILE),
        "title": "koreconcile manifests",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "description": "Group and version of all kinds.", "const": kinds::API_VERSION },
            "kind": { "description": "What the document is.", "enum": names },
            "metadata": metadata(),
            "spec": { "description": "What is declared.", "type": "object" },
            "status": { "description": "Written by the controller.", "type": "object" },
        },
        "additionalProperties": false,
        "allOf": chosen,
        "definitions": definitions,
    })
}

/// What depends on the kind of a document.
struct ByKind {
    /// The schema of each kind's `spec`.
    definitions: Map<String, Value>,
    /// For each kind, which of them holds.
    chosen: Vec<Value>,
    names: Vec<&'static str>,
}

fn by_kind() -> ByKind {
    let mut by_kind = ByKind { definitions: Map::new(), chosen: Vec::new(), names: Vec::new() };
    for (kind, mut schema) in kinds::schemas() {
        let mut spec = schema["properties"]["spec"].take();
        close(&mut spec);
        by_kind.definitions.insert(kind.name().to_owned(), spec);
        by_kind.chosen.push(json!({
            "if": { "properties": { "kind": { "const": kind.name() } }, "required": ["kind"] },
            "then": { "properties": { "spec": { "$ref": format!("#/definitions/{kind}") } } },
        }));
        by_kind.names.push(kind.name());
    }
    by_kind
}

/// The schema of tests of policies: the documents in it are manifests without `apiVersion`, chosen by kind as well.
fn policy_test_text() -> Result<String, CliError> {
    let unexpected = |error: serde_json::Error| CliError::Unexpected(error.to_string());
    let schema = policy::test_schema(schemars::generate::SchemaSettings::draft07());
    let mut schema = serde_json::to_value(schema).map_err(unexpected)?;
    let ByKind { definitions, chosen, names } = by_kind();
    schema["$id"] = json!(format!("https://{}/{}/policy-test.schema.json", kinds::GROUP, kinds::VERSION));
    schema["title"] = json!("koreconcile tests of policies");
    schema["properties"]["apiVersion"]["const"] = json!(kinds::API_VERSION);
    schema["properties"]["kind"]["const"] = json!(kinds::TEST_KIND);
    let document = &mut schema["definitions"]["Document"];
    document["properties"]["kind"]["enum"] = json!(names);
    document["properties"]["spec"]["type"] = json!("object");
    document["allOf"] = json!(chosen);
    if let Some(known) = schema["definitions"].as_object_mut() {
        known.extend(definitions);
    }
    Ok(serde_json::to_string_pretty(&schema).map_err(unexpected)? + "\n")
}

/// Name and namespace, and what Kubernetes adds to an object that is exported.
fn metadata() -> Value {
    let texts = || json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let mut metadata = json!({
        "description": "Name of the object.",
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "description": "Unique among the objects of its kind.", "type": "string", "minLength": 1, "maxLength": 253 },
            "namespace": { "description": "Kubernetes namespace.", "type": "string", "minLength": 1, "maxLength": 63 },
            "labels": texts(),
            "annotations": texts(),
        },
        "additionalProperties": false,
    });
    for field in [
        "creationTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "uid",
    ] {
        metadata["properties"][field] = json!({ "description": "Written by Kubernetes." });
    }
    metadata
}

/// No field but the known ones; and without what only Kubernetes reads.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.retain(|key, _| !key.starts_with("x-kubernetes-"));
            if object.get("properties").is_some_and(Value::is_object)
                && !object.contains_key("additionalProperties")
            {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
