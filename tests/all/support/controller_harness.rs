//! A cluster without a cluster: objects in memory, one pass of the controller at a time on a sandbox in process, in
//! virtual time. What a pass comes to is written back as an API server would.

use super::engine::Engine;
use jiff::{SignedDuration, Timestamp};
use koreconcile::apply::BeforeImageStore;
use koreconcile::controller::{
    AccountMemory, Approval, Declared, DeclaredAccount, Meta, Missing, ObjectMode, ObjectRef, Pass,
    PassScope, PlanProgress, Published, Readiness, RecallError, Session, View, WriteAhead, pass,
};
use koreconcile::facts;
use koreconcile::kore::{Clock as _, LeaseTerm};
use koreconcile::manifest::kinds::{AccountStatus, Kind, ObjectStatus, Spec};
use koreconcile::plan::{ChangeId, Memory};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

pub const NAMESPACE: &str = "platform";

pub struct ControllerHarness {
    pub engine: Engine,
    pub view: View,
    pub memory: AccountMemory,
    pub lease_term: LeaseTerm,
    /// What passes have written ahead.
    pub status_store: Arc<InMemoryStatus>,
    created: u32,
    scope: PassScope,
}

/// What an API server would keep of what passes write ahead.
#[derive(Debug, Default)]
pub struct InMemoryStatus {
    in_flight: Mutex<Option<String>>,
    /// The account's status, where it was written in the middle of the last pass.
    written_ahead: Mutex<Option<AccountStatus>>,
    /// What is remembered of each tenant, and how often that was written.
    remembered: Mutex<BTreeMap<String, Memory>>,
    pub remembered_writes: Mutex<usize>,
    /// Why nothing can be written now.
    pub jam: Mutex<Option<String>>,
}

impl InMemoryStatus {
    pub fn in_flight(&self) -> Option<String> {
        self.in_flight.lock().unwrap().clone()
    }

    /// Puts something in, as an earlier leader would have.
    pub fn put(&self, text: Option<String>) {
        *self.in_flight.lock().unwrap() = text;
    }

    /// What is remembered of the only tenant.
    pub fn memory(&self) -> Memory {
        self.remembered.lock().unwrap().values().next().cloned().unwrap_or_default()
    }

    /// Somebody deletes or restores what is remembered.
    pub fn replace_memory(&self, memory: Option<Memory>) {
        let mut remembered = self.remembered.lock().unwrap();
        let tenant = remembered.keys().next().cloned().expect("nothing is remembered");
        match memory {
            Some(memory) => remembered.insert(tenant, memory),
            None => remembered.remove(&tenant),
        };
    }

    fn opens(&self) -> Result<(), String> {
        self.jam.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait::async_trait]
impl BeforeImageStore for InMemoryStatus {
    async fn keep(&self, text: Option<String>) -> Result<(), String> {
        self.opens()?;
        *self.in_flight.lock().unwrap() = text;
        Ok(())
    }
}

#[async_trait::async_trait]
impl WriteAhead for InMemoryStatus {
    async fn kept(&self) -> Result<Option<String>, String> {
        Ok(self.in_flight())
    }

    async fn record_removals(&self, status: &AccountStatus) -> Result<(), String> {
        self.opens()?;
        *self.written_ahead.lock().unwrap() = Some(status.clone());
        Ok(())
    }

    async fn remembered(&self, tenant: &str) -> Result<Memory, RecallError> {
        Ok(self.remembered.lock().unwrap().get(tenant).cloned().unwrap_or_default())
    }

