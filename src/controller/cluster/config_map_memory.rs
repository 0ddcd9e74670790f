//! What is remembered of a tenant, in `ConfigMap`s of the controller's own namespace.
//!
//! An index names the parts, each by its digest. Parts are never changed: new ones are created, then the index is
//! replaced if it is still the one that was read, then parts that it does not name are deleted. So whoever reads finds
//! either what was there before a write or all of what came with it. No object owns them: they outlive the account
//! object, and go only by hand.

use crate::controller::pass::RecallError;
use crate::memory::{self, Parts, Seal};
use crate::plan::Memory;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Mutex;

/// On every `ConfigMap` of a memory: which one.
const LABEL: &str = "koreconcile.dev/memory";
const INDEX: &str = "index.json";
const TEXT: &str = "part";
const SEAL: &str = "seal";
/// So many facts come into one part, on average: it stays well below what a `ConfigMap` takes.
const FACTS_PER_PART: usize = 1_000;
/// Parts read or written at once.
const AT_ONCE: usize = 8;

/// The memory of one tenant.
pub(super) struct ConfigMapMemory {
    api: Api<ConfigMap>,
    seal: Seal,
    /// The index as this process has read or written it last.
    last: Mutex<LastIndex>,
}

#[derive(Default)]
struct LastIndex {
    /// Its version at the API server.
    version: Option<String>,
    /// The `ConfigMap`s that it names.
    parts: BTreeSet<String>,
}

/// Which `ConfigMap` holds which part.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    format: IndexFormat,
    /// The tenant, for people.
    tenant: String,
    parts: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
enum IndexFormat {
    #[serde(rename = "koreconcile.dev/memory-index/v1")]
    V1,
}

impl ConfigMapMemory {
    pub(super) fn new(client: Client, namespace: &str, seal: Seal) -> Self {
        Self { api: Api::namespaced(client, namespace), seal, last: Mutex::default() }
    }

    /// What is stored; an empty memory where nothing is.
    pub(super) async fn load(&self, tenant: &str) -> Result<Memory, RecallError> {
        let unreachable = |error: kube::Error| RecallError::Unreachable(error.to_string());
        let unusable = RecallError::Unusable;
        let mut last = self.last.lock().await;
        let Some(index) = self.api.get_opt(&name(tenant)).await.map_err(unreachable)? else {
            *last = LastIndex::default();
            return Ok(Memory::default());
        };
        let version = index.resource_version();
        let data = index.data.unwrap_or_default();
        let text = |name: &str| data.get(name).cloned().unwrap_or_default();
        // From here on, accepting the memory replaces this index.
        *last = LastIndex { version, parts: BTreeSet::new() };
        let index: Index =
            serde_json::from_str(&text(INDEX)).map_err(|error| unusable(format!("its index: {error}")))?;
        let read = |(part, name): (String, String)| async move {
            let found = self.api.get_opt(&name).await.map_err(unreachable)?;
            let text = found.and_then(|found| found.data?.remove(TEXT));
            Ok((part, text.ok_or_else(|| RecallError::Unusable(format!("ConfigMap {name} is missing")))?))
        };
        let names = index.parts.values().cloned().collect();
        let mut parts: Parts =
            stream::iter(index.parts).map(read).buffer_unordered(AT_ONCE).try_collect().await?;
        parts.insert(memory::HEAD.to_owned(), text(memory::HEAD));
        if !self.seal.is_empty() {
            self.seal.verify(&parts, &text(SEAL)).map_err(|error| unusable(error.to_string()))?;
        }
        let memory = memory::join(&parts).map_err(|error| unusable(error.to_string()))?;
        last.parts = names;
        self.sweep(tenant, &last.parts).await;
        Ok(memory)
    }

