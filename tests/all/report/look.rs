//! The HTML in a real browser: light and dark, at the width of a phone, printed on A4, and without barriers.

use super::fixture::{Gathered, bot, desired, email, user, world};
use crate::support::browser::Browser;
use koreconcile::facts::{BuilderAccess, Extent, Key, Listing, Value};
use koreconcile::render;
use koreconcile::report;

/// 500 grants of 125 people, some with long names, read with a gap.
fn large() -> Gathered {
    let names: Vec<String> = (0..125).map(|number| format!("first.middle-name.last.{number:03}")).collect();
    let facts = names.iter().enumerate().flat_map(|(number, name)| {
        let admin = if number % 20 == 0 { "Master Admin" } else { "Auditor" };
        [
            (Key::BotRole(user(name), "Bot Developer".into(), bot(1)), Value::Held),
            (Key::BotRole(user(name), "Bot Tester".into(), bot(2)), Value::Held),
            (Key::AdminRole(user(name), admin.into()), Value::Held),
            (Key::Access(email(name)), Value::Access(BuilderAccess::Creator)),
        ]
    });
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut seen = world(&words, facts.collect());
    seen.coverage.listings.insert(Listing::Groups, Extent::Partial("a page is missing".to_owned()));
    Gathered::of(seen, &desired())
}

#[tokio::test]
async fn has_no_barriers_on_a_screen_and_a_phone_and_says_its_gap_on_each_printed_page() {
    let gathered = large();
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::alone().await;
    for (name, report) in [
        ("report-access", report::access(super::fixture::gathered().evidence())),
        ("report-violations", report::violations(super::fixture::gathered().evidence())),
    ] {
        let file = folder.path().join(format!("{name}.html"));
        std::fs::write(&file, render::html(&report).unwrap()).unwrap();
        browser.web.goto(format!("file://{}", file.display())).await.unwrap();
        browser.inspect(name).await;
    }
    let access = report::access(gathered.evidence());
    assert_eq!(access.rows.len(), 500);
    let file = folder.path().join("large.html");
    std::fs::write(&file, render::html(&access).unwrap()).unwrap();
    browser.web.goto(format!("file://{}", file.display())).await.unwrap();
    browser.fits_a_phone("500 grants").await;
    // The head of the table, which a browser repeats on each page, has the gap; on the screen it stands once.
    let shown = "return getComputedStyle(document.querySelector('thead tr.page-gap')).display";
    assert_eq!(browser.web.execute(shown, Vec::new()).await.unwrap().json(), "none");
    browser.as_printed(true).await;
    assert_eq!(browser.web.execute(shown, Vec::new()).await.unwrap().json(), "table-row");
    let repeated = "return getComputedStyle(document.querySelector('thead')).display";
    assert_eq!(browser.web.execute(repeated, Vec::new()).await.unwrap().json(), "table-header-group");
    browser.as_printed(false).await;
    let pages = browser.printed("report-large").await;
    assert!((10..40).contains(&pages), "{pages} pages");
}
