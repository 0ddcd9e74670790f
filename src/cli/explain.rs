//! `explain`: who has what, through which line, since when and until when; and why somebody has not. Reads only.

mod blame;
mod whence;

use super::inputs::{Inputs, Reach};
use super::plan::style;
use super::session::{Session, state_folder};
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
        max_wait: args.max_wait,
        state_dir: args.state_dir.clone(),
    };
    let (manifests, compiled) = inputs.compile(reach.keep_going, Timestamp::now(), output)?;
    let access = match closed(args, &compiled) {
        Some(why) => Err(why),
        None => match Session::open(&compiled, &reach, output).await {
            Ok(session) => Ok(session),
            Err(error @ CliError::Credential { .. }) => Err(first_line(&error)),
            Err(error) => return Err(error),
        },
    };
    let answered = match access {
        Ok(session) => {
            let world = session.look(&compiled, ask(&question, &compiled)).await;
            let state = session.state.clone();
            let host = session.host.clone();
            session.close().await;
            let world = world?;
            online(&question, &compiled, &world, host).map(|answer| (answer, state))
        }
        Err(why) => explain::explain(&question, &compiled.desired, None).map(|mut answer| {
            answer.reading.why_not = Some(why);
            (answer, state_folder(&compiled, reach.state_dir.as_deref(), None))
        }),
    };
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

fn online(
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

/// When what holds was applied. A fact whose last change took it away holds for another reason.
fn date(explanation: &mut Explanation, state: &std::path::Path) {
    let keys: std::collections::HashSet<_> =
        explanation.lines.iter().filter_map(|line| line.fact.key()).collect();
    let history = apply::history(state, |key| keys.contains(key));
    for line in &mut explanation.lines {
        let applied = line.fact.key().and_then(|key| history.get(&key));
        line.since = applied.filter(|applied| !applied.action.is_removal()).map(|applied| Since {
            at: applied.at,
            journal: applied.journal.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        });
    }
}
