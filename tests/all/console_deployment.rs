//! Bots Management: what waits for approval, what approves itself, and what was deleted.

use koreconcile::sandbox::BotStatus;
use serde_json::{Value, json};

use crate::sandbox_world::token;
use crate::support::browser::Browser;
use crate::support::site::{OWNER, Site};

const BANK: &str = "Banking Assistant";

#[tokio::test]
async fn console_deployment_request_is_approved_and_the_bot_can_be_assigned() {
    let site = Site::served().await;
    let browser = Browser::at(&site).await;
    browser.sign_in(OWNER).await;
    browser.press("Enterprise Bots").await;
    browser.reads("1–3 of 3").await;
    browser.press("Deployment Requests").await;
    browser.reads("Facilities Desk").await;
    browser.inspect("bots-deployment").await;
    browser.press("Facilities Desk").await;
    browser.reads("Report Fault").await;
    browser.inspect("bots-deployment-request").await;
    browser.press("Publish").await;
    browser.reads("Facilities Desk is deployed; it is in Enterprise Bots now.").await;
    browser.reads("Nothing waits for approval.").await;
    browser.inspect("bots-deployment-empty").await;
    assert_eq!(site.bot_status("Facilities Desk"), BotStatus::Published);
    let [name, actor, text] = site.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("Bot Deployment Approved", OWNER));
    assert_eq!(text, "bot Facilities Desk approved");
    browser.press("Enterprise Bots").await;
    browser.reads("1–4 of 4").await;
    browser.fill("search", "facil").await;
    browser.press("Show").await;
    browser.reads("1–1 of 1").await;
}

#[tokio::test]
async fn console_deployment_request_is_rejected_with_a_reason() {
    let site = Site::served().await;
    let browser = Browser::at(&site).await;
    browser.sign_in(OWNER).await;
    browser.open(&format!("/Admin/bots/deployment/{}", site.bot("Facilities Desk"))).await;
    browser.press("Reject").await;
    browser.reads("Tick the tasks that are rejected.").await;
    browser.reads("Say why").await;
    browser.choose("Report Fault").await;
    browser.fill("reason", "The greeting is missing").await;
    browser.press("Reject").await;
    browser.reads("1 task of Facilities Desk rejected; the developer is told by mail.").await;
    assert_eq!(site.bot_status("Facilities Desk"), BotStatus::Configured);
    assert!(site.newest_mail("bo.owner@example.com").contains("Reason: The greeting is missing"));
    let [name, _, text] = site.latest_audit();
    assert_eq!(name, "Bot Deployment Rejected");
    assert_eq!(text, "bot Facilities Desk: Report Fault rejected: The greeting is missing");
    // Published again, it waits again, with its comment.
    let app = site.admin.create_app("tests", &["all"], false).unwrap();
    let path = format!("/api/public/bot/{}/publish", site.bot("Facilities Desk"));
    site.call_api(&token(&app, json!({})), "POST", &path, &json!({ "versionComment": "with a greeting" }))
        .await;
    browser.press("Deployment Requests").await;
    browser.press("Facilities Desk").await;
    browser.reads("with a greeting").await;
    browser.reads("Report Fault").await;
}