    /// Replaces what is stored.
    pub(super) async fn store(&self, tenant: &str, memory: &Memory) -> Result<(), String> {
        let mut last = self.last.lock().await;
        let count = (memory.facts.len() / FACTS_PER_PART + 1).next_power_of_two();
        let split = memory::split(memory, u16::try_from(count).unwrap_or(u16::MAX));
        let mut parts = split.map_err(|error| error.to_string())?;
        let seal = self.seal.over(&parts).unwrap_or_default();
        let head = parts.remove(memory::HEAD).unwrap_or_default();
        let names: BTreeMap<String, String> =
            parts.iter().map(|(part, text)| (part.clone(), part_name(tenant, part, text))).collect();
        let new = parts.into_iter().filter(|(part, _)| !last.parts.contains(&names[part]));
        let create = |(part, text): (String, String)| {
            let data = BTreeMap::from([(TEXT.to_owned(), text)]);
            self.create(config_map(tenant, &names[&part], data))
        };
        stream::iter(new).map(create).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let index = Index { format: IndexFormat::V1, tenant: tenant.to_owned(), parts: names.clone() };
        let index = serde_json::to_string(&index).map_err(|error| error.to_string())?;
        let data = BTreeMap::from([
            (INDEX.to_owned(), index),
            (memory::HEAD.to_owned(), head),
            (SEAL.to_owned(), seal),
        ]);
        last.version = self.replace(config_map(tenant, &name(tenant), data), last.version.clone()).await?;
        last.parts = names.into_values().collect();
        self.sweep(tenant, &last.parts).await;
        Ok(())
    }

    /// Creates a part. One that is there already is the same: its name is its digest.
    async fn create(&self, part: ConfigMap) -> Result<(), String> {
        match self.api.create(&PostParams::default(), &part).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(not_written(&part.name_any(), &error)),
        }
    }

    /// Replaces the index, if it is still the one that was read.
    async fn replace(&self, mut index: ConfigMap, version: Option<String>) -> Result<Option<String>, String> {
        let name = index.name_any();
        let written = match version {
            None => self.api.create(&PostParams::default(), &index).await,
            version => {
                index.metadata.resource_version = version;
                self.api.replace(&name, &PostParams::default(), &index).await
            }
        };
        written.map(|written| written.resource_version()).map_err(|error| not_written(&name, &error))
    }

    /// Deletes parts that the index does not name: of the write before, or of one that was interrupted. Where that fails,
    /// the next write tries again.
    async fn sweep(&self, tenant: &str, named: &BTreeSet<String>) {
        let index = name(tenant);
        let ours = ListParams::default().labels(&format!("{LABEL}={}", hash(tenant)));
        let listed = match self.api.list_metadata(&ours).await {
            Ok(listed) => listed,
            Err(error) => return tracing::warn!(%error, "parts of the memory could not be listed"),
        };
        let found = listed.items.into_iter().map(|found| found.name_any());
        for name in found.filter(|name| *name != index && !named.contains(name)) {
            match self.api.delete(&name, &DeleteParams::default()).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => tracing::warn!(name, %error, "an old part of the memory could not be deleted"),
            }
        }
    }
}

fn not_written(name: &str, error: &kube::Error) -> String {
    format!("ConfigMap {name} cannot be written: {error}")
}

fn config_map(tenant: &str, name: &str, data: BTreeMap<String, String>) -> ConfigMap {
    let labels = [(LABEL, hash(tenant)), ("app.kubernetes.io/managed-by", "koreconcile".to_owned())];
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            ..ObjectMeta::default()
        },
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// The name of the index.
fn name(tenant: &str) -> String {
    format!("koreconcile-memory-{}", hash(tenant))
}

fn part_name(tenant: &str, part: &str, text: &str) -> String {
    let digest = hex::encode(Sha256::digest(text));
    let part = part.trim_end_matches(".json");
    format!("{}-{part}-{}", name(tenant), &digest[..16])
}

fn hash(tenant: &str) -> String {
    let mut hash = hex::encode(Sha256::digest(tenant));
    hash.truncate(12);
    hash
}
