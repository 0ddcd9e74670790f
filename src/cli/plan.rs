//! `plan`: read, compare, show. Nothing here can write to the account.

use super::inputs::{Inputs, Reach};
use super::session::Session;
use super::{CliError, Exit, Output};
use crate::facts::World;
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, Plan, render};
use clap::Args;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// Read the account and show what would change.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    reach: Reach,
    /// How the plan is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 2 when there are changes, or something is blocked, manual or refused
    #[arg(long)]
    exit_code: bool,
}

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For machines: `koreconcile schema plan` describes it
    Json,
}

/// Shows the plan.
pub(super) async fn run(args: &PlanArgs, output: &Output) -> Result<Exit, CliError> {
    let (manifests, compiled) = args.inputs.compile(args.reach.keep_going, Timestamp::now(), output)?;
    let session = Session::open(&compiled, &args.reach, output).await?;
    let made = make(&manifests, compiled, &session, &args.reach).await;
    session.close().await;
    let Made { plan, .. } = made?;
    let text = match args.format {
        Format::Text => render::text(&plan, style(output)),
        Format::Json => render::json(&plan).map_err(|error| CliError::Unexpected(error.to_string()))?,
    };
    output.result(&text);
    Ok(if args.exit_code && !plan.is_clean() { Exit::Changes } else { Exit::Done })
}

/// A plan with what it was made of.
pub(super) struct Made {
    /// The plan.
    pub plan: Plan,
    /// What was seen.
    pub world: World,
    /// The rules.
    pub policy: crate::facts::Policy,
}

/// Reads the account and compares.
pub(super) async fn make(
    manifests: &Manifests,
    compiled: Compiled,
    session: &Session,
    reach: &Reach,
) -> Result<Made, CliError> {
    let world = session.observe(&compiled).await?;
    let context = session.context(&compiled, digest_of(manifests), reach);
    let Compiled { desired, policy, .. } = compiled;
    let plan = plan::make(desired, &world, &policy, &context);
    Ok(Made { plan, world, policy })
}

/// How text looks on this output.
pub(super) fn style(output: &Output) -> render::Style {
    render::Style { color: output.color, verbose: output.verbose > 0 }
}

/// What the plan was made from: a digest of the texts, whatever their paths.
fn digest_of(manifests: &Manifests) -> plan::Inputs {
    let mut texts: Vec<&str> = manifests.texts().all().collect();
    texts.sort_unstable();
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(Sha256::digest(text));
    }
    plan::Inputs { digest: hex::encode(hash.finalize()), documents: manifests.all().len() }
}
