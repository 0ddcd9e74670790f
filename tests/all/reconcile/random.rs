//! The promises, on random accounts with random wishes under random readings of the vendor's documentation.

use crate::support::promises::reconcile;
use crate::support::random::on_any_account;

#[test]
fn random_worlds_keep_every_promise_under_any_reading() {
    on_any_account(20_260_101, 1_000, |case| async move {
        let mut engine = case.engine();
        let state = case.is_durable.then(|| tempfile::tempdir().unwrap());
        engine.state = state.as_ref().map(|folder| folder.path().to_owned());
        let desired = case.desired(&engine.admin.snapshot().unwrap());
        reconcile(&case, &engine, &desired).await
    });
}
