//! What ends a verb early. Each message says what was found, the rule, and the one safe next step.

use super::base::BaseError;
use super::exit::Exit;
use super::owners::OwnersError;
use super::report::EvidenceError;
use super::sandbox::SandboxCliError;
use super::snapshot::SnapshotError;
use crate::apply::{JournalError, RepairError, SavedPlanError, UndoError};
use crate::controller::ControllerError;
use crate::kore::{BaseUrlError, Deadline, KoreError};
use crate::sandbox::SandboxError;

/// What ends a verb early.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Manifests with errors; they have been shown.
    #[error(
        "{0}; nothing was sent\n  correct the manifests, or continue with the valid ones with --keep-going"
    )]
    Findings(String),
    /// Manifests with errors, and policies among them; they have been shown.
    #[error(
        "{0}, in files with policies; nothing was sent\n  correct them first: without its policies nothing is planned, also not with --keep-going"
    )]
    PolicyFindings(String),
    /// Tests of policies that cannot be run.
    #[error("{0}\n  correct the test or its policies, and run again")]
    PolicyTest(String),
    /// No account to work on; the finding has been shown.
    #[error("without an account there is nothing to compare with; nothing was sent")]
    NoAccount,
    /// No terminal to ask on.
    #[error(
        "apply asks before it writes, and there is no terminal to ask on\n  look at the plan first, then run again with --yes"
    )]
    NoTerminal,
    /// A user who is not invited again.
    #[error("{email} is not invited again: {why}; nothing was sent\n  {next}")]
    Reinvite {
        /// Who.
        email: String,
        /// Why not.
        why: String,
        /// What to do.
        next: &'static str,
    },
    /// No terminal to ask on, and no way to the account given.
    #[error(
        "init asks how to reach the account, and there is no terminal to ask on\n  give --host URL, or --sandbox DIR for a local account"
    )]
    InitNoTerminal,
    /// An answer that cannot be used.
    #[error("{what} cannot be {given}: {why}; nothing was written\n  {next}")]
    InitAnswer {
        /// `--name`, `--primary-admin`
        what: &'static str,
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
        /// What to give.
        next: &'static str,
    },
    /// A file that `init` would write and that is there.
    #[error("{path} is there already; nothing was written\n  edit it, or choose another with --out FILE")]
    InitExists {
        /// Which file.
        path: String,
    },
    /// A file that `baseline` would write and that holds something else.
    #[error(
        "{path} is there already, and {what}; nothing was written\n  choose another file with --out FILE"
    )]
    BaselineTaken {
        /// Which file.
        path: String,
        /// What is in it.
        what: &'static str,
    },
    /// No terminal to ask on, and nothing chosen.
    #[error(
        "adopt asks about each fact, and there is no terminal to ask on\n  choose with --only WHAT or --all; koreconcile adopt --as list shows what there is"
    )]
    AdoptNoTerminal,
    /// The person at the terminal has left.
    #[error("ended at the question; nothing was written")]
    AdoptQuit,
    /// A pattern that is none.
    #[error(
        "--only {pattern} is not a pattern: {why}\n  write * for any text, such as \"*: Bot Tester on *\""
    )]
    AdoptPattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// Many risky grants without a decision when they end.
    #[error(
        "{risky} grants of high or critical risk would be adopted, {most} end in 14 days without a question; nothing was written\n  look at them with --as list, then choose --until DATE or --permanent"
    )]
    AdoptEnds {
        /// How many.
        risky: usize,
        /// How many need no decision.
        most: usize,
    },
    /// An end that is over.
    #[error("--until {until} is in the past; nothing was written\n  choose a later end, or --permanent")]
    AdoptPast {
        /// The end.
        until: String,
    },
    /// A file that is not as it was read.
    #[error("{path} has changed since it was read; nothing was written\n  run again")]
    AdoptChanged {
        /// Which file.
        path: String,
    },
    /// An edit that is not proved.
    #[error(
        "the edit is not proved, and nothing was written; it is shown above\n  {0}\n  make the change by hand, or adopt fewer facts at once with --only"
    )]
    Unproved(String),
    /// A host that cannot be used.
    #[error(transparent)]
    Host(#[from] BaseUrlError),
    /// A credential that is not there.
    #[error("{what} is missing: {why}\n  {next}")]
    Credential {
        /// `client id`, `client secret`
        what: &'static str,
        /// Where it was looked for, and what was found.
        why: String,
        /// Where to put it.
        next: String,
    },
    /// The memory names a commit that this clone does not have.
    #[error(
        "the memory was written by commit {commit}, which this clone does not have, so what is newer cannot be told\n  {next}; or, after history was rewritten, run again with --rewind"
    )]
    UnknownCommit {
        /// Which commit.
        commit: String,
        /// The command that fetches it.
        next: String,
    },
    /// Nothing tells what was edited.
    #[error(
        "nothing was applied from here yet, so nothing tells what was edited\n  give --base REV or --observed FILE, or plan without --focus"
    )]
    NothingToFocusOn,
    /// The manifests are older than those that were applied last.
    #[error(
        "commit {applied} was applied last, and these manifests do not contain it; nothing was sent\n  run from a commit that contains it, or go back on purpose with --rewind"
    )]
    Behind {
        /// Which commit.
        applied: String,
    },
    /// The memory is another declaration's.
    #[error(
        "the account is managed from {owner}, and these are the manifests of {other}; nothing was planned\n  apply from there; or hand the account over with: koreconcile memory accept"
    )]
    AccountTaken {
        /// Whose memory it is.
        owner: String,
        /// Whose manifests these are.
        other: String,
    },
    /// Another run has the account.
    #[error(
        "another run on this account is under way (lock in {path}); nothing was sent\n  run again when it has ended, or wait longer with --max-wait"
    )]
    Locked {
        /// The state folder.
        path: String,
    },
    /// The memory cannot be read.
    #[error(
        "the memory {path} cannot be read: {why}\n  nothing was planned, because what is not declared any more would be forgotten; restore the file, or start anew with: koreconcile memory accept"
    )]
    Memory {
        /// Which file or reference.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The memory cannot be written.
    #[error(
        "the memory {path} cannot be written: {why}\n  nothing more is sent; set the key and the rights of this job, or run again"
    )]
    MemoryNotWritten {
        /// Which file or reference.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// What became of a run cannot be written.
    #[error(
        "what became of this run could not be remembered in {path}: {why}\n  what was sent was sent, and is in the journal; make room there, and run again: what is in place by then is not sent twice"
    )]
    OutcomeNotWritten {
        /// Which file or reference.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another account than the manifest is about.
    #[error(
        "the account that answered is {seen}, and the manifest declares {pinned} ({place})\n  nothing was sent; check host and credentials, or correct accountId"
    )]
    OtherAccount {
        /// Who answered.
        seen: String,
        /// Who was meant.
        pinned: String,
        /// Where that is written.
        place: String,
    },
    /// A saved plan or an undo needs to know which account it is about.
    #[error(
        "a saved plan is pinned to an account, and the KoreAccount has no accountId\n  write accountId: {seen} into it, if that is the right account"
    )]
    NotPinned {
        /// Who answered.
        seen: String,
    },
    /// A saved plan that was judged by other policies.
    #[error(
        "{path} was made under other policies, exceptions or areas than these manifests declare; nothing was sent\n  make the plan again with plan --out, and approve it again"
    )]
    OtherPolicies {
        /// The file.
        path: String,
    },
    /// CODEOWNERS that cannot be written.
    #[error(transparent)]
    Owners(#[from] OwnersError),
    /// A file of approvals that cannot be used.
    #[error(
        "{path} holds no approvals that can be used: {why}\n  make it again from the forge; docs/guides/areas.md has its fields"
    )]
    Approvals {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Owners of areas have not approved.
    #[error(
        "approvals are missing in {path}; nothing was sent\n{areas}\n  ask the owners that are named, and fetch the approvals again"
    )]
    ApprovalsMissing {
        /// The file.
        path: String,
        /// What each area lacks, a line each.
        areas: String,
    },
    /// A saved plan that cannot be applied.
    #[error(transparent)]
    Saved(#[from] SavedPlanError),
    /// A snapshot that cannot be used.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Evidence that cannot be kept, found or trusted.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A journal that cannot be undone.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// Nothing to undo.
    #[error(
        "no run in {path} sent anything, so there is nothing to undo\n  list the runs with: koreconcile runs"
    )]
    NoRun {
        /// The state folder.
        path: String,
    },
    /// A word where a journal belongs.
    #[error(
        "there is no journal {given}: a run is undone by its journal, and the last one with --last\n  run koreconcile undo --last, or list the runs with: koreconcile runs"
    )]
    NoJournal {
        /// What was given.
        given: String,
    },
    /// A file.
    #[error("{path} cannot be used: {source}\n  check the path and its permissions")]
    File {
        /// Which file.
        path: String,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// The platform.
    #[error("{}", said(.0))]
    Kore(#[from] KoreError),
    /// The platform, and what is between here and there.
    #[error("{}{network}", error.to_string().replacen("the platform", &format!("the platform at {host}"), 1))]
    Unreachable {
        /// Which host.
        host: String,
        /// What failed.
        error: Box<KoreError>,
        /// The proxy and the certificates, a line each.
        network: String,
    },
    /// What an interrupted run left behind.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The state folder.
    #[error(
        "{problem}; nothing was sent\n  a run that writes keeps a journal there: choose another with --state-dir"
    )]
    State {
        /// Which folder, and the error of the system.
        problem: String,
    },
    /// The account was not read completely.
    #[error(
        "the account was not read completely, and nothing was written:\n  {0}\n  run again, or write what could be read with --partial"
    )]
    Incomplete(String),
    /// A file that was to be written.
    #[error(
        "{path} cannot be written: {source}\n  what is there already is untouched; correct the folder and run again"
    )]
    Write {
        /// Which file or folder.
        path: String,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// The manifests of another revision.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// The controller.
    #[error(transparent)]
    Controller(#[from] ControllerError),
    /// A lease too short to keep two leaders apart.
    #[error(
        "a lease of {lease} s is too short for calls of up to {call} s and a renewal every {renew} s\n  make --lease-duration longer than --call-timeout and two --renew-every together"
    )]
    Lease {
        /// How long it is, in seconds.
        lease: f64,
        /// How long a call may take.
        call: f64,
        /// Time between renewals.
        renew: f64,
    },
    /// Traces cannot be sent.
    #[error("traces cannot be sent to {endpoint}: {why}\n  correct --otlp-endpoint, or leave it out")]
    Traces {
        /// Where to.
        endpoint: String,
        /// What is wrong with it.
        why: String,
    },
    /// A `sandbox` verb.
    #[error(transparent)]
    Sandbox(#[from] SandboxCliError),
    /// The embedded sandbox.
    #[error("the embedded sandbox cannot be used: {0}")]
    Embedded(#[from] SandboxError),
    /// The result itself.
    #[error("the result cannot be written: {0}\n  make room where stdout goes, and run again")]
    Stdout(String),
    /// Something that should not happen.
    #[error("{0}")]
    Unexpected(String),
}

impl CliError {
    /// The exit code it ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotPinned { .. }
            | Self::UnknownCommit { .. }
            | Self::Saved(_)
            | Self::Snapshot(_)
            | Self::Evidence(_)
            | Self::NoRun { .. }
            | Self::NoJournal { .. }
            | Self::Undo(_)
            | Self::Base(_)
            | Self::File { .. }
            | Self::Findings(_)
            | Self::PolicyFindings(_)
            | Self::PolicyTest(_)
            | Self::NoAccount
            | Self::NoTerminal
            | Self::Reinvite { .. }
            | Self::InitNoTerminal
            | Self::InitAnswer { .. }
            | Self::InitExists { .. }
            | Self::NothingToFocusOn
            | Self::BaselineTaken { .. }
            | Self::AdoptNoTerminal
            | Self::AdoptQuit
            | Self::Approvals { .. }
            | Self::Owners(_)
            | Self::AdoptPattern { .. }
            | Self::AdoptEnds { .. }
            | Self::AdoptPast { .. }
            | Self::AdoptChanged { .. }
            | Self::Host(_)
            | Self::Sandbox(_)
            | Self::Lease { .. }
            | Self::State { .. }
            | Self::Traces { .. } => Exit::Invalid,
            Self::Controller(ControllerError::Client(_)) => Exit::Unreachable,
            Self::OtherAccount { .. }
            | Self::Incomplete(_)
            | Self::AccountTaken { .. }
            | Self::ApprovalsMissing { .. }
            | Self::Unproved(_) => Exit::Refused,
            Self::Behind { .. } => Exit::Behind,
            Self::OtherPolicies { .. } => Exit::Stale,
            Self::Locked { .. } => Exit::Locked,
            Self::Credential { .. } => Exit::Credentials,
            Self::Unreachable { error, .. } => of_kore(error.as_ref()),
            Self::Kore(error) | Self::Repair(RepairError::Kore(error)) => of_kore(error),
            Self::Repair(_)
            | Self::Memory { .. }
            | Self::MemoryNotWritten { .. }
            | Self::OutcomeNotWritten { .. } => Exit::Partial,
            Self::Controller(ControllerError::Listen { .. })
            | Self::Journal(_)
            | Self::Write { .. }
            | Self::Embedded(_)
            | Self::Stdout(_)
            | Self::Unexpected(_) => Exit::Unexpected,
        }
    }
}

