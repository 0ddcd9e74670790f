//! Where the platform adds to a list of assignments, a list is cleared and sent again: whatever goes wrong in between, the
//! next run gives back what was there.

use crate::support::engine::Engine;
use crate::support::wants::{Wants, email};
use koreconcile::apply::{self, Fate, Journal, Kept, Outcome, Stop, Vault};
use koreconcile::facts::{BatchSize, BotRef, Desired, Key};
use koreconcile::sandbox::{Dialect, Effect, Fault, NewBot, NewUser, PutAssignments};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const UPDATE: &str = "PUT /api/public/users";
const JANE: &str = "jane@example.com";

/// An account that adds, and a state folder. Everybody may use two bots.
struct Site {
    engine: Engine,
    state: TempDir,
}

impl Site {
    fn new(people: &[&str]) -> Self {
        Self::with(people, false)
    }

    fn with(people: &[&str], email_case_sensitive: bool) -> Self {
        let put_assignments = PutAssignments::Adds;
        let mut engine =
            Engine::bare(Dialect { put_assignments, email_case_sensitive, ..Dialect::default() });
        engine.policy.safety.primary_admin = Some(email("owner@example.com"));
        engine.limits.allow_removals = Some(100);
        for bot in ["Banking", "Travel"] {
            engine.admin.add_bot(&NewBot::named(bot)).unwrap();
        }
        for who in people {
            engine.admin.add_user(&NewUser::named(who, "Some", "Body")).unwrap();
            engine.admin.assign(who, "Banking", None).unwrap();
            engine.admin.assign(who, "Travel", None).unwrap();
        }
        let state = tempfile::tempdir().unwrap();
        engine.state = Some(state.path().to_owned());
        Self { engine, state }
    }

    /// What happens to an update, counted from 1 from here on: the list, the clearing, and the list again.
    fn fault(&self, nth: u64, effect: Effect) {
        self.engine.sandbox.faults().add(Fault::on(UPDATE, effect).from_nth(nth));
    }

    fn updates(&self) -> usize {
        self.engine.sandbox.requests().counts().get(UPDATE).copied().unwrap_or(0)
    }

    fn assigned(&self, who: &str) -> Vec<String> {
        self.engine.admin.snapshot().unwrap().users[who].assignments.keys().cloned().collect()
    }

    fn in_flight(&self) -> PathBuf {
        self.state.path().join("in-flight.json")
    }

    /// What stands on disk.
    fn kept(&self) -> String {
        std::fs::read_to_string(self.in_flight()).unwrap_or_default()
    }

    async fn repair(&self) -> Result<Vec<String>, String> {
        repair(&self.engine, Kept::Folder(self.state.path())).await
    }
}

async fn repair(engine: &Engine, kept: Kept<'_>) -> Result<Vec<String>, String> {
    let restored = engine.repair(kept).await;
    restored.map(|people| people.iter().map(ToString::to_string).collect()).map_err(|error| error.to_string())
}

/// Nobody may use Travel any more.
fn without_travel(people: &[&str]) -> Desired {
    let wants = people
        .iter()
        .fold(Wants::default(), |wants, who| wants.absent(Key::Assigned(email(who), BotRef::new("Travel"))));
    wants.build()
}

fn told(outcome: &Outcome) -> String {
    let fates = outcome.fates.iter().map(|(id, fate)| format!("{}: {fate:?}\n", outcome.changes[id].key));
    format!("{} calls, {:?}\n{}", outcome.calls, outcome.error, fates.collect::<String>())
}

#[tokio::test]
async fn reconcile_cleared_and_not_sent_again_is_restored_by_the_next_run() {
    for effect in [
        Effect::Status { status: 401, message: "Unauthorized".into() },
        Effect::Status { status: 400, message: "Invalid Arguments".into() },
        Effect::Status { status: 503, message: "busy".into() },
        Effect::DropBefore,
    ] {
        let site = Site::new(&[JANE]);
        site.fault(3, effect);
        let outcome = site.engine.apply(&without_travel(&[JANE])).await;
        assert!(!outcome.is_complete() || !site.in_flight().exists(), "{}", told(&outcome));
        site.repair().await.unwrap();
        assert_eq!(site.assigned(JANE), ["Banking"], "{}", told(&outcome));
        assert!(!site.in_flight().exists());
        assert!(site.engine.plan(&without_travel(&[JANE])).await.0.changes.is_empty());
    }
}

