//! Every verb, as clap knows it.

use super::super::Exit;
use super::table::{Table, cell, code};
use clap::{Arg, Command};

/// The page.
pub(super) fn page(mut command: Command) -> String {
    command.build();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let verbs: String = command.get_subcommands().map(|verb| describe(verb, command.get_name(), 2)).collect();
    let global = arguments(command.get_arguments());
    format!("# Command line\n\n{about}.\n\nEvery verb takes these:\n\n{global}{verbs}{}", exit_codes())
}

/// A verb and all below it.
fn describe(verb: &Command, above: &str, depth: usize) -> String {
    if verb.is_hide_set() || verb.get_name() == "help" {
        return String::new();
    }
    let heading = "#".repeat(depth);
    let name = format!("{above} {}", verb.get_name());
    let about = verb.get_long_about().or(verb.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = verb.clone().bin_name(&name).render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim_end();
    let usage: Vec<&str> = usage.lines().map(str::trim).collect();
    let usage = usage.join("\n");
    let arguments = arguments(verb.get_arguments().filter(|argument| !argument.is_global_set()));
    let more = verb.get_after_help().map(|more| format!("{more}\n\n")).unwrap_or_default();
    let below: String = verb.get_subcommands().map(|below| describe(below, &name, depth + 1)).collect();
    format!("{heading} {name}\n\n{about}.\n\n```text\n{usage}\n```\n\n{arguments}{more}{below}")
}

fn arguments<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let mut table = Table::new(["argument", "what it does", "default"]);
    for argument in arguments {
        if argument.is_hide_set() || ["help", "version"].contains(&argument.get_id().as_str()) {
            continue;
        }
        let takes_value = argument.get_action().takes_values();
        let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string);
        let choices = if takes_value { argument.get_possible_values() } else { Vec::new() };
        let choices = choices.iter().map(|choice| {
            let what = choice.get_help().map(|help| format!(": {}", cell(&help.to_string())));
            format!("<br>{}{}", code(choice.get_name()), what.unwrap_or_default())
        });
        let help = cell(&help.unwrap_or_default()) + &choices.collect::<String>();
        let defaults = argument.get_default_values().iter().filter(|_| takes_value);
        let defaults: Vec<String> = defaults.map(|value| code(&value.to_string_lossy())).collect();
        table.row([code(&name(argument)), help, defaults.join(", ")]);
    }
    table.markdown()
}

/// `-q, --quiet`, `--max-wait TIME`, `PATH...`
fn name(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let value = argument.get_value_names().filter(|_| takes_value).and_then(|names| names.first());
    let value = value.map(ToString::to_string);
    let Some(long) = argument.get_long() else {
        let many = argument.get_num_args().is_some_and(|count| count.max_values() > 1);
        return value.unwrap_or_default() + if many { "..." } else { "" };
    };
    let short = argument.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let value = value.map(|value| format!(" {value}")).unwrap_or_default();
    format!("{short}--{long}{value}")
}

fn exit_codes() -> String {
    let mut table = Table::new(["code", "means"]);
    for exit in Exit::ALL {
        table.row([(exit as u8).to_string(), cell(exit.meaning())]);
    }
    let rule =
        "Where several apply, the first of 7, 8, 4, 5, 6 is returned. What to do about each: [refused plans]";
    format!("## Exit codes\n\n{rule}(../guides/refused-plans.md#exit-codes).\n\n{}", table.markdown())
}
