//! The layout that `fmt` gives to manifests.

use koreconcile::manifest::format::{Formatted, format};
use std::sync::Arc;

const HEAD: &str = "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreRoleBinding\nmetadata: { name: a }\n";

fn formatted(text: &str) -> Formatted {
    let file: Arc<str> = Arc::from("a.yaml");
    let once = format(&file, text);
    if let Some(again) = &once.text {
        assert_eq!(format(&file, again).text, None, "not stable:\n{again}");
    }
    once
}

#[track_caller]
fn becomes(before: &str, after: &str) {
    let after = format!("{HEAD}{after}");
    assert_eq!(formatted(&format!("{HEAD}{before}")).text, Some(after.clone()));
    assert_eq!(formatted(&after).text, None);
}

#[test]
fn blocks_are_indented_by_two() {
    becomes(
        "spec:\n    role:\n        type: Bot\n        name:   Bot Tester\n    # who\n    subjects:\n    # lead\n    -   user: a@example.com   # lead\n        reason: x\n    -\n        user: b@example.com\n",
        "spec:\n  role:\n    type: Bot\n    name: Bot Tester\n  # who\n  subjects:\n    # lead\n    - user: a@example.com   # lead\n      reason: x\n    -\n      user: b@example.com\n",
    );
}

#[test]
fn text_of_several_lines_moves_as_one() {
    becomes(
        "spec:\n   subjects:\n   - user: a@example.com\n     reason: |\n            first\n              deeper  \n\n            last\n   - user: b@example.com\n     reason: \"one\n          two\"\n   - user: c@example.com\n     reason: one\n       two\n",
        "spec:\n  subjects:\n    - user: a@example.com\n      reason: |\n        first\n          deeper  \n\n        last\n    - user: b@example.com\n      reason: \"one\n           two\"\n    - user: c@example.com\n      reason: one\n        two\n",
    );
}

#[test]
fn brackets_on_one_line_have_one_blank_between_signs() {
    becomes(
        "spec: {role: {type: Bot,name:  Bot Tester} , bot: B, subjects: [ {user: a@example.com},{ user: b@example.com} ] }\n",
        "spec: { role: { type: Bot, name: Bot Tester }, bot: B, subjects: [{ user: a@example.com }, { user: b@example.com }] }\n",
    );
    becomes(
        "spec:\n    subjects: [\n        {user: a@example.com}, # lead\n        ]\n",
        "spec:\n  subjects: [\n      {user: a@example.com}, # lead\n      ]\n",
    );
}

#[test]
fn blank_lines_come_one_at_a_time_and_the_file_ends_once() {
    becomes("spec:   \n  bot: B\t\n\n\n\n  # c\n\n\n", "spec:\n  bot: B\n\n  # c\n");
    becomes("spec:\n  bot: B", "spec:\n  bot: B\n");
    let text = format!("{HEAD}spec:\r\n    bot: B\r\n").replace("\r\n", "\n").replace('\n', "\r\n");
    let after = text.replace("    bot", "  bot");
    assert_eq!(formatted(&format!("\u{feff}{text}")).text, Some(format!("\u{feff}{after}")));
}

#[test]
fn what_is_in_order_and_what_is_not_ours_keeps_every_byte() {
    for text in [
        format!("# head\n---\n{HEAD}spec:\n  subjects:\n    # why\n    - user: a@example.com  # x\n"),
        "kind: Deployment\napiVersion: apps/v1\nspec:\n    a:   1   \n\n\n".to_owned(),
        "not: [yaml".to_owned(),
        String::new(),
    ] {
        assert_eq!(formatted(&text), Formatted::default(), "{text}");
    }
    let both = format!("a:   1   \n---\n{HEAD}spec:\n    bot: B\n---\nb:    2\n");
    assert_eq!(formatted(&both).text, Some(both.replace("    bot", "  bot")));
}

#[test]
fn what_has_a_layout_of_its_own_is_left_and_named() {
    for spec in ["spec:\n    bot: &b B\n", "spec:\n    subjects:\n    - reason: |4\n            x\n"] {
        let text = format!("# head\n---\n{HEAD}{spec}");
        assert_eq!(formatted(&text), Formatted { text: None, left: vec![2] }, "{spec}");
    }
    let json = "{ \"apiVersion\": \"koreconcile.dev/v1alpha1\",   \"kind\": \"KoreUser\" }\n";
    assert_eq!(formatted(json).left, [1]);
}
