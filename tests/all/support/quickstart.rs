//! The quickstart, applied, and what an administrator does to its account in the console.

use super::workspace::Workspace;
use koreconcile::sandbox::{Admin, Holder, Options, Sandbox};

/// Whoever the quickstart invites.
pub const PEOPLE: [&str; 7] =
    ["alex.moe", "kim.lee", "lou.fox", "max.oak", "nia.elm", "robin.poe", "sam.roe"];
/// Its bot.
pub const BOT: &str = "Banking Assistant";

/// The quickstart, applied, with everybody in.
pub fn converged() -> Workspace {
    let workspace = Workspace::example("quickstart");
    workspace.run(&["apply", "--yes"]).expect(0);
    console(&workspace, |admin| {
        for name in PEOPLE {
            admin.accept(&format!("{name}@example.com")).unwrap();
        }
    });
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace
}

/// What an administrator does in the console.
pub fn console<T>(workspace: &Workspace, act: impl FnOnce(&Admin) -> T) -> T {
    let sandbox = Sandbox::open_existing(&workspace.path(".koreconcile/acme"), Options::default()).unwrap();
    act(&sandbox.admin().unwrap())
}

pub fn user(name: &str) -> Holder {
    Holder::User(format!("{name}@example.com"))
}
