//! Writes the result of a pass to the cluster: statuses that have changed, plans and events.

use super::decode::{FINALIZER, Watched, resource};
use super::metrics::Metrics;
use crate::controller::pass::{
    Housekeeping, ObjectRef, Pass, PassEvent, PlanProgress, Proposals, StatusChanges, View, shortened,
};
use crate::manifest::kinds::plan::{KorePlanStatus, PlanPhase};
use crate::manifest::kinds::{API_VERSION, AccountStatus, KorePlan, KorePlanSpec, ObjectStatus};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// The field manager of server-side apply.
const MANAGER: &str = "koreconcile";
/// The same for when an account was read.
const READ_MANAGER: &str = "koreconcile-reads";
/// Patches in flight at once.
const AT_ONCE: usize = 16;
/// The longest note an event takes, in bytes.
const NOTE_MAX: usize = 1_000;

/// Writes to the cluster.
pub(super) struct Publisher {
    client: Client,
    recorder: Recorder,
    metrics: Arc<Metrics>,
}

/// A status to write.
struct StatusPatch {
    kind: &'static str,
    namespace: String,
    name: String,
    status: serde_json::Value,
}

impl Publisher {
    pub(super) fn new(client: Client, identity: &str, metrics: Arc<Metrics>) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(identity.to_owned()) };
        Self { recorder: Recorder::new(client.clone(), reporter), client, metrics }
    }

    /// Writes what has changed. A write that fails is logged: the next pass finds the same difference again.
    pub(super) async fn publish(&self, view: &View, pass: &Pass) {
        if pass.is_unchanged() {
            return;
        }
        let Housekeeping { remove_finalizer, proposals } = &pass.housekeeping;
        let changes = StatusChanges::new(view, pass);
        let uids: HashMap<&ObjectRef, &str> =
            view.objects().map(|object| (&object.meta.object, object.meta.uid.as_str())).collect();
        for object in remove_finalizer {
            self.remove_finalizer(object).await;
        }
        stream::iter(patches(view, &changes))
            .for_each_concurrent(AT_ONCE, |patch| self.patch_status(patch))
            .await;
        self.publish_plans(view, proposals, &changes).await;
        // The events of one object keep their order.
        let by_object = pass.report.events.chunk_by(|one, next| one.object == next.object);
        stream::iter(by_object)
            .for_each_concurrent(AT_ONCE, |events| self.publish_events(view, &uids, events))
            .await;
    }

    async fn publish_events(&self, view: &View, uids: &HashMap<&ObjectRef, &str>, events: &[PassEvent]) {
        let account = &view.account.meta;
        for event in events {
            let (object, uid) = match &event.object {
                None => (&account.object, account.uid.as_str()),
                Some(object) => (object, uids.get(object).copied().unwrap_or_default()),
            };
            // An object that is gone has no uid.
            if !uid.is_empty() {
                self.publish_event(object, uid, event).await;
            }
        }
    }

    /// Writes the status of an object without an account.
    pub(super) async fn write_object_status(&self, object: &ObjectRef, status: &ObjectStatus) {
        self.patch_status(patch(object, status)).await;
    }

    /// Writes the status of an account.
    pub(super) async fn write_account_status(
        &self,
        account: &ObjectRef,
        status: &AccountStatus,
    ) -> kube::Result<()> {
        self.write_status(&patch(account, status)).await
    }

    /// Writes when an account was read in full. It has a field manager of its own, so that it is neither compared nor taken back
    /// with the rest of the status.
    pub(super) async fn note_read(&self, account: &ObjectRef, at: Timestamp) {
        let ObjectRef { kind, namespace, name } = account;
        let kind = kind.name();
        let status = AccountStatus { last_read: Some(at), ..AccountStatus::default() };
        let body = json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "status": status });
        let parameters = PatchParams::apply(READ_MANAGER).force();
        let api = self.api(namespace, &resource(kind));
        match api.patch_status(name, &parameters, &Patch::Apply(&body)).await {
            Ok(_) => self.metrics.patched(kind),
            // Deleted meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => tracing::warn!(%account, %error, "when it was read could not be written"),
        }
    }

    async fn patch_status(&self, patch: StatusPatch) {
        let StatusPatch { kind, namespace, name, status: _ } = &patch;
        match self.write_status(&patch).await {
            Ok(()) => {}
            // Deleted meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => tracing::warn!(kind, namespace, name, %error, "the status could not be written"),
        }
    }

    async fn write_status(&self, patch: &StatusPatch) -> kube::Result<()> {
        let StatusPatch { kind, namespace, name, status } = patch;
        let api = self.api(namespace, &resource(kind));
        let body = json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "status": status });
        let parameters = PatchParams::apply(MANAGER).force();
        let mut written = api.patch_status(name, &parameters, &Patch::Apply(&body)).await;
        // Server-side apply has no type for an object that was stored before its schema changed, and answers 500.
        if matches!(&written, Err(kube::Error::Api(status)) if matches!(status.code, 422 | 500)) {
            let body = json!({ "status": body["status"] });
            written = api.patch_status(name, &PatchParams::default(), &Patch::Merge(&body)).await;
        }
        written.map(|_| self.metrics.patched(kind))
    }

    /// Takes the finalizer of an earlier version off an object, whatever field manager owns it (a restored backup has other ones). Other
    /// finalizers stay, and an edit in between makes it read the object again.
    pub(super) async fn remove_finalizer(&self, object: &ObjectRef) {
        let api = self.api(&object.namespace, &resource(object.kind.name()));
        for _ in 0..3 {
            let found = match api.get_metadata_opt(&object.name).await {
                Ok(Some(found)) => found.metadata,
                Ok(None) => return,
                Err(error) => return tracing::warn!(%object, %error, "the finalizer could not be taken off"),
            };
            let others: Vec<String> =
                found.finalizers.unwrap_or_default().into_iter().filter(|name| name != FINALIZER).collect();
            let body =
                json!({ "metadata": { "resourceVersion": found.resource_version, "finalizers": others } });
            match api.patch_metadata(&object.name, &PatchParams::default(), &Patch::Merge(&body)).await {
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.code == 404 => return,
                Err(error) => return tracing::warn!(%object, %error, "the finalizer could not be taken off"),
            }
        }
    }

    async fn publish_plans(&self, view: &View, proposals: &Proposals, changes: &StatusChanges<'_>) {
        let namespace = &*view.account.meta.object.namespace;
        let api: Api<KorePlan> = Api::namespaced(self.client.clone(), namespace);
        for (name, spec) in &proposals.create {
            let plan = plan_object(name, spec.clone(), view);
            match api.create(&PostParams::default(), &plan).await {
                Ok(_) => {
                    let progress = proposals.phases.get(name).cloned().unwrap_or_default();
                    self.write_plan_status(namespace, name, status_of(progress)).await;
                }
                // Published before a restart, and not in the cache yet.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => tracing::warn!(name, %error, "the plan could not be published"),
            }
        }
        for (name, progress) in &changes.plans {
            self.write_plan_status(namespace, name, status_of((*progress).clone())).await;
        }
        for name in &proposals.delete {
            if let Err(error) = api.delete(name, &DeleteParams::default()).await {
                tracing::warn!(name, %error, "a settled plan could not be deleted");
            }
        }
    }

    async fn write_plan_status(&self, namespace: &str, name: &str, status: KorePlanStatus) {
        self.patch_status(StatusPatch {
            kind: Watched::Plan.name(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            status: value(&status),
        })
        .await;
    }

    /// Publishes an event.
    pub(super) async fn publish_event(&self, object: &ObjectRef, uid: &str, event: &PassEvent) {
        let PassEvent { object: _, reason, message, is_warning } = event;
        let event = Event {
            type_: if *is_warning { EventType::Warning } else { EventType::Normal },
            reason: reason.clone(),
            note: Some(shortened(message, NOTE_MAX)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        let reference = ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(object.kind.name().to_owned()),
            name: Some(object.name.to_string()),
            namespace: Some(object.namespace.to_string()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        match self.recorder.publish(&event, &reference).await {
            Ok(()) => self.metrics.published_event(),
            Err(error) => tracing::warn!(%object, %error, "the event could not be published"),
        }
    }

    fn api(&self, namespace: &str, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, resource)
    }
}

fn status_of(progress: PlanProgress) -> KorePlanStatus {
    let PlanProgress { phase, approved, rest } = progress;
    let settled_at = match phase {
        PlanPhase::Pending | PlanPhase::Approved => None,
        PlanPhase::Done | PlanPhase::Superseded => Some(Timestamp::now()),
    };
    KorePlanStatus { phase, approved, rest, settled_at }
}

fn patches(view: &View, changes: &StatusChanges<'_>) -> Vec<StatusPatch> {
    let account = &view.account.meta.object;
    let objects = changes.objects.iter().map(|(object, status)| patch(object, status));
    let of_account = changes.account.map(|status| patch(account, status));
    let approvals = changes.approvals.iter().map(|(name, status)| StatusPatch {
        kind: Watched::Approval.name(),
        namespace: account.namespace.to_string(),
        name: (*name).to_owned(),
        status: value(status),
    });
    objects.chain(of_account).chain(approvals).collect()
}

fn patch(object: &ObjectRef, status: &impl Serialize) -> StatusPatch {
    StatusPatch {
        kind: object.kind.name(),
        namespace: object.namespace.to_string(),
        name: object.name.to_string(),
        status: value(status),
    }
}

fn value(status: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(status).unwrap_or_default()
}

/// A plan is owned by its account object, and deleted with it.
fn plan_object(name: &str, spec: KorePlanSpec, view: &View) -> KorePlan {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
    let meta = &view.account.meta;
    let mut plan = KorePlan::new(name, spec);
    plan.metadata.namespace = Some(meta.object.namespace.to_string());
    plan.metadata.owner_references = Some(vec![OwnerReference {
        api_version: API_VERSION.to_owned(),
        kind: meta.object.kind.name().to_owned(),
        name: meta.object.name.to_string(),
        uid: meta.uid.clone(),
        ..OwnerReference::default()
    }]);
    plan
}
