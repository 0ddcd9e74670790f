//! `import`: the live account as manifests. Reads the account, writes files, and changes nothing that is there.

use super::inputs::{Reach, show, time, without_needless_limit};
use super::session::{Session, check_account};
use super::{CliError, Exit, Output, schema};
use crate::facts::{AccountId, Completeness, Listing, World};
use crate::kore::{BaseUrl, replace_file};
use crate::manifest::compile::{AccountServer, CredentialRefs, SecretRef};
use crate::manifest::kinds::Kind;
use crate::manifest::load::{self, Input, Loaded};
use crate::manifest::write::{self, AccountDocument, Declared, Written};
use crate::manifest::{self, Compiled, Finding, Manifests};
use crate::plan::{self, Memory, Plan};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Write the account as manifests.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Origin of the platform; credentials are read from `KORE_CLIENT_ID` and `KORE_CLIENT_SECRET`
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "account_file",
        conflicts_with = "account_file"
    )]
    host: Option<String>,
    /// A manifest with the `KoreAccount`, which gives origin and credentials
    #[arg(long, value_name = "FILE")]
    account_file: Option<String>,
    /// Folder to write to; existing files are not changed, and what they do not declare is added in new ones
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Name of the `KoreAccount` to write, or to choose among several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Write what could be read, even if the read is incomplete
    #[arg(long)]
    partial: bool,
    /// Longest wait of one call for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    max_wait: jiff::SignedDuration,
    /// Folder of the call budget [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Name of a new `KoreAccount`, unless `--account` overrides it.
const ACCOUNT: &str = "kore";

/// Reads the account and writes what is missing in the folder.
pub(super) async fn run(args: &ImportArgs, output: &Output) -> Result<Exit, CliError> {
    let reach = Reach::reading(args.max_wait, args.state_dir.clone());
    let connection = connection(args, output)?;
    let folder = Folder::load(args, &connection, output)?;
    let session = Session::open(&connection, &reach, output).await?;
    let read = session.observe_everyone(&folder.compiled).await;
    let imported = match read {
        Ok(world) => import(args, &connection, folder, &world, &session, &reach, output),
        Err(error) => Err(error),
    };
    session.close().await;
    imported
}

fn import(
    args: &ImportArgs,
    connection: &Compiled,
    folder: Folder,
    world: &World,
    session: &Session,
    reach: &Reach,
    output: &Output,
) -> Result<Exit, CliError> {
    session.quiet_down();
    for warning in &world.warnings {
        output.warn(format_args!("warning: {warning}"));
    }
    check_account(&connection.policy, world.account.as_ref())?;
    check_account(&folder.compiled.policy, world.account.as_ref())?;
    let gaps = gaps(world);
    if !gaps.is_empty() && !args.partial {
        return Err(CliError::Incomplete(gaps.join("\n  ")));
    }
    for gap in &gaps {
        output.warn(format_args!("warning: {gap}"));
    }
    let Folder { manifests, loaded, compiled, has_account, is_new } = folder;
    let declared = Declared::from_manifests(&manifests, &compiled, world);
    let written = write::write(world, &declared);
    let mut files = Vec::new();
    if !has_account {
        let text = account_text(args, connection, world.account.as_ref());
        files.push(("account", text, 1));
    }
    for write::File { name, text, documents } in &written.pages {
        // Comments alone are worth a file once.
        let is_first = is_new && !args.out.join(format!("{name}.yaml")).exists();
        if is_first || *documents > 0 {
            files.push((*name, text.clone(), *documents));
        }
    }
    let files = named(&args.out, is_new, files);
    let plan = check(&loaded, &files, &args.out, &compiled, world, session, reach, output)?;
    store(&args.out, &files)?;
    let schema = schema::write_beside(&args.out, !files.is_empty())?;
    report(args, &files, schema.as_deref(), &written, &plan, is_new, output);
    if compiled.policy.account_id.is_none() && has_account {
        let id = world.account.as_ref().map_or("…", AccountId::as_str);
        output.note(format_args!("the KoreAccount has no accountId: add accountId: {id}"));
    }
    Ok(Exit::Done)
}

/// The way to the account, as if it had been written in a manifest.
fn connection(args: &ImportArgs, output: &Output) -> Result<Compiled, CliError> {
    let manifests = match (&args.host, &args.account_file) {
        (_, Some(file)) => manifest::open(std::slice::from_ref(file), io::stdin().lock()),
        (host, None) => {
            let host = BaseUrl::parse(host.as_deref().unwrap_or_default())?.to_string();
            let text = write::account(&AccountDocument {
                name: args.account.as_deref().unwrap_or(ACCOUNT),
                endpoint: &AccountServer::Host(host.trim_end_matches('/').to_owned()),
                credentials: Some(&from_environment()),
                account_id: None,
                primary_admin: None,
                rate: crate::facts::RateLimit::default(),
            });
            manifest::read(vec![Input::new("--host", text)])
        }
    };
    compile(&manifests, args.account.as_deref(), output).map(without_needless_limit)
}

