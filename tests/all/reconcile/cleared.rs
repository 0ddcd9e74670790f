//! Where the platform adds to a list of assignments, a list is cleared and sent again: whatever goes wrong in between, the
//! next run gives back what was there.

use crate::support::engine::Engine;
use crate::support::wants::{Wants, email};
use koreconcile::apply::{self, BeforeImageSource, BeforeImageStore, ChangeOutcome, Journal, Outcome};
use koreconcile::facts::{BatchSize, BotRef, Desired, Key};
use koreconcile::sandbox::{Dialect, Effect, Fault, NewBot, NewUser, PutAssignments};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const UPDATE: &str = "PUT /api/public/users";
const JANE: &str = "jane@example.com";

/// An account that adds, and a state folder. Everybody may use two bots.
struct Scenario {
    engine: Engine,
    state: TempDir,
}

impl Scenario {
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
        repair(&self.engine, BeforeImageSource::Folder(self.state.path())).await
    }
}

async fn repair(engine: &Engine, kept: BeforeImageSource<'_>) -> Result<Vec<String>, String> {
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
    let by_change = outcome
        .by_change
        .iter()
        .map(|(id, outcome_of)| format!("{}: {outcome_of:?}\n", outcome.changes[id].key));
    format!("{} calls, {:?}\n{}", outcome.calls, outcome.error, by_change.collect::<String>())
}

#[tokio::test]
async fn cleared_and_not_sent_again_is_restored_by_the_next_run() {
    for effect in [
        Effect::Status { status: 401, message: "Unauthorized".into() },
        Effect::Status { status: 400, message: "Invalid Arguments".into() },
        Effect::Status { status: 503, message: "busy".into() },
        Effect::DropBefore,
    ] {
        let scenario = Scenario::new(&[JANE]);
        scenario.fault(3, effect);
        let outcome = scenario.engine.apply(&without_travel(&[JANE])).await;
        assert!(!outcome.is_complete() || !scenario.in_flight().exists(), "{}", told(&outcome));
        scenario.repair().await.unwrap();
        assert_eq!(scenario.assigned(JANE), ["Banking"], "{}", told(&outcome));
        assert!(!scenario.in_flight().exists());
        assert!(scenario.engine.plan(&without_travel(&[JANE])).await.0.changes.is_empty());
    }
}

