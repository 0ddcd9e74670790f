//! Who may write: the holder of a Lease, and for how long.
//!
//! # Guarantees
//!
//! A holder's [`LeaseTerm`] ends before another replica can take the lease: by the time a call may take and a second for
//! clocks. So a new leader never writes while a call of the old one can still arrive. Expiry is measured by the
//! observer's own clock from the time it saw the lease change, never by comparing clocks.

use crate::kore::LeaseTerm;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a lease is held.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Name of this replica, such as the pod's.
    pub identity: String,
    /// After this long without renewal, another replica may take it.
    pub duration: Duration,
    /// Time between renewals.
    pub renew_every: Duration,
    /// The longest that one call to the account may take.
    pub call_timeout: Duration,
}

/// The annotation with the calls of the last hour, for the next leader.
const CALLS: &str = "koreconcile.dev/calls";

/// The Lease, as one candidate sees it.
#[derive(Debug)]
pub(super) struct Candidate {
    api: Api<Lease>,
    options: LeaseOptions,
    lease_term: LeaseTerm,
    /// The lease as it was read last, and when it was first read so.
    seen: Option<(String, Timestamp)>,
}

impl Candidate {
    pub(super) fn new(client: Client, options: LeaseOptions) -> Self {
        let api = Api::namespaced(client, &options.namespace);
        Self { api, options, lease_term: LeaseTerm::until(Timestamp::MIN), seen: None }
    }

    /// Until when this replica may write. It moves as the lease is renewed.
    pub(super) fn lease_term(&self) -> &LeaseTerm {
        &self.lease_term
    }

    /// Takes or renews the lease, if that is possible, and writes `calls` into it. Gives the calls of the last holder when
    /// the lease was just taken.
    pub(super) async fn campaign(&mut self, calls: &str) -> Result<Option<String>, kube::Error> {
        let requested_at = Timestamp::now();
        let found = self.api.get_opt(&self.options.name).await?;
        let Some(lease) = found else {
            let lease = self.lease_object(None, requested_at, calls);
            self.api.create(&PostParams::default(), &lease).await?;
            self.extend(requested_at);
            return Ok(Some(String::new()));
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let is_ours = holder == self.options.identity;
        let mark = format!(
            "{holder} {:?} {:?}",
            spec.renew_time.map(|time| time.0),
            lease.metadata.resource_version
        );
        let since = match &self.seen {
            Some((last, since)) if *last == mark => *since,
            Some(_) | None => {
                self.seen = Some((mark, requested_at));
                requested_at
            }
        };
        let stated = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let duration = stated.map_or(self.options.duration, Duration::from_secs).max(self.options.duration);
        let is_over = requested_at.duration_since(since)
            >= SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        if !is_ours && !holder.is_empty() && !is_over {
            self.lease_term.end();
            return Ok(None);
        }
        let last_calls = lease.metadata.annotations.as_ref().and_then(|all| all.get(CALLS)).cloned();
        // The calls of the last holder stay until the next renewal, when they are part of ours.
        let calls = if is_ours { calls } else { last_calls.as_deref().unwrap_or(calls) };
        let renewed = self.lease_object(Some(&lease), requested_at, calls);
        self.api.replace(&self.options.name, &PostParams::default(), &renewed).await?;
        self.extend(requested_at);
        Ok((!is_ours).then(|| last_calls.unwrap_or_default()))
    }

    /// Releases the lease, after everything has ended.
    pub(super) async fn release(&mut self, calls: &str) -> Result<(), kube::Error> {
        self.lease_term.end();
        let Some(lease) = self.api.get_opt(&self.options.name).await? else { return Ok(()) };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        if holder != Some(&*self.options.identity) {
            return Ok(());
        }
        let mut released = self.lease_object(Some(&lease), Timestamp::now(), calls);
        if let Some(spec) = &mut released.spec {
            spec.holder_identity = None;
        }
        self.api.replace(&self.options.name, &PostParams::default(), &released).await?;
        Ok(())
    }

    /// The term counts from before the request, and ends a call and a second before the lease does.
    fn extend(&self, requested_at: Timestamp) {
        let margin = self.options.call_timeout + Duration::from_secs(1);
        let length = self.options.duration.saturating_sub(margin);
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::ZERO);
        self.lease_term.extend(requested_at.saturating_add(length).unwrap_or(Timestamp::MAX));
    }

    fn lease_object(&self, before: Option<&Lease>, now: Timestamp, calls: &str) -> Lease {
        let spec = before.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let is_ours = spec.holder_identity.as_deref() == Some(&self.options.identity);
        let transitions = spec.lease_transitions.unwrap_or_default();
        let mut metadata = before.map_or_else(
            || ObjectMeta {
                name: Some(self.options.name.clone()),
                namespace: Some(self.options.namespace.clone()),
                ..ObjectMeta::default()
            },
            |lease| lease.metadata.clone(),
        );
        metadata.managed_fields = None;
        metadata.annotations.get_or_insert_with(BTreeMap::new).insert(CALLS.to_owned(), calls.to_owned());
        let acquired = if is_ours { spec.acquire_time } else { Some(MicroTime(now)) };
        Lease {
            metadata,
            spec: Some(LeaseSpec {
                holder_identity: Some(self.options.identity.clone()),
                lease_duration_seconds: Some(
                    i32::try_from(self.options.duration.as_secs().max(1)).unwrap_or(i32::MAX),
                ),
                acquire_time: acquired,
                renew_time: Some(MicroTime(now)),
                lease_transitions: Some(if is_ours || before.is_none() {
                    transitions
                } else {
                    transitions + 1
                }),
                ..spec
            }),
        }
    }
}