/// The platform's error, with the flag that helps where one does.
pub(super) fn said(error: &KoreError) -> String {
    match error {
        KoreError::RateLimited { .. } => format!("{error}: --max-wait TIME"),
        _ => error.to_string(),
    }
}

/// The exit code of a platform's answer.
pub(super) fn of_kore(error: &KoreError) -> Exit {
    match error {
        KoreError::Credentials { .. } | KoreError::Scope { .. } | KoreError::Encrypted { .. } => {
            Exit::Credentials
        }
        KoreError::Unreachable { .. }
        | KoreError::RateLimited { .. }
        | KoreError::DeadlinePassed { which: Deadline::Freshness, .. } => Exit::Unreachable,
        // Only the controller has a lease.
        KoreError::DeadlinePassed { which: Deadline::Lease, .. }
        | KoreError::Protocol { .. }
        | KoreError::Refused { .. } => Exit::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kore::Endpoint;

    #[test]
    fn a_missed_deadline_has_an_exit_code_and_no_advice_about_waiting() {
        for (which, exit) in [(Deadline::Freshness, Exit::Unreachable), (Deadline::Lease, Exit::Unexpected)] {
            let error = KoreError::DeadlinePassed { endpoint: Endpoint::UpdateUsers, which };
            assert_eq!(of_kore(&error), exit);
            assert!(!said(&error).contains("--max-wait"), "{error}");
        }
    }
}
