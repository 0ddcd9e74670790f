//! The report as a value: serialisable, versioned, with a digest.

use super::{Evidence, digest, gaps};
use crate::facts::{AccountId, BotId, Email, Extent, Family, GroupName, Key, KeyRecord, Listing, RoleName};
use crate::plan::explain::{Attribution, FactStatus};
use crate::plan::{AccountRef, Reason, Risk, RiskLevel, Turn};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Who holds what in one account, or what is wrong with it, or what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this format: `koreconcile.dev/report/v1`.
    pub format: String,
    /// What the report is about.
    pub kind: Kind,
    /// What it rests on, and what it could not see.
    pub head: Head,
    /// The people that rows name, by address.
    pub people: Vec<Person>,
    /// One row a grant, or a finding.
    pub rows: Vec<Row>,
    /// SHA-256 of everything above as compact JSON, in hex.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Who holds what.
    Access,
    /// What is not as it is declared, or as policies want it.
    Violations,
    /// Who holds much and has not signed in for long.
    Dormant,
    /// What was gained and lost between two reads.
    Changes,
}

impl Kind {
    /// As a title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Access => "Access",
            Self::Violations => "Violations",
            Self::Dormant => "Dormant access",
            Self::Changes => "Changes of access",
        }
    }
}

/// What a report rests on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Which account, and where it is.
    pub account: AccountRef,
    /// When the account was read.
    #[schemars(with = "String")]
    pub read_at: Timestamp,
    /// With `changes`: when it was read for the first of the two times.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub compared_with: Option<Timestamp>,
    /// Which manifests it was compared with.
    pub manifests: ManifestState,
    /// Whether each listing was read completely, partially or not at all.
    pub listings: BTreeMap<Listing, Extent>,
    /// Number of people who were looked up one by one.
    pub looked_up: usize,
    /// What the report could not see. Empty: it is complete.
    pub gaps: Vec<String>,
    /// What a reader should know, and no row tells.
    pub notes: Vec<String>,
    /// With `dormant`: who is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dormancy: Option<super::Dormancy>,
    /// What the rows add up to.
    pub counts: Counts,
    /// Addresses, names and ids of people have been replaced or hidden.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

/// Which manifests a report compares the account with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestState {
    /// Their commit, where they are under git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When that commit was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub committed_at: Option<Timestamp>,
    /// SHA-256 of their text, in hex.
    pub digest: String,
    /// Number of documents read.
    pub documents: usize,
}

/// What the rows of a report add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// People whom rows name.
    pub people: usize,
    /// Rows that are a grant.
    pub grants: usize,
    /// Rows by risk; findings by severity.
    pub by_risk: BTreeMap<RiskLevel, usize>,
    /// Rows of what is held and not declared.
    pub unmanaged: usize,
}

/// A person of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The address.
    #[schemars(with = "String")]
    pub email: Email,
    /// First and last name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The organisation's id of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_user_id: Option<String>,
    /// How far the membership has come.
    pub status: PersonStatus,
    /// When the person signed in last. Nothing: the account did not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_sign_in: Option<Timestamp>,
}

/// How far a person's membership has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PersonStatus {
    /// Has joined.
    Active,
    /// Was invited and has not accepted.
    Invited,
    /// Is listed, and the account does not tell whether they have joined.
    Listed,
    /// Is not in the account, as far as is known.
    NotInAccount,
}

impl PersonStatus {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "invited",
            Self::Listed => "listed",
            Self::NotInAccount => "not in the account",
        }
    }
}

/// One grant, or one finding.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// With `changes`: what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// With `violations`: what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// The person who holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub user: Option<Email>,
    /// The kind of fact; none where a finding is about a name and not about a fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// The role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleName>,
    /// The bot's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// The bot's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub bot_id: Option<BotId>,
    /// The platform group: the one that the person is in, or that holds the role by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// The platform group through which the person holds it; none: directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<GroupName>,
    /// What is held, where that is more than yes: builder access, dialogs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// With `changes`: what it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// How much harm its holder could do.
    pub risk: Risk,
    /// Where it is between what is declared and what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<FactStatus>,
    /// The lines that declare it, with their commits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<Attribution>,
    /// Since when it is held, as far as is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<HeldSince>,
    /// When the grant ends by itself, or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Why, as the manifest has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What policies say of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
}

impl Row {
    /// An empty row of that risk.
    pub(super) fn new(risk: Risk) -> Self {
        Self {
            turn: None,
            finding: None,
            user: None,
            family: None,
            role: None,
            bot: None,
            bot_id: None,
            group: None,
            through: None,
            value: None,
            before: None,
            risk,
            status: None,
            declared: Vec::new(),
            since: None,
            until: None,
            reason: None,
            verdicts: Vec::new(),
        }
    }