fn from_environment() -> CredentialRefs {
    CredentialRefs {
        client_id: SecretRef::Env("KORE_CLIENT_ID".to_owned()),
        client_secret: SecretRef::Env("KORE_CLIENT_SECRET".to_owned()),
    }
}

/// Compiles, and stops at errors: what is not understood cannot be completed.
fn compile(manifests: &Manifests, account: Option<&str>, output: &Output) -> Result<Compiled, CliError> {
    let mut findings: Vec<Finding> =
        manifests.findings().iter().filter(|finding| finding.is_error()).cloned().collect();
    match manifest::compile(manifests, account, Timestamp::now()) {
        Ok(compiled) => {
            findings.extend(compiled.findings.iter().filter(|finding| finding.is_error()).cloned());
            if findings.is_empty() {
                return Ok(compiled);
            }
            show(&findings, manifests, output);
            Err(CliError::Findings(manifest::render::count(&findings)))
        }
        Err(error) => {
            findings.push(error.finding());
            show(&findings, manifests, output);
            Err(CliError::NoAccount)
        }
    }
}

/// What is in the folder already.
struct Folder {
    manifests: Manifests,
    loaded: Loaded,
    compiled: Compiled,
    has_account: bool,
    /// No manifest is there, but for the account.
    is_new: bool,
}

impl Folder {
    /// Loads and compiles it before a call is spent.
    fn load(args: &ImportArgs, connection: &Compiled, output: &Output) -> Result<Self, CliError> {
        if args.out.exists() && !args.out.is_dir() {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(CliError::Write { path: args.out.display().to_string(), source });
        }
        let out = args.out.to_string_lossy().into_owned();
        let loaded = if args.out.exists() { load::load(&[out], io::empty()) } else { Loaded::default() };
        let mut manifests = manifest::check::check(loaded.clone());
        let is_new = manifests.all().iter().all(|object| object.kind() == Kind::Account);
        let has_account = !manifests.accounts().is_empty();
        let account = if has_account {
            args.account.as_deref()
        } else {
            let mut loaded = loaded.clone();
            loaded.inputs.push(Input::new("the account", account_text(args, connection, None)));
            manifests = manifest::check::check(loaded);
            None
        };
        let compiled = compile(&manifests, account, output)?;
        Ok(Self { manifests, loaded, compiled, has_account, is_new })
    }
}

/// `account.yaml` for the folder, with paths relative to it.
fn account_text(args: &ImportArgs, connection: &Compiled, id: Option<&AccountId>) -> String {
    let from_here = |path: &Path| relative(path, &args.out);
    let endpoint = match &connection.account.endpoint {
        AccountServer::Host(host) => AccountServer::Host(host.clone()),
        AccountServer::Sandbox { data_dir } => AccountServer::Sandbox { data_dir: from_here(data_dir) },
    };
    let secret = |reference: &SecretRef| match reference {
        SecretRef::File(path) => SecretRef::File(from_here(path)),
        other => other.clone(),
    };
    let credentials = connection.account.credentials.as_ref().map(|credentials| CredentialRefs {
        client_id: secret(&credentials.client_id),
        client_secret: secret(&credentials.client_secret),
    });
    write::account(&AccountDocument {
        name: &connection.account.name,
        endpoint: &endpoint,
        credentials: credentials.as_ref(),
        account_id: id.or(connection.policy.account_id.as_ref()),
        primary_admin: None,
        rate: connection.policy.rate,
    })
}

/// A path as seen from a folder; both may not exist yet.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let plain = |path: &Path| {
        let mut plain = PathBuf::new();
        for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
            match part {
                Component::ParentDir => {
                    plain.pop();
                }
                part => plain.push(part),
            }
        }
        plain
    };
    let (path, folder) = (plain(path), plain(folder));
    let shared = path.components().zip(folder.components()).take_while(|(left, right)| left == right).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

/// What the read did not prove.
fn gaps(world: &World) -> Vec<String> {
    let listings = [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles];
    let mut gaps: Vec<String> =
        listings.into_iter().filter_map(|listing| world.coverage.requires(listing).err()).collect();
    let several = |people: Vec<&str>, what: &str| match people.as_slice() {
        [] => None,
        [one] => Some(format!("{what} {one}")),
        [first, rest @ ..] => Some(format!("{what} {first} and {} more", rest.len())),
    };
    let known = world.directory.users.iter().filter(|(_, entry)| entry.spellings.len() == 1);
    let silent = known
        .filter(|(email, _)| !world.coverage.looked_up.contains_key(*email))
        .map(|(email, _)| email.as_str());
    gaps.extend(several(silent.collect(), "the account did not answer about"));
    let partly =
        world.coverage.looked_up.iter().filter(|(_, seen)| !(seen.roles && seen.groups && seen.assignments));
    let partly = partly.map(|(email, _)| email.as_str());
    gaps.extend(several(partly.collect(), "the answer leaves out roles, groups or assignments of"));
    gaps
}

