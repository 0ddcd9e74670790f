//! Counts the requests of one account.

use super::{AccountLabels, Metrics, WithEndpoint, WithStatus};
use crate::kore::{Endpoint, Observer};
use jiff::SignedDuration;
use std::sync::Arc;

/// Counts the calls of one account.
pub(in crate::controller::cluster) struct CallCounter {
    metrics: Arc<Metrics>,
    namespace: String,
    account: String,
}

impl CallCounter {
    pub(in crate::controller::cluster) fn new(
        metrics: &Arc<Metrics>,
        namespace: &str,
        account: &str,
    ) -> Self {
        Self { metrics: Arc::clone(metrics), namespace: namespace.to_owned(), account: account.to_owned() }
    }
}

impl Observer for CallCounter {
    fn sent(&self, endpoint: Endpoint) {
        let labels = WithEndpoint {
            namespace: self.namespace.clone(),
            account: self.account.clone(),
            endpoint: endpoint.to_string(),
        };
        self.metrics.calls.get_or_create(&labels).inc();
    }

    fn answered(&self, endpoint: Endpoint, status: Option<u16>, took: SignedDuration) {
        let (namespace, account) = (self.namespace.clone(), self.account.clone());
        let labels = AccountLabels { namespace, account };
        self.metrics.call_durations.get_or_create(&labels).observe(took.as_secs_f64());
        if status.is_none_or(|status| status >= 400) {
            let AccountLabels { namespace, account } = labels;
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            let labels = WithStatus { namespace, account, endpoint: endpoint.to_string(), status };
            self.metrics.failures.get_or_create(&labels).inc();
        }
    }

    fn retrying(&self, endpoint: Endpoint, tries: u32, why: &str) {
        tracing::warn!(namespace = self.namespace, account = self.account, %endpoint, tries, why, "a call failed and is tried again");
    }
}
