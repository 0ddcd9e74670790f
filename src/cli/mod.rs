//! The command line: one file per verb, and the only room that prints.
//!
//! A verb takes its arguments, calls the rooms below, writes notes and errors to stderr and results to stdout, and ends
//! in an [`Exit`]. What may go wrong is a [`CliError`], which knows its exit code.

mod adopt;
mod apply;
mod approvals;
mod base;
mod baseline;
mod completions;
mod controller;
mod crds;
mod declaration;
mod diff;
mod doctor;
mod embedded;
mod ended;
mod error;
mod exit;
mod explain;
mod fmt;
mod focus;
mod git;
mod git_tree;
mod import;
mod init;
mod inputs;
mod lock;
mod look_alike;
mod man;
mod memory;
mod memory_commands;
mod memory_reference;
mod network;
mod not_done;
mod output;
mod owners;
mod plan;
mod policies;
mod policy;
mod progress;
mod reference;
mod reinvite;
mod report;
mod revision;
mod rewrite;
mod runs;
pub mod sandbox;
mod saved;
mod schema;
mod secret;
mod session;
mod snapshot;
mod stop;
mod telemetry;
mod undo;
mod validate;

pub use error::CliError;
pub use exit::Exit;
pub use output::Output;
pub use report::EvidenceError;
pub use snapshot::SnapshotError;

use clap::{Args, CommandFactory, Parser, Subcommand};
use std::io::IsTerminal;
use std::sync::LazyLock;
use telemetry::{LogFormat, Telemetry, Traces};

/// The release, and the commit that it was built from, where the build names it: `KORECONCILE_COMMIT`, which a release sets.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let release = env!("CARGO_PKG_VERSION");
    option_env!("KORECONCILE_COMMIT")
        .map_or_else(|| release.to_owned(), |commit| format!("{release} ({commit})"))
});

/// koreconcile manages access to a Kore.ai account as code: users, roles, role bindings and bot assignments in YAML,
/// reviewed as a plan in a pull request, applied by CI or by a Kubernetes controller.
#[derive(Debug, Parser)]
#[command(name = "koreconcile", version = VERSION.as_str(), max_term_width = 110, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Clone, Args)]
struct Global {
    /// Print no progress and no notes
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more: -v every entry of long lists, -vv every call
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Colour the output; auto follows the terminal and `NO_COLOR`
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    color: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a first account file, and say what comes next
    Init(init::InitArgs),
    /// Format manifests: indentation and blanks, and nothing else
    Fmt(fmt::FmtArgs),
    /// Check manifests offline: syntax, schema, references, rules
    Validate(validate::ValidateArgs),
    /// Read the account and show what would change
    Plan(plan::PlanArgs),
    /// Show the plan, ask for confirmation, apply it, and read the result back
    Apply(apply::ApplyArgs),
    /// Write what was changed in the console into the manifests, or leave it for the plan to revert
    Adopt(adopt::AdoptArgs),
    /// Write down what the account holds and no manifest asks for, so that plans count only what is new
    Baseline(baseline::BaselineArgs),
    /// Explain who has which access, why, since when and until when
    Explain(explain::ExplainArgs),
    /// Report who holds which access and why, for audits
    Report(report::ReportArgs),
    /// Check credentials, scopes, limits and costs with reads only
    Doctor(doctor::DoctorArgs),
    /// Save one read of the account to a file, for plans without calls
    Snapshot(snapshot::SnapshotArgs),
    /// Show which facts were gained and lost between snapshots, manifests or git revisions
    Diff(diff::DiffArgs),
    /// List the runs that have a journal, the newest first
    Runs(runs::RunsArgs),
    /// Revert what a run did, as far as the platform allows
    Undo(undo::UndoArgs),
    /// Send an open invitation again: remove the user and invite them with what is declared
    Reinvite(reinvite::ReinviteArgs),
    /// Show or hand over the memory of what was asked for
    Memory(memory_commands::MemoryArgs),
    /// Forget what was asked for, without taking it back
    Forget(memory_commands::ForgetArgs),
    /// Write the account as manifests; a plan right after it is empty
    Import(import::ImportArgs),
    /// Test policies, and judge past commits by them
    Policy(policy::PolicyArgs),
    /// Write who owns the areas of an account
    Owners(owners::OwnersArgs),
    /// Run in a Kubernetes cluster and keep accounts as their objects declare them
    Controller(controller::ControllerArgs),
    /// Serve, seed and administer a local account
    Sandbox(sandbox::SandboxArgs),
    /// Print the JSON Schema of manifests, plans or reports
    Schema(schema::SchemaArgs),
    /// Print the custom resource definitions (CRDs) for a Kubernetes cluster
    Crds(crds::CrdsArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual pages to a folder
    Man(man::ManArgs),
    /// Print a page of the reference as Markdown
    #[command(hide = true)]
    Reference(reference::ReferenceArgs),
}

/// Runs the program and gives its exit code.
pub async fn run() -> Exit {
    let Cli { global, verb } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return told(&error),
    };
    let output = Output::new(global.quiet, global.verbose, color(global.color));
    let traces = match log(&global, &verb) {
        Ok(traces) => traces,
        Err(error) => {
            output.error(&error);
            return error.exit();
        }
    };
    let ended = Box::pin(carry_out(verb, &output)).await;
    traces.flush();
    // What nobody could read is not done, however it ended.
    ended.and_then(|exit| output.written().map(|()| exit)).unwrap_or_else(|error| {
        output.error(&error);
        error.exit()
    })
}

