//! Live parts of pages, as server-sent events: drawn every two seconds and sent when they have changed. Each drawing is
//! judged like a request of its own, so a stream ends with the session, the permission or the server.

use super::gate;
use super::reply::{PageError, Reply};
use super::request_context::{Incoming, RequestContext};
use super::route::Route;
use crate::sandbox::Inner;
use axum::body::{Body, Bytes};
use axum::http::Response;
use futures::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(2);
/// After so many drawings without a change something is sent all the same: only then a lost browser is noticed.
const QUIET_MAX: u32 = 10;

struct Watched {
    inner: Arc<Inner>,
    route: &'static Route,
    incoming: Arc<Incoming>,
    clock: Interval,
    last: String,
    quiet: u32,
    has_ended: bool,
}

/// The events of a live part, or why there are none.
pub(super) async fn stream(inner: Arc<Inner>, route: &'static Route, incoming: Incoming) -> Response<Body> {
    let incoming = Arc::new(incoming);
    let first = match draw(&inner, route, &incoming).await {
        Ok(first) => first,
        Err(fault) => return fault.reply("/Admin").response,
    };
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.reset();
    let event = message(&first);
    let watched = Watched { inner, route, incoming, clock, last: first, quiet: 0, has_ended: false };
    let events = stream::unfold((watched, Some(event)), |(mut watched, first)| async move {
        let event = match first {
            Some(first) => first,
            None => watched.next().await?,
        };
        Some((Ok::<_, Infallible>(Bytes::from(event)), (watched, None)))
    });
    Reply::bytes("text/event-stream", Body::from_stream(events)).response
}

impl Watched {
    async fn next(&mut self) -> Option<String> {
        while !self.has_ended {
            let mut stopping = self.inner.stopping.subscribe();
            let goes_on = tokio::select! {
                _ = self.clock.tick() => true,
                _ = stopping.wait_for(|stops| *stops) => false,
            };
            let drawn = if goes_on { draw(&self.inner, self.route, &self.incoming).await.ok() } else { None };
            let Some(drawn) = drawn else {
                self.has_ended = true;
                return Some("event: end\ndata:\n\n".to_owned());
            };
            self.quiet += 1;
            if drawn != self.last {
                (self.last, self.quiet) = (drawn, 0);
                return Some(message(&self.last));
            }
            if self.quiet >= QUIET_MAX {
                self.quiet = 0;
                return Some(":\n\n".to_owned());
            }
        }
        None
    }
}

async fn draw(
    inner: &Arc<Inner>,
    route: &'static Route,
    incoming: &Arc<Incoming>,
) -> Result<String, PageError> {
    let (inner, incoming) = (Arc::clone(inner), Arc::clone(incoming));
    // Pages use the store, which waits.
    let drawn =
        tokio::task::spawn_blocking(move || gate::drawn(&RequestContext::new(&inner, &incoming), route))
            .await;
    drawn.unwrap_or_else(|e| Err(PageError::broken(&e)))
}

/// One event; as JSON its markup is one line.
fn message(markup: &str) -> String {
    format!("data: {}\n\n", serde_json::Value::from(markup))
}
