//! Groups: the list, people and groups in them, and their end.

use koreconcile::sandbox::{Holder, NewGroup, NewRole, NewUser, RoleKind};

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, SAM};

const GROUPS: &str = "/Admin/groups";

fn path(harness: &ConsoleHarness, name: &str) -> String {
    format!("{GROUPS}/{}", harness.admin.snapshot().unwrap().groups[name].id)
}

#[tokio::test]
async fn are_made_filled_nested_and_deleted_when_empty() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(KIM).await;
    browser.press("Groups").await;
    browser.arrives_at(GROUPS).await;
    browser.reads("1–6 of 6").await;
    browser.inspect("groups").await;
    browser.press("New group").await;
    browser.fill("name", "tellers").await;
    browser.fill("description", "At the counter").await;
    browser.inspect("group-new").await;
    browser.press("Create group").await;
    browser.reads("The group is created").await;
    assert_eq!(harness.latest_audit()[0], "Group Created");

    browser.fill("search", "sto").await;
    browser.press("Find").await;
    browser.choose("Sam Stone").await;
    browser.press("Add to group").await;
    browser.reads("Added to the group.").await;
    assert_eq!(harness.latest_audit()[0], "Users Added to Group");
    browser.press("Add group").await;
    browser.reads("is in the group now.").await;
    assert_eq!(harness.latest_audit()[0], "Groups Added to Group");
    browser.inspect("group").await;
    browser.fill("description", "At every counter").await;
    browser.press("Save").await;
    browser.reads("The group is saved.").await;
    assert_eq!(harness.latest_audit()[0], "Group Updated");
    let group = harness.admin.snapshot().unwrap().groups["tellers"].clone();
    assert_eq!(group.groups.len(), 1);

    browser.open(GROUPS).await;
    browser.click("input[aria-label='Select tellers']").await;
    browser.press("Delete Selected").await;
    browser.reads("Group tellers has 1 person in it: remove them first.").await;
    browser.press("tellers").await;
    browser.press("Remove Sam Stone").await;
    browser.reads("Removed from the group.").await;
    browser.press(&format!("Remove {}", group.groups[0])).await;
    browser.reads("is in the group no longer.").await;
    assert_eq!(harness.latest_audit()[0], "Groups Removed from Group");
    browser.open(GROUPS).await;
    browser.click("input[aria-label='Select tellers']").await;
    browser.press("Delete Selected").await;
    browser.reads("They are gone for good").await;
    browser.inspect("group-delete").await;
    browser.press("Delete").await;
    browser.reads("The group is deleted.").await;
    assert!(!harness.admin.snapshot().unwrap().groups.contains_key("tellers"));
    assert_eq!(harness.latest_audit()[0], "Group Deleted");
}

#[tokio::test]
async fn go_in_no_circles() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    // operations holds support-eu already.
    harness.admin.nest("support-eu", "QA").unwrap();
    let before = harness.admin.snapshot().unwrap();
    for (parent, child) in [("support-eu", "operations"), ("QA", "operations"), ("QA", "QA")] {
        let parent = path(&harness, parent);
        let page = kim.get(&parent).await;
        assert!(!page.text.contains(&format!(">{child}</option>")), "{}", page.text);
        let child = before.groups[child].id.clone();
        kim.post(&format!("{parent}/groups/add"), &[("group", &child)]).await;
        assert!(kim.get(&parent).await.text.contains("groups go in no circles"));
    }
    assert_eq!(harness.admin.snapshot().unwrap(), before);
}

#[tokio::test]
async fn groups_that_are_not_local_are_only_looked_at() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    let staff = path(&harness, "directory-staff");
    let page = kim.get(&staff).await;
    assert!(page.text.contains("can only be looked at here") && !page.text.contains("Add people"));
    let sam = harness.admin.snapshot().unwrap().users[SAM].id.clone();
    let qa = harness.admin.snapshot().unwrap().groups["QA"].id.clone();
    let own = staff.rsplit('/').next().unwrap();
    let before = harness.admin.snapshot().unwrap();
    for (path, fields) in [
        (format!("{staff}/edit"), vec![("name", "mine")]),
        (format!("{staff}/people/add"), vec![("user", sam.as_str())]),
        (format!("{staff}/people/remove"), vec![("user", sam.as_str())]),
        (format!("{staff}/groups/add"), vec![("group", qa.as_str())]),
        (format!("{staff}/groups/remove"), vec![("group", qa.as_str())]),
        (format!("{GROUPS}/delete"), vec![("group", own), ("confirmed", "yes")]),
    ] {
        assert_eq!(kim.post(&path, &fields).await.status, 303, "{path}");
        assert!(kim.get(GROUPS).await.text.contains("comes from the directory"), "{path}");
    }
    assert_eq!(harness.admin.snapshot().unwrap(), before);
}

