//! A redacted plan shows no address in any form, names the same person alike everywhere, and says that it is redacted.

use crate::review_plan::{rich, rich_with_base};
use koreconcile::facts::{AccountId, Email, Key};
use koreconcile::plan::{Plan, render};
use std::collections::BTreeSet;

fn forms(plan: &Plan) -> [String; 3] {
    let style = render::Style { color: false, verbose: true };
    [render::text(plan, style), render::markdown(plan), render::json(plan).unwrap()]
}

#[test]
fn review_redacted_plan_shows_no_address_and_no_persons_name() {
    for plan in [rich(), rich_with_base()] {
        let addresses: BTreeSet<String> =
            plan.changes.iter().filter_map(|change| change.key.email()).map(ToString::to_string).collect();
        for (before, after) in forms(&plan).into_iter().zip(forms(&render::redacted(plan))) {
            assert!(before.contains('@'));
            let lines: Vec<&str> = after.lines().filter(|line| line.contains('@')).collect();
            assert!(lines.is_empty(), "{lines:#?}");
            for hidden in
                addresses.iter().map(String::as_str).chain(["Jane", "Roe", "Retail banking", "E-1009"])
            {
                assert!(!after.contains(hidden), "{hidden}");
            }
            assert!(after.contains("bankers"), "teams keep their names");
            assert!(after.to_lowercase().contains("redacted"), "{after}");
        }
    }
}

#[test]
fn review_redacted_names_are_stable_within_an_account_and_differ_between_accounts() {
    let jane = |plan: &Plan| {
        plan.changes
            .iter()
            .zip(&rich().changes)
            .find(|(_, open)| matches!(&open.key, Key::Names(email) if email == &Email::observed("jane.doe@example.com")))
            .and_then(|(redacted, _)| redacted.key.email().map(ToString::to_string))
            .unwrap()
    };
    let name = jane(&render::redacted(rich()));
    assert!(name.starts_with("user-") && name.len() == "user-3f9c2a1b".len(), "{name}");
    assert_eq!(jane(&render::redacted(rich_with_base())), name);
    let mut elsewhere = rich();
    elsewhere.account.id = Some(AccountId::new("another"));
    assert_ne!(jane(&render::redacted(elsewhere)), name);
    let again = render::redacted(render::redacted(rich()));
    assert!(again.redacted);
}

#[test]
fn review_redacted_plan_keeps_ids_and_digest_and_is_marked_in_json() {
    let (open, redacted) = (rich(), render::redacted(rich()));
    assert_eq!(open.digest, redacted.digest);
    assert!(open.changes.iter().zip(&redacted.changes).all(|(open, redacted)| open.id == redacted.id));
    let json: serde_json::Value = serde_json::from_str(&render::json(&redacted).unwrap()).unwrap();
    assert_eq!(json["redacted"], true);
    let json: serde_json::Value = serde_json::from_str(&render::json(&open).unwrap()).unwrap();
    assert!(json.get("redacted").is_none());
}
