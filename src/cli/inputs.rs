//! Manifests as arguments: which files, which account, and what to do with findings.

use super::{CliError, Output, git, policies};
use crate::facts::{self, Closure, Completeness, Desired, Ownership, OwnershipLevel, RateLimit, Verdict};
use crate::manifest::{self, AccountServer, CompileError, Compiled, Finding, Manifests, Span, Spot};
use crate::plan::{Limits, Memory, Rewrite};
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Which manifests, and of which account.
#[derive(Debug, Clone, Args)]
pub(super) struct Inputs {
    /// Files, folders (all .yaml and .yml below them), or - for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<String>,
    /// Name of the `KoreAccount`, when the manifests declare several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// What is given is everything: lists are pruned, and what only other files declare is taken back
    #[arg(long)]
    pub complete: bool,
}

/// How an account is reached and how long that may take.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Reach {
    /// Continue with the valid manifests when others have errors; then nothing is removed, also not what is declared
    /// absent
    #[arg(long)]
    pub keep_going: bool,
    /// Allow up to N removals in this run, overriding safety.maxRemovals
    #[arg(long, value_name = "N")]
    pub allow_removals: Option<u32>,
    /// Prune lists that are authoritative for the first time, too
    #[arg(long)]
    pub take_over: bool,
    /// Also send profiles and data-table access of existing users, which the platform never returns
    #[arg(long)]
    pub rewrite_profiles: bool,
    /// Longest wait of one call for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    pub max_wait: jiff::SignedDuration,
    /// Apply manifests that do not contain the commit that was applied last
    #[arg(long)]
    pub rewind: bool,
    /// Folder of memory, call budget, journals and unfinished work [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// A duration as manifests write it.
pub(super) fn time(text: &str) -> Result<jiff::SignedDuration, String> {
    manifest::compile::duration(text).ok_or_else(|| "a whole number and a unit: 90s, 15m, 2h".to_owned())
}

impl Reach {
    /// To read the account and to change nothing.
    pub(super) fn reading(max_wait: jiff::SignedDuration, state_dir: Option<PathBuf>) -> Self {
        Self {
            keep_going: false,
            allow_removals: None,
            take_over: false,
            rewrite_profiles: false,
            max_wait,
            rewind: false,
            state_dir,
        }
    }

    /// Which values that cannot be read are sent again: at least those that an interrupted run has not sent.
    pub(super) fn rewrite(&self, memory: &Memory) -> Rewrite {
        if self.rewrite_profiles { Rewrite::All } else { Rewrite::Of(memory.unsent.clone()) }
    }

    /// What this run allows beyond the policy.
    pub(super) fn limits(&self) -> Limits {
        Limits { allow_removals: self.allow_removals, take_over: self.take_over }
    }
}

impl Inputs {
    /// Loads and checks them.
    pub(super) fn open(&self) -> Manifests {
        let mut manifests = manifest::open(&self.paths, std::io::stdin().lock());
        manifest::sources::left_out(&mut manifests, git::left_out);
        manifests
    }

    /// What a plan is made of: as [`Self::compile_all`], and with errors nothing that removes. Who a broken manifest
    /// is about is not known, and what it says may be the opposite.
    pub(super) fn compile(
        &self,
        keep_going: bool,
        now: Timestamp,
        output: &Output,
    ) -> Result<(Manifests, Compiled), CliError> {
        let (manifests, mut compiled) = self.compile_all(keep_going, now, output)?;
        if manifests.findings().iter().chain(&compiled.findings).any(Finding::is_error) {
            let before = compiled.desired.wants.len();
            compiled.desired.wants.retain(|(_, want)| matches!(want.verdict, Verdict::Present(_)));
            compiled.desired.strip.clear();
            let left_out = before - compiled.desired.wants.len();
            if left_out > 0 {
                let facts = facts::count(left_out, "fact");
                output.warn(format_args!(
                    "warning: {facts} declared absent or expired: not removed while manifests have errors (--keep-going)"
                ));
            }
        } else if self.are_single() && would_prune(&compiled) {
            output.warn(
                "warning: lists are not pruned, because only some manifests were named\n  \
                 name the folder with all of them, or give --complete if this is everything",
            );
        }
        Ok((manifests, compiled))
    }

