//! Style and script, in the binary. Their addresses hold a digest of the content, so browsers may keep them for good.

use super::reply::{Outcome, PageError, Reply};
use super::request_context::RequestContext;
use super::route::Route;
use crate::sandbox::store;
use axum::http::{HeaderValue, header};
use std::sync::LazyLock;

pub(super) const ROUTES: &[Route] =
    &[Route::open("/assets/{file}", file), Route::open("/favicon.ico", favicon)];

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const MARK: &str = include_str!("assets/mark.svg");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path("console.css", STYLE));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path("console.js", SCRIPT));

fn path(name: &str, content: &str) -> String {
    format!("/assets/{name}?{}", &store::digest_of(content)[..12])
}

pub(super) fn style() -> &'static str {
    &STYLE_PATH
}

pub(super) fn script() -> &'static str {
    &SCRIPT_PATH
}

fn file(context: &RequestContext<'_>) -> Outcome {
    let (content_type, bytes) = match context.param("file") {
        "console.css" => ("text/css; charset=utf-8", STYLE),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "mark.svg" => ("image/svg+xml", MARK),
        _ => return Err(PageError::NotFound),
    };
    let mut reply = Reply::bytes(content_type, bytes);
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    reply.response.headers_mut().insert(header::CACHE_CONTROL, forever);
    Ok(reply)
}

fn favicon(_: &RequestContext<'_>) -> Outcome {
    Ok(Reply::see("/assets/mark.svg"))
}
