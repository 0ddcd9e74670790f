//! `init`: a first account file, from flags or from answers. Asks the account nothing.

use super::{CliError, Exit, Output, schema};
use crate::facts::{AccountId, Email, RateLimit};
use crate::kore::{BaseUrl, replace_file};
use crate::manifest::compile::{AccountServer, CredentialRefs, SecretRef};
use crate::manifest::{self, Input, write};
use clap::Args;
use std::fs;
use std::io::{BufRead as _, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

/// Write a first account file.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Origin of the platform; credentials are read from `KORE_CLIENT_ID` and `KORE_CLIENT_SECRET`
    #[arg(long, value_name = "URL", conflicts_with = "sandbox")]
    host: Option<String>,
    /// Folder of a local account instead of a platform; created by the first command that uses it
    #[arg(long, value_name = "DIR")]
    sandbox: Option<PathBuf>,
    /// Name of the `KoreAccount` [default: kore]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Id of the account: nothing is sent to another one
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
    /// Address of the Primary Master Admin, whom nothing changes
    #[arg(long, value_name = "EMAIL")]
    primary_admin: Option<String>,
    /// File to write; there is none of that name yet
    #[arg(long, value_name = "FILE", default_value = "account.yaml")]
    out: PathBuf,
}

/// What the file says.
struct Answers {
    name: String,
    endpoint: AccountServer,
    account_id: Option<AccountId>,
    primary_admin: Option<Email>,
}

/// Writes the file and the schema beside it, and says what comes next.
pub(super) fn run(args: &InitArgs, output: &Output) -> Result<Exit, CliError> {
    let exists = || CliError::InitExists { path: args.out.display().to_string() };
    if fs::symlink_metadata(&args.out).is_ok() {
        return Err(exists());
    }
    let is_told = args.host.is_some() || args.sandbox.is_some();
    let answers = if is_told {
        answers(args)?
    } else if std::io::stdin().is_terminal() {
        answers(&ask(args)?)?
    } else {
        return Err(CliError::InitNoTerminal);
    };
    let is_host = matches!(answers.endpoint, AccountServer::Host(_));
    let text = text(&answers)?;
    let failed = |source| CliError::Write { path: args.out.display().to_string(), source };
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    replace_file(&args.out, text.as_bytes()).map_err(failed)?;
    output.result(&format!("{}\n", args.out.display()));
    if let Some(schema) = schema::write_beside(folder, true)? {
        let schema = schema.strip_prefix("./").map(Path::to_owned).unwrap_or(schema);
        output.result(&format!("{}\n", schema.display()));
    }
    next(args, is_host, folder, output);
    Ok(Exit::Done)
}

fn next(args: &InitArgs, is_host: bool, folder: &Path, output: &Output) {
    let (file, folder) = (args.out.display(), folder.display());
    if is_host {
        output.note(
            "next: set KORE_CLIENT_ID and KORE_CLIENT_SECRET to those of an app of the account, then run",
        );
        output.note(format_args!("  koreconcile doctor {file}"));
    } else {
        output.note("next:");
    }
    output.note(format_args!("  koreconcile import --account-file {file} --out {folder}"));
}

/// From the flags; each is checked as the manifest would be.
fn answers(args: &InitArgs) -> Result<Answers, CliError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let endpoint = match (&args.host, &args.sandbox) {
        (Some(host), _) => {
            let host = BaseUrl::parse(host)?.to_string();
            AccountServer::Host(host.trim_end_matches('/').to_owned())
        }
        (None, data_dir) => {
            let data_dir = data_dir.clone().unwrap_or_else(|| PathBuf::from(".koreconcile/sandbox"));
            AccountServer::Sandbox { data_dir }
        }
    };
    let primary_admin = given(&args.primary_admin).map(|text| {
        Email::parse(text.trim()).map_err(|error| CliError::InitAnswer {
            what: "--primary-admin",
            given: text,
            why: error.why,
            next: "write it as name@example.com",
        })
    });
    Ok(Answers {
        name: given(&args.name).unwrap_or_else(|| "kore".to_owned()),
        endpoint,
        account_id: given(&args.account_id).map(AccountId::new),
        primary_admin: primary_admin.transpose()?,
    })
}

/// The text, checked like any other manifest before it is written.
fn text(answers: &Answers) -> Result<String, CliError> {
    let env = |name: &str| SecretRef::Env(name.to_owned());
    let credentials =
        CredentialRefs { client_id: env("KORE_CLIENT_ID"), client_secret: env("KORE_CLIENT_SECRET") };
    let text = write::account(&write::AccountDocument {
        name: &answers.name,
        endpoint: &answers.endpoint,
        credentials: matches!(answers.endpoint, AccountServer::Host(_)).then_some(&credentials),
        account_id: answers.account_id.as_ref(),
        primary_admin: answers.primary_admin.as_ref(),
        rate: RateLimit::default(),
    });
    let manifests = manifest::read(vec![Input::new("account.yaml", text.as_str())]);
    let wrong = manifests.findings().iter().find(|finding| finding.is_error());
    match wrong {
        None => Ok(text),
        Some(finding) => Err(CliError::InitAnswer {
            what: "the account file",
            given: "written".to_owned(),
            why: finding.message.clone(),
            next: "correct the flag or the answer, and run again",
        }),
    }
}

/// Asks for what no flag gives; an empty answer takes what is in brackets, or leaves it out.
fn ask(args: &InitArgs) -> Result<InitArgs, CliError> {
    let mut lines = std::io::stdin().lock().lines();
    let mut question = |text: &str, given: &Option<String>| -> Result<Option<String>, CliError> {
        if given.is_some() {
            return Ok(given.clone());
        }
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{text}: ").and_then(|()| stderr.flush());
        match lines.next() {
            Some(Ok(line)) => Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty())),
            _ => Err(CliError::AdoptQuit),
        }
    };
    let name = question("Name of the account [kore]", &args.name)?;
    let host =
        question("Origin of the platform, such as https://platform.kore.ai [a local account]", &args.host)?;
    let account_id = question("Id of the account, if you know it", &args.account_id)?;
    let primary_admin = question("Address of the Primary Master Admin, if you know it", &args.primary_admin)?;
    Ok(InitArgs { host, sandbox: None, name, account_id, primary_admin, out: args.out.clone() })
}
