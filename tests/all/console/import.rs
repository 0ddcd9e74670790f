//! Enrollment > Import: people from a file.

use koreconcile::sandbox::{NewUser, UserState};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OTHER_ACCOUNT, OWNER, PASSWORD, SAM, SUE};

const IMPORT: &str = "/Admin/enrollment/import";
const HEADER: &str =
    "Email ID, First Name, Last Name, Alternate ID, Work Phone, Title, Department, User Status";

#[tokio::test]
async fn adds_changes_removes_and_activates_people_and_reports_every_line() {
    let harness = ConsoleHarness::served().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    let rows = [
        HEADER,
        "nia@example.com, Nia, New, 4711, 555 0100, Teller, Branch, New",
        "sam@example.com, Samuel, Stone, , , , Support, Update",
        "former@example.com, Fay, Former, , , , , Delete",
        "sue@example.com, Sue, Spender, , , , , Activate",
        "bo.owner@example.com, Bo, Berger, , , , , Delete",
        "nobody, No, Body, , , , , New",
        "kim@example.com, Kim, Kaya, , , , , New",
        "absent@example.com, Ab, Sent, , , , , Update",
        "jane.doe@example.com, Jane, Doe, , , , , Activate",
        "pat@example.com, Pat, Novak, , , , , Activate",
        "leo@example.com, Leo, Lang, , , , , Retire",
        "leo@example.com, , Lang, , , , , Update",
    ];
    std::fs::write(&file, rows.join("\r\n")).unwrap();
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Import").await;
    browser.arrives_at(IMPORT).await;
    browser.attach(&file).await;
    browser.press_button("Import").await;
    browser.reads("Report On File Import").await;
    browser.reads("4 of 12 done").await;
    for why in [
        "not an e-mail address: ignored",
        "is in the account already: nothing done",
        "is not in the account: nothing done",
        "is active already: nothing done",
        "has not joined yet: nothing done",
        "\"Retire\" is none of New, Update, Delete, Activate",
        "no first or no last name: ignored",
        "owns a bot: give it another owner first",
    ] {
        browser.reads(why).await;
    }
    browser.inspect("import-report").await;
    browser.open(IMPORT).await;
    browser.reads("File Based Import History").await;
    browser.inspect("import").await;
    browser.press("View details of people.csv").await;
    browser.reads("4 of 12 done").await;

    let users = harness.admin.snapshot().unwrap().users;
    let nia = &users["nia@example.com"];
    assert_eq!((nia.state, nia.first_name.as_str()), (UserState::NotActive, "Nia"));
    let profile =
        json!({ "alternateId": "4711", "worknumber": "555 0100", "title": "Teller", "dept": "Branch" });
    assert_eq!(json!(nia.profile), profile);
    assert_eq!((users[SAM].first_name.as_str(), &users[SAM].profile["dept"]), ("Samuel", &json!("Support")));
    assert!(!users.contains_key("former@example.com"));
    assert_eq!(users[SUE].state, UserState::Active);
    assert!(users.contains_key("bo.owner@example.com") && !users.contains_key("absent@example.com"));
    assert_eq!(harness.sandbox.mails_to("nia@example.com").unwrap().len(), 1);
    assert!(harness.newest_mail(SUE).contains("has activated your account"));
    assert!(harness.sandbox.mails_to(SAM).unwrap().is_empty());
    let events: Vec<String> =
        harness.admin.audit_log().unwrap().into_iter().map(|entry| entry[0].clone()).collect();
    let tail = ["User Created", "User Modified", "User Deleted", "User Modified", "User Modified"];
    assert_eq!(events[events.len() - 5..], tail);

    // What only a file sets is shown on the person's page, beside what stands for the picture.
    browser.open(&format!("/Admin/users/{}", nia.id)).await;
    browser.reads("Alternate ID\n4711").await;
    browser.element("[aria-label^='Profile Picture']").await;
    browser.inspect("user-imported").await;

    // The link of the invitation works as any other.
    let mut nia = harness.visitor().await;
    let page = nia.get(&harness.newest_link("nia@example.com")).await;
    assert!(page.text.contains("You are invited to the account"), "{}", page.text);
}