/// Help, the version, or what is wrong with the command line.
fn told(error: &clap::Error) -> Exit {
    let printed = error.print();
    if error.use_stderr() {
        return Exit::Invalid;
    }
    output::keep(printed);
    output::written().map_or_else(
        |error| {
            Output::new(false, 0, [false; 2]).error(&error);
            error.exit()
        },
        |()| Exit::Done,
    )
}

async fn carry_out(verb: Verb, output: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::Init(args) => init::run(&args, output),
        Verb::Fmt(args) => fmt::run(&args, output),
        Verb::Validate(args) => validate::run(&args, output),
        Verb::Plan(args) => plan::run(&args, output).await,
        Verb::Apply(args) => Box::pin(apply::run(&args, output)).await,
        Verb::Adopt(args) => Box::pin(adopt::run(&args, output)).await,
        Verb::Baseline(args) => Box::pin(baseline::run(&args, output)).await,
        Verb::Explain(args) => explain::run(&args, output).await,
        Verb::Report(args) => Box::pin(report::run(&args, output)).await,
        Verb::Doctor(args) => doctor::run(&args, output).await,
        Verb::Snapshot(args) => snapshot::run(&args, output).await,
        Verb::Diff(args) => diff::run(&args, output),
        Verb::Runs(args) => runs::run(&args, output),
        Verb::Undo(args) => Box::pin(undo::run(&args, output)).await,
        Verb::Reinvite(args) => Box::pin(reinvite::run(&args, output)).await,
        Verb::Memory(args) => memory_commands::run(&args, output),
        Verb::Forget(args) => memory_commands::forget(&args, output),
        Verb::Import(args) => import::run(&args, output).await,
        Verb::Policy(args) => policy::run(&args, output),
        Verb::Owners(args) => owners::run(&args, output),
        Verb::Controller(args) => controller::run(&args, output).await,
        Verb::Sandbox(args) => sandbox::run(args).await.map(|()| Exit::Done).map_err(CliError::from),
        Verb::Schema(args) => schema::run(&args, output),
        Verb::Man(args) => man::run(&args, Cli::command(), output),
        Verb::Reference(args) => reference::run(&args, Cli::command(), output),
        Verb::Crds(args) => crds::run(&args, output),
        Verb::Completions(args) => {
            completions::run(&args, Cli::command(), output);
            Ok(Exit::Done)
        }
    }
}

/// Whether stdout and stderr are coloured.
fn color(when: When) -> [bool; 2] {
    match when {
        When::Always => [true; 2],
        When::Never => [false; 2],
        When::Auto => {
            let is_welcome = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            [std::io::stdout().is_terminal(), std::io::stderr().is_terminal()].map(|is| is && is_welcome)
        }
    }
}

/// Logs go to stderr: warnings, with `-vv` each call, and the controller's passes. `KORECONCILE_LOG` takes a filter.
fn log(global: &Global, verb: &Verb) -> Result<Traces, CliError> {
    let is_controller = matches!(verb, Verb::Controller(_));
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0 | 1) if is_controller => "warn,koreconcile=info",
        (false, 0 | 1) => "warn",
        (false, _) => "koreconcile=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("KORECONCILE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let telemetry = match verb {
        Verb::Controller(args) => args.telemetry(),
        _ => Telemetry { format: LogFormat::Text, otlp: None },
    };
    telemetry::start(&telemetry, filter)
}