    async fn remember(&self, tenant: &str, memory: &Memory) -> Result<(), String> {
        self.opens()?;
        self.remembered.lock().unwrap().insert(tenant.to_owned(), memory.clone());
        *self.remembered_writes.lock().unwrap() += 1;
        Ok(())
    }
}

impl ControllerHarness {
    /// One account without objects, on this engine.
    pub fn new(engine: Engine, spec: Value) -> Self {
        let now = engine.clock.now();
        let mut full = json!({
            "endpoint": { "host": "https://platform.example.com" },
            "accountId": engine.admin.account_id(),
            "credentials": {
                "clientId": { "secretKeyRef": { "name": "kore", "key": "id" } },
                "clientSecret": { "secretKeyRef": { "name": "kore", "key": "secret" } },
            },
            "safety": { "primaryAdmin": "owner@example.com", "minMasterAdmins": 1, "settle": "2m" },
        });
        merge(&mut full, spec);
        let Ok(Spec::Account(spec)) = Spec::from_value(Kind::Account, full) else { panic!("no account") };
        let account = DeclaredAccount {
            meta: meta(Kind::Account, "acme", now, 0),
            spec,
            status: AccountStatus::default(),
        };
        let view = View {
            account,
            objects: Vec::new(),
            broken: Vec::new(),
            approvals: Vec::new(),
            published: Vec::new(),
            gap: None,
            older_accounts: BTreeMap::new(),
            missing: BTreeMap::new(),
        };
        let (memory, lease_term, status_store) =
            (AccountMemory::default(), LeaseTerm::until(Timestamp::MAX), Arc::default());
        Self { engine, view, memory, lease_term, status_store, created: 0, scope: PassScope::Everything }
    }

    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    pub fn wait(&self, minutes: i64) {
        self.engine.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// `kubectl apply` of one object.
    pub fn declare(&mut self, kind: Kind, name: &str, spec: Value) {
        let (spec, now) = (Spec::from_value(kind, spec).unwrap(), self.now());
        if let Some(memory) = self.find(kind, name) {
            memory.spec = spec;
            memory.meta.generation += 1;
            memory.meta.edited = now;
            return;
        }
        self.created += 1;
        self.view.missing.remove(&remembered(kind, name));
        let meta = meta(kind, name, self.now(), self.created);
        let status = ObjectStatus::default();
        self.view.objects.push(Arc::new(Declared { meta, spec, status }));
    }

    pub fn user(&mut self, name: &str) {
        self.declare(Kind::User, name, json!({ "email": format!("{name}@example.com") }));
    }

    /// `kubectl delete`, seen by the process.
    pub fn delete(&mut self, kind: Kind, name: &str) {
        let object = self.find(kind, name).unwrap();
        let deleted = Missing::Deleted {
            deletion_policy: object.manifest().deletion_policy(),
            is_orphaned: object.meta.is_orphaned,
        };
        self.view.missing.insert(remembered(kind, name), deleted);
        self.view.objects.retain(|object| !is(object, kind, name));
    }

    /// It is deleted while no process looks.
    pub fn vanish(&mut self, kind: Kind, name: &str) {
        self.delete(kind, name);
        self.view.missing.remove(&remembered(kind, name));
    }

    pub fn find(&mut self, kind: Kind, name: &str) -> Option<&mut Declared> {
        self.view.objects.iter_mut().find(|object| is(object, kind, name)).map(Arc::make_mut)
    }

    pub fn approve(&mut self, digest: Option<&str>, changes: &[&ChangeId]) {
        self.view.approvals.push(Approval {
            name: format!("yes-{}", self.view.approvals.len()),
            uid: format!("approval-{}", self.view.approvals.len()),
            generation: 1,
            approved_by: None,
            ends: None,
            digest: digest.map(str::to_owned),
            changes: changes.iter().map(|id| (*id).clone()).collect(),
            status: ObjectStatus::default(),
        });
    }

    /// One pass, and what comes of it written back.
    pub async fn pass(&mut self) -> Pass {
        let done = self.look().await;
        self.write_back(&done);
        done
    }

    /// One pass that may look only at this, and what comes of it written back.
    pub async fn pass_about(&mut self, scope: PassScope) -> Pass {
        self.scope = scope;
        let done = self.pass().await;
        self.scope = PassScope::Everything;
        done
    }

    async fn look(&mut self) -> Pass {
        let ahead: Arc<dyn WriteAhead> = Arc::clone(&self.status_store) as Arc<dyn WriteAhead>;
        let session = Session {
            reader: &self.engine.reader,
            gateway: &self.engine.gateway,
            host: "https://platform.example.com",
            lease_term: &self.lease_term,
            quiet_start: SignedDuration::from_mins(15),
            write_ahead: &ahead,
            scope: &self.scope,
        };
        let now = self.now();
        // A pass is a large future.
        Box::pin(pass(&self.view, &mut self.memory, Ok(session), now, CancellationToken::new())).await
    }

    /// A pass that dies right before its call of that number (the first is 1); another process begins. False when the
    /// pass is over before, and written back.
    pub async fn pass_killed_before(&mut self, call: usize) -> bool {
        let kill_point = Arc::clone(&self.engine.kill_point);
        let done = kill_point.before(call, self.look()).await;
        match &done {
            Some(done) => self.write_back(done),
            None => self.restart(),
        }
        done.is_none()
    }

    /// A pass without a way to the account.
    pub async fn pass_without(&mut self, readiness: Readiness) -> Pass {
        let now = self.now();
        let done = pass(&self.view, &mut self.memory, Err(readiness), now, CancellationToken::new()).await;
        self.write_back(&done);
        done
    }

    /// The process ends, and another begins: only the statuses remember.
    pub fn restart(&mut self) {
        if let Some(status) = self.status_store.written_ahead.lock().unwrap().take() {
            self.view.account.status = status;
        }
        self.memory = AccountMemory::restored(&self.view);
        // Nobody has seen what went before.
        self.view.missing.clear();
    }

    fn write_back(&mut self, done: &Pass) {
        for (object, status) in &done.report.statuses {
            for declared in self.view.objects.iter_mut().filter(|declared| declared.meta.object == *object) {
                Arc::make_mut(declared).status = status.clone();
            }
        }
        let was_foreseen = self.status_store.written_ahead.lock().unwrap().take().is_some();
        assert!(done.report.wrote_ahead || !was_foreseen, "what was foreseen would stay");
        self.view.account.status = done.report.account.clone();
        for declared in self.view.objects.iter_mut().map(Arc::make_mut) {
            declared.meta.has_finalizer &=
                !done.housekeeping.remove_finalizer.contains(&declared.meta.object);
        }
        self.view.objects.retain(|declared| declared.meta.deleted.is_none() || declared.meta.has_finalizer);
        for (name, spec) in &done.housekeeping.proposals.create {
            self.view.published.push(Published {
                name: name.clone(),
                digest: spec.digest.clone(),
                part: spec.part.clone(),
                changes: spec.changes.iter().map(|change| ChangeId::parse(&change.id)).collect(),
                waiting: spec
                    .changes
                    .iter()
                    .filter(|change| !change.why.is_empty())
                    .map(|change| ChangeId::parse(&change.id))
                    .collect(),
                created: self.engine.clock.now(),
                progress: PlanProgress::default(),
            });
        }
        for published in &mut self.view.published {
            if let Some(progress) = done.housekeeping.proposals.phases.get(&published.name) {
                published.progress = progress.clone();
            }
        }
        self.view.published.retain(|published| !done.housekeeping.proposals.delete.contains(&published.name));
    }

    /// `True UpToDate: …`, as `kubectl get` would show it.
    pub fn ready(&mut self, kind: Kind, name: &str) -> String {
        let object = self.find(kind, name).unwrap();
        said(&object.status.conditions)
    }

    pub fn account_ready(&self) -> String {
        said(&self.view.account.status.conditions)
    }

    /// Everything an API server would see written: to hold that nothing is.
    pub fn written(&self, before: &View) -> Vec<String> {
        let mut written = Vec::new();
        for (now, then) in self.view.objects.iter().zip(&before.objects) {
            if now.status != then.status || now.meta != then.meta {
                written.push(format!("{}: {:?}", now.meta.object, now.status));
            }
        }
        if self.view.account.status != before.account.status {
            written.push(format!("account: {:?}", self.view.account.status));
        }
        written
    }
}

fn said(conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]) -> String {
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").expect("no Ready condition");
    format!("{} {}: {}", ready.status, ready.reason, ready.message)
}

fn remembered(kind: Kind, name: &str) -> facts::ObjectRef {
    facts::ObjectRef {
        kind: Arc::from(kind.name()),
        namespace: Some(Arc::from(NAMESPACE)),
        name: Arc::from(name),
    }
}

fn is(object: &Declared, kind: Kind, name: &str) -> bool {
    object.meta.object.kind == kind && *object.meta.object.name == *name
}

fn meta(kind: Kind, name: &str, now: Timestamp, number: u32) -> Meta {
    Meta {
        object: ObjectRef { kind, namespace: Arc::from(NAMESPACE), name: Arc::from(name) },
        uid: format!("uid-{number}"),
        generation: 1,
        created: now,
        deleted: None,
        has_finalizer: false,
        is_orphaned: false,
        mode: ObjectMode::Enforce,
        reconcile_at: None,
        accept_memory: None,
        edited: now,
        editors: Vec::new(),
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
