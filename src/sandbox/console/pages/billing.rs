//! Billing: blocks of 15 minutes in which a user talked to a bot, by the synthetic traffic.

use super::dashboard::{Period, Talkers, talkers};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::chart::Chart;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::Needs;
use crate::sandbox::console::route::Route;
use crate::sandbox::traffic::{Cut, SessionKind};
use askama::Template;

/// The vendor names no permission for it: it is for Master Admins, who have all.
pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page("/Admin/billing", Needs::Any(&[]), show)];

#[derive(Template)]
#[template(path = "billing.html")]
struct Billing {
    frame: Frame,
    period: Period,
    sessions: u64,
    non_interactive: u64,
    chart: Chart,
    /// Name, sessions.
    bots: Vec<(String, u64)>,
    page: ListPage,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let Talkers { talkers, .. } = talkers(admin)?;
    let (period, page) = (Period::new(admin), ListPage::new(admin));
    let cut = Cut { kind: SessionKind::All, channel: "", tasks: &[], tags: &[] };
    let mut by_time: Vec<(String, u64)> =
        period.buckets().iter().map(|bucket| (bucket.label.clone(), 0)).collect();
    let (mut bots, mut non_interactive) = (Vec::new(), 0);
    for talker in &talkers {
        let mut own = 0;
        for (bucket, (_, all)) in period.buckets().iter().zip(&mut by_time) {
            let figures = talker.between(bucket.from, bucket.until, &cut);
            non_interactive += figures.billing_not_interactive;
            own += figures.billing_sessions;
            *all += figures.billing_sessions;
        }
        bots.push((talker.name.clone(), own));
    }
    bots.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let page = page.with_total(bots.len());
    Reply::page(&Billing {
        frame: Frame::new(admin, "Billing", &[])?,
        sessions: bots.iter().map(|(_, own)| own).sum(),
        non_interactive,
        chart: Chart::new("billing", "Billing sessions", "Sessions", by_time),
        bots: bots.into_iter().skip(page.skip()).take(ROWS).collect(),
        page,
        period,
    })
}
