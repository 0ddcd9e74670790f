//! Reads beside the world: single sign-on (2.17) and change logs (2.18b).

use crate::kore::script::{account, fixture, ok, refused, run};
use koreconcile::facts::{AttributeMapping, BotId, MappedTarget, SignOn, SyncMode};
use koreconcile::kore::KoreError;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// As a platform answers that has this configuration of one protocol, and two addresses for the others.
fn sign_on(active: &'static str, config: Value) -> (Option<SignOn>, usize) {
    let account = account(move |seen, _| {
        let mut answer = json!({ "ACS_IDP_URL": "https://idp.example.com", "ACS_SP_CallBack_URL": "https://sp.example.com" });
        if seen.text("SSOProtocol") == active {
            answer["ssoConfig"] = config.clone();
        }
        ok(&answer)
    });
    (run(account.reader.sign_on()).unwrap(), account.log().len())
}

fn config(full_synchronization: &str, target: &Value) -> Value {
    let mapping = json!({
        "fullSynchronization": full_synchronization, "status": "active",
        "attributeMapping": [{ "samlAttributeName": "a", "samlAttributeValue": "b", "attributeType": "Role", "koreAttribute": target }]
    });
    json!({ "autoOnboarding": { "restrict": true }, "samlAttributeMapping": mapping })
}

#[test]
fn section_2_17_each_protocol_is_asked_for_until_one_is_active() {
    for (active, calls) in [("saml", 1), ("wsfed", 2), ("oidc", 3)] {
        let (found, asked) = sign_on(active, config("enabled", &json!("isDeveloper")));
        let targets = BTreeSet::from([MappedTarget::Switch("isDeveloper".to_owned())]);
        let mapping = Some(AttributeMapping { mode: SyncMode::FullSync, targets });
        let expected = SignOn { protocol: active.to_owned(), mapping, lets_anybody_join: false };
        assert_eq!((found, asked), (Some(expected), calls), "{active}");
    }
    assert_eq!(sign_on("none of them", Value::Null), (None, 3));
}

#[test]
fn section_2_17_modes_and_targets() {
    let read = |word: &str, target: Value| {
        let mapping = sign_on("saml", config(word, &target)).0.unwrap().mapping.unwrap();
        (mapping.mode, mapping.targets.into_iter().next().unwrap())
    };
    let role = "5bbcb20c8bfd33db440ec1d1";
    let group = "e-06b41cdd-7678-5394-b958-40ca5662f502";
    let switch = |name: &str| MappedTarget::Switch(name.to_owned());
    for (word, target, mode, read_as) in [
        ("enabled", role, SyncMode::FullSync, MappedTarget::AdminRole(role.into())),
        ("disabled", group, SyncMode::InclusionOnly, MappedTarget::Group(group.into())),
        ("disabled", "canCreateBot", SyncMode::InclusionOnly, switch("canCreateBot")),
        ("disabled", "New App Creation", SyncMode::InclusionOnly, switch("New App Creation")),
        // What is not known is read as what does more.
        ("sometimes", "whatever", SyncMode::FullSync, switch("whatever")),
    ] {
        assert_eq!(read(word, json!(target)), (mode, read_as), "{word} {target}");
    }
    let mut inactive = config("enabled", &json!("isDeveloper"));
    inactive["samlAttributeMapping"]["status"] = json!("inactive");
    inactive["autoOnboarding"] = Value::Null;
    let found = sign_on("saml", inactive).0.unwrap();
    assert_eq!((found.mapping, found.lets_anybody_join), (None, true));
}

#[test]
fn section_2_17_a_protocol_that_is_refused_is_not_configured() {
    let account = account(|seen, _| match seen.text("SSOProtocol") {
        "saml" => ok(&json!({ "ACS_IDP_URL": "https://idp.example.com" })),
        _ => refused(400, "Invalid SSOProtocol"),
    });
    assert_eq!(run(account.reader.sign_on()).unwrap(), None);
}

#[test]
fn section_2_18b_change_log() {
    let page = fixture("2.18b-change-logs");
    let account = account(move |seen, _| {
        assert_eq!(seen.line, "GET /api/public/bot/st-1/changelogs");
        ok(&page)
    });
    let log = run(account.reader.change_log(&BotId::new("st-1"))).unwrap();
    let read: Vec<(&str, Option<&str>)> =
        log.iter().map(|entry| (entry.message.as_str(), entry.actor.as_deref())).collect();
    // By time, whatever order they come in; each once.
    assert_eq!(
        read,
        [
            ("Bot updated", Some("jane.doe@example.com")),
            ("Task created", Some("u-2")),
            ("Task updated", None),
        ]
    );
    assert_eq!(log[0].at.unwrap().to_string(), "2019-06-27T05:25:37.148Z");
    assert_eq!(account.log().len(), 1, "a page shorter than asked is the last");
}

#[test]
fn a_long_change_log_is_read_in_pages_and_one_that_repeats_itself_ends() {
    let entry = |number: usize| json!({ "_id": format!("btl-{number}"), "message": "Bot updated", "createdOn": "2026-01-01T00:00:00Z" });
    for (repeats, entries, calls) in [(false, 120, 3), (true, 50, 2)] {
        let account = account(move |seen, _| {
            let first = if repeats { 0 } else { seen.number("offset") * 50 };
            let last = if repeats { 50 } else { (first + 50).min(120) };
            ok(&(first..last).map(entry).collect::<Vec<_>>().into())
        });
        let log = run(account.reader.change_log(&BotId::new("st-1"))).unwrap();
        assert_eq!((log.len(), account.log().len()), (entries, calls), "repeats: {repeats}");
    }
}

#[test]
fn a_missing_scope_is_told_by_its_name() {
    let account = account(|_, _| refused(401, "Permission denied. Scope is incorrect!"));
    let error = run(account.reader.change_log(&BotId::new("st-1"))).unwrap_err();
    assert!(
        matches!(error, KoreError::Scope { .. }) && error.to_string().contains("Logs > Bot Audit Logs"),
        "{error}"
    );
    assert!(run(account.reader.sign_on()).is_err());
}
