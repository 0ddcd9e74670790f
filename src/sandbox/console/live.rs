//! Live parts of pages: what the page asks for every few seconds. Asked for, not streamed: a browser has few connections
//! for one host, and a stream for each tab would take them all. Each request is judged like any other, but is no activity.
//! What is drawn is shared by everybody of the same account and rights for a second.

use super::admin_context::AdminContext;
use super::reply::{Outcome, PageError, Reply};
use super::route::Route;
use crate::sandbox::lock::lock;
use crate::sandbox::store;
use axum::http::{HeaderValue, StatusCode, header};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DRAWING_LIFE: Duration = Duration::from_secs(1);
/// With more than this many drawings the old ones are dropped.
const MOST: usize = 100;

/// The latest drawings.
#[derive(Debug, Default)]
pub(crate) struct Drawings(Mutex<HashMap<String, Arc<Mutex<Option<Drawing>>>>>);

#[derive(Debug, Clone)]
struct Drawing {
    at: Instant,
    markup: Arc<str>,
    tag: String,
}

/// The live part of that route, or that it is the one the browser has.
pub(super) fn answer(
    admin: &AdminContext<'_>,
    route: &Route,
    draw: fn(&AdminContext<'_>) -> Result<String, PageError>,
) -> Outcome {
    let key = format!("{} {} {:?}", route.path, admin.account.seq, admin.rights);
    let Drawing { markup, tag, .. } = admin.inner.drawings.fresh(key, || draw(admin))?;
    let is_known = admin.incoming.known_tag.as_deref() == Some(tag.as_str());
    let mut reply = if is_known {
        Reply::bytes("text/html; charset=utf-8", "").with_status(StatusCode::NOT_MODIFIED)
    } else {
        Reply::bytes("text/html; charset=utf-8", markup.to_string())
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        reply.response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(reply)
}

impl Drawings {
    /// The drawing of that key, drawn if there is none or an old one: by one, while the others wait for it.
    fn fresh(
        &self,
        key: String,
        draw: impl FnOnce() -> Result<String, PageError>,
    ) -> Result<Drawing, PageError> {
        let place = {
            let mut all = lock(&self.0);
            if all.len() > MOST {
                all.clear();
            }
            Arc::clone(all.entry(key).or_default())
        };
        let mut place = lock(&place);
        if let Some(drawing) = place.as_ref().filter(|drawing| drawing.at.elapsed() < DRAWING_LIFE) {
            return Ok(drawing.clone());
        }
        let markup = draw()?;
        let tag = format!("\"{}\"", &store::digest_of(&markup)[..16]);
        let drawing = Drawing { at: Instant::now(), markup: markup.into(), tag };
        Ok(place.insert(drawing).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn those_who_ask_at_once_share_one_drawing() {
        let (drawings, drawn) = (Drawings::default(), AtomicUsize::new(0));
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let draw = || {
                        drawn.fetch_add(1, Ordering::SeqCst);
                        Ok("<p></p>".to_owned())
                    };
                    drawings.fresh("one".to_owned(), draw).unwrap();
                });
            }
        });
        let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
        assert!(drawn.load(Ordering::SeqCst) <= 1 + seconds);
    }
}
