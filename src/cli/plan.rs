//! `plan`: read, compare, show. Nothing here can write to the account.

use super::approvals::ApprovalArgs;
use super::base::{Base, BaseArgs};
use super::declaration::{self, Extent};
use super::focus;
use super::inputs::{Inputs, Reach};
use super::look_alike;
use super::memory::{self, MemoryStore};
use super::saved;
use super::session::{Session, state_folder};
use super::snapshot::Snapshot;
use super::{CliError, Exit, Output};
use crate::facts::{Desired, Key, Policy, World};
use crate::manifest::{Compiled, Manifests};
use crate::plan::{self, Context, Memory, Plan, Revision, render};
use crate::policy::{self, Reviewer};
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
    /// Look only at what differs from the last apply or from --base: a few calls, whatever the account's size. Nothing is
    /// pruned; what needs a full read is named
    #[arg(long)]
    focus: bool,
    /// Compare with a snapshot instead of the account: no calls, no credentials; with --focus, only what is not looked up
    /// comes from the snapshot
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
    #[command(flatten)]
    approvals: ApprovalArgs,
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
    let folder = declaration::folder(&manifests, &compiled);
    let fail_on = compiled.policy.ownership.fail_on;
    let read_only = compiled.policy.why_read_only();
    let (mut plan, known) = match &args.observed {
        _ if args.focus => Box::pin(on_focus(&manifests, compiled, base, args, output)).await?,
        Some(file) => on_snapshot(file, &manifests, compiled, base, args, output)?,
        None => on_account(&manifests, compiled, base, args, output).await?,
    };
    let is_clean = plan.is_clean() && plan.intolerable(fail_on, &known).next().is_none();
    let approved = args.approvals.check(&plan, folder.as_deref());
    if let Some(why) = read_only {
        plan.warnings.insert(0, format!("nothing of this plan is written: {why}"));
    }
    // From here on the plan is only shown: what is saved or applied is never the redacted one.
    let plan = if args.redact { render::redacted(plan) } else { plan };
    match args.format {
        PlanFormat::Text => output.result(&render::text(&plan, style(output))),
        PlanFormat::Markdown => output.result(&render::markdown(&plan)),
        PlanFormat::Json => {
            output.json(&render::json(&plan).map_err(|error| CliError::Unexpected(error.to_string()))?);
        }
    }
    approved?;
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
    let purpose = Purpose::Show { ending_within: args.ending };
    let made = make_for(purpose, manifests, compiled, &session, &args.reach, extent, output);
    let made = Box::pin(made).await.and_then(|made| {
        let known = made.known;
        let plan = marked(made.plan, base.zip(declared), made.is_remembered, &made.world);
        if let Some(file) = &args.out {
            saved::save(file, &plan, &made.policy, &made.policies, args.reach.limits(), &session)?;
        }
        Ok((plan, known))
    });
    session.close().await;
    made
}

