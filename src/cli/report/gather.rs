//! What a report rests on: the account or a snapshot of it, the manifests that were current, and what they asked for.

use super::super::base::{self, AtRevision};
use super::super::declaration;
use super::super::explain::{self, attribution, blame};
use super::super::inputs::Reach;
use super::super::session::{Session, check_account, state_folder};
use super::super::snapshot::Snapshot;
use super::super::{CliError, Output, plan, revision};
use super::{Common, EvidenceError, Store, Stored, moment};
use crate::facts::{self, Completeness, World};
use crate::manifest::{self, Compiled, Manifests};
use crate::plan::explain::{Explanation, Observed};
use crate::plan::{AccountRef, Context, Declaration, Memory, Plan, RiskLevel};
use crate::policy::{self, FoundBreach, Known, Policies};
use crate::report::{Evidence, ManifestState, Verdict};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Everything that a report is made of.
pub(super) struct Gathered {
    account: AccountRef,
    world: World,
    read_at: Timestamp,
    explanation: Explanation,
    plan: Plan,
    memory: Memory,
    manifests: ManifestState,
    verdicts: Vec<Verdict>,
    gaps: Vec<String>,
    notes: Vec<String>,
    /// When the report is made.
    pub(super) now: Timestamp,
}

impl Gathered {
    pub(super) fn evidence(&self) -> Evidence<'_> {
        Evidence {
            account: &self.account,
            world: &self.world,
            read_at: self.read_at,
            explanation: &self.explanation,
            plan: &self.plan,
            memory: &self.memory,
            manifests: &self.manifests,
            verdicts: &self.verdicts,
            gaps: &self.gaps,
            notes: &self.notes,
        }
    }

    /// Makes sure that both snapshots are of one account.
    pub(super) fn is_same_account(&self, from: &Snapshot) -> Result<(), EvidenceError> {
        match (&from.world.account, &self.world.account) {
            (Some(from), Some(to)) if from != to => {
                Err(EvidenceError::TwoAccounts { from: from.to_string(), to: to.to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// One read of the account.
struct Read {
    world: World,
    at: Timestamp,
    host: String,
    state: Option<PathBuf>,
    remembered: (Memory, Declaration),
}

/// The manifests that are compared with it.
struct Declared {
    manifests: Manifests,
    compiled: Compiled,
    /// The repository and the commit whose files they are, where they are not those on disk.
    at: Option<(PathBuf, String)>,
    gaps: Vec<String>,
}

/// Reads everything.
pub(super) async fn gather(common: &Common, output: &Output) -> Result<Gathered, CliError> {
    let now = Timestamp::now();
    let reach = reach(common);
    let (declared, read) = match (&common.observed, common.at) {
        (Some(file), _) => {
            let snapshot = Snapshot::load(file, jiff::SignedDuration::MAX, now)?;
            let declared = on_disk(common, snapshot.made_at, output)?;
            let read = of_snapshot(snapshot, &declared, &reach, output)?;
            (declared, read)
        }
        (None, Some(at)) => of_evidence(common, at, output)?,
        (None, None) => {
            let declared = on_disk(common, now, output)?;
            let read = Box::pin(live(common, &declared, &reach, output)).await?;
            (declared, read)
        }
    };
    Ok(compare(declared, read, now))
}

/// An earlier read: a snapshot, or the nearest one to a time.
pub(super) fn earlier(given: &str, common: &Common) -> Result<Snapshot, CliError> {
    let path = Path::new(given);
    let at = moment(given).ok();
    match (at, &common.evidence) {
        (Some(at), Some(folder)) if !path.exists() => Ok(Store::new(folder).snapshot_at(at, None)?.1),
        (Some(_), None) if !path.exists() => {
            Err(EvidenceError::NoEvidence { given: given.to_owned() }.into())
        }
        _ => Ok(Snapshot::load(path, jiff::SignedDuration::MAX, Timestamp::now())?),
    }
}

fn reach(common: &Common) -> Reach {
    Reach { keep_going: common.keep_going, ..Reach::reading(common.max_wait, common.state_dir.clone()) }
}

/// The manifests on disk, as they declare at a time.
fn on_disk(common: &Common, at: Timestamp, output: &Output) -> Result<Declared, CliError> {
    let (manifests, compiled) = common.inputs.compile_all(common.keep_going, at, output)?;
    Ok(Declared { manifests, compiled, at: None, gaps: Vec::new() })
}

async fn live(
    common: &Common,
    declared: &Declared,
    reach: &Reach,
    output: &Output,
) -> Result<Read, CliError> {
    let Declared { manifests, compiled, .. } = declared;
    let session = Session::open(compiled, reach, output).await?;
    let state = session.state.clone();
    let remembered = explain::remembered(state.as_deref(), manifests, compiled, output);
    let world = match &remembered {
        Ok(_) => Box::pin(session.observe_everyone(compiled)).await,
        Err(_) => Ok(World::default()),
    };
    let host = session.host.clone();
    session.close().await;
    let (remembered, world) = (remembered?, world?);
    check_account(&compiled.policy, world.account.as_ref())?;
    let at = Timestamp::now();
    if let Some(folder) = &common.evidence {
        let snapshot = Snapshot::new(world.clone(), host.clone(), at);
        snapshot.keep(folder, commit_of(manifests, compiled).as_deref())?;
    }
    Ok(Read { world, at, host, state, remembered })
}

fn of_snapshot(
    snapshot: Snapshot,
    declared: &Declared,
    reach: &Reach,
    output: &Output,
) -> Result<Read, CliError> {
    let Declared { manifests, compiled, .. } = declared;
    snapshot.check(compiled)?;
    let state = state_folder(compiled, reach.state_dir.as_deref(), None);
    let remembered = explain::remembered(state.as_deref(), manifests, compiled, output)?;
    let Snapshot { made_at: at, host, world, .. } = snapshot;
    Ok(Read { world, at, host, state, remembered })
}

/// The nearest snapshot at or before a time, and the manifests of the commit that was current. What was asked for since
/// says nothing about what was in place then, so that no plan rests on it.
fn of_evidence(common: &Common, at: Timestamp, output: &Output) -> Result<(Declared, Read), CliError> {
    let folder = common.evidence.as_deref().unwrap_or(Path::new("."));
    let here = on_disk(common, at, output)?;
    let account = here.compiled.policy.account_id.as_ref().map(ToString::to_string);
    let (entry, snapshot) = Store::new(folder).snapshot_at(at, account.as_deref())?;
    let made_at = snapshot.made_at;
    let read = of_snapshot(snapshot, &here, &reach(common), output)?;
    let Declared { manifests, compiled, .. } = here;
    let declared = if let Some(commit) = &entry.commit {
        let name = compiled.account.name.to_string();
        let then = base::at_revision(commit, &common.inputs.paths, Some(name.as_str()), made_at)?;
        let AtRevision { top, commit, manifests, compiled } = then;
        Declared { manifests, compiled, at: Some((top, commit)), gaps: Vec::new() }
    } else {
        let gap = "the manifests of that time are not known: these are those of today".to_owned();
        let then = manifest::compile(&manifests, Some(&compiled.account.name), made_at);
        Declared { compiled: then.unwrap_or(compiled), manifests, at: None, gaps: vec![gap] }
    };
    let Read { remembered: (memory, _), .. } = &read;
    let remembered = (memory.clone(), Declaration::default());
    Ok((declared, Read { remembered, ..read }))
}

fn compare(declared: Declared, read: Read, now: Timestamp) -> Gathered {
    let Declared { manifests, compiled, at, mut gaps } = declared;
    let Read { world, at: read_at, host, state, remembered: (memory, declaration) } = read;
    let account = AccountRef { name: compiled.account.name.to_string(), id: world.account.clone(), host };
    let context = Context {
        account: account.name.clone(),
        now: read_at,
        // Today's memory is about today's manifests.
        memory: if at.is_none() { memory.clone() } else { Memory::default() },
        declaration,
        ..Context::default()
    };
    let observed = Observed { world: &world, policy: &compiled.policy, context: &context };
    let (mut explanation, plan) = crate::plan::explain::everything(&compiled.desired, observed);
    let (compiled_rules, _) = policy::compile(&compiled.rules);
    let rules = (&compiled_rules, &compiled.rules);
    let plan = policy::review_declared(plan, rules, &compiled.desired, &world, &compiled.policy, &context);
    attribution::fill(&mut explanation, &manifests);
    let at_commit = at.as_ref().map(|(top, commit)| (top.as_path(), commit.as_str()));
    let extent = blame::Extent { at: at_commit, most_files: usize::MAX };
    let mut notes = blame::fill(&mut explanation, extent);
    if let Some(state) = &state {
        explain::date(&mut explanation, state);
    }
    // What happened after the read is no evidence of it.
    for line in &mut explanation.lines {
        line.since.take_if(|since| since.at > read_at);
    }
    let mut memory = memory;
    memory.facts.retain(|(_, fact)| fact.since.at <= read_at);
    let errors = manifests.findings().iter().chain(&compiled.findings).filter(|finding| finding.is_error());
    let errors = errors.count();
    if errors > 0 {
        gaps.push(format!(
            "the manifests have {}: what they hide counts as not declared",
            facts::count(errors, "error")
        ));
    }
    if let Completeness::Partial(why) = &compiled.desired.completeness {
        gaps.push(format!("the manifests are not complete: {why}"));
    }
    notes.extend(world.warnings.iter().cloned());
    let (verdicts, unused) = verdicts(&compiled, &compiled_rules, &world, &memory, read_at);
    notes.extend(unused);
    let state = manifest_state(&manifests, &compiled, at_commit, &mut notes);
    Gathered {
        account,
        verdicts,
        world,
        read_at,
        explanation,
        plan,
        memory,
        manifests: state,
        gaps,
        notes,
        now,
    }
}

/// What policies say of the account as it was read, and the exceptions that cover nothing of it.
fn verdicts(
    compiled: &Compiled,
    compiled_rules: &Policies,
    world: &World,
    memory: &Memory,
    read_at: Timestamp,
) -> (Vec<Verdict>, Vec<String>) {
    let Compiled { desired, rules, .. } = compiled;
    if rules.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let known = Known::observed(desired, rules, world).remembering(memory);
    let (found, unused) = policy::found_breaches(compiled_rules, &known, world, read_at);
    let verdicts = found.into_iter().map(|FoundBreach { breach, subjects, exception }| Verdict {
        policy: breach.policy,
        severity: RiskLevel::of_severity(breach.severity),
        message: breach.message,
        subjects,
        excepted_by: exception.as_ref().map(|exception| exception.name.to_string()),
        excepted_until: exception.map(|exception| exception.expires_at),
    });
    let unused = unused.iter().map(|exception| {
        format!(
            "KorePolicyException {} from {} covers nothing in the account ({})",
            exception.name, exception.policy, exception.source
        )
    });
    (verdicts.collect(), unused.collect())
}

/// The commit of the manifests on disk.
pub(in crate::cli) fn commit_of(manifests: &Manifests, compiled: &Compiled) -> Option<String> {
    let folder = declaration::folder(manifests, compiled)?;
    revision::head(&folder, Timestamp::UNIX_EPOCH).commit
}

fn manifest_state(
    manifests: &Manifests,
    compiled: &Compiled,
    at: Option<(&Path, &str)>,
    notes: &mut Vec<String>,
) -> ManifestState {
    let folder = declaration::folder(manifests, compiled).unwrap_or_else(|| PathBuf::from("."));
    let (folder, commit) = match at {
        Some((top, commit)) => (top, Some(commit.to_owned())),
        None => (folder.as_path(), commit_of(manifests, compiled)),
    };
    let committed_at = commit.as_ref().and_then(|commit| {
        let time = revision::line(folder, &["show", "-s", "--format=%ct", commit])?;
        Timestamp::from_second(time.parse().ok()?).ok()
    });
    let is_dirty = at.is_none()
        && commit.is_some()
        && revision::line(folder, &["status", "--porcelain", "--", "."]).is_some();
    if is_dirty {
        notes.push("the folder of the manifests has changes that are not committed".to_owned());
    }
    let crate::plan::Inputs { digest, documents } = plan::digest_of(manifests);
    ManifestState { commit, committed_at, digest, documents }
}

/// What a snapshot that is kept on its own rests on.
pub(in crate::cli) fn stored(snapshot: &Snapshot, commit: Option<&str>) -> Stored {
    Stored {
        account: snapshot.world.account.as_ref().map(ToString::to_string),
        commit: commit.map(str::to_owned),
        ..Stored::snapshot(snapshot.made_at)
    }
}
