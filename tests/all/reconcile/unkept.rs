//! A value that the platform keeps for itself: switched off below a parent that is off.

use crate::support::engine::Engine;
use crate::support::wants::Wants;
use koreconcile::apply::Outcome;
use koreconcile::facts::{Desired, Key, RoleSpec, RoleType, Value};
use koreconcile::plan::{self, Context, Memory, Plan, Reason};
use koreconcile::sandbox::{Dialect, ParentsSwitchChildren};

fn role(permissions: &[(&str, &str)]) -> Desired {
    let permissions = permissions.iter().map(|(name, level)| ((*name).into(), (*level).into()));
    let spec = RoleSpec { description: None, permissions: permissions.collect() };
    let key = Key::RoleDefinition(RoleType::Admin, "Clerk".into());
    Wants::default().present(key, Value::Role(spec)).build()
}

async fn plan(engine: &Engine, desired: &Desired, memory: &Memory) -> (Plan, koreconcile::facts::World) {
    let world = engine.read(desired).await;
    let context =
        Context { look_up_size: engine.reader.sizes().look_up, memory: memory.clone(), ..Context::default() };
    (plan::make(desired.clone(), &world, &engine.policy, &context), world)
}

fn note(memory: &mut Memory, outcome: &Outcome) {
    for (id, fate) in &outcome.by_change {
        assert!(fate.is_unkept() || fate.is_good(), "{fate:?}");
        memory.note_kept(&outcome.changes[id], fate.is_good());
    }
}

#[tokio::test]
async fn what_a_parent_switches_off_is_sent_twice_and_then_told() {
    for parents_switch_children in [ParentsSwitchChildren::WhenWritten, ParentsSwitchChildren::WhenRead] {
        let engine = Engine::bare(Dialect { parents_switch_children, ..Dialect::default() });
        let desired = role(&[("User Management", "NO"), ("Edit User Information", "YES")]);
        let mut memory = Memory::default();
        // The first apply creates the role, the second one changes it.
        for _ in 0..2 {
            let (made, world) = plan(&engine, &desired, &memory).await;
            assert_eq!(made.refused, [], "{parents_switch_children:?}");
            let outcome = engine.apply_plan(made, &world).await;
            note(&mut memory, &outcome);
        }
        let (told, _) = plan(&engine, &desired, &memory).await;
        let reasons: Vec<Reason> = told.refused.iter().map(|entry| entry.reason).collect();
        assert_eq!(reasons, [Reason::PlatformKeeps], "{parents_switch_children:?}");
        assert!(told.sendable().is_empty());
        // Declared as the platform shows it, nothing is left.
        let desired = role(&[("User Management", "NO"), ("Edit User Information", "NO")]);
        let (told, _) = plan(&engine, &desired, &memory).await;
        assert!(told.is_clean(), "{:?}", told.changes);
    }
}
