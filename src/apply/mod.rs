//! A plan becomes calls, and the account is read again to see that it came out as planned.
//!
//! [`run`](fn@run) takes the plan by value, so that it cannot be applied twice, and gives an [`Outcome`]: what became
//! of every change. This is the only room that holds a [`crate::kore::Writer`]; whoever plans cannot write.
//! It does not know manifests, Kubernetes or the terminal.

mod assignments;
mod before_image_store;
mod check;
mod encode;
mod history;
mod journal;
mod known_ids;
mod outcome;
mod repair;
mod run;
mod runs;
mod saved;
mod undo;

pub use before_image_store::BeforeImageStore;
pub use history::{Applied, history};
pub use journal::{Journal, JournalError};
pub use outcome::{ChangeOutcome, Outcome};
pub use repair::{BeforeImageSource, RepairError, repair};
pub use run::{Account, FirstLook, run, run_after};
pub use runs::{Run, runs};
pub use saved::{SavedPlan, SavedPlanError};
pub use undo::{Undo, UndoError, Undone, undo};