#[tokio::test]
async fn say_what_is_wrong_with_a_form() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    kim.get("/Admin/groups/new").await;
    let long = "x".repeat(501);
    for (fields, why) in [
        (vec![("name", " ")], "Type a name for the group."),
        (vec![("name", "QA")], "There is a group QA already."),
        (vec![("name", &long[..101])], "A name has at most 100 characters."),
        (vec![("name", "x"), ("description", &long)], "A description has at most 500 characters."),
    ] {
        let page = kim.post("/Admin/groups/new", &fields).await;
        assert!(page.status == 422 && page.text.contains(why), "{why}: {}", page.text);
    }
    let qa = path(&harness, "QA");
    kim.post(&format!("{qa}/edit"), &[("name", "newcomers")]).await;
    assert!(kim.get(&qa).await.text.contains("There is a group newcomers already."));
    kim.post(&format!("{qa}/people/add"), &[]).await;
    assert!(kim.get(&qa).await.text.contains("Nobody is selected"));
    kim.post(&format!("{GROUPS}/delete"), &[]).await;
    assert!(kim.get(GROUPS).await.text.contains("No group is selected"));
    let sam = harness.admin.snapshot().unwrap().users[SAM].id.clone();
    kim.post(&format!("{qa}/people/remove"), &[("user", &sam)]).await;
    assert!(kim.get(&qa).await.text.contains("sam@example.com is not in QA."));
    let script = "<script>alert(1)</script>";
    let made = kim.post("/Admin/groups/new", &[("name", script), ("description", script)]).await;
    for path in
        [GROUPS, &made.location, &format!("{qa}?search=%3Cscript"), "/Admin/groups?search=%3Cscript%3E"]
    {
        let page = kim.get(path).await;
        assert!(page.status == 200 && !page.text.contains(script), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn groups_of_another_account_are_not_there() {
    let harness = ConsoleHarness::new();
    let other = harness.second_account();
    other.add_group(&NewGroup::named("elsewhere")).unwrap();
    other.add_user(&NewUser::named("ann@example.com", "Ann", "Other")).unwrap();
    let theirs = other.snapshot().unwrap();
    let (group, ann) = (&theirs.groups["elsewhere"].id, &theirs.users["ann@example.com"].id);
    let mut jane = harness.signed_in(JANE).await;
    assert!(!jane.get(GROUPS).await.text.contains("elsewhere"));
    let qa = path(&harness, "QA");
    assert_eq!(jane.get(&format!("{GROUPS}/{group}")).await.status, 404);
    jane.get(&qa).await;
    for (path, fields) in [
        (format!("{GROUPS}/{group}/edit"), vec![("name", "mine")]),
        (format!("{GROUPS}/delete"), vec![("group", group.as_str()), ("confirmed", "yes")]),
        (format!("{qa}/groups/add"), vec![("group", group)]),
        (format!("{qa}/people/add"), vec![("user", ann)]),
        (format!("{qa}/people/remove"), vec![("user", ann)]),
    ] {
        assert_eq!(jane.post(&path, &fields).await.status, 404, "{path}");
    }
    assert_eq!(other.snapshot().unwrap(), theirs);
}

#[tokio::test]
async fn need_the_permission() {
    let harness = ConsoleHarness::new();
    let kim = Holder::user(KIM);
    harness.admin.unbind(&kim, "User Manager", None).unwrap();
    harness.admin.add_role(&NewRole::named(RoleKind::Admin, "Onlooker")).unwrap();
    harness.admin.bind(&kim, "Onlooker", None).unwrap();
    let qa = path(&harness, "QA");
    let mut kim = harness.signed_in(KIM).await;
    for path in [GROUPS, "/Admin/groups/new", &qa] {
        assert_eq!(kim.get(path).await.status, 403, "{path}");
    }
    for path in [
        "/Admin/groups/new".to_owned(),
        format!("{GROUPS}/delete"),
        format!("{qa}/edit"),
        format!("{qa}/people/add"),
        format!("{qa}/people/remove"),
        format!("{qa}/groups/add"),
        format!("{qa}/groups/remove"),
    ] {
        assert_eq!(kim.post(&path, &[]).await.status, 403, "{path}");
    }
    // Who may see roles gets a link to those of the group.
    let page = harness.signed_in(OWNER).await.get(&qa).await;
    assert!(page.text.contains("Bot Tester</a> on Banking Assistant"), "{}", page.text);
}
