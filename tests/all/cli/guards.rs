//! What apply refuses, with the arithmetic and the one next step; and nothing is sent then.

use crate::support::served::{Served, document};
use crate::support::workspace::shows;

/// Three leavers, where one removal of a family is allowed at 20 %.
fn leavers() -> Vec<String> {
    ["former", "sue", "leo"]
        .map(|name| document("KoreUser", name, &format!("{{ email: {name}@example.com, state: Absent }}")))
        .into()
}

#[test]
fn refuse_more_removals_than_allowed() {
    let served = Served::new(&leavers());
    served.account("  safety: { maxRemovals: 2 }\n");
    let before = served.server.truth();
    shows!(served.run(&["apply", "--yes"]).expect(4));
    assert_eq!(served.server.truth(), before);
}

#[test]
fn refuse_more_than_the_share_of_a_family() {
    let served = Served::new(&leavers());
    shows!(served.run(&["apply", "--yes"]).expect(4));
}

#[test]
fn let_pass_what_allow_removals_names() {
    let served = Served::new(&leavers());
    let run = served.run(&["apply", "--yes", "--allow-removals", "2"]).expect(4);
    assert!(run.stdout.contains("3 removals, 2 allowed (--allow-removals)"), "{run}");
    let run = served.run(&["apply", "--yes", "--allow-removals", "3"]).expect(0);
    assert!(run.stdout.contains("Done: 3 applied and read back"), "{run}");
    served.recovers();
}

#[test]
fn refuse_another_account_than_the_pinned_one() {
    let served = Served::new(&leavers());
    served.workspace.edit("account.yaml", "6661e128d3203924648c10bf", "aaaaaaaaaaaaaaaaaaaaaaaa");
    let before = served.server.truth();
    shows!(served.run(&["apply", "--yes"]).expect(4));
    served.run(&["plan"]).expect(4);
    assert_eq!(served.server.truth(), before);
}

#[test]
fn refuse_removals_without_a_pinned_account() {
    let served = Served::new(&leavers()[..1]);
    served.workspace.edit("account.yaml", "  accountId: 6661e128d3203924648c10bf\n", "");
    shows!(served.run(&["apply", "--yes"]).expect(4));
}

#[test]
fn keep_protected_people() {
    let served = Served::new(&leavers()[..1]);
    served.account("  safety: { protected: [\"f*@example.com\"] }\n");
    shows!(served.run(&["apply", "--yes"]).expect(4));
    served.account("");
    served.recovers();
}

/// Jane and the owner are the only ones who hold Master Admin.
fn demoted() -> Vec<String> {
    let spec = "{ role: { type: Admin, name: Master Admin }, subjects: [], absent: [{ user: jane.doe@example.com }] }";
    vec![document("KoreRoleBinding", "admins", spec)]
}

#[test]
fn keep_enough_master_admins() {
    let served = Served::new(&demoted());
    served.account("  safety: { primaryAdmin: owner@example.com }\n");
    let before = served.server.truth();
    shows!(served.run(&["apply", "--yes"]).expect(4));
    assert_eq!(served.server.truth(), before);
    served.account("  safety: { primaryAdmin: owner@example.com, minMasterAdmins: 1 }\n");
    served.recovers();
}

#[test]
fn want_to_know_the_primary_admin() {
    let served = Served::new(&demoted());
    shows!(served.run(&["apply", "--yes"]).expect(4));
}

#[test]
fn let_more_go_for_a_while_where_the_manifest_says_why() {
    let served = Served::new(&leavers());
    let allow = |count: u32, until: &str| {
        let allowance =
            format!("allowRemovals: {{ count: {count}, until: \"{until}\", reason: team closed }}");
        served.account(&format!("  safety: {{ maxRemovals: 1, {allowance} }}\n"));
    };
    allow(3, "2026-01-01T00:00:00Z");
    let run = served.run(&["apply", "--yes"]).expect(4);
    assert!(run.stdout.contains("3 removals, 1 allowed (safety.maxRemovals in"), "it is over: {run}");
    allow(2, "2090-01-01T00:00:00Z");
    let run = served.run(&["apply", "--yes"]).expect(4);
    assert!(
        run.stdout.contains("3 removals, 2 allowed for \"team closed\" (safety.allowRemovals in"),
        "{run}"
    );
    allow(3, "2090-01-01T00:00:00Z");
    let run = served.run(&["apply", "--yes"]).expect(0);
    assert!(run.stdout.contains("Done: 3 applied and read back"), "{run}");
}

#[test]
fn refuse_an_allowance_without_end_or_reason() {
    for (fields, said) in [
        ("count: 3, reason: leavers", "until"),
        ("count: 3, until: \"2090-01-01T00:00:00Z\"", "reason"),
        ("count: 0, until: \"2090-01-01T00:00:00Z\", reason: leavers", "count"),
        ("count: 3, until: tomorrow, reason: leavers", "tomorrow"),
    ] {
        let served = Served::new(&leavers());
        served.account(&format!("  safety: {{ allowRemovals: {{ {fields} }} }}\n"));
        let run = served.run(&["plan"]).expect(3);
        assert!(run.stderr.contains(said), "{said}: {run}");
    }
}

/// Sam was made a Master Admin, and is one no more.
fn no_longer_admin() -> Served {
    let admins = |line: &str| {
        let spec = format!(
            "{{ role: {{ type: Admin, name: Master Admin }}, {line}: [{{ user: sam@example.com }}] }}"
        );
        document("KoreRoleBinding", "admins", &spec)
    };
    let served = Served::new(&[admins("subjects")]);
    served.run(&["apply", "--yes"]).expect(0);
    served.workspace.write("main.yaml", &admins("absent"));
    served
}

#[test]
fn take_no_master_admin_while_the_primary_admin_is_nobody_of_the_kind() {
    let served = no_longer_admin();
    for (primary, said) in [
        ("kim@example.com", "kim@example.com is no Master Admin of the account (safety.primaryAdmin in"),
        ("onwer@example.com", "did you mean owner@example.com?"),
    ] {
        served.account(&format!("  safety: {{ primaryAdmin: {primary}, minMasterAdmins: 1 }}\n"));
        let run = served.run(&["apply", "--yes"]).expect(4);
        assert!(run.stdout.contains("[AdminFloor]") && run.stdout.contains(said), "{said}: {run}");
        assert!(run.stdout.contains("warning:"), "it is said where nothing is taken, too: {run}");
    }
    served.account("  safety: { primaryAdmin: owner@example.com, minMasterAdmins: 1 }\n");
    let run = served.run(&["apply", "--yes"]).expect(0);
    assert!(!run.stdout.contains("is no Master Admin of the account"), "{run}");
}

#[test]
fn name_protections_that_protect_nobody() {
    let served = Served::new(&[]);
    served.account(
        "  safety: { protected: [onwer@example.com, \"*@example.com\", \"*@partner.example.com\"] }\n",
    );
    let run = served.run(&["plan"]).expect(0);
    assert!(
        run.stdout.contains("onwer@example.com protects nobody of the account (safety.protected in"),
        "{run}"
    );
    assert!(run.stdout.contains("did you mean owner@example.com?"), "{run}");
    assert!(run.stdout.contains("*@partner.example.com protects nobody"), "{run}");
    assert_eq!(run.stdout.matches("protects nobody").count(), 2, "{run}");
}