    /// Whether files or standard input were named, and not folders: they may not be everything.
    fn are_single(&self) -> bool {
        !self.complete && self.paths.iter().any(|path| path == "-" || Path::new(path).is_file())
    }

    /// Loads, checks and compiles them for one account; shows the findings. Errors end it, unless `keep_going`.
    pub(super) fn compile_all(
        &self,
        keep_going: bool,
        now: Timestamp,
        output: &Output,
    ) -> Result<(Manifests, Compiled), CliError> {
        let mut manifests = self.open();
        if self.complete {
            manifests.consider_complete();
        }
        let compiled = match manifest::compile(&manifests, self.account.as_deref(), now) {
            Ok(mut compiled) => {
                compiled.findings.extend(policies::problems(&compiled.rules));
                without_needless_limit(compiled)
            }
            Err(error) => {
                let mut findings = manifests.findings().to_vec();
                findings.extend(finding_of(&error, &manifests));
                show(&findings, &manifests, output);
                return Err(CliError::NoAccount);
            }
        };
        let mut findings = manifests.findings().to_vec();
        findings.extend(compiled.findings.iter().cloned());
        if output.quiet {
            findings.retain(Finding::is_error);
        }
        show(&findings, &manifests, output);
        if findings.iter().any(|finding| hides_a_policy(finding, &manifests)) {
            return Err(CliError::PolicyFindings(manifest::render::count(&findings)));
        }
        if findings.iter().any(Finding::is_error) && !keep_going {
            return Err(CliError::Findings(manifest::render::count(&findings)));
        }
        Ok((manifests, compiled))
    }
}

/// Whether manifests ask for pruning, and what was loaded does not allow it.
fn would_prune(compiled: &Compiled) -> bool {
    let Desired { scopes, completeness, .. } = &compiled.desired;
    let Ownership { users, role_bindings, bot_assignments, .. } = &compiled.policy.ownership;
    let owned = [users, role_bindings, bot_assignments];
    *completeness != Completeness::Complete
        && (scopes.iter().any(|scope| matches!(scope.closure, Closure::Open(_)))
            || owned.contains(&&OwnershipLevel::Remove))
}

/// Whether an error may have taken a policy out of use: then nothing is planned, because what it denies would be granted.
fn hides_a_policy(finding: &Finding, manifests: &Manifests) -> bool {
    let text = manifests.texts().get(&finding.spot.file);
    finding.is_error() && text.is_some_and(|text| text.contains("KorePolicy"))
}

/// A sandbox inside the program has nobody to share with: its rate limit is there for those who ask for it.
pub(super) fn without_needless_limit(mut compiled: Compiled) -> Compiled {
    let is_embedded = matches!(compiled.account.endpoint, AccountServer::Sandbox { .. });
    if is_embedded && !compiled.policy.places.contains_key("rateLimit") {
        compiled.policy.rate = RateLimit::NONE;
    }
    compiled
}

/// Why there is no account to work on. The finding is about all manifests, not about a line; and where there are other
/// errors, one of them may be in the `KoreAccount`.
/// Nothing where that document is named by another error already.
pub(super) fn finding_of(error: &CompileError, manifests: &Manifests) -> Option<Finding> {
    let mut finding = error.finding();
    if !matches!(error, CompileError::SeveralAccounts { .. }) {
        finding.spot = Spot { file: "<all manifests>".into(), span: Span::default() };
    }
    if matches!(error, CompileError::NoAccount { .. }) && manifests.has_errors() {
        let names_an_account = |finding: &Finding| {
            let text = manifests.texts().get(&finding.spot.file);
            finding.is_error() && text.is_some_and(|text| text.contains("KoreAccount"))
        };
        if manifests.findings().iter().any(names_an_account) {
            return None;
        }
        "there is no KoreAccount among the manifests without errors".clone_into(&mut finding.message);
        finding.hint =
            Some("correct the errors above first; one of them may be in the KoreAccount".to_owned());
    }
    Some(finding)
}

/// Findings, as a compiler shows them.
pub(super) fn show(findings: &[Finding], manifests: &Manifests, output: &Output) {
    if !findings.is_empty() {
        output.styled(manifest::render::text(findings, manifests.texts(), output.color_stderr).trim_end());
    }
}
