//! `plan`: read, compare, show. Nothing here can write to the account.

use super::base::{Base, BaseArgs};
use super::declaration::{self, Extent};
use super::inputs::{Inputs, Reach};
use super::look_alike;
use super::memory::{self, MemoryStore};
use super::policies;
use super::saved;
use super::session::{Session, state_folder};
use super::snapshot::Snapshot;
use super::{CliError, Exit, Output};
use crate::facts::{Desired, Key, Policy, World};
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, Context, Memory, Plan, Revision, render};
use clap::Args;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
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
    /// Exit with 2 when there are changes, something is blocked, manual or refused, or the account holds what no
    /// manifest asks for and ownership.failOn does not tolerate
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
    /// List grants that end within this time: 24h, 30d [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = super::inputs::time)]
    ending: Option<jiff::SignedDuration>,
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
    let fail_on = compiled.policy.ownership.fail_on;
    let (plan, known) = match &args.observed {
        Some(file) => on_snapshot(file, &manifests, compiled, base, args, output)?,
        None => on_account(&manifests, compiled, base, args, output).await?,
    };
    let is_clean = plan.is_clean() && plan.intolerable(fail_on, &known).next().is_none();
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
) -> Result<(Plan, BTreeSet<Key>), CliError> {
    let extent = extent(&args.inputs, &args.reach);
    let session = Session::open(&compiled, &args.reach, output).await?;
    let declared = base.is_some().then(|| (compiled.desired.clone(), compiled.policy.clone()));
    let made = make_listing(manifests, compiled, &session, &args.reach, extent, args.ending, output);
    let made = Box::pin(made).await.and_then(|made| {
        let known = made.known;
        let unremembered = declared.filter(|_| !made.is_remembered);
        let plan = marked(made.plan, base, unremembered, &made.world);
        if let Some(file) = &args.out {
            saved::save(file, &plan, &made.policy, &made.policies, args.reach.limits(), &session)?;
        }
        Ok((plan, known))
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
    output: &Output,
) -> Result<(Plan, BTreeSet<Key>), CliError> {
    let now = Timestamp::now();
    let snapshot = Snapshot::load(file, args.max_age, now)?;
    snapshot.check(&compiled)?;
    let remembered = MemoryStore::open(
        &compiled,
        state_folder(&compiled, args.reach.state_dir.as_deref(), None).as_deref(),
    )
    .load_for_plan(output)?;
    memory::check_owner(&remembered, manifests, &compiled)?;
    let context = Context {
        account: compiled.account.name.to_string(),
        host: snapshot.label(now),
        inputs: digest_of(manifests),
        limits: args.reach.limits(),
        rewrite: args.reach.rewrite(&Memory::default()),
        look_up_size: compiled.policy.batch_size.0,
        declaration: declaration::collect(
            manifests,
            &compiled,
            &remembered,
            extent(&args.inputs, &args.reach),
            now,
        )?,
        memory: remembered,
        now,
        ending_within: args.ending,
        ..Context::default()
    };
    let Compiled { desired, policy, rules, .. } = compiled;
    let people = desired.referenced.clone();
    let before = base.is_some().then(|| (desired.clone(), policy.clone()));
    let declared = policies::needed(&desired, &rules);
    let plan = plan::make(desired, &snapshot.world, &policy, &context);
    let mut plan = policies::review(plan, (&declared, &rules), &snapshot.world, &policy, &context);
    plan.warnings.extend(look_alike::warnings(&people, &snapshot.world));
    let unremembered = before.filter(|_| context.memory.applied_revision.is_none());
    Ok((marked(plan, base, unremembered, &snapshot.world), context.memory.unmanaged))
}

/// `unremembered`: what is declared, where no apply has written down what was declared before.
fn marked(plan: Plan, base: Option<Base>, unremembered: Option<(Desired, Policy)>, world: &World) -> Plan {
    match base {
        Some(base) => base.mark(plan, unremembered, world),
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
    /// Digest of the policies.
    pub policies: String,
    /// What is to be remembered before anything is sent; nothing where nothing is declared (an undo).
    pub memory: Option<Memory>,
    /// What the last apply saw that no manifest asks for.
    pub known: BTreeSet<Key>,
    /// Whether an apply has written down what was declared.
    pub is_remembered: bool,
    /// What the memory knows a saved plan by.
    pub saved_as: Option<String>,
}

impl Made {
    /// A plan that declares nothing: what was asked for stays remembered as it is.
    pub(super) fn undeclared(plan: Plan, world: World, policy: Policy, policies: String) -> Self {
        Self {
            plan,
            world,
            policy,
            policies,
            memory: None,
            known: BTreeSet::new(),
            is_remembered: true,
            saved_as: None,
        }
    }
}

/// What the command line says about the manifests as a whole.
pub(super) fn extent(inputs: &Inputs, reach: &Reach) -> Extent {
    Extent { is_whole: inputs.complete, is_rewind: reach.rewind }
}

/// Reads the account and compares.
pub(super) async fn make(
    manifests: &Manifests,
    compiled: Compiled,
    session: &Session,
    reach: &Reach,
    extent: Extent,
    output: &Output,
) -> Result<Made, CliError> {
    make_listing(manifests, compiled, session, reach, extent, None, output).await
}

/// The same, listing what ends within that time.
async fn make_listing(
    manifests: &Manifests,
    compiled: Compiled,
    session: &Session,
    reach: &Reach,
    extent: Extent,
    ending_within: Option<jiff::SignedDuration>,
    output: &Output,
) -> Result<Made, CliError> {
    let mut memory = session.memory.load_for_plan(output)?;
    memory::check_owner(&memory, manifests, &compiled)?;
    if let (None, false, Err(CliError::Behind { applied })) =
        (&session.writable, extent.is_rewind, memory::check_order(&memory, manifests, &compiled))
    {
        output.warn(format_args!(
            "warning: commit {applied} was applied last, and these manifests do not contain it: apply would send nothing"
        ));
    }
    let now = Timestamp::now();
    let declaration = declaration::collect(manifests, &compiled, &memory, extent, now)?;
    let world = session.observe(&compiled, &memory).await?;
    memory.note_pending(&world, now);
    if let (Some(_), Err(error)) = (&session.writable, session.memory.store_notes(&memory)) {
        output.warn(format_args!("warning: {error}"));
    }
    let owner = declaration::name(manifests, &compiled);
    let revision = declaration.revision.clone();
    let mut context = session.context(&compiled, digest_of(manifests), reach, memory);
    context.declaration = declaration;
    context.ending_within = ending_within;
    let Compiled { desired, policy, rules, .. } = compiled;
    let people = desired.referenced.clone();
    let declared = policies::needed(&desired, &rules);
    let (plan, memory) = plan::plan_and_remember(desired, &world, &policy, &context);
    let mut plan = policies::review(plan, (&declared, &rules), &world, &policy, &context);
    plan.warnings.extend(look_alike::warnings(&people, &world));
    let before = context.memory;
    let is_same_commit = |applied: &&Revision| applied.commit.is_some() && applied.commit == revision.commit;
    let applied = before.applied_revision.as_ref().filter(is_same_commit).unwrap_or(&revision);
    let memory = Memory {
        declaration: owner.or(memory.declaration),
        applied_revision: Some(applied.clone()),
        guards: Some(policy.guards()),
        ..memory
    };
    let generation = before.generation + u64::from(memory != before);
    let memory = Memory { generation, ..memory };
    let is_remembered = before.applied_revision.is_some();
    Ok(Made {
        plan,
        world,
        policy,
        policies: rules.digest,
        memory: Some(memory),
        known: before.unmanaged,
        is_remembered,
        saved_as: None,
    })
}

/// How text looks on this output.
pub(super) fn style(output: &Output) -> render::Style {
    render::Style { color: output.color, verbose: output.verbose > 0 }
}

/// What the plan was made from: a digest of the texts, whatever their paths.
pub(super) fn digest_of(manifests: &Manifests) -> plan::Inputs {
    let mut texts: Vec<&str> = manifests.texts().all().collect();
    texts.sort_unstable();
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(Sha256::digest(text));
    }
    plan::Inputs { digest: hex::encode(hash.finalize()), documents: manifests.all().len() }
}