#[tokio::test]
async fn reconcile_cleared_lists_are_kept_until_a_look_has_shown_them() {
    let site = Site::new(&[JANE]);
    let (kept, file) = (Arc::new(Mutex::new(Vec::new())), site.in_flight());
    let first = site.engine.sandbox.faults().calls() + 1;
    for call in first..first + 40 {
        let (kept, file) = (Arc::clone(&kept), file.clone());
        site.engine.sandbox.faults().before_call(call, move |admin| {
            let assigned = admin.snapshot().unwrap().users[JANE].assignments.len();
            kept.lock().unwrap().push((assigned, file.exists()));
        });
    }
    let outcome = site.engine.apply(&without_travel(&[JANE])).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    assert!(!file.exists());
    let kept = kept.lock().unwrap();
    let since = kept.iter().position(|(_, is_kept)| *is_kept).unwrap();
    let moments = [(2, true), (0, true), (1, true)];
    assert_eq!(
        kept[since..],
        moments,
        "before the clearing, before the list, and before the look that shows it"
    );
}

#[tokio::test]
async fn reconcile_cleared_without_an_answer_nothing_is_sent_behind_it() {
    // Done and its answer lost; and never done.
    for (effect, rest) in [(Effect::DropAfter, &[][..]), (Effect::DropBefore, &["Banking", "Travel"])] {
        let site = Site::new(&[JANE]);
        site.fault(2, effect);
        let outcome = site.engine.apply(&without_travel(&[JANE])).await;
        assert_eq!(site.updates(), 2, "the list and the clearing: {}", told(&outcome));
        assert!(told(&outcome).contains("cleared to be sent anew, and were not taken"), "{}", told(&outcome));
        assert_eq!(site.assigned(JANE), rest);
        assert!(site.kept().contains(JANE));
        assert_eq!(site.repair().await.unwrap(), [JANE]);
        assert!(site.assigned(JANE).contains(&"Banking".to_owned()));
        assert!(!site.in_flight().exists());
        let outcome = site.engine.apply(&without_travel(&[JANE])).await;
        assert!(outcome.is_complete(), "{}", told(&outcome));
        assert_eq!(site.assigned(JANE), ["Banking"]);
    }
}

#[tokio::test]
async fn reconcile_cleared_lists_that_were_taken_and_do_not_show_stay_kept() {
    let site = Site::new(&[JANE]);
    site.fault(3, Effect::PartialBatch { applied: 0, status: None });
    let outcome = site.engine.apply(&without_travel(&[JANE])).await;
    let is_told =
        |fate: &Fate| matches!(fate, Fate::Failed(why) if why.ends_with("the next run restores them"));
    assert_eq!(outcome.count(is_told), 1, "{}", told(&outcome));
    assert!(site.kept().contains(JANE));
    // Taken once more, and still not there: said, and kept.
    site.fault(1, Effect::PartialBatch { applied: 0, status: None });
    let why = site.repair().await.unwrap_err();
    let file = site.in_flight().display().to_string();
    assert!(why.contains("a minute later they are not all there for jane@example.com"), "{why}");
    assert!(why.contains("run again, or restore them in the console") && why.contains(&file), "{why}");
    assert!(site.kept().contains(JANE));
    assert_eq!(site.repair().await.unwrap(), [JANE]);
    assert_eq!(site.assigned(JANE), ["Banking"]);
    // Nothing is kept, and nothing asked.
    let calls = site.engine.gateway.total_calls();
    assert_eq!(site.repair().await.unwrap(), [""; 0]);
    assert_eq!(site.engine.gateway.total_calls(), calls);
}

