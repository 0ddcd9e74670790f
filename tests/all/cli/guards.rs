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
