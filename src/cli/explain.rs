//! `explain`: who has what, through which line, since when and until when; and why somebody has not. Reads only.

mod blame;
mod whence;

use super::inputs::{Inputs, Reach};
use super::plan::style;
use super::session::{Session, state_folder};
use super::snapshot::Snapshot;
use super::{CliError, Exit, Output};
use crate::apply;
use crate::facts::{BotRef, Email, World};
use crate::kore::Ask;
use crate::manifest::{Compiled, Endpoint};
use crate::plan::explain::{self, Explanation, Observed, Question, Since};
use crate::plan::{Context, render};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

/// Say who has what, and why; and why somebody has not.
#[derive(Debug, Args)]
#[command(
    override_usage = "koreconcile explain [OPTIONS] WHO [PATH]...\n       \
                      koreconcile explain [OPTIONS] --bot NAME [PATH]...\n       \
                      koreconcile explain [OPTIONS] --role NAME [PATH]...",
    after_help = "Together they ask why not: explain jane.doe@example.com --role \"Bot Developer\" --bot \"Banking Assistant\""
)]
pub(super) struct ExplainArgs {
    /// A person's e-mail address first, if it is about one; then files, folders or globs of manifests, or - [default: .]
    #[arg(value_name = "WHO|PATH")]
    words: Vec<String>,
    /// Who has what on this bot: its name, or its id (st-...)
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// Who holds this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The account, when the manifests declare several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Ask the manifests alone: no calls, no credentials
    #[arg(long)]
    offline: bool,
    /// Ask a snapshot instead of the account: no calls, no credentials
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    observed: Option<PathBuf>,
    /// The oldest snapshot that proves anything: 90s, 15m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::inputs::time)]
    max_age: SignedDuration,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Go on with the sound part when some manifests have errors
    #[arg(long)]
    keep_going: bool,
    /// The longest one call may wait for the rate limit: 90s, 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = super::inputs::time)]
    max_wait: SignedDuration,
    /// Where earlier runs have left their journals [default: the user's state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Answers.
pub(super) async fn run(args: &ExplainArgs, output: &Output) -> Result<Exit, CliError> {
    let Some((question, paths)) = question(args) else {
        let usage = "nothing is asked about\n  name a person by e-mail address, --bot NAME or --role NAME, then the manifests";
        output.error(usage);
        return Ok(Exit::Invalid);
    };
    let inputs = Inputs { paths, account: args.account.clone() };
    let reach = Reach {
        keep_going: args.keep_going,
        allow_removals: None,
        rewrite_profiles: false,
        max_wait: args.max_wait,
        state_dir: args.state_dir.clone(),
    };
    let (manifests, compiled) = inputs.compile(reach.keep_going, Timestamp::now(), output)?;
    let answered = answer(args, &question, &compiled, &reach, output).await?;
    let (mut explanation, state) = match answered {
        Ok(answered) => answered,
        Err(unheard) => {
            output.error(unheard);
            return Ok(Exit::Invalid);
        }
    };
    explanation.account.name = compiled.account.name.to_string();
    whence::fill(&mut explanation, &manifests);
    for note in blame::fill(&mut explanation) {
        explanation.notes.push(note);
    }
    if let Some(state) = state {
        date(&mut explanation, &state);
    }
    let text = match args.format {
        Format::Text => render::explanation(&explanation, style(output)),
        Format::Json => {
            let json = serde_json::to_string_pretty(&explanation);
            json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n"
        }
    };
    output.result(&text);
    Ok(Exit::Done)
}

/// What somebody has, and where earlier runs have left their journals.
type Answered = Result<(Explanation, Option<PathBuf>), explain::Unheard>;

/// Asks the account, the snapshot, or the manifests alone.
async fn answer(
    args: &ExplainArgs,
    question: &Question,
    compiled: &Compiled,
    reach: &Reach,
    output: &Output,
) -> Result<Answered, CliError> {
    let known = || state_folder(compiled, reach.state_dir.as_deref(), None);
    if let Some(file) = &args.observed {
        let now = Timestamp::now();
        let snapshot = Snapshot::load(file, args.max_age, now)?;
        snapshot.check(compiled)?;
        let seen = beside(question, compiled, &snapshot.world, snapshot.label(now));
        return Ok(seen.map(|answer| (answer, known())));
    }
    let why = match closed(args, compiled) {
        Some(why) => why,
        None => match Session::open(compiled, reach, output).await {
            Ok(session) => {
                let world = session.look(compiled, ask(question, compiled)).await;
                let (state, host) = (session.state.clone(), session.host.clone());
                session.close().await;
                return Ok(beside(question, compiled, &world?, host).map(|answer| (answer, state)));
            }
            Err(error @ CliError::Credential { .. }) => first_line(&error),
            Err(error) => return Err(error),
        },
    };
    Ok(explain::explain(question, &compiled.desired, None).map(|mut answer| {
        answer.reading.why_not = Some(why);
        (answer, known())
    }))
}

/// The question and the paths. The first word is a person when it is an e-mail address.
fn question(args: &ExplainArgs) -> Option<(Question, Vec<String>)> {
    let (who, paths) = match args.words.split_first() {
        Some((first, rest)) if !first.contains('/') => match Email::parse(first) {
            Ok(email) => (Some(email), rest),
            Err(_) => (None, &args.words[..]),
        },
        _ => (None, &args.words[..]),
    };
    let bot = args.bot.as_deref().map(BotRef::new);
    let question = Question { who, bot, role: args.role.clone() };
    let paths = if paths.is_empty() { vec![".".to_owned()] } else { paths.to_vec() };
    (question != Question::default()).then_some((question, paths))
}

/// Why the account is not asked. A sandbox that nobody has used yet is not made by a question.
fn closed(args: &ExplainArgs, compiled: &Compiled) -> Option<String> {
    if args.offline {
        return Some("--offline".to_owned());
    }
    match &compiled.account.endpoint {
        Endpoint::Sandbox { data_dir } if !data_dir.exists() => {
            Some(format!("there is no sandbox in {} yet", data_dir.display()))
        }
        Endpoint::Sandbox { .. } | Endpoint::Host(_) => None,
    }
}

fn first_line(error: &CliError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// One person takes one look-up beside the names; a bot or a role takes everybody.
fn ask(question: &Question, compiled: &Compiled) -> Ask {
    match &question.who {
        Some(who) => Ask {
            groups: true,
            bots: true,
            roles: true,
            ..Ask::of_users([who.clone()].into_iter().collect())
        },
        None => Ask { look_up_admins: false, ..Ask::full(compiled.desired.referenced.clone()) },
    }
}

/// What is wanted beside what was seen.
fn beside(
    question: &Question,
    compiled: &Compiled,
    world: &World,
    host: String,
) -> Result<Explanation, explain::Unheard> {
    let context = Context { now: Timestamp::now(), ..Context::default() };
    let observed = Observed { world, policy: &compiled.policy, context: &context };
    let mut explanation = explain::explain(question, &compiled.desired, Some(observed))?;
    explanation.account.host = host;
    Ok(explanation)
}

/// When what holds was applied. A fact whose last change took it away holds for another reason, and one that went with
/// its person does not hold.
fn date(explanation: &mut Explanation, state: &std::path::Path) {
    let keys: std::collections::HashSet<_> =
        explanation.lines.iter().filter_map(|line| line.fact.key()).collect();
    let history = apply::history(state, |key| keys.contains(key));
    for line in explanation.lines.iter_mut().filter(|line| line.standing.may_hold()) {
        let applied = line.fact.key().and_then(|key| history.get(&key));
        line.since = applied.filter(|applied| !applied.action.is_removal()).map(|applied| Since {
            at: applied.at,
            journal: applied.journal.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        });
    }
}
