//! `/healthz`, `/readyz` and `/metrics`.

use super::metrics::Metrics;
use super::store::Stores;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::{Arc, Mutex, PoisonError};

/// `/healthz` answers while the process lives; `/readyz` succeeds when every watch has listed its objects, on standby as
/// well.
pub(super) fn router(stores: Arc<Mutex<Stores>>) -> Router {
    let ready = move || async move {
        let is_listed = stores.lock().unwrap_or_else(PoisonError::into_inner).is_listed();
        if is_listed {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "still listing\n")
        }
    };
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

/// In the `OpenMetrics` text format.
pub(super) fn metrics(metrics: Arc<Metrics>) -> Router {
    let page = move || async move {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], metrics.render()).into_response()
    };
    Router::new().route("/metrics", get(page))
}
