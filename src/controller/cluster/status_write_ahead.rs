//! [`WriteAhead`] over the account's status and the `ConfigMap`s of its memory.
//!
//! # Guarantees
//!
//! When a call returns, the API server has stored what was written, and the next leader reads it before it plans. A
//! replica whose lease has ended writes nothing here.

use super::config_map_memory::ConfigMapMemory;
use super::decode::resource;
use super::publish::Publisher;
use crate::apply::BeforeImageStore;
use crate::controller::pass::{ObjectRef, RecallError, WriteAhead};
use crate::kore::LeaseTerm;
use crate::manifest::kinds::AccountStatus;
use crate::manifest::kinds::status::IN_FLIGHT_MAX;
use crate::plan::Memory;
use async_trait::async_trait;
use jiff::Timestamp;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The field manager of what is in flight: one of its own, so that writing the rest of the status does not change it.
const MANAGER: &str = "koreconcile-in-flight";

/// The status of one account object.
pub(super) struct StatusWriteAhead {
    api: Api<DynamicObject>,
    account: ObjectRef,
    publisher: Arc<Publisher>,
    lease_term: LeaseTerm,
    memory: ConfigMapMemory,
    /// Whether this process knows that nothing is stored.
    is_empty: AtomicBool,
}

impl StatusWriteAhead {
    pub(super) fn new(
        client: Client,
        account: &ObjectRef,
        publisher: Arc<Publisher>,
        lease_term: LeaseTerm,
        memory: ConfigMapMemory,
    ) -> Self {
        let api = Api::namespaced_with(client, &account.namespace, &resource(account.kind.name()));
        Self {
            api,
            account: account.clone(),
            publisher,
            lease_term,
            memory,
            is_empty: AtomicBool::new(false),
        }
    }

    /// The status as the API server has it now. A watch may be behind what the last leader wrote.
    pub(super) async fn status(&self) -> Result<AccountStatus, String> {
        let status = self.stored().await?;
        let status: AccountStatus = serde_json::from_value(status).unwrap_or_default();
        let status = AccountStatus { last_read: None, ..status };
        self.is_empty.store(status.in_flight.is_none(), Ordering::Release);
        Ok(status)
    }

    async fn stored(&self) -> Result<serde_json::Value, String> {
        // The role lets accounts be listed; getting one would take a verb more.
        let only = ListParams::default().fields(&format!("metadata.name={}", self.account.name));
        let found = self.api.list(&only).await;
        let found = found.map_err(|error| format!("{} cannot be read: {error}", self.account))?;
        let Some(account) = found.items.into_iter().next() else {
            return Err(format!("{} is gone", self.account));
        };
        Ok(account.data.get("status").cloned().unwrap_or_else(|| json!({})))
    }

    fn require_lease(&self) -> Result<(), String> {
        let is_over = self.lease_term.ends_at() <= Timestamp::now();
        if is_over { Err("another replica may lead by now".to_owned()) } else { Ok(()) }
    }
}

impl fmt::Debug for StatusWriteAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusWriteAhead").field("account", &self.account).finish_non_exhaustive()
    }
}

#[async_trait]
impl BeforeImageStore for StatusWriteAhead {
    async fn keep(&self, text: Option<String>) -> Result<(), String> {
        if let Some(length) = text.as_ref().map(String::len).filter(|length| *length > IN_FLIGHT_MAX) {
            return Err(format!(
                "the list has {length} characters, and {IN_FLIGHT_MAX} can be kept; choose a smaller batchSize"
            ));
        }
        self.require_lease()?;
        let is_empty = text.is_none();
        self.is_empty.store(false, Ordering::Release);
        // Merged and not applied: that takes away what any manager wrote, and works on what was stored before a schema
        // changed.
        let body = json!({ "status": { "inFlight": text } });
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let written = self.api.patch_status(&self.account.name, &parameters, &Patch::Merge(&body)).await;
        written.map_err(|error| format!("the status of {} cannot be written: {error}", self.account))?;
        self.is_empty.store(is_empty, Ordering::Release);
        Ok(())
    }
}

#[async_trait]
impl WriteAhead for StatusWriteAhead {
    async fn kept(&self) -> Result<Option<String>, String> {
        if self.is_empty.load(Ordering::Acquire) {
            return Ok(None);
        }
        let status = self.stored().await?;
        let kept = status["inFlight"].as_str().map(str::to_owned);
        self.is_empty.store(kept.is_none(), Ordering::Release);
        Ok(kept)
    }

    async fn record_removals(&self, status: &AccountStatus) -> Result<(), String> {
        self.require_lease()?;
        let written = self.publisher.write_account_status(&self.account, status).await;
        written.map_err(|error| format!("the status of {} cannot be written: {error}", self.account))
    }

    async fn remembered(&self, tenant: &str) -> Result<Memory, RecallError> {
        self.memory.load(tenant).await
    }

    async fn remember(&self, tenant: &str, memory: &Memory) -> Result<(), String> {
        self.require_lease()?;
        self.memory.store(tenant, memory).await
    }
}
