//! Connects to accounts. The Secret is read before every pass, so that a rotation needs no restart; the gateway is made
//! anew only when something about it has changed.

use super::audit_poll::AuditPoll;
use super::lease::LeaseOptions;
use super::metrics::{CallCounter, Metrics};
use crate::controller::pass::{ConditionReason, DeclaredAccount, Readiness};
use crate::facts::RateLimit;
use crate::kore::{
    BaseUrl, Credentials, Gateway, HttpLimits, HttpTransport, Ledger, Parts, Reader, SystemClock,
    clean_secret,
};
use crate::manifest::kinds::account::SecretSource;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Api, Client};
use secrecy::SecretString;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most that one call waits for the budget: a window of an hour, and a bit.
const MAX_WAIT: SignedDuration = SignedDuration::from_mins(65);

/// Connects to accounts, and keeps their call budgets.
pub(super) struct Connector {
    client: Client,
    /// Hosts an account may name; empty: any.
    allowed_hosts: Vec<String>,
    call_timeout: Duration,
    /// Which replica this is. It is sent along, for the platform's or a proxy's log.
    identity: String,
    ledgers: Mutex<HashMap<String, Arc<Ledger>>>,
    /// Calls that an earlier leader sent, by account and minute.
    inherited: Mutex<BTreeMap<String, BTreeMap<i64, u32>>>,
    metrics: Arc<Metrics>,
}

/// A connection to an account.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) reader: Reader,
    pub(super) gateway: Gateway,
    pub(super) host: String,
    /// The state of the audit log at the last poll.
    pub(super) audit_poll: AuditPoll,
    /// What it was made of (the secret as a hash). Another value needs another connection.
    made_of: (String, String, String, RateLimit),
}

