//! Bots Management: what waits for approval, what approves itself, and what was deleted.

use koreconcile::sandbox::BotStatus;
use serde_json::{Value, json};

use crate::sandbox::world::token;
use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, OWNER};

const BANK: &str = "Banking Assistant";

#[tokio::test]
async fn request_is_approved_and_the_bot_can_be_assigned() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Enterprise Bots").await;
    browser.reads("1–3 of 3").await;
    browser.press("Deployment Requests").await;
    browser.reads("Facilities Desk").await;
    browser.inspect("bots-deployment").await;
    browser.press("Reject Facilities Desk").await;
    browser.reads("Report Fault").await;
    browser.inspect("bots-deployment-request").await;
    browser.press("Deployment Requests").await;
    browser.press("Publish Facilities Desk").await;
    browser.reads("Facilities Desk is deployed; it is in Enterprise Bots now.").await;
    browser.reads("Nothing waits for approval.").await;
    browser.inspect("bots-deployment-empty").await;
    assert_eq!(harness.bot_status("Facilities Desk"), BotStatus::Published);
    let [name, actor, text] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("Bot Deployment Approved", OWNER));
    assert_eq!(text, "bot Facilities Desk approved");
    browser.press("Enterprise Bots").await;
    browser.reads("1–4 of 4").await;
    browser.fill("search", "facil").await;
    browser.press("Show").await;
    browser.reads("1–1 of 1").await;
}

#[tokio::test]
async fn request_is_rejected_with_a_reason() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.open(&format!("/Admin/bots/deployment/{}", harness.bot("Facilities Desk"))).await;
    browser.press("Reject").await;
    browser.reads("Tick the tasks that are rejected.").await;
    browser.reads("Say why").await;
    browser.choose("Report Fault").await;
    browser.fill("reason", "The greeting is missing").await;
    browser.press("Reject").await;
    browser.reads("1 task of Facilities Desk rejected; the developer is told by mail.").await;
    assert_eq!(harness.bot_status("Facilities Desk"), BotStatus::Configured);
    assert!(harness.newest_mail("bo.owner@example.com").contains("Reason: The greeting is missing"));
    let [name, _, text] = harness.latest_audit();
    assert_eq!(name, "Bot Deployment Rejected");
    assert_eq!(text, "bot Facilities Desk: Report Fault rejected: The greeting is missing");
    // Published again, it waits again, with its comment.
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let path = format!("/api/public/bot/{}/publish", harness.bot("Facilities Desk"));
    harness
        .call_api(&token(&app, json!({})), "POST", &path, &json!({ "versionComment": "with a greeting" }))
        .await;
    browser.press("Deployment Requests").await;
    browser.press("Facilities Desk").await;
    browser.reads("with a greeting").await;
    browser.reads("Report Fault").await;
}

#[tokio::test]
async fn upgrade_waits_while_the_bot_stays_deployed() {
    let harness = ConsoleHarness::new();
    let id = harness.bot(BANK);
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let publish = format!("/api/public/bot/{id}/publish");
    let comment = json!({ "versionComment": "cards" });
    harness.call_api(&token(&app, json!({})), "POST", &publish, &comment).await;
    assert_eq!(harness.bot_status(BANK), BotStatus::Published);
    let mut owner = harness.signed_in(OWNER).await;
    let page = owner.get("/Admin/bots/deployment").await;
    assert!(page.text.contains(BANK) && page.text.contains("Upgrade"), "{}", page.text);
    // One of its tasks is rejected: the rest waits on.
    let block = harness.dialog(BANK, "Block Card");
    let reject = format!("/Admin/bots/deployment/{id}/reject");
    let fields = [("task", block.as_str()), ("reason", "not yet")];
    assert_eq!(owner.post(&reject, &fields).await.status, 303);
    let page = owner.get(&format!("/Admin/bots/deployment/{id}")).await;
    assert!(!page.text.contains("Block Card") && page.text.contains("Check Balance"), "{}", page.text);
    let approve = format!("/Admin/bots/deployment/{id}/approve");
    assert_eq!(owner.post(&approve, &[]).await.status, 303);
    let status_path = format!("{publish}/status");
    let job = harness.call_api(&token(&app, json!({})), "GET", &status_path, &Value::Null).await;
    assert_eq!(job["statusSummary"][1]["result"]["state"], "published", "{job}");
    // What was settled is not there a second time.
    assert_eq!(owner.post(&approve, &[]).await.status, 404);
    // What its settings approve by themselves does not wait.
    let settings = format!("/Admin/bots/enterprise/{id}/settings");
    owner.get(&settings).await;
    owner.post(&settings, &[("approves", "some"), ("approval", "3"), ("channel", "rtm")]).await;
    harness.call_api(&token(&app, json!({})), "POST", &publish, &comment).await;
    assert!(owner.get("/Admin/bots/deployment").await.text.contains("1–1 of 1"));
}

#[tokio::test]
async fn preferences_approve_and_assign_by_themselves() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Preferences").await;
    browser.choose("Automatically approve all new deployment requests").await;
    browser.choose("Automatically assign all approved bots").await;
    browser.inspect("bots-preferences").await;
    browser.press("Save").await;
    browser.reads("The preferences are saved.").await;
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let path = format!("/api/public/bot/{}/publish", harness.bot("Claims Draft"));
    harness.call_api(&token(&app, json!({})), "POST", &path, &json!({ "versionComment": "first" })).await;
    assert_eq!(harness.bot_status("Claims Draft"), BotStatus::Published);
    browser.open(&format!("/Admin/bots/enterprise/{}/assignments", harness.bot("Claims Draft"))).await;
    browser.reads("All users").await;
}

#[tokio::test]
async fn deleted_bot_is_restored_within_thirty_days() {
    let harness = ConsoleHarness::served().await;
    harness.admin.delete_bot("Claims Draft").unwrap();
    let before = harness.admin.snapshot().unwrap();
    harness.admin.delete_bot(BANK).unwrap();
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Deleted Bots").await;
    browser.reads("Was not published with an active task").await;
    browser.inspect("bots-deleted").await;
    browser.press("Restore Banking Assistant").await;
    browser.reads("Banking Assistant is back, with its configuration.").await;
    let after = harness.admin.snapshot().unwrap();
    assert_eq!(after.users, before.users);
    assert_eq!(after.groups, before.groups);
    let id = harness.bot(BANK);
    assert_eq!(after.bots[&id], before.bots[&id]);
}

#[tokio::test]
async fn deleted_bot_is_gone_after_thirty_days() {
    let harness = ConsoleHarness::new();
    let id = harness.bot(BANK);
    harness.admin.delete_bot(BANK).unwrap();
    harness.later(30 * 24 * 60 + 1);
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, crate::support::console_harness::PASSWORD).await;
    let page = owner.get("/Admin/bots/deleted").await;
    assert!(page.text.contains("Deleted more than 30 days ago"), "{}", page.text);
    owner.post(&format!("/Admin/bots/deleted/{id}/restore"), &[]).await;
    assert!(!harness.admin.snapshot().unwrap().bots.contains_key(&id));
}