#[tokio::test]
async fn reads_every_delimiter() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    for (number, delimiter) in ["|", ";", "\t", ","].into_iter().enumerate() {
        owner.get(IMPORT).await;
        let email = format!("n{number}@example.com");
        let header = ["Email ID", "First Name", "Last Name", "User Status"].join(delimiter);
        let row = [email.as_str(), "New", "Comer", "New"].join(delimiter);
        let report = owner.upload(IMPORT, "people.txt", &format!("{header}\n{row}\n")).await;
        assert!(owner.get(&report.location).await.text.contains("1 of 1 done"), "{delimiter:?}");
        assert_eq!(harness.admin.snapshot().unwrap().users[&email].last_name, "Comer");
    }
}

#[tokio::test]
async fn refuses_what_is_no_such_file() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let before = harness.admin.snapshot().unwrap();
    let row = "n@example.com,N,N,New\n";
    for (file, content, why) in [
        ("people.xlsx", HEADER.to_owned(), "has to be a .txt or .csv file"),
        ("people.csv", row.to_owned(), "lacks: Email ID, First Name, Last Name, User Status"),
        ("people.csv", format!("{HEADER}\n"), "holds 0 people"),
        (
            "people.csv",
            format!("{HEADER}\n{}", "x@example.com,X,X,,,,,New\n".repeat(5_001)),
            "holds more than 5000 people",
        ),
        ("", String::new(), "Choose a .txt or .csv file first."),
    ] {
        owner.get(IMPORT).await;
        assert_eq!(owner.upload(IMPORT, file, &content).await.status, 303, "{why}");
        let page = owner.get(IMPORT).await;
        assert!(page.text.contains(why), "{why}: {}", page.text);
    }
    let large = owner.upload(IMPORT, "people.csv", &"x".repeat(2 * 1024 * 1024)).await;
    assert_eq!(large.status, 413);
    assert_eq!(harness.admin.snapshot().unwrap(), before);
    owner.get(IMPORT).await;
    let script = "<script>alert(1)</script>";
    let content = format!("{HEADER}\n{script},{script},{script},,,,,{script}\n");
    let report = owner.upload(IMPORT, &format!("{script}.csv"), &content).await;
    for path in [report.location.as_str(), IMPORT] {
        let page = owner.get(path).await;
        assert!(page.status == 200 && !page.text.contains(script), "{}", page.text);
    }
}

#[tokio::test]
async fn needs_the_permission_and_stays_in_its_account() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    kim.get("/Admin/enrollment/invite").await;
    assert_eq!(kim.get(IMPORT).await.status, 403);
    kim.get("/Admin/enrollment/invite").await;
    let content = format!("{HEADER}\nn@example.com,N,N,,,,,New\nann@example.com,A,A,,,,,Delete\n");
    assert_eq!(kim.upload(IMPORT, "people.csv", &content).await.status, 403);
    // Ann is in the other account only: from here she is not there.
    let other = harness.second_account();
    other.add_user(&NewUser::active("ann@example.com")).unwrap();
    let mut jane = harness.signed_in(JANE).await;
    jane.get(IMPORT).await;
    let report = jane.upload(IMPORT, "people.csv", &content).await.location;
    assert!(jane.get(&report).await.text.contains("is not in the account: nothing done"));
    assert!(other.snapshot().unwrap().users.contains_key("ann@example.com"));
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    assert_eq!(owner.get(&report).await.status, 404);
    // A form of the file without its token is nobody's.
    jane.form_token = "0".repeat(64);
    assert_eq!(jane.upload(IMPORT, "people.csv", &content).await.status, 403);
}