#[tokio::test]
async fn reconcile_cleared_lists_of_one_batch_stay_kept_while_the_next_is_cleared() {
    let people = ["ann@example.com", "ben@example.com", "cem@example.com"];
    let mut site = Site::new(&people);
    site.engine.policy.batch_size = BatchSize(1);
    // Three lists; clearing and list of ann, taken and not done; the clearing of ben, whose answer is lost.
    site.fault(5, Effect::PartialBatch { applied: 0, status: None });
    site.fault(6, Effect::DropAfter);
    let outcome = site.engine.apply(&without_travel(&people)).await;
    assert_eq!(site.updates(), 6, "cem's list is not cleared: {}", told(&outcome));
    assert_eq!(people.map(|who| site.assigned(who).len()), [0, 0, 2]);
    let kept = site.kept();
    assert_eq!(people.map(|who| kept.contains(who)), [true, true, false], "{kept}");
    assert_eq!(site.repair().await.unwrap().len(), 2);
    assert_eq!(people.map(|who| site.assigned(who).len()), [1, 1, 2]);
    let outcome = site.engine.apply(&without_travel(&people)).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    assert_eq!(people.map(|who| site.assigned(who)), [["Banking"]; 3]);
}

#[tokio::test]
async fn reconcile_cleared_lists_are_kept_under_the_spelling_of_the_account() {
    let site = Site::with(&["Jane@Example.com"], true);
    site.fault(2, Effect::DropAfter);
    site.engine.apply(&without_travel(&[JANE])).await;
    assert_eq!(site.assigned("Jane@Example.com"), [""; 0]);
    assert_eq!(site.repair().await.unwrap(), ["Jane@Example.com"]);
    assert_eq!(site.assigned("Jane@Example.com"), ["Banking"]);
}

#[tokio::test]
async fn reconcile_cleared_lists_of_somebody_who_has_left_are_let_go_of() {
    let site = Site::new(&[JANE]);
    site.fault(2, Effect::DropAfter);
    site.engine.apply(&without_travel(&[JANE])).await;
    site.engine.admin.delete_user(JANE).unwrap();
    assert_eq!(site.repair().await.unwrap(), [""; 0]);
    assert!(!site.in_flight().exists());
}

#[tokio::test]
async fn reconcile_cleared_lists_that_somebody_gave_back_by_hand_are_not_sent() {
    let site = Site::new(&[JANE]);
    site.fault(2, Effect::DropAfter);
    site.engine.apply(&without_travel(&[JANE])).await;
    site.engine.admin.assign(JANE, "Banking", None).unwrap();
    let updates = site.updates();
    assert_eq!(site.repair().await.unwrap(), [JANE]);
    assert_eq!(site.updates(), updates);
    assert!(!site.in_flight().exists());
}

/// What a cluster would keep in the status of an object.
#[derive(Debug, Default)]
struct Drawer(Mutex<Vec<Option<String>>>);

#[async_trait::async_trait]
impl Vault for Drawer {
    async fn keep(&self, text: Option<String>) -> Result<(), String> {
        self.0.lock().unwrap().push(text);
        Ok(())
    }
}

#[tokio::test]
async fn reconcile_cleared_without_a_folder_is_in_a_vault_before_and_restored_from_it() {
    let Site { engine, state: _ } = &Site::new(&[JANE]);
    engine.sandbox.faults().add(Fault::on(UPDATE, Effect::DropBefore).from_nth(3));
    let vault = Arc::new(Drawer::default());
    let (plan, world) = engine.plan(&without_travel(&[JANE])).await;
    let account = engine.account();
    let mut journal = Journal::in_vault(Arc::clone(&vault) as Arc<dyn Vault>);
    apply::run(plan, &world, &engine.policy, &account, &mut journal, Stop::never()).await;
    let assigned = || engine.admin.snapshot().unwrap().users[JANE].assignments.len();
    assert_eq!(assigned(), 0, "cleared, and lost on the way back");
    let kept = vault.0.lock().unwrap().last().cloned().flatten().unwrap();
    repair(engine, Kept::Vault(vault.as_ref(), &kept)).await.unwrap();
    assert_eq!(assigned(), 1);
    assert_eq!(vault.0.lock().unwrap().last().unwrap(), &None);
}
