//! The pull-request workflow: `plan --base`, saved plans, snapshots and undo with the binary in real folders and
//! repositories, the rich plan that renderings are tested with, and the story that `scripts/story.sh` plays.

mod base;
mod plan;
mod saved;
mod story;
