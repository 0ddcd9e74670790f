//! `snapshot`: one read of the account in a file, and plans against such a file: no calls, no credentials.

use super::inputs::{Inputs, Reach};
use super::session::Session;
use super::{CliError, Exit, Output, output, report};
use crate::facts::World;
use crate::manifest::Compiled;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the file.
const FORMAT: &str = "koreconcile.dev/snapshot/v1";

/// Save one read of the account to a file.
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    reach: Reach,
    /// File to write
    #[arg(long, value_name = "FILE", required_unless_present = "evidence")]
    out: Option<PathBuf>,
    /// Look up every user, whether or not a manifest names them, as reports need it
    #[arg(long)]
    everyone: bool,
    /// Keep the snapshot in this folder of evidence, for report --at
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
}

/// One read of the account, with its age. It holds e-mail addresses and roles, and no secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot {
    format: String,
    /// When it was read.
    pub made_at: Timestamp,
    /// From where.
    pub host: String,
    /// What was seen, and what that proves.
    pub world: World,
}

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It cannot be read or written.
    #[error("the snapshot {path} cannot be used: {source}")]
    Io {
        /// Which file.
        path: String,
        /// The error of the system or of the parser.
        #[source]
        source: std::io::Error,
    },
    /// Cut off, or something else.
    #[error("{path} is no snapshot: {source}\n  make it again with koreconcile snapshot --out")]
    NotASnapshot {
        /// Which file.
        path: String,
        /// The error of the system or of the parser.
        #[source]
        source: serde_json::Error,
    },
    /// Of another version.
    #[error(
        "{path} is a snapshot of format {format}, and this program knows {FORMAT}\n  make it again with koreconcile snapshot --out"
    )]
    OtherFormat {
        /// Which file.
        path: String,
        /// The format that it has.
        format: String,
    },
}

/// Reads the account and writes the file.
pub(super) async fn run(args: &SnapshotArgs, output: &Output) -> Result<Exit, CliError> {
    let (manifests, compiled) = args.inputs.compile_all(true, Timestamp::now(), output)?;
    let session = Session::open(&compiled, &args.reach, output).await?;
    let made_at = Timestamp::now();
    let remembered = session.memory.load_for_plan(output)?;
    let world = if args.everyone {
        Box::pin(session.observe_everyone(&compiled)).await
    } else {
        session.observe(&compiled, &remembered).await
    };
    let host = session.host.clone();
    session.close().await;
    let snapshot = Snapshot::new(world?, host, made_at);
    snapshot.check(&compiled)?;
    if let Some(folder) = &args.evidence {
        snapshot.keep(folder, report::commit_of(&manifests, &compiled).as_deref())?;
    }
    if let Some(out) = &args.out {
        let io = |source| CliError::Write { path: out.display().to_string(), source };
        output::store(out, &snapshot.json()?).map_err(io)?;
    }
    let World { coverage, calls, .. } = &snapshot.world;
    let place = args.out.as_ref().or(args.evidence.as_ref());
    output.note(format_args!(
        "{}: {} facts, {} people looked up, read with {calls} calls",
        place.map(|place| place.display().to_string()).unwrap_or_default(),
        snapshot.world.facts().len(),
        coverage.looked_up.len()
    ));
    for (listing, extent) in &coverage.listings {
        if let Err(why) = coverage.requires(*listing) {
            output.warn(format_args!("warning: {why} ({extent})"));
        }
    }
    Ok(Exit::Done)
}

impl Snapshot {
    /// One read of the account.
    pub(super) fn new(world: World, host: String, made_at: Timestamp) -> Self {
        Self { format: FORMAT.to_owned(), made_at, host, world }
    }

    fn json(&self) -> Result<Vec<u8>, CliError> {
        serde_json::to_vec(self).map_err(|error| CliError::Unexpected(error.to_string()))
    }

    /// Keeps it in a folder of evidence, with the commit that is current.
    pub(super) fn keep(&self, folder: &Path, commit: Option<&str>) -> Result<(), CliError> {
        report::Store::new(folder).add(report::stored(self, commit), &self.json()?)?;
        Ok(())
    }

    /// Reads a file. Older than `longest`, it proves nothing any more: what needs proof is blocked, and says why.
    pub(super) fn load(path: &Path, longest: SignedDuration, now: Timestamp) -> Result<Self, SnapshotError> {
        let shown = path.display().to_string();
        let json = std::fs::read(path).map_err(|source| SnapshotError::Io { path: shown, source })?;
        let mut snapshot = Self::parse(&json, path)?;
        let age = now.duration_since(snapshot.made_at);
        if age > longest {
            let why = format!("the snapshot is {} old, {} allowed (--max-age)", words(age), words(longest));
            snapshot.world.distrust(&why);
            snapshot.world.warnings.push(format!("{why}; changes that need proof are blocked"));
        }
        snapshot.world.calls = 0;
        Ok(snapshot)
    }

    /// Reads the content of a file.
    pub(super) fn parse(json: &[u8], path: &Path) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let path = path.display().to_string();
        match serde_json::from_slice(json) {
            Ok(Self { format, .. }) if format != FORMAT => Err(SnapshotError::OtherFormat { path, format }),
            Ok(snapshot) => Ok(snapshot),
            // What another version writes may not be read by this one; its name can.
            Err(source) => Err(match serde_json::from_slice(json) {
                Ok(Head { format }) if format != FORMAT => SnapshotError::OtherFormat { path, format },
                _ => SnapshotError::NotASnapshot { path, source },
            }),
        }
    }

    /// Makes sure that it is of the account the manifest is about.
    pub(super) fn check(&self, compiled: &Compiled) -> Result<(), CliError> {
        super::session::check_account(&compiled.policy, self.world.account.as_ref())
    }

    /// `https://… (snapshot of 2026-11-22T07:00:00Z, 2 h old)`
    pub(super) fn label(&self, now: Timestamp) -> String {
        let made_at = self.made_at.round(jiff::Unit::Second).unwrap_or(self.made_at);
        format!("{} (snapshot of {made_at}, {} old)", self.host, words(now.duration_since(self.made_at)))
    }
}

/// A duration in its largest unit: `3 days`, `2 h`, `5 min`, `40 s`.
fn words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
