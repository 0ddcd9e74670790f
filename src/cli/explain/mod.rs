//! `explain`: who has which access, why, since when and until when; and why a user does not have it. Reads only.

pub(super) mod attribution;
pub(super) mod blame;
mod change_log;

use super::declaration::Extent;
use super::inputs::{Inputs, Reach};
use super::memory::{self, MemoryStore};
use super::plan::style;
use super::session::{Session, state_folder};
use super::snapshot::Snapshot;
use super::{CliError, Exit, Output, declaration};
use crate::apply;
use crate::facts::{BotRef, Email, World};
use crate::kore::ReadRequest;
use crate::manifest::{AccountServer, Compiled, Manifests};
use crate::plan::explain::{self, Explanation, Observed, Query, Since};
use crate::plan::{Context, Declaration, Memory, render};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};

/// Explain who has which access, why, since when and until when.
#[derive(Debug, Args)]
#[command(
    override_usage = "koreconcile explain [OPTIONS] WHO [PATH]...\n       \
                      koreconcile explain [OPTIONS] --bot NAME [PATH]...\n       \
                      koreconcile explain [OPTIONS] --role NAME [PATH]...\n       \
                      koreconcile explain [OPTIONS] --ending TIME [PATH]...",
    after_help = "Why a user does not have a role: explain jane.doe@example.com --role \"Bot Developer\" --bot \"Banking Assistant\""
)]
pub(super) struct ExplainArgs {
    /// E-mail address of a user (optional), then files or folders of manifests, or - [default: .]
    #[arg(value_name = "WHO|PATH")]
    words: Vec<String>,
    /// Who has access to this bot: its name, or its id (st-...)
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// Who holds this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Which grants end within this time: 24h, 30d
    #[arg(long, value_name = "TIME", value_parser = super::inputs::time)]
    ending: Option<SignedDuration>,
    /// Show who changed the bots of the answer, by their change logs: one call or more per bot
    #[arg(long, conflicts_with_all = ["offline", "observed"])]
    who: bool,
    /// Name of the `KoreAccount`, when the manifests declare several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Use the manifests only: no calls, no credentials
    #[arg(long)]
    offline: bool,
    /// Use a snapshot instead of the account: no calls, no credentials
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    observed: Option<PathBuf>,
    /// Maximum age of the snapshot: 90s, 15m, 24h, 7d; an older one does not prove that something is absent
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::inputs::time)]
    max_age: SignedDuration,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Continue with the valid manifests when others have errors
    #[arg(long)]
    keep_going: bool,
    /// Longest wait of one call for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = super::inputs::time)]
    max_wait: SignedDuration,
    /// Folder of the journals of earlier runs [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Readable text
    Text,
    /// JSON
    Json,
}

