//! Pages of the Admin Console with 10,000 people, in process: what the server takes for one page.

use crate::figures::Report;
use crate::support::console_harness::{ConsoleHarness, OWNER};
use koreconcile::sandbox::{BotStatus, BotTruth, Seed};
use std::time::Instant;

const USERS: usize = 10_000;
const BOTS: usize = 200;
const GROUPS: usize = 50;

/// The pages that an administrator has open all day, and the slow questions.
fn pages(bot: &str, task: &str) -> Vec<String> {
    let assignments = format!("/Admin/bots/enterprise/{bot}/assignments");
    vec![
        "/Admin/dashboard".to_owned(),
        "/Admin/dashboard?period=90d".to_owned(),
        "/Admin/users".to_owned(),
        "/Admin/users?page=400".to_owned(),
        "/Admin/users?search=example+5".to_owned(),
        "/Admin/bots/enterprise?sort=name".to_owned(),
        assignments.clone(),
        format!("{assignments}/{task}"),
        format!("{assignments}/{task}?search=example+5"),
        "/Admin/bots/deployment".to_owned(),
        "/Admin/security/api-scopes".to_owned(),
        "/Admin/analytics/audit?period=7d".to_owned(),
        "/Admin/billing?period=90d".to_owned(),
    ]
}

/// Takes every page so many times; the figure is the 95th percentile over all of them.
pub fn measure(runs: usize, report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let harness = ConsoleHarness::new();
        harness.admin.seed(Seed { users: USERS, bots: BOTS, groups: GROUPS }).unwrap();
        let bots = harness.admin.snapshot().unwrap().bots;
        let is_assignable = |bot: &BotTruth| {
            bot.is_enterprise && bot.status == BotStatus::Published && !bot.dialogs.is_empty()
        };
        let (bot, truth) = bots.iter().find(|(_, bot)| is_assignable(bot)).unwrap();
        let pages = pages(bot, truth.dialogs.keys().next().unwrap());
        let mut owner = harness.signed_in(OWNER).await;
        let mut all = Vec::new();
        for page in &pages {
            let mut taken = Vec::new();
            for _ in 0..runs * 3 {
                let start = Instant::now();
                let answer = owner.get(page).await;
                taken.push(start.elapsed().as_secs_f64() * 1000.0);
                assert_eq!(answer.status, 200, "{page}");
            }
            all.extend_from_slice(&taken);
            taken.sort_by(f64::total_cmp);
            println!("{:>8.2} ms  {page}", taken[taken.len() / 2]);
        }
        all.sort_by(f64::total_cmp);
        report.add(format!("console_p95_ms_{USERS}"), "ms", vec![all[all.len() * 95 / 100]]);
    });
}
