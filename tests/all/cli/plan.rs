//! `plan`: what would change, for people and machines, and nothing else.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Workspace, shows};
use serde_json::Value;

#[test]
fn shows_what_would_change() {
    shows!(Workspace::example("quickstart").run(&["plan"]).expect(0));
}

#[test]
fn exit_code_tells_of_changes() {
    let workspace = Workspace::example("quickstart");
    let run = workspace.run(&["plan", "--exit-code"]).expect(2);
    assert!(run.stdout.contains("Plan: "), "{run}");
    workspace.run(&["apply", "--yes"]).expect(0);
    // People who have not accepted are waited for: no change.
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("Waiting") && run.stdout.contains("No changes"), "{run}");
}

#[test]
fn json_is_what_the_schema_says() {
    let workspace = Workspace::example("quickstart");
    let run = workspace.run(&["plan", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(plan["format"], "koreconcile.dev/plan/v1");
    assert_eq!(plan["account"]["id"], "6661e128d3203924648c10bf");
    let schema: Value = serde_json::from_str(&workspace.run(&["schema", "plan"]).expect(0).stdout).unwrap();
    let found = wrong(&schema, &schema, &plan, "plan");
    assert!(found.is_empty(), "{found:#?}");
    let mut broken = plan.clone();
    broken["changes"][0]["action"] = "explode".into();
    broken["cost"] = Value::Null;
    assert!(!wrong(&schema, &schema, &broken, "plan").is_empty());
}

/// Where a value is not what its schema says: the keywords that our schemas use.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a $ref leads somewhere");
        return wrong(root, target, value, at);
    }
    let mut found = Vec::new();
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[key].as_array()
            && !choices.iter().any(|choice| wrong(root, choice, value, at).is_empty())
        {
            found.push(format!("{at}: {value} is none of {key}"));
        }
    }
    let is_a = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(name) => is_a(name),
        Value::Array(names) => names.iter().any(|name| is_a(name.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        found.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(known) = schema.get("const")
        && known != value
    {
        found.push(format!("{at}: {value} is not {known}"));
    }
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(value)
    {
        found.push(format!("{at}: {value} is not one of {known:?}"));
    }
    if let Value::Object(fields) = value {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                found.push(format!("{at}: no {name}"));
            }
        }
        for (name, inner) in fields {
            let at = format!("{at}.{name}");
            match schema["properties"].get(name) {
                Some(schema) => found.extend(wrong(root, schema, inner, &at)),
                None if schema["additionalProperties"] == false => found.push(format!("{at}: unknown")),
                None if schema["additionalProperties"].is_object() => {
                    found.extend(wrong(root, &schema["additionalProperties"], inner, &at));
                }
                None => {}
            }
        }
    }
    if let (Value::Array(items), Value::Object(_)) = (value, &schema["items"]) {
        for (index, item) in items.iter().enumerate() {
            found.extend(wrong(root, &schema["items"], item, &format!("{at}[{index}]")));
        }
    }
    found
}

#[test]
fn explains_names_that_miss() {
    let bind = |name: &str, role: &str, bot: &str, subject: &str| {
        let spec =
            format!("{{ role: {{ type: Bot, name: {role} }}, bot: {bot}, subjects: [{{ {subject} }}] }}");
        document("KoreRoleBinding", name, &spec)
    };
    let served = Served::new(&[
        bind("a", "Bot Developr", "Banking Assistant", "user: jane.doe@example.com"),
        bind("b", "Bot Tester", "Banking Asistant", "user: jane.doe@example.com"),
        bind("c", "Bot Tester", "Banking Assistant", "group: QAA"),
        bind("d", "Bot Tester", "Banking Assistant", "user: nobody@example.com"),
        document("KoreBotAssignment", "e", "{ bot: Claims Draft, subjects: [{ user: kim@example.com }] }"),
    ]);
    shows!(served.run(&["plan", "--exit-code"]).expect(2));
    // Nothing of it can be sent, and nothing is refused by a guard.
    let run = served.run(&["apply", "--yes"]).expect(6);
    assert!(run.stderr.ends_with("exit 6: 4 blocked, 1 manual\n"), "{run}");
    assert_eq!(served.server.calls("POST /api/public/btroles/assignments"), 0, "{run}");
}

#[test]
fn wants_to_know_which_of_several_accounts() {
    let account = |name: &str| {
        let spec =
            format!("{{ endpoint: {{ sandbox: {{ dataDir: {name} }} }}, ownership: {{ failOn: Never }} }}");
        document("KoreAccount", name, &spec)
    };
    let workspace = Workspace::with(&[
        ("accounts.yaml", &[account("acme"), account("globex")].concat()),
        ("users.yaml", &user("new.hire", ", account: globex")),
    ]);
    shows!(workspace.run(&["plan"]).expect(3));
    let run = workspace.run(&["plan", "--account", "globex", "--exit-code"]).expect(2);
    assert!(run.stdout.contains("+ new.hire@example.com: invite"), "{run}");
    let run = workspace.run(&["plan", "--account", "acme", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes"), "{run}");
}

#[test]
fn names_an_account_that_is_not_declared() {
    let workspace = Workspace::example("quickstart");
    shows!(workspace.run(&["plan", "--account", "acne"]).expect(3));
}

#[test]
fn stops_at_errors_and_keep_going_plans_the_sound_part() {
    let workspace = Workspace::example("quickstart");
    workspace.write("broken.yaml", &user("new.hire", ", firstNam: New"));
    workspace.write("sound.yaml", &user("other.hire", ""));
    shows!(workspace.run(&["plan"]).expect(3));
    let run = workspace.run(&["plan", "--keep-going"]).expect(0);
    assert!(run.stdout.contains("+ other.hire@example.com: invite"), "{run}");
    assert!(!run.stdout.contains("new.hire"), "{run}");
    assert!(run.stderr.contains("firstNam"), "{run}");
}

#[test]
fn needs_no_terminal_and_reads_manifests_from_a_pipe() {
    let served = Served::new(&[user("new.hire", "")]);
    let text = std::fs::read_to_string(served.workspace.path("account.yaml")).unwrap()
        + user("new.hire", "").as_str();
    let run = served.workspace.koreconcile(&["plan", "-"]).input(&text).run().expect(0);
    assert!(run.stdout.contains("+ new.hire@example.com: invite"), "{run}");
}

#[test]
fn writes_nothing() {
    let served = Served::new(&[user("new.hire", "")]);
    let before = served.server.truth();
    served.run(&["plan"]).expect(0);
    served.run(&["plan", "--format", "json"]).expect(0);
    assert_eq!(served.server.truth(), before);
}