async fn on_focus(
    manifests: &Manifests,
    compiled: Compiled,
    base: Option<Base>,
    args: &PlanArgs,
    output: &Output,
) -> Result<(Plan, BTreeSet<Key>), CliError> {
    let snapshot = match &args.observed {
        Some(file) => {
            let snapshot = Snapshot::load(file, args.max_age, Timestamp::now())?;
            snapshot.check(&compiled)?;
            Some(snapshot)
        }
        None => None,
    };
    let session = Session::open(&compiled, &args.reach, output).await?;
    let request = focus::Request {
        manifests,
        base: base.as_ref(),
        snapshot,
        reach: &args.reach,
        extent: extent(&args.inputs, &args.reach),
        ending_within: args.ending,
    };
    let declared = base.is_some().then(|| (compiled.desired.clone(), compiled.policy.clone()));
    let made = Box::pin(focus::make(request, compiled, &session, output)).await.and_then(|made| {
        let plan = marked(made.plan, base.zip(declared), made.is_remembered, &made.world);
        if let Some(file) = &args.out {
            saved::save(file, &plan, &made.policy, &made.policies, args.reach.limits(), &session)?;
        }
        Ok((plan, made.known))
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
    let asked = Asked::new(&desired, &policy, &context.memory);
    let before = base.is_some().then(|| (desired.clone(), policy.clone()));
    let (compiled_rules, _) = policy::compile(&rules);
    let reviewer = Reviewer::new(&compiled_rules, &rules, &desired);
    let desired = reviewer.enforce_deadlines(desired, &snapshot.world, &policy, &context);
    let plan = plan::make(desired, &snapshot.world, &policy, &context);
    let mut plan = reviewer.review(plan, &snapshot.world, &policy, &context);
    plan.warnings.extend(look_alike::warnings(&people, &snapshot.world));
    let is_remembered = context.memory.applied_revision.is_some();
    let plan = asked.note_areas(plan, &policy, &context.memory, &snapshot.world);
    Ok((marked(plan, base.zip(before), is_remembered, &snapshot.world), context.memory.unmanaged))
}

/// With the base, if there is one, and what is declared now.
fn marked(plan: Plan, base: Option<(Base, (Desired, Policy))>, is_remembered: bool, world: &World) -> Plan {
    match base {
        Some((base, declared)) => base.mark_with_areas(plan, declared, is_remembered, world),
        None => plan,
    }
}

/// What is declared, kept for the areas that a plan touches: nothing where there are none.
pub(super) struct Asked(Option<Desired>);

impl Asked {
    pub(super) fn new(desired: &Desired, policy: &Policy, memory: &Memory) -> Self {
        let had_areas = memory.guards.as_ref().is_some_and(|guards| !guards.areas.is_empty());
        Self((had_areas || !policy.areas.is_empty()).then(|| desired.clone()))
    }

    /// The plan with the areas that it touches, compared with what was applied last.
    pub(super) fn note_areas(self, plan: Plan, policy: &Policy, memory: &Memory, world: &World) -> Plan {
        let Some(desired) = self.0 else { return plan };
        let before = Some(plan::DeclaredBefore::Remembered(memory));
        plan::with_areas(plan, || desired, &policy.areas, before, world)
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
    /// What is to be remembered before anything is sent; nothing where nothing is declared (an undo) or sent (a plan).
    pub memory: Option<Memory>,
    /// What the last apply saw that no manifest asks for.
    pub known: BTreeSet<Key>,
    /// Whether an apply has written down what was declared.
    pub is_remembered: bool,
    /// What the memory knows a saved plan by.
    pub saved_as: Option<String>,
    /// The run that this is the undo of.
    pub undoes: Option<String>,
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
            undoes: None,
        }
    }
}

/// What the command line says about the manifests as a whole.
pub(super) fn extent(inputs: &Inputs, reach: &Reach) -> Extent {
    Extent { is_whole: inputs.complete, is_rewind: reach.rewind }
}

/// What a plan is made for.
#[derive(Clone, Copy)]
enum Purpose {
    /// To be looked at. What an apply would write down is not worked out: of a large account it is as large as the plan's
    /// other sides together.
    Show {
        /// How far ahead ends are listed.
        ending_within: Option<jiff::SignedDuration>,
    },
    /// To be sent.
    Send,
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
    make_for(Purpose::Send, manifests, compiled, session, reach, extent, output).await
}

async fn make_for(
    purpose: Purpose,
    manifests: &Manifests,
    compiled: Compiled,
    session: &Session,
    reach: &Reach,
    extent: Extent,
    output: &Output,
) -> Result<Made, CliError> {
    let mut memory = session.memory.load_for_plan(output)?;
    memory::check_owner(&memory, manifests, &compiled)?;
    if session.writable.is_none() {
        warn_if_behind(&memory, manifests, &compiled, extent, output);
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
    context.ending_within = match purpose {
        Purpose::Show { ending_within } => ending_within,
        Purpose::Send => None,
    };
    let Compiled { desired, policy, rules, .. } = compiled;
    let people = desired.referenced.clone();
    let asked = Asked::new(&desired, &policy, &context.memory);
    let (compiled_rules, _) = policy::compile(&rules);
    let reviewer = Reviewer::new(&compiled_rules, &rules, &desired);
    let desired = reviewer.enforce_deadlines(desired, &world, &policy, &context);
    let (plan, memory) = match purpose {
        Purpose::Show { .. } => (plan::make(desired, &world, &policy, &context), None),
        Purpose::Send => {
            let (plan, memory) = plan::plan_and_remember(desired, &world, &policy, &context);
            (plan, Some(memory))
        }
    };
    let mut plan = reviewer.review(plan, &world, &policy, &context);
    plan.warnings.extend(look_alike::warnings(&people, &world));
    let plan = asked.note_areas(plan, &policy, &context.memory, &world);
    let before = context.memory;
    let memory = memory.map(|memory| signed(memory, &before, owner, &revision, &policy));
    let is_remembered = before.applied_revision.is_some();
    Ok(Made {
        plan,
        world,
        policy,
        policies: rules.digest,
        memory,
        known: before.unmanaged,
        is_remembered,
        saved_as: None,
        undoes: None,
    })
}

/// The memory with whose it is and what it is of.
fn signed(
    memory: Memory,
    before: &Memory,
    owner: Option<String>,
    revision: &Revision,
    policy: &Policy,
) -> Memory {
    let is_same_commit = |applied: &&Revision| applied.commit.is_some() && applied.commit == revision.commit;
    let applied = before.applied_revision.as_ref().filter(is_same_commit).unwrap_or(revision);
    let memory = Memory {
        declaration: owner.or(memory.declaration),
        applied_revision: Some(applied.clone()),
        guards: Some(policy.guards()),
        ..memory
    };
    let generation = before.generation + u64::from(memory != *before);
    Memory { generation, ..memory }
}

/// Tells when apply would refuse these manifests, because they are older than what was applied last.
pub(super) fn warn_if_behind(
    memory: &Memory,
    manifests: &Manifests,
    compiled: &Compiled,
    extent: Extent,
    output: &Output,
) {
    if let (false, Err(CliError::Behind { applied })) =
        (extent.is_rewind, memory::check_order(memory, manifests, compiled))
    {
        output.warn(format_args!(
            "warning: commit {applied} was applied last, and these manifests do not contain it: apply would send nothing"
        ));
    }
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
