//! Everything leaves its audit entry, and the console and the API see one account.

use koreconcile::sandbox::{Holder, Sandbox};
use serde_json::{Value, json};

use crate::support::console_harness::{ConsoleHarness, JANE, OWNER, SAM};

/// The ids that the forms below name.
struct Ids {
    sam: String,
    jane: String,
    session: String,
    newcomers: String,
    qa: String,
    support: String,
    manager: String,
    analyst: String,
    tester: String,
    travel: String,
    banking: String,
}

impl Ids {
    fn of(harness: &ConsoleHarness) -> Self {
        let truth = harness.admin.snapshot().unwrap();
        let bot = |name: &str| truth.bots.iter().find(|(_, bot)| bot.name == name).unwrap().0.clone();
        Self {
            sam: truth.users[SAM].id.clone(),
            jane: truth.users[JANE].id.clone(),
            session: String::new(),
            newcomers: truth.groups["newcomers"].id.clone(),
            qa: truth.groups["QA"].id.clone(),
            support: truth.groups["support-eu"].id.clone(),
            manager: truth.roles["admin/User Manager"].id.clone(),
            analyst: truth.roles["bot/Analyst"].id.clone(),
            tester: truth.roles["bot/Bot Tester"].id.clone(),
            travel: bot("Travel Desk"),
            banking: bot("Banking Assistant"),
        }
    }
}