/// Explains, and prints the explanation.
pub(super) async fn run(args: &ExplainArgs, output: &Output) -> Result<Exit, CliError> {
    let Some((query, paths)) = query(args) else {
        let usage = "explain needs a user, a bot, a role or a time\n  give an e-mail address, --bot NAME, --role NAME or --ending TIME, then the manifests";
        output.error(usage);
        return Ok(Exit::Invalid);
    };
    let inputs = Inputs { paths, account: args.account.clone(), complete: false };
    let reach =
        Reach { keep_going: args.keep_going, ..Reach::reading(args.max_wait, args.state_dir.clone()) };
    let (manifests, compiled) = inputs.compile_all(reach.keep_going, Timestamp::now(), output)?;
    let answered = answer(args, &query, &manifests, &compiled, &reach, output).await?;
    let (mut explanation, state) = match answered {
        Ok(answered) => answered,
        Err(unknown) => {
            output.error(unknown);
            return Ok(Exit::Invalid);
        }
    };
    explanation.account.name = compiled.account.name.to_string();
    attribution::fill(&mut explanation, &manifests);
    for note in blame::fill(&mut explanation, blame::Extent::FEW) {
        explanation.notes.push(note);
    }
    if let Some(state) = state {
        date(&mut explanation, &state);
    }
    match args.format {
        Format::Text => output.result(&render::explanation(&explanation, style(output))),
        Format::Json => {
            let json = serde_json::to_string_pretty(&explanation);
            output.json(&(json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n"));
        }
    }
    Ok(Exit::Done)
}

/// The explanation, and the folder of the journals of earlier runs.
type Answered = Result<(Explanation, Option<PathBuf>), explain::UnknownName>;

/// Asks the account, the snapshot, or the manifests alone.
async fn answer(
    args: &ExplainArgs,
    query: &Query,
    manifests: &Manifests,
    compiled: &Compiled,
    reach: &Reach,
    output: &Output,
) -> Result<Answered, CliError> {
    let known = || state_folder(compiled, reach.state_dir.as_deref(), None);
    if let Some(file) = &args.observed {
        let now = Timestamp::now();
        let snapshot = Snapshot::load(file, args.max_age, now)?;
        snapshot.check(compiled)?;
        let remembered = remembered(known().as_deref(), manifests, compiled, output)?;
        let seen = beside(query, compiled, &snapshot.world, snapshot.label(now), remembered);
        return Ok(seen.map(|answer| (answer, known())));
    }
    let why = match closed(args, compiled) {
        Some(why) => why,
        None => match Session::open(compiled, reach, output).await {
            Ok(session) => {
                let state = session.state.clone();
                let remembered = remembered(state.as_deref(), manifests, compiled, output);
                let answered = match remembered {
                    Ok(remembered) => {
                        Box::pin(explain_live(args.who, query, compiled, &session, remembered)).await
                    }
                    Err(error) => Err(error),
                };
                session.close().await;
                return Ok(answered?.map(|answer| (answer, state)));
            }
            Err(error @ CliError::Credential { .. }) => first_line(&error),
            Err(error) => return Err(error),
        },
    };
    Ok(explain::explain(query, &compiled.desired, None).map(|mut answer| {
        answer.reading.why_not = Some(why);
        (answer, known())
    }))
}

/// What is declared, beside what the account has, and who changed it where that is asked.
async fn explain_live(
    asks_who: bool,
    query: &Query,
    compiled: &Compiled,
    session: &Session,
    remembered: (Memory, Declaration),
) -> Result<Result<Explanation, explain::UnknownName>, CliError> {
    let world = session.read(compiled, ask(query, compiled)).await?;
    let mut explanation = match beside(query, compiled, &world, session.host.clone(), remembered) {
        Ok(explanation) => explanation,
        Err(unknown) => return Ok(Err(unknown)),
    };
    if asks_who {
        change_log::fill(&mut explanation, query.bot.as_ref(), &world, session).await?;
    }
    Ok(Ok(explanation))
}

/// The query and the paths. The first argument is a user when it is an e-mail address.
fn query(args: &ExplainArgs) -> Option<(Query, Vec<String>)> {
    let (who, paths) = match args.words.split_first() {
        Some((first, rest)) if !first.contains('/') => match Email::parse(first) {
            Ok(email) => (Some(email), rest),
            Err(_) => (None, &args.words[..]),
        },
        _ => (None, &args.words[..]),
    };
    let bot = args.bot.as_deref().map(BotRef::new);
    let ending_by = args.ending.map(|within| crate::facts::after(Timestamp::now(), within));
    let query = Query { who, bot, role: args.role.clone(), ending_by };
    let paths = if paths.is_empty() { vec![".".to_owned()] } else { paths.to_vec() };
    (query != Query::default()).then_some((query, paths))
}

/// Why the account is not read. Explaining does not create a sandbox.
fn closed(args: &ExplainArgs, compiled: &Compiled) -> Option<String> {
    if args.offline {
        return Some("--offline".to_owned());
    }
    match &compiled.account.endpoint {
        AccountServer::Sandbox { data_dir } if !data_dir.exists() => {
            Some(format!("there is no sandbox in {} yet", data_dir.display()))
        }
        AccountServer::Sandbox { .. } | AccountServer::Host(_) => None,
    }
}

fn first_line(error: &CliError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// A user takes one look-up beside the names; a bot or a role takes all users.
fn ask(query: &Query, compiled: &Compiled) -> ReadRequest {
    match &query.who {
        Some(who) => ReadRequest {
            groups: true,
            bots: true,
            roles: true,
            ..ReadRequest::of_users([who.clone()].into_iter().collect())
        },
        None => {
            ReadRequest { look_up_admins: false, ..ReadRequest::full(compiled.desired.referenced.clone()) }
        }
    }
}

/// What these manifests asked for earlier; nothing where another declaration did.
pub(super) fn remembered(
    state: Option<&Path>,
    manifests: &Manifests,
    compiled: &Compiled,
    output: &Output,
) -> Result<(Memory, Declaration), CliError> {
    let memory = MemoryStore::open(compiled, state).load_for_plan(output)?;
    let memory = memory::check_owner(&memory, manifests, compiled).map(|()| memory).unwrap_or_default();
    let declaration =
        declaration::collect(manifests, compiled, &memory, Extent::default(), Timestamp::now())?;
    Ok((memory, declaration))
}

/// What is declared, beside what was observed.
fn beside(
    query: &Query,
    compiled: &Compiled,
    world: &World,
    host: String,
    (memory, declaration): (Memory, Declaration),
) -> Result<Explanation, explain::UnknownName> {
    let context = Context { now: Timestamp::now(), memory, declaration, ..Context::default() };
    let observed = Observed { world, policy: &compiled.policy, context: &context };
    let mut explanation = explain::explain(query, &compiled.desired, Some(observed))?;
    explanation.account.host = host;
    Ok(explanation)
}

/// When what holds was applied. A fact whose last change took it away holds for another reason, and one that went with
/// its person does not hold.
pub(super) fn date(explanation: &mut Explanation, state: &std::path::Path) {
    let keys: std::collections::HashSet<_> =
        explanation.lines.iter().filter_map(|line| line.fact.key()).collect();
    let history = apply::history(state, |key| keys.contains(key));
    for line in explanation.lines.iter_mut().filter(|line| line.status.may_hold()) {
        let applied = line.fact.key().and_then(|key| history.get(&key));
        line.since = applied.filter(|applied| !applied.action.is_removal()).map(|applied| Since {
            at: applied.at,
            journal: applied.journal.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        });
    }
}
