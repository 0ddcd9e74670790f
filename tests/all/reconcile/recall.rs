//! Reading again is reading, on any account, under any reading of the vendor, with edits in between.

use crate::support::console_edit::ConsoleEdit;
use crate::support::random::on_any;
use crate::support::world::case;
use koreconcile::facts::World;
use koreconcile::kore::{ReadRequest, Reader};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All of an account, and everyone in it.
fn everything() -> ReadRequest {
    ReadRequest { look_up_everyone: true, ..ReadRequest::full(BTreeSet::new()) }
}

#[test]
fn reads_any_account_as_one_who_keeps_nothing() {
    let steps = || (case(), prop::collection::vec(prop::collection::vec(ConsoleEdit::any(), 0..3), 1..6));
    let (shared, unedited) = (AtomicUsize::new(0), AtomicUsize::new(0));
    on_any(steps, 20_261_122, 120, async |(case, steps)| {
        let engine = case.engine();
        let plain = Reader::new(engine.gateway.clone());
        let mut before: Option<Arc<World>> = None;
        for edits in steps {
            for edit in &edits {
                edit.make(&engine.admin);
            }
            let again = engine.reader.read_again(&everything()).await.map_err(|error| error.to_string())?;
            let mut anew = plain.read(&everything()).await.map_err(|error| error.to_string())?;
            // A page of each listing may have been asked for in vain, where the listing is another one by now.
            if again.calls > anew.calls + 4 {
                return Err(format!("{} calls instead of {}", again.calls, anew.calls));
            }
            anew.calls = again.calls;
            if *again != anew {
                return Err(format!("{again:?}\nis not\n{anew:?}"));
            }
            if let Some(before) = before.replace(Arc::clone(&again))
                && edits.is_empty()
            {
                unedited.fetch_add(1, Ordering::Relaxed);
                shared.fetch_add(usize::from(Arc::ptr_eq(&before, &again)), Ordering::Relaxed);
            }
        }
        Ok(())
    });
    // Where a call is refused, each read is put together anew.
    let (shared, unedited) = (shared.into_inner(), unedited.into_inner());
    assert!(shared * 2 > unedited, "{shared} of {unedited} reads of the same account share its world");
}
