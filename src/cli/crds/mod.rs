//! `crds`: the definitions a cluster installs, from the Rust types, and policies for its API server to judge.

mod admission;

use super::inputs::Inputs;
use super::{CliError, Exit, Output};
use crate::manifest::kinds;
use clap::Args;
use serde::Serialize;

/// Print the custom resource definitions (CRDs) for a Kubernetes cluster, as YAML.
#[derive(Debug, Args)]
pub(super) struct CrdsArgs {
    /// Only these kinds
    #[arg(value_name = "KIND", value_parser = known_definition)]
    kinds: Vec<String>,
    /// Print the policies over objects of these manifests instead, as `ValidatingAdmissionPolicies` with their bindings
    #[arg(long, value_name = "PATH", num_args = 0.., default_missing_value = ".", conflicts_with = "kinds")]
    admission: Option<Vec<String>>,
    /// With --admission: name of the `KoreAccount`, when the manifests declare several
    #[arg(long, value_name = "NAME", requires = "admission")]
    account: Option<String>,
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
    if let Some(paths) = &args.admission {
        let inputs = Inputs { paths: paths.clone(), account: args.account.clone(), complete: false };
        return admission::run(&inputs, output);
    }
    let all = kinds::crds();
    let wanted = all.iter().filter(|crd| args.kinds.is_empty() || args.kinds.contains(&crd.spec.names.kind));
    output.result(&documents(wanted)?);
    Ok(Exit::Done)
}

fn documents<T: Serialize>(all: impl Iterator<Item = T>) -> Result<String, CliError> {
    let yaml = |document: T| {
        serde_saphyr::to_string(&document).map_err(|error| CliError::Unexpected(error.to_string()))
    };
    Ok(all.map(yaml).collect::<Result<Vec<_>, _>>()?.join("---\n"))
}
