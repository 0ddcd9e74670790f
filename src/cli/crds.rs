//! `crds`: the definitions a cluster installs, from the Rust types.

use super::{CliError, Exit, Output};
use crate::manifest::kinds;
use clap::Args;

/// Print the custom resource definitions (CRDs) for a Kubernetes cluster, as YAML.
#[derive(Debug, Args)]
pub(super) struct CrdsArgs {
    /// Only these kinds
    #[arg(value_name = "KIND", value_parser = known_definition)]
    kinds: Vec<String>,
}

fn known_definition(name: &str) -> Result<String, String> {
    let kinds: Vec<String> = kinds::crds().into_iter().map(|crd| crd.spec.names.kind).collect();
    if kinds.iter().any(|kind| kind == name) {
        return Ok(name.to_owned());
    }
    Err(format!("the kinds are {}", kinds.join(", ")))
}

/// Prints them: one document each, in the order they are documented.
pub(super) fn run(args: &CrdsArgs, output: &Output) -> Result<Exit, CliError> {
    let mut documents = Vec::new();
    for crd in kinds::crds() {
        if args.kinds.is_empty() || args.kinds.contains(&crd.spec.names.kind) {
            let yaml = serde_saphyr::to_string(&crd);
            documents.push(yaml.map_err(|error| CliError::Unexpected(error.to_string()))?);
        }
    }
    output.result(&documents.join("---\n"));
    Ok(Exit::Done)
}
