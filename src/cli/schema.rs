//! `schema`: JSON Schemas, from the Rust types.

use super::{CliError, Exit, Output};
use crate::manifest::kinds;
use crate::plan::Plan;
use crate::report::Report;
use clap::Args;
use serde_json::json;

/// Print the JSON Schema of manifests, plans or reports.
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
    /// `plan --format json`
    Plan,
    /// `report --format json`
    Report,
}

/// Prints the schema.
pub(super) fn run(args: &SchemaArgs, output: &Output) -> Result<Exit, CliError> {
    let json = match args.document {
        Described::Manifests => serde_json::to_string_pretty(&manifests()),
        Described::Plan => serde_json::to_string_pretty(&Plan::schema()),
        Described::Report => serde_json::to_string_pretty(&Report::schema()),
    };
    output.result(&(json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n"));
    Ok(Exit::Done)
}

/// One schema for every kind: the document's `kind` chooses.
fn manifests() -> serde_json::Value {
    let kinds: Vec<serde_json::Value> = kinds::schemas()
        .into_iter()
        .map(|(kind, mut schema)| {
            schema["properties"]["apiVersion"] = json!({ "const": kinds::API_VERSION });
            schema["properties"]["kind"] = json!({ "const": kind.name() });
            schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
            schema["title"] = json!(kind.name());
            schema
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "koreconcile manifests",
        "oneOf": kinds,
    })
}