#[tokio::test]
async fn lists_are_kept_until_a_look_has_shown_them() {
    let scenario = Scenario::new(&[JANE]);
    let (kept, file) = (Arc::new(Mutex::new(Vec::new())), scenario.in_flight());
    let first = scenario.engine.sandbox.faults().calls() + 1;
    for call in first..first + 40 {
        let (kept, file) = (Arc::clone(&kept), file.clone());
        scenario.engine.sandbox.faults().before_call(call, move |admin| {
            let assigned = admin.snapshot().unwrap().users[JANE].assignments.len();
            kept.lock().unwrap().push((assigned, file.exists()));
        });
    }
    let outcome = scenario.engine.apply(&without_travel(&[JANE])).await;
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
async fn without_an_answer_nothing_is_sent_behind_it() {
    // Done and its answer lost; and never done.
    for (effect, rest) in [(Effect::DropAfter, &[][..]), (Effect::DropBefore, &["Banking", "Travel"])] {
        let scenario = Scenario::new(&[JANE]);
        scenario.fault(2, effect);
        let outcome = scenario.engine.apply(&without_travel(&[JANE])).await;
        assert_eq!(scenario.updates(), 2, "the list and the clearing: {}", told(&outcome));
        assert!(told(&outcome).contains("cleared to be sent anew, and were not taken"), "{}", told(&outcome));
        assert_eq!(scenario.assigned(JANE), rest);
        assert!(scenario.kept().contains(JANE));
        assert_eq!(scenario.repair().await.unwrap(), [JANE]);
        assert!(scenario.assigned(JANE).contains(&"Banking".to_owned()));
        assert!(!scenario.in_flight().exists());
        let outcome = scenario.engine.apply(&without_travel(&[JANE])).await;
        assert!(outcome.is_complete(), "{}", told(&outcome));
        assert_eq!(scenario.assigned(JANE), ["Banking"]);
    }
}

#[tokio::test]
async fn lists_that_were_taken_and_do_not_show_stay_kept() {
    let scenario = Scenario::new(&[JANE]);
    scenario.fault(3, Effect::PartialBatch { applied: 0, status: None });
    let outcome = scenario.engine.apply(&without_travel(&[JANE])).await;
    let is_told = |outcome_of: &ChangeOutcome| matches!(outcome_of, ChangeOutcome::Failed(why) if why.ends_with("the next run restores them"));
    assert_eq!(outcome.count(is_told), 1, "{}", told(&outcome));
    assert!(scenario.kept().contains(JANE));
    // Taken once more, and still not there: said, and kept.
    scenario.fault(1, Effect::PartialBatch { applied: 0, status: None });
    let why = scenario.repair().await.unwrap_err();
    let file = scenario.in_flight().display().to_string();
    assert!(why.contains("a minute later they are not all there for jane@example.com"), "{why}");
    assert!(why.contains("run again, or restore them in the console") && why.contains(&file), "{why}");
    assert!(scenario.kept().contains(JANE));
    assert_eq!(scenario.repair().await.unwrap(), [JANE]);
    assert_eq!(scenario.assigned(JANE), ["Banking"]);
    // Nothing is kept, and nothing asked.
    let calls = scenario.engine.gateway.total_calls();
    assert_eq!(scenario.repair().await.unwrap(), [""; 0]);
    assert_eq!(scenario.engine.gateway.total_calls(), calls);
}

#[tokio::test]
async fn lists_of_one_batch_stay_kept_while_the_next_is_cleared() {
    let people = ["ann@example.com", "ben@example.com", "cem@example.com"];
    let mut scenario = Scenario::new(&people);
    scenario.engine.policy.batch_size = BatchSize(1);
    // Three lists; clearing and list of ann, taken and not done; the clearing of ben, whose answer is lost.
    scenario.fault(5, Effect::PartialBatch { applied: 0, status: None });
    scenario.fault(6, Effect::DropAfter);
    let outcome = scenario.engine.apply(&without_travel(&people)).await;
    assert_eq!(scenario.updates(), 6, "cem's list is not cleared: {}", told(&outcome));
    assert_eq!(people.map(|who| scenario.assigned(who).len()), [0, 0, 2]);
    let kept = scenario.kept();
    assert_eq!(people.map(|who| kept.contains(who)), [true, true, false], "{kept}");
    assert_eq!(scenario.repair().await.unwrap().len(), 2);
    assert_eq!(people.map(|who| scenario.assigned(who).len()), [1, 1, 2]);
    let outcome = scenario.engine.apply(&without_travel(&people)).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    assert_eq!(people.map(|who| scenario.assigned(who)), [["Banking"]; 3]);
}

#[tokio::test]
async fn lists_are_kept_under_the_spelling_of_the_account() {
    let scenario = Scenario::with(&["Jane@Example.com"], true);
    scenario.fault(2, Effect::DropAfter);
    scenario.engine.apply(&without_travel(&[JANE])).await;
    assert_eq!(scenario.assigned("Jane@Example.com"), [""; 0]);
    assert_eq!(scenario.repair().await.unwrap(), ["Jane@Example.com"]);
    assert_eq!(scenario.assigned("Jane@Example.com"), ["Banking"]);
}

#[tokio::test]
async fn lists_of_somebody_who_has_left_are_let_go_of() {
    let scenario = Scenario::new(&[JANE]);
    scenario.fault(2, Effect::DropAfter);
    scenario.engine.apply(&without_travel(&[JANE])).await;
    scenario.engine.admin.delete_user(JANE).unwrap();
    assert_eq!(scenario.repair().await.unwrap(), [""; 0]);
    assert!(!scenario.in_flight().exists());
}

#[tokio::test]
async fn lists_that_somebody_gave_back_by_hand_are_not_sent() {
    let scenario = Scenario::new(&[JANE]);
    scenario.fault(2, Effect::DropAfter);
    scenario.engine.apply(&without_travel(&[JANE])).await;
    scenario.engine.admin.assign(JANE, "Banking", None).unwrap();
    let updates = scenario.updates();
    assert_eq!(scenario.repair().await.unwrap(), [JANE]);
    assert_eq!(scenario.updates(), updates);
    assert!(!scenario.in_flight().exists());
}

/// What a cluster would keep in the status of an object.
#[derive(Debug, Default)]
struct InMemoryStatus(Mutex<Vec<Option<String>>>);

#[async_trait::async_trait]
impl BeforeImageStore for InMemoryStatus {
    async fn keep(&self, text: Option<String>) -> Result<(), String> {
        self.0.lock().unwrap().push(text);
        Ok(())
    }
}

#[tokio::test]
async fn without_a_folder_is_in_a_vault_before_and_restored_from_it() {
    let Scenario { engine, state: _ } = &Scenario::new(&[JANE]);
    engine.sandbox.faults().add(Fault::on(UPDATE, Effect::DropBefore).from_nth(3));
    let vault = Arc::new(InMemoryStatus::default());
    let (plan, world) = engine.plan(&without_travel(&[JANE])).await;
    let account = engine.account();
    let mut journal = Journal::in_store(Arc::clone(&vault) as Arc<dyn BeforeImageStore>);
    apply::run(plan, &world, &engine.policy, &account, &mut journal, CancellationToken::new()).await;
    let assigned = || engine.admin.snapshot().unwrap().users[JANE].assignments.len();
    assert_eq!(assigned(), 0, "cleared, and lost on the way back");
    let kept = vault.0.lock().unwrap().last().cloned().flatten().unwrap();
    repair(engine, BeforeImageSource::Store(vault.as_ref(), &kept)).await.unwrap();
    assert_eq!(assigned(), 1);
    assert_eq!(vault.0.lock().unwrap().last().unwrap(), &None);
}