/// A page with the path it goes to.
struct Target {
    path: PathBuf,
    text: String,
    documents: usize,
}

/// In a new folder `people.yaml`; beside other manifests `imported-people.yaml`; never a file that is there.
fn named(out: &Path, is_new: bool, pages: Vec<(&'static str, String, usize)>) -> Vec<Target> {
    let path = |name: &str| {
        let plain = is_new.then(|| format!("{name}.yaml"));
        let numbered = (2..).map(|number| format!("imported-{name}-{number}.yaml"));
        let mut names = plain.into_iter().chain([format!("imported-{name}.yaml")]).chain(numbered);
        names.find_map(|name| Some(out.join(name)).filter(|path| fs::symlink_metadata(path).is_err()))
    };
    pages
        .into_iter()
        .filter_map(|(name, text, documents)| Some(Target { path: path(name)?, text, documents }))
        .collect()
}

/// What the folder will say is checked, and compared with what was just read, before a file is written.
#[allow(clippy::too_many_arguments, reason = "one step of the import, with everything it is about")]
fn check(
    loaded: &Loaded,
    files: &[Target],
    out: &Path,
    compiled: &Compiled,
    world: &World,
    session: &Session,
    reach: &Reach,
    output: &Output,
) -> Result<Plan, CliError> {
    let mut loaded = loaded.clone();
    let input = |file: &Target| Input::new(file.path.to_string_lossy(), file.text.clone());
    loaded.inputs.extend(files.iter().map(input));
    let mut manifests = manifest::check::check(loaded);
    // The folder is the whole, so that the plan shows what the next one will.
    manifests.set_completeness(&compiled.account.name, Completeness::Complete);
    let compiled = match self::compile(&manifests, Some(&*compiled.account.name), output) {
        Ok(compiled) => compiled,
        Err(error) => {
            let out = out.display();
            return Err(CliError::Unexpected(format!(
                "what was to be written to {out} is not valid, so nothing was written: {error}"
            )));
        }
    };
    let context = session.context(&compiled, plan::Inputs::default(), reach, Memory::default());
    let Compiled { desired, policy, .. } = compiled;
    Ok(plan::make(desired, world, &policy, &context))
}

/// Writes every file completely or not at all, and never over an existing one.
fn store(out: &Path, files: &[Target]) -> Result<(), CliError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source: io::Error| CliError::Write { path, source }
    };
    fs::create_dir_all(out).map_err(failed(out))?;
    for Target { path, text, documents: _ } in files {
        // The place is taken first, so that nothing that appears meanwhile is overwritten.
        fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed(path))?;
        if let Err(error) = replace_file(path, text.as_bytes()) {
            let _ = fs::remove_file(path);
            return Err(failed(path)(error));
        }
    }
    Ok(())
}

fn report(
    args: &ImportArgs,
    files: &[Target],
    schema: Option<&Path>,
    written: &Written,
    plan: &Plan,
    is_new: bool,
    output: &Output,
) {
    let documents: usize = files.iter().map(|file| file.documents).sum();
    for file in files {
        output.result(&format!("{}\n", file.path.display()));
    }
    if let Some(schema) = schema {
        output.result(&format!("{}\n", schema.display()));
    }
    output.note(match (files, is_new) {
        ([], _) if !written.by_hand.is_empty() => format!("nothing was added in {}", args.out.display()),
        ([], _) => format!("nothing is missing in {}", args.out.display()),
        (files, true) => format!("{documents} manifests in {} files", files.len()),
        (files, false) => format!("{documents} manifests added in {} new files", files.len()),
    });
    if !written.left_out.is_empty() && (is_new || output.verbose > 0) {
        output.note(format_args!("left out, because a manifest cannot express it:"));
        for what in &written.left_out {
            output.note(format_args!("  {what}"));
        }
    }
    let places: BTreeSet<&write::ByHand> = written.by_hand.iter().collect();
    for write::ByHand { source, label, lines } in places {
        output.warn(format_args!(
            "{source}: this is Authoritative and does not name everybody who has it now ({label})\n  add to its subjects, or let the next apply take it away:\n    {}",
            lines.join("\n    ")
        ));
    }
    output.note(remaining(plan));
}

/// What a plan right now would show; the read just made is as good as the next one.
fn remaining(plan: &Plan) -> String {
    let counts = [
        (plan.changes.len(), "to change"),
        (plan.blocked.len(), "blocked"),
        (plan.manual.len(), "manual"),
        (plan.waiting.len(), "waiting"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    match counts.as_slice() {
        [] => "a plan right now: nothing to do".to_owned(),
        counts if plan.is_clean() => format!("a plan right now: nothing to do, {}", counts.join(", ")),
        counts => format!("a plan right now: {}", counts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_the_folder() {
        for (path, folder, seen) in [
            ("a/data", "a", "data"),
            ("a/./b/../data", "a", "data"),
            ("data", "a/b", "../../data"),
            ("/x/data", "/y", "../x/data"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(folder)), Path::new(seen), "{path} from {folder}");
        }
    }
}