#[tokio::test]
async fn console_deployment_upgrade_waits_while_the_bot_stays_deployed() {
    let site = Site::new();
    let id = site.bot(BANK);
    let app = site.admin.create_app("tests", &["all"], false).unwrap();
    let publish = format!("/api/public/bot/{id}/publish");
    let comment = json!({ "versionComment": "cards" });
    site.call_api(&token(&app, json!({})), "POST", &publish, &comment).await;
    assert_eq!(site.bot_status(BANK), BotStatus::Published);
    let mut owner = site.signed_in(OWNER).await;
    let page = owner.get("/Admin/bots/deployment").await;
    assert!(page.text.contains(BANK) && page.text.contains("Upgrade"), "{}", page.text);
    // One of its tasks is rejected: the rest waits on.
    let block = site.dialog(BANK, "Block Card");
    let reject = format!("/Admin/bots/deployment/{id}/reject");
    let fields = [("task", block.as_str()), ("reason", "not yet")];
    assert_eq!(owner.post(&reject, &fields).await.status, 303);
    let page = owner.get(&format!("/Admin/bots/deployment/{id}")).await;
    assert!(!page.text.contains("Block Card") && page.text.contains("Check Balance"), "{}", page.text);
    let approve = format!("/Admin/bots/deployment/{id}/approve");
    assert_eq!(owner.post(&approve, &[]).await.status, 303);
    let status_path = format!("{publish}/status");
    let job = site.call_api(&token(&app, json!({})), "GET", &status_path, &Value::Null).await;
    assert_eq!(job["statusSummary"][1]["result"]["state"], "published", "{job}");
    // What was settled is not there a second time.
    assert_eq!(owner.post(&approve, &[]).await.status, 404);
    // What its settings approve by themselves does not wait.
    let settings = format!("/Admin/bots/enterprise/{id}/settings");
    owner.get(&settings).await;
    owner.post(&settings, &[("approves", "some"), ("approval", "3"), ("channel", "rtm")]).await;
    site.call_api(&token(&app, json!({})), "POST", &publish, &comment).await;
    assert!(owner.get("/Admin/bots/deployment").await.text.contains("1–1 of 1"));
}

#[tokio::test]
async fn console_deployment_preferences_approve_and_assign_by_themselves() {
    let site = Site::served().await;
    let browser = Browser::at(&site).await;
    browser.sign_in(OWNER).await;
    browser.press("Preferences").await;
    browser.choose("Automatically approve all new deployment requests").await;
    browser.choose("Automatically assign all approved bots").await;
    browser.inspect("bots-preferences").await;
    browser.press("Save").await;
    browser.reads("The preferences are saved.").await;
    let app = site.admin.create_app("tests", &["all"], false).unwrap();
    let path = format!("/api/public/bot/{}/publish", site.bot("Claims Draft"));
    site.call_api(&token(&app, json!({})), "POST", &path, &json!({ "versionComment": "first" })).await;
    assert_eq!(site.bot_status("Claims Draft"), BotStatus::Published);
    browser.open(&format!("/Admin/bots/enterprise/{}/assignments", site.bot("Claims Draft"))).await;
    browser.reads("All users").await;
}

#[tokio::test]
async fn console_deployment_deleted_bot_is_restored_within_thirty_days() {
    let site = Site::served().await;
    site.admin.delete_bot("Claims Draft").unwrap();
    let before = site.admin.snapshot().unwrap();
    site.admin.delete_bot(BANK).unwrap();
    let browser = Browser::at(&site).await;
    browser.sign_in(OWNER).await;
    browser.press("Deleted Bots").await;
    browser.reads("Was not published with an active task").await;
    browser.inspect("bots-deleted").await;
    browser.press("Restore Banking Assistant").await;
    browser.reads("Banking Assistant is back, with its configuration.").await;
    let after = site.admin.snapshot().unwrap();
    assert_eq!(after.users, before.users);
    assert_eq!(after.groups, before.groups);
    let id = site.bot(BANK);
    assert_eq!(after.bots[&id], before.bots[&id]);
}

#[tokio::test]
async fn console_deployment_deleted_bot_is_gone_after_thirty_days() {
    let site = Site::new();
    let id = site.bot(BANK);
    site.admin.delete_bot(BANK).unwrap();
    site.later(30 * 24 * 60 + 1);
    let mut owner = site.visitor().await;
    owner.sign_in(OWNER, crate::support::site::PASSWORD).await;
    let page = owner.get("/Admin/bots/deleted").await;
    assert!(page.text.contains("Deleted more than 30 days ago"), "{}", page.text);
    owner.post(&format!("/Admin/bots/deleted/{id}/restore"), &[]).await;
    assert!(!site.admin.snapshot().unwrap().bots.contains_key(&id));
}
