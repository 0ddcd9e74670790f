//! The live account as manifests that a person would have written: what `import` puts into a folder.
//!
//! ```text
//! World + Declared ──write──► pages (people, teams, roles, bindings, groups, assignments) + what is left to a person
//! ```
//!
//! In: one read of the account, and what manifests already say of it. Out: texts; no disk. Only facts that were seen,
//! and that are not declared, are written, so that a plan right after has nothing to do. What a manifest cannot say, or
//! names that could mean two things, become comments. The same world gives the same bytes.

mod account;
mod baseline;
mod declared;
mod grants;
pub(super) mod names;
mod people;
mod teams;
pub(super) mod yaml;

pub use account::{AccountDocument, account};
pub use baseline::{BaselineFact, baseline, can_be_known};
pub use declared::Declared;
pub use grants::ByHand;

use crate::facts::World;
use names::{KnownNames, Namer};
use yaml::Page;

/// The JSON Schema beside the manifests, for editors.
pub const SCHEMA_FILE: &str = "manifests.schema.json";
/// The first line of a file in the schema's folder: it tells the language server of an editor where the schema is.
pub const MODELINE: &str = "# yaml-language-server: $schema=manifests.schema.json";

/// What an import comes to.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The pages that hold at least one document, or a comment worth reading; in the order they are best read.
    pub pages: Vec<File>,
    /// What has to be added to objects that people wrote, because these claim to know everybody.
    pub by_hand: Vec<ByHand>,
    /// What no manifest can say, and why.
    pub left_out: Vec<String>,
}

/// One file to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Its name without `.yaml`.
    pub name: &'static str,
    /// Its text.
    pub text: String,
    /// Documents in it.
    pub documents: usize,
}

/// Writes what was observed and is not declared.
pub fn write(world: &World, declared: &Declared) -> Written {
    let known = KnownNames::new(&world.directory, &world.coverage);
    let people = people::nameable(world, declared);
    let mut naming = Namer::new(declared.names.clone());
    let users = people::people(world, declared, &people, &mut naming);
    let roles = people::roles(world, declared, &known, &mut naming);
    let grants::Collected { mut bindings, mut groups, mut assignments, notes, by_hand } =
        grants::collect(world, declared, &known, &people, &mut naming);
    let teams =
        teams::suggest([&mut bindings, &mut assignments, &mut groups], declared, &people, &mut naming);
    let grants::Notes { bindings: of_bindings, groups: of_groups, assignments: of_assignments } = notes;
    let sections = [
        ("people", users),
        ("teams", teams),
        ("roles", roles),
        ("bindings", grants::bindings(&bindings, of_bindings, declared, &people)),
        ("groups", grants::groups(&groups, of_groups, declared, &people)),
        ("assignments", grants::assignments(&assignments, of_assignments, declared, &people)),
    ];
    let mut written = Written { by_hand, ..Written::default() };
    for (name, Section { mut page, left_out: LeftOut(left_out) }) in sections {
        if !left_out.is_empty() {
            page.line(0, "");
            page.comment(0, "Left out, because a manifest cannot express it:");
            for what in &left_out {
                page.comment(0, &format!("- {what}"));
            }
        }
        let is_remark = !left_out.is_empty();
        written.left_out.extend(left_out);
        let (text, documents) = page.finish();
        if documents > 0 || is_remark {
            written.pages.push(File { name, text, documents });
        }
    }
    written
}

impl Declared {
    /// A page with its head; what is added to a folder that people have begun needs no introduction.
    fn page(&self, head: &[&str]) -> Page {
        let mut page = Page::default();
        page.line(0, MODELINE);
        let head = if self.is_begun { &["Added by an import: these were not declared."] } else { head };
        for line in head {
            page.comment(0, line);
        }
        page
    }
}

/// One page, and what could not be written on it.
struct Section {
    page: Page,
    left_out: LeftOut,
}

/// Notes about what a manifest cannot express.
struct LeftOut(Vec<String>);
