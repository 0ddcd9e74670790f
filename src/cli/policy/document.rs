//! A `KorePolicyTest`: what an account holds and declares, a change, and every violation that is expected.

use crate::facts::Email;
use crate::manifest::Input;
use crate::manifest::kinds::{API_VERSION, TEST_KIND};
use crate::policy::Beside;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One document of a `*.test.yaml` file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TestDocument {
    /// Group and version of all kinds.
    pub(super) api_version: String,
    /// What the document is.
    pub(super) kind: String,
    /// Its name.
    pub(super) metadata: Metadata,
    /// The cases, and what they have in common.
    pub(super) spec: TestSpec,
}

/// The name of a test.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Metadata {
    /// Shown with each of its cases.
    pub(super) name: String,
}

/// What all cases of a test have in common.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TestSpec {
    /// Files or folders with the policies, from the test's folder; left out: the other YAML files of that folder.
    #[serde(default)]
    pub(super) policies: Vec<String>,
    /// The time of the judgement. RFC 3339; left out: `2030-01-01T00:00:00Z`.
    #[serde(default)]
    pub(super) now: Option<String>,
    /// What is declared and held before each case.
    #[serde(default)]
    pub(super) given: Vec<Document>,
    /// What the account is besides.
    #[serde(default)]
    pub(super) account: AccountState,
    /// Each is judged by itself.
    pub(super) cases: Vec<CaseSpec>,
}

/// One case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CaseSpec {
    /// Shown with the outcome; no two of a test are alike.
    pub(super) name: String,
    /// What the account holds and no manifest declares.
    #[serde(default)]
    pub(super) undeclared: Vec<Document>,
    /// What is declared anew; it takes the place of what `given` declares under that kind and name.
    #[serde(default)]
    pub(super) change: Vec<Document>,
    /// Every violation, and nothing else.
    pub(super) expect: Vec<Expected>,
}

/// A manifest, without `apiVersion` and, where nothing refers to it, without a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    /// What the document is.
    kind: String,
    /// Its name, where another document refers to it or takes its place.
    #[serde(default)]
    name: Option<String>,
    /// What is declared.
    spec: serde_json::Value,
}

/// What an account is besides its grants.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccountState {
    /// Users who have not accepted their invitation.
    #[serde(default)]
    pending: Vec<String>,
    /// Names of bots that are not published.
    #[serde(default)]
    unpublished: BTreeSet<String>,
    /// Owners of bots, by the bot's name.
    #[serde(default)]
    owners: BTreeMap<String, String>,
}

/// One expected violation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Expected {
    /// Name of the policy.
    pub(super) policy: String,
    /// `introduced`, `existing` or `cured`.
    #[serde(default = "introduced")]
    #[schemars(regex(pattern = "^(introduced|existing|cured)$"))]
    pub(super) state: String,
    /// A part of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

fn introduced() -> String {
    "introduced".to_owned()
}

impl TestDocument {
    /// Reads all documents of a file.
    pub(super) fn read(text: &str) -> Result<Vec<Self>, String> {
        let documents: Vec<Self> = serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
        for document in &documents {
            document.check()?;
        }
        Ok(documents)
    }

    fn check(&self) -> Result<(), String> {
        let Self { api_version, kind, metadata, spec } = self;
        if api_version != API_VERSION || kind != TEST_KIND {
            return Err(format!("{kind} of {api_version}: a test file holds {TEST_KIND} of {API_VERSION}"));
        }
        if spec.cases.is_empty() {
            return Err(format!("{TEST_KIND} {} has no cases", metadata.name));
        }
        let mut names = BTreeSet::new();
        for case in &spec.cases {
            if !names.insert(&case.name) {
                return Err(format!("{TEST_KIND} {} has two cases named {:?}", metadata.name, case.name));
            }
            for Expected { state, .. } in &case.expect {
                if !["introduced", "existing", "cured"].contains(&state.as_str()) {
                    return Err(format!(
                        "case {:?} expects the state {state:?}; write introduced, existing or cured",
                        case.name
                    ));
                }
            }
        }
        Ok(())
    }
}

impl AccountState {
    /// As the account of a test takes it.
    pub(super) fn beside(&self) -> Result<Beside, String> {
        let email = |text: &String| Email::parse(text).map_err(|error| format!("{text:?}: {}", error.why));
        let owner = |(bot, text): (&String, &String)| Ok::<_, String>((bot.clone(), email(text)?));
        Ok(Beside {
            pending: self.pending.iter().map(email).collect::<Result<_, _>>()?,
            unpublished: self.unpublished.clone(),
            owners: self.owners.iter().map(owner).collect::<Result<_, _>>()?,
        })
    }
}

impl Document {
    /// Its kind and name, where it is the document of that number.
    pub(super) fn identity(&self, at: usize) -> (String, String) {
        (self.kind.clone(), self.name.clone().unwrap_or_else(|| format!("document-{at}")))
    }
}

/// Documents as one input. A later one takes the place of an earlier one of its kind and name.
pub(super) fn input(path: &str, documents: &[&Document]) -> Input {
    let mut by_name: BTreeMap<(String, String), &Document> = BTreeMap::new();
    for (at, document) in documents.iter().enumerate() {
        by_name.insert(document.identity(at), document);
    }
    let text: String = by_name
        .into_iter()
        .map(|((kind, name), Document { spec, .. })| {
            let document = serde_json::json!({
                "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec,
            });
            format!("---\n{document}\n")
        })
        .collect();
    Input::new(path, text.as_bytes())
}
