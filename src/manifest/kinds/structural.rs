//! Makes a derived schema what an API server takes without complaint.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Value, json};

/// The field of a status that says which generation it is about.
const GENERATION: &str = "observedGeneration";

/// Drops `nullable` (an explicit null on a nullable enum is always refused, and none of our fields means anything by
/// null) and with it null defaults, and turns unsigned formats into signed ones (the server warns about others).
pub fn structural(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            visit(schema);
            let properties = schema.properties.iter_mut();
            for (_, status) in properties.flatten().filter(|(name, _)| *name == "status") {
                not_looked_at_yet(status);
            }
        }
    }
    crd
}

/// A new object has been observed in no generation: who waits for a status, as Flux does, must not take an object without
/// one for done.
fn not_looked_at_yet(status: &mut JSONSchemaProps) {
    let is_told = status.properties.as_ref().is_some_and(|fields| fields.contains_key(GENERATION));
    status.default = is_told.then(|| JSON(json!({ GENERATION: -1 })));
}

fn visit(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if schema.default.as_ref().is_some_and(|default| default.0.is_null()) {
        schema.default = None;
    }
    match schema.format.as_deref() {
        Some("uint8" | "uint16" | "uint32" | "int8" | "int16") => schema.format = Some("int32".to_owned()),
        Some("uint64" | "uint" | "int") => schema.format = Some("int64".to_owned()),
        _ => {}
    }
    if let Some(description) = &mut schema.description {
        *description = one_line(description);
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        visit(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => visit(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(visit),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        visit(values);
    }
}

/// Names each default in the description of its field: `kubectl explain` shows no others.
pub fn naming_defaults(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            name_defaults(schema);
        }
    }
    crd
}

fn name_defaults(schema: &mut JSONSchemaProps) {
    let shown = schema.default.as_ref().and_then(|default| match &default.0 {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        // That a switch is off by default is what everybody expects.
        Value::Bool(true) => Some("true".to_owned()),
        _ => None,
    });
    if let (Some(shown), Some(description)) = (shown, &mut schema.description) {
        *description = format!("{description} Default: `{shown}`.");
    }
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(name_defaults);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => name_defaults(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(name_defaults),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        name_defaults(values);
    }
}

/// Line breaks of the source mean nothing to a reader of the CRD; paragraphs stay.
fn one_line(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.split('\n').collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
}