    /// Whether it is a grant, and not only a person or a finding about a name.
    pub fn is_grant(&self) -> bool {
        self.family.is_some_and(|family| family != Family::Membership)
    }
}

/// Since when something is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldSince {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How exact that is.
    pub known: Since,
    /// The commit that first declared it, where the memory has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How exactly the beginning of a grant is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Since {
    /// A run applied it then.
    Applied,
    /// It has been declared since then, and a read has shown it: it may be older, or have come about later.
    Declared,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What kind of finding.
    pub code: FindingCode,
    /// How bad.
    pub severity: RiskLevel,
    /// What was found.
    pub message: String,
    /// The one safe next step.
    pub next_step: String,
    /// With an entry of a plan: its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_reason: Option<Reason>,
    /// With a policy: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// With a policy: the exception that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FindingCode {
    /// A policy refuses it.
    Policy,
    /// Its end has passed, and it is still held.
    Overdue,
    /// It is not to be held any more, and is.
    NotTakenBack,
    /// It is held and not declared.
    Unmanaged,
    /// It is declared and not in place.
    NotInPlace,
    /// It is declared, and cannot be changed now.
    Blocked,
    /// It is declared, and takes a manual step.
    Manual,
    /// A guard refuses the change.
    Refused,
}

impl FindingCode {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Overdue => "overdue",
            Self::NotTakenBack => "not taken back",
            Self::Unmanaged => "unmanaged",
            Self::NotInPlace => "not in place",
            Self::Blocked => "blocked",
            Self::Manual => "manual step",
            Self::Refused => "refused",
        }
    }
}

/// What one policy says of people and grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The policy's name.
    pub policy: String,
    /// How bad.
    pub severity: RiskLevel,
    /// What it refuses, in its words.
    pub message: String,
    /// The facts it is about. A membership stands for the person with everything they hold.
    #[schemars(with = "Vec<KeyRecord>")]
    pub subjects: Vec<Key>,
    /// The `KorePolicyException` that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excepted_by: Option<String>,
    /// Until when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub excepted_until: Option<Timestamp>,
}

impl Report {
    /// The version of this format.
    pub const FORMAT: &'static str = "koreconcile.dev/report/v1";

    /// The JSON Schema of this format.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }

    /// Rows with their people and a head.
    pub(super) fn new(kind: Kind, evidence: Evidence<'_>, rows: Vec<Row>) -> Self {
        let Evidence { account, world, read_at, manifests, gaps: more, notes, .. } = evidence;
        let mut gaps = gaps::gaps_of(world);
        gaps.extend(more.iter().cloned());
        let named: BTreeSet<&Email> = rows.iter().filter_map(|row| row.user.as_ref()).collect();
        let people: Vec<Person> = named.into_iter().map(|email| super::rows::person(email, world)).collect();
        let id: Option<AccountId> = account.id.clone().or_else(|| world.account.clone());
        let head = Head {
            account: AccountRef { id, ..account.clone() },
            read_at,
            compared_with: None,
            manifests: manifests.clone(),
            listings: world.coverage.listings.clone(),
            looked_up: world.coverage.looked_up.len(),
            gaps,
            notes: notes.to_vec(),
            dormancy: None,
            counts: Counts::add_up(&rows, people.len()),
            redacted: false,
        };
        Self { format: Self::FORMAT.to_owned(), kind, head, people, rows, digest: String::new() }.sealed()
    }

    /// With the digest of what it holds now.
    #[must_use]
    pub(super) fn sealed(mut self) -> Self {
        self.digest.clear();
        self.digest = digest::compute(&self);
        self
    }

    /// Whether nothing was out of sight.
    pub fn is_complete(&self) -> bool {
        self.head.gaps.is_empty()
    }

    /// The people by address.
    pub fn person(&self, email: &Email) -> Option<&Person> {
        self.people.binary_search_by(|person| person.email.cmp(email)).ok().map(|at| &self.people[at])
    }
}

impl Counts {
    fn add_up(rows: &[Row], people: usize) -> Self {
        let mut counts = Self { people, ..Self::default() };
        for row in rows {
            counts.grants += usize::from(row.is_grant());
            let level = row.finding.as_ref().map_or(row.risk.level, |finding| finding.severity);
            *counts.by_risk.entry(level).or_default() += 1;
            counts.unmanaged += usize::from(row.status == Some(FactStatus::Unmanaged));
        }
        counts
    }
}
