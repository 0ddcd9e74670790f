//! What the plan warns of is what a manifest may write: two lists in two rooms that know nothing of each other.

use koreconcile::facts::RoleType;
use koreconcile::manifest::check;
use koreconcile::plan::escalating_permissions;
use std::collections::BTreeSet;

#[test]
fn every_permission_that_gives_rights_is_in_the_vocabulary() {
    let known: BTreeSet<&str> = RoleType::ALL.into_iter().flat_map(check::permissions).collect();
    let escalating = escalating_permissions();
    assert!(!escalating.is_empty());
    let unknown: Vec<&&str> = escalating.iter().filter(|name| !known.contains(**name)).collect();
    assert!(unknown.is_empty(), "src/manifest/check/vocabulary.rs does not know {unknown:?}");
}
