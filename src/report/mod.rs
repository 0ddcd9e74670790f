//! Evidence: who holds what, why and since when, as a value that can be kept and checked.
//!
//! In: one read of the account, the explanation and the plan made of it, and the memory. Out: a [`Report`] with one row a
//! grant, a head that names what it rests on and what it could not see, and a digest over both. Pure: no clock, file or
//! network. The formats are in `render`.

mod changes;
mod digest;
mod dormant;
mod gaps;
mod model;
mod redact;
mod rows;
mod violations;

pub use changes::{Moment, changes};
pub use digest::{Checked, check};
pub use dormant::{Dormancy, dormant};
pub use gaps::gaps_of;
pub use model::{
    Counts, Finding, FindingCode, Head, HeldSince, Kind, ManifestState, Person, PersonStatus, Report, Row,
    Since, Verdict,
};
pub use redact::redacted;
pub use violations::violations;

use crate::facts::World;
pub use crate::plan::Turn;
use crate::plan::explain::Explanation;
use crate::plan::{AccountRef, Memory, Plan};
use jiff::Timestamp;

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Which account, and where it is.
    pub account: &'a AccountRef,
    /// One read of it.
    pub world: &'a World,
    /// When it was read.
    pub read_at: Timestamp,
    /// Every fact of both worlds, with lines, commits and dates.
    pub explanation: &'a Explanation,
    /// The plan that the explanation rests on.
    pub plan: &'a Plan,
    /// What was asked for earlier.
    pub memory: &'a Memory,
    /// Which manifests these are.
    pub manifests: &'a ManifestState,
    /// What policies say of people and grants. Where there are no policies, there is nothing.
    pub verdicts: &'a [Verdict],
    /// What the caller could not see, besides what the read itself leaves out.
    pub gaps: &'a [String],
    /// What a reader should know, and no row tells.
    pub notes: &'a [String],
}

/// Who holds what: one row a grant, and one row for each person who holds nothing.
pub fn access(evidence: Evidence<'_>) -> Report {
    let rows = rows::of_everybody(evidence);
    Report::new(Kind::Access, evidence, rows)
}