impl Connector {
    pub(super) fn new(
        client: Client,
        allowed_hosts: Vec<String>,
        lease: &LeaseOptions,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            client,
            allowed_hosts,
            call_timeout: lease.call_timeout,
            identity: lease.identity.clone(),
            ledgers: Mutex::default(),
            inherited: Mutex::default(),
            metrics,
        }
    }

    /// The connection to this account: the open one if nothing about it has changed.
    pub(super) async fn connect(
        &self,
        account: &DeclaredAccount,
        rate: RateLimit,
        open: Option<Connection>,
    ) -> Result<Connection, Readiness> {
        let (base, host) = self.host(account)?;
        let Some(credentials) = &account.spec.credentials else {
            return Err(Readiness::new(
                ConditionReason::Invalid,
                "spec.credentials is missing; name a Secret of this namespace",
            ));
        };
        let namespace = &*account.meta.object.namespace;
        let id = self.secret(namespace, "clientId", &credentials.client_id).await?;
        let secret = self.secret(namespace, "clientSecret", &credentials.client_secret).await?;
        let made_of = (host.clone(), id.clone(), fingerprint(&secret), rate);
        if let Some(open) = open.filter(|open| open.made_of == made_of) {
            return Ok(open);
        }
        let limits = HttpLimits { total: self.call_timeout, ..HttpLimits::default() };
        let transport = HttpTransport::named(base, limits, &self.identity).map_err(|error| {
            Readiness::new(ConditionReason::Unreachable, format!("TLS cannot be set up: {error}"))
        })?;
        let name = &account.meta.object;
        // A tenant has one call budget for all its apps.
        let tenant = account.tenant().unwrap_or_else(|| id.clone());
        let gateway = Gateway::new(Parts {
            transport: Arc::new(transport),
            credentials: Credentials { client_id: id.clone(), client_secret: SecretString::from(secret) },
            ledger: self.ledger(&format!("{host} {tenant}"), rate),
            clock: Arc::new(SystemClock),
            observer: Arc::new(CallCounter::new(&self.metrics, &name.namespace, &name.name)),
            max_wait: MAX_WAIT,
        });
        Ok(Connection {
            reader: Reader::new(gateway.clone()),
            gateway,
            host,
            audit_poll: AuditPoll::default(),
            made_of,
        })
    }

    fn host(&self, account: &DeclaredAccount) -> Result<(BaseUrl, String), Readiness> {
        let Some(host) = &account.spec.endpoint.host else {
            let message = "endpoint.sandbox is for the command line; serve the sandbox, and write its address as endpoint.host";
            return Err(Readiness::new(ConditionReason::HostNotAllowed, message));
        };
        let refused = |why: String| Readiness::new(ConditionReason::HostNotAllowed, why);
        let base = BaseUrl::parse(host).map_err(|error| refused(error.to_string()))?;
        let is_allowed =
            self.allowed_hosts.is_empty() || self.allowed_hosts.iter().any(|allowed| allowed == base.host());
        if !is_allowed {
            let allowed = self.allowed_hosts.join(", ");
            return Err(refused(format!(
                "{} is not one of the allowed hosts ({allowed}); the controller's allowedHosts decides",
                base.host()
            )));
        }
        let host = base.to_string();
        Ok((base, host))
    }

    async fn secret(&self, namespace: &str, what: &str, source: &SecretSource) -> Result<String, Readiness> {
        let missing = |why: String| Readiness::new(ConditionReason::CredentialsMissing, why);
        let SecretSource { env: _, file: _, secret_key_ref: Some(reference) } = source else {
            return Err(missing(format!(
                "{what} comes from env or file, which only the command line reads; use secretKeyRef"
            )));
        };
        let (name, key) = (&reference.name, &reference.key);
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = api
            .get_opt(name)
            .await
            .map_err(|error| {
                missing(format!("the Secret {name} cannot be read: {error}; check the controller's role"))
            })?
            .ok_or_else(|| {
                missing(format!("there is no Secret {name} in namespace {namespace}; create it"))
            })?;
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        let text =
            value.and_then(|value| std::str::from_utf8(&value.0).ok()).map(clean_secret).unwrap_or_default();
        if text.is_empty() {
            return Err(missing(format!(
                "the Secret {name} has no {key}, or it is empty; write {what} there"
            )));
        }
        Ok(text.to_owned())
    }

    /// Whether a namespace is gone or being deleted. One that cannot be read may be.
    pub(super) async fn is_terminating(&self, namespace: &str) -> bool {
        let api: Api<Namespace> = Api::all(self.client.clone());
        match api.get_opt(namespace).await {
            Ok(found) => found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()),
            // Its role may have gone with it.
            Err(error) => {
                tracing::warn!(namespace, %error, "the namespace cannot be read");
                true
            }
        }
    }

    fn ledger(&self, key: &str, rate: RateLimit) -> Arc<Ledger> {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        if let Some(ledger) = ledgers.get(key) {
            if ledger.limit() == rate {
                return Arc::clone(ledger);
            }
            let changed = Ledger::in_memory(rate);
            changed.count_sent(ledger.last_hour(now), now);
            let changed = Arc::new(changed);
            ledgers.insert(key.to_owned(), Arc::clone(&changed));
            return changed;
        }
        let ledger = Ledger::in_memory(rate);
        let inherited =
            self.inherited.lock().unwrap_or_else(PoisonError::into_inner).remove(&fingerprint(key));
        let minutes = inherited.into_iter().flatten();
        // Counted at the end of their minute: late, so that the budget is never exceeded.
        let sent = minutes.flat_map(|(minute, count)| {
            let end = Timestamp::from_second((minute + 1) * 60).unwrap_or(now).min(now);
            std::iter::repeat_n(end, count as usize)
        });
        ledger.count_sent(sent, now);
        let ledger = Arc::new(ledger);
        ledgers.insert(key.to_owned(), Arc::clone(&ledger));
        ledger
    }

    /// The calls of the last hour, by account (as a hash) and minute, for the next leader.
    pub(super) fn export_calls(&self) -> String {
        let now = Timestamp::now();
        let ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        // What was inherited for accounts that are not connected yet goes to the next leader as well.
        let mut by_account = self.inherited.lock().unwrap_or_else(PoisonError::into_inner).clone();
        by_account.extend(ledgers.iter().map(|(key, ledger)| {
            let mut minutes: BTreeMap<i64, u32> = BTreeMap::new();
            for sent in ledger.last_hour(now) {
                *minutes.entry(sent.as_second().div_euclid(60)).or_default() += 1;
            }
            (fingerprint(key), minutes)
        }));
        serde_json::to_string(&by_account).unwrap_or_default()
    }

    /// Counts the calls of the last leader.
    pub(super) fn import_calls(&self, exported: &str) {
        let inherited = serde_json::from_str(exported).unwrap_or_default();
        *self.inherited.lock().unwrap_or_else(PoisonError::into_inner) = inherited;
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn fingerprint(key: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let mut digest = hex::encode(Sha256::digest(key));
    digest.truncate(16);
    digest
}