/// What is sent to an action.
enum RequestBody {
    Form(Vec<(&'static str, String)>),
    File(&'static str),
}

/// Actions whose entries the tests of their pages look at: `console::assistants`, `console::deployment`, `console::analytics`,
/// `console::self_sign_up` and `console::security`.
const BESIDE_THEIR_PAGES: [&str; 26] = [
    "/Admin/bots/consumer/{id}/mail",
    "/Admin/bots/consumer/{id}/owner",
    "/Admin/bots/consumer/{id}/settings",
    "/Admin/bots/consumer/{id}/tasks",
    "/Admin/bots/deleted/{id}/restore",
    "/Admin/bots/deployment/{id}/approve",
    "/Admin/bots/deployment/{id}/reject",
    "/Admin/bots/enterprise/{id}/assignments",
    "/Admin/bots/enterprise/{id}/assignments/{task}",
    "/Admin/bots/enterprise/{id}/mail",
    "/Admin/bots/enterprise/{id}/owner",
    "/Admin/bots/enterprise/{id}/settings",
    "/Admin/bots/enterprise/{id}/tasks",
    "/Admin/analytics/chat-history",
    "/Admin/analytics/chat-history/download",
    "/Admin/bots/preferences",
    "/Admin/enrollment/requests/{id}/accept",
    "/Admin/enrollment/requests/{id}/reject",
    "/Admin/security/api-scopes/new",
    "/Admin/security/api-scopes/{id}",
    "/Admin/security/api-scopes/{id}/delete",
    "/Admin/security/api-scopes/{id}/reset",
    "/Admin/security/settings",
    "/Admin/security/settings/revoke",
    "/Admin/security/sso",
    "/Admin/security/sso/disable",
];

/// For each action of the console: the `{...}` of its path, what is sent, and the event it leaves last. They are done
/// in this order, on one account, by the Primary Admin.
fn actions(ids: &Ids) -> Vec<(&'static str, &str, RequestBody, &'static str)> {
    let form = |fields: &[(&'static str, &str)]| {
        RequestBody::Form(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    };
    let (sam, group, role) = (ids.sam.as_str(), ids.newcomers.as_str(), ids.analyst.as_str());
    let user_sam = format!("user {sam}");
    vec![
        (
            "/Admin/users/apply",
            "",
            form(&[("user", &ids.jane), ("action", "access-create")]),
            "User Modified",
        ),
        ("/Admin/users/{id}/sessions/kill", sam, form(&[("session", &ids.session)]), "Kill Session"),
        ("/Admin/users/{id}/reset-password", sam, form(&[]), "User Modified"),
        ("/Admin/users/{id}/edit", sam, form(&[("first_name", "S"), ("last_name", "S")]), "User Modified"),
        ("/Admin/users/{id}/groups/add", sam, form(&[("group", group)]), "Users Added to Group"),
        ("/Admin/users/{id}/groups/remove", sam, form(&[("group", group)]), "Users Removed from Group"),
        (
            "/Admin/users/{id}/admin-roles/add",
            sam,
            form(&[("role", &ids.manager)]),
            "Admin Role Assigned to Users",
        ),
        (
            "/Admin/users/{id}/admin-roles/remove",
            sam,
            form(&[("role", &ids.manager)]),
            "Admin Role Deleted for Users",
        ),
        (
            "/Admin/users/{id}/bot-roles/add",
            sam,
            form(&[("role", role), ("bot", &ids.travel)]),
            "Bot Role Assigned to Users",
        ),
        (
            "/Admin/users/{id}/bot-roles/change",
            sam,
            form(&[("before", role), ("role", &ids.tester), ("bot", &ids.travel)]),
            "Bot Role Assigned to Users",
        ),
        (
            "/Admin/users/{id}/bot-roles/delete",
            sam,
            form(&[("role", &ids.tester), ("bot", &ids.travel)]),
            "Bot Role Deleted for Users",
        ),
        ("/Admin/groups/new", "", form(&[("name", "tellers")]), "Group Created"),
        ("/Admin/groups/{id}/edit", group, form(&[("name", "beginners")]), "Group Updated"),
        ("/Admin/groups/{id}/people/add", group, form(&[("user", sam)]), "Users Added to Group"),
        ("/Admin/groups/{id}/people/remove", group, form(&[("user", sam)]), "Users Removed from Group"),
        ("/Admin/groups/{id}/groups/add", &ids.qa, form(&[("group", &ids.support)]), "Groups Added to Group"),
        (
            "/Admin/groups/{id}/groups/remove",
            &ids.qa,
            form(&[("group", &ids.support)]),
            "Groups Removed from Group",
        ),
        ("/Admin/groups/delete", "", form(&[("group", group), ("confirmed", "yes")]), "Group Deleted"),
        ("/Admin/roles/new", "", form(&[("kind", "bot"), ("role_name", "Reader")]), "Role Created"),
        (
            "/Admin/roles/{id}",
            role,
            form(&[("role_name", "Analyst"), ("role_description", "Looks at dashboards"), ("Tasks", "FULL")]),
            "Role Permissions Updated",
        ),
        (
            "/Admin/roles/{id}/assignments/add",
            role,
            form(&[("holder", &user_sam), ("bot", &ids.banking)]),
            "Bot Role Assigned to Users",
        ),
        (
            "/Admin/roles/{id}/assignments/remove",
            role,
            form(&[("holder", &user_sam), ("bot", &ids.banking)]),
            "Bot Role Deleted for Users",
        ),
        ("/Admin/roles/{id}/delete", role, form(&[("confirmed", "yes")]), "Role Deleted"),
        ("/Admin/user-settings", "", form(&[("self_sign_up", "block")]), "Settings Modified"),
        ("/Admin/enrollment/invite", "", form(&[("email", "one@example.com")]), "User Created"),
        ("/Admin/enrollment/bulk-invite", "", RequestBody::File("two@example.com\n"), "User Modified"),
        (
            "/Admin/enrollment/import",
            "",
            RequestBody::File("Email ID|First Name|Last Name|User Status\nthree@example.com|T|T|New\n"),
            "User Modified",
        ),
        ("/Admin/security/two-factor", "", form(&[("state", "off")]), "Settings Modified"),
        ("/Admin/security/settings/name", "", form(&[("name", "Example Bank")]), "Settings Modified"),
        ("/Admin/users/{id}/transfer-ownership", sam, form(&[("confirmed", "yes")]), "User Modified"),
    ]
}

/// Every action that the router knows is in the table above, and leaves its event in the name of who did it.
#[tokio::test]
async fn has_an_entry_for_every_action_of_the_console() {
    let harness = ConsoleHarness::new();
    harness.signed_in(SAM).await;
    let mut owner = harness.signed_in(OWNER).await;
    let mut ids = Ids::of(&harness);
    let page = owner.get(&format!("/Admin/users/{}", ids.sam)).await;
    page.text.split_once("name=\"session\" value=\"").unwrap().1[..24].clone_into(&mut ids.session);
    let table = actions(&ids);
    let mut known = Sandbox::console_actions();
    let mut listed: Vec<&str> = table.iter().map(|(path, ..)| *path).collect();
    listed.extend(BESIDE_THEIR_PAGES);
    known.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, known, "every action of the console has one line in one of the two lists");
    for (path, id, sent, event) in table {
        let before = harness.admin.audit_log().unwrap().len();
        let address = path.replace("{id}", id);
        let answer = match sent {
            RequestBody::Form(fields) => {
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                owner.post(&address, &fields).await
            }
            RequestBody::File(content) => owner.upload(&address, "people.txt", content).await,
        };
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
        let log = harness.admin.audit_log().unwrap();
        assert!(log.len() > before, "{path} left no entry");
        let [name, actor, text] = log.last().unwrap();
        assert_eq!((name.as_str(), actor.as_str()), (event, OWNER), "{path}: {text}");
    }
}

#[tokio::test]
async fn changes_of_the_console_are_the_apis_at_once_and_the_other_way_round() {
    let harness = ConsoleHarness::new();
    let ids = Ids::of(&harness);
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let token = || crate::sandbox::world::token(&app, json!({}));
    let mut owner = harness.signed_in(OWNER).await;
    owner.get("/Admin/groups").await;

    // Console, then API.
    owner.post("/Admin/groups/new", &[("name", "tellers")]).await;
    let tellers = harness.admin.snapshot().unwrap().groups["tellers"].id.clone();
    owner.post(&format!("/Admin/groups/{tellers}/people/add"), &[("user", &ids.sam)]).await;
    let groups = harness.call_api(&token(), "GET", "/api/public/groups", &Value::Null).await;
    let group = groups["groups"].as_array().unwrap().iter().find(|group| group["gN"] == "tellers");
    assert!(group.unwrap_or_else(|| panic!("{groups}")).to_string().contains(SAM), "{groups}");
    let fields = [("kind", "bot"), ("role_name", "Reader"), ("Tasks", "VIEW")];
    owner.post("/Admin/roles/new", &fields).await;
    let export =
        harness.call_api(&token(), "GET", "/api/public/roles/export?roleType=bot", &Value::Null).await;
    assert!(export.to_string().contains("\"Reader\""), "{export}");
    let reader = harness.admin.snapshot().unwrap().roles["bot/Reader"].id.clone();
    let holder = format!("user {}", ids.sam);
    let fields = [("holder", holder.as_str()), ("bot", ids.travel.as_str())];
    owner.post(&format!("/Admin/roles/{reader}/assignments/add"), &fields).await;
    let asked = json!({ "emailIds": [SAM] });
    let shown = harness.call_api(&token(), "POST", "/api/public/usersInfo", &asked).await;
    assert!(shown.to_string().contains("Reader"), "{shown}");

    // API, then console.
    let element =
        json!([{ "roleId": reader, "botId": ids.travel, "removeUsers": [SAM], "addUsers": [JANE] }]);
    harness.call_api(&token(), "POST", "/api/public/btroles/assignments/", &element).await;
    let page = owner.get(&format!("/Admin/roles/{reader}/assignments")).await;
    assert!(page.text.contains("Jane Doe") && !page.text.contains("Sam Stone"), "{}", page.text);
    let page = owner.get(&format!("/Admin/users/{}", ids.jane)).await;
    assert!(page.text.contains("Delete Reader on Travel Desk"), "{}", page.text);
    let users = json!({ "users": [{ "userInfo": { "emailId": SAM, "firstName": "Samuel" },
        "groups": { "removeFrom": [tellers], "addTo": [ids.qa] } }] });
    harness.call_api(&token(), "PUT", "/api/public/users", &users).await;
    let page = owner.get(&format!("/Admin/groups/{tellers}")).await;
    assert!(page.text.contains("Nobody is in this group."), "{}", page.text);
    assert!(owner.get(&format!("/Admin/groups/{}", ids.qa)).await.text.contains("Samuel Stone"));
    // The API writes no actor, and names its app.
    let [name, actor, text] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("Users Added to Group", ""), "{text}");
    harness.admin.unbind(&Holder::user(JANE), "Reader", Some("Travel Desk")).unwrap();
}
