//! `plan`: read, compare, show. Nothing here can write to the account.

use super::base::{Base, BaseArgs};
use super::inputs::{Inputs, Reach};
use super::look_alike;
use super::memory;
use super::saved;
use super::session::Session;
use super::snapshot::Snapshot;
use super::{CliError, Exit, Output};
use crate::facts::World;
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, Context, Memory, Plan, render};
use clap::Args;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Read the account and show what would change.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    reach: Reach,
    /// Output format
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    /// Exit with 2 when there are changes, or something is blocked, manual or refused
    #[arg(long)]
    exit_code: bool,
    /// Save the sealed plan to FILE, for apply --plan
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Compare with a snapshot instead of the account: no calls, no credentials
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    observed: Option<PathBuf>,
    /// Maximum age of the snapshot: 90s, 15m, 24h, 7d; from an older one, changes that need proof are blocked
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::inputs::time)]
    max_age: jiff::SignedDuration,
    /// Replace addresses by stable names (user-3f9c2a1b) and hide names of people; --out saves the complete plan
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    base: BaseArgs,
}

/// The format of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PlanFormat {
    /// Readable text
    Text,
    /// JSON; `koreconcile schema plan` prints its schema
    Json,
    /// Markdown for a comment on a pull request
    Markdown,
}

/// Shows the plan.
pub(super) async fn run(args: &PlanArgs, output: &Output) -> Result<Exit, CliError> {
    let (manifests, compiled) = args.inputs.compile(args.reach.keep_going, Timestamp::now(), output)?;
    let base = args.base.read(&args.inputs, &compiled, output)?;
    let plan = match &args.observed {
        Some(file) => on_snapshot(file, &manifests, compiled, base, args)?,
        None => on_account(&manifests, compiled, base, args, output).await?,
    };
    let is_clean = plan.is_clean();
    // From here on the plan is only shown: what is saved or applied is never the redacted one.
    let plan = if args.redact { render::redacted(plan) } else { plan };
    match args.format {
        PlanFormat::Text => output.result(&render::text(&plan, style(output))),
        PlanFormat::Markdown => output.result(&render::markdown(&plan)),
        PlanFormat::Json => {
            output.json(&render::json(&plan).map_err(|error| CliError::Unexpected(error.to_string()))?);
        }
    }
    Ok(if args.exit_code && !is_clean { Exit::Changes } else { Exit::Done })
}

async fn on_account(
    manifests: &Manifests,
    compiled: Compiled,
    base: Option<Base>,
    args: &PlanArgs,
    output: &Output,
) -> Result<Plan, CliError> {
    let session = Session::open(&compiled, &args.reach, output).await?;
    let made = make(manifests, compiled, &session, &args.reach, output).await.and_then(|made| {
        let plan = marked(made.plan, base, &made.world);
        if let Some(file) = &args.out {
            saved::save(file, &plan, &made.policy, args.reach.limits(), &session)?;
        }
        Ok(plan)
    });
    session.close().await;
    made
}

fn on_snapshot(
    file: &Path,
    manifests: &Manifests,
    compiled: Compiled,
    base: Option<Base>,
    args: &PlanArgs,
) -> Result<Plan, CliError> {
    let now = Timestamp::now();
    let snapshot = Snapshot::load(file, args.max_age, now)?;
    snapshot.check(&compiled)?;
    let context = Context {
        account: compiled.account.name.to_string(),
        host: snapshot.label(now),
        inputs: digest_of(manifests),
        limits: args.reach.limits(),
        rewrite: args.reach.rewrite(&Memory::default()),
        look_up_size: compiled.policy.batch_size.0,
        now,
        ..Context::default()
    };
    let Compiled { desired, policy, .. } = compiled;
    let people = desired.referenced.clone();
    let mut plan = plan::make(desired, &snapshot.world, &policy, &context);
    plan.warnings.extend(look_alike::warnings(&people, &snapshot.world));
    Ok(marked(plan, base, &snapshot.world))
}

fn marked(plan: Plan, base: Option<Base>, world: &World) -> Plan {
    match base {
        Some(base) => base.mark(plan, world),
        None => plan,
    }
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
    output: &Output,
) -> Result<Made, CliError> {
    let world = session.observe(&compiled).await?;
    let mut memory = memory::load(session.state.as_deref(), output);
    memory.note_pending(&world, Timestamp::now());
    if let Err(error) = memory::store(session.writable.as_deref(), &memory) {
        output.warn(format_args!("warning: {error}"));
    }
    let context = session.context(&compiled, digest_of(manifests), reach, memory);
    let Compiled { desired, policy, .. } = compiled;
    let people = desired.referenced.clone();
    let mut plan = plan::make(desired, &world, &policy, &context);
    plan.warnings.extend(look_alike::warnings(&people, &world));
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
