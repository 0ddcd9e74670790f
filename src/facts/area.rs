//! Areas of an account: what belongs to whom, what documents of an area may touch, and how many owners approve an effect.

use super::{Email, Location, Pattern, RoleName, RoleType, Source, as_read};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One `KoreArea`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Area {
    /// Its name.
    pub name: Arc<str>,
    /// Who approves: addresses of people, and `@name` as the forge calls a user or a team.
    pub owners: Vec<String>,
    /// What its documents may touch.
    pub reach: AreaReach,
    /// How many owners approve an effect.
    pub approvals: AreaApprovals,
    /// The files whose documents are its own, as they were loaded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub files: BTreeSet<Arc<str>>,
    /// The namespaces whose objects are its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Where it is declared.
    pub source: Source,
}

impl Area {
    /// Whether a line is in one of its documents.
    pub fn holds(&self, source: &Source) -> bool {
        match &source.place {
            Location::File { file, .. } => self.files.contains(file),
            Location::Resource(resource) => self.namespaces.iter().any(|name| **name == *resource.namespace),
        }
    }
}

/// How many owners of an area approve an effect on it, by the kind of the effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaApprovals {
    /// Of what gives access, or changes it.
    pub additions: u32,
    /// Of what takes access away.
    pub removals: u32,
    /// Of what gives access of high or critical risk, and of changes of the area itself.
    pub privileged: u32,
}

/// What documents of an area may touch. A lone `*` allows everything and makes nothing the area's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AreaReach {
    /// Bots, by name or id.
    pub bots: Vec<Pattern>,
    /// Roles. Master Admin is meant only by its name.
    pub roles: Vec<Pattern>,
    /// Domains of addresses.
    pub email_domains: Vec<Pattern>,
    /// Platform groups.
    pub groups: Vec<Pattern>,
}

impl AreaReach {
    /// Whether its documents may name a bot that is called or has the id `name`.
    pub fn allows_bot(&self, name: &str) -> bool {
        is_meant(&self.bots, name)
    }

    /// Whether its documents may bind a role.
    pub fn allows_role(&self, role_type: RoleType, name: &str) -> bool {
        if role_type == RoleType::Admin && RoleName::canonical(role_type, name).is_master_admin() {
            return self.names_master_admin();
        }
        is_meant(&self.roles, name)
    }

    /// Whether its documents may name a platform group.
    pub fn allows_group(&self, name: &str) -> bool {
        is_meant(&self.groups, name)
    }

    /// Whether its documents may name a person.
    pub fn allows_person(&self, email: &Email) -> bool {
        is_meant(&self.email_domains, email.domain())
    }

    /// Whether a bot is the area's own.
    pub fn owns_bot(&self, name: &str) -> bool {
        is_meant(own(&self.bots), name)
    }

    /// Whether an admin role is the area's own. A bot role is nobody's: its bot is.
    pub fn owns_admin_role(&self, role: &RoleName) -> bool {
        if role.is_master_admin() {
            self.names_master_admin()
        } else {
            is_meant(own(&self.roles), role.as_str())
        }
    }

    /// Whether a platform group is the area's own.
    pub fn owns_group(&self, name: &str) -> bool {
        is_meant(own(&self.groups), name)
    }

    fn names_master_admin(&self) -> bool {
        let names = self.roles.iter().map(ToString::to_string);
        names.filter(|name| !name.contains('*')).any(|name| {
            name.eq_ignore_ascii_case(RoleName::MASTER_ADMIN)
                || RoleName::canonical(RoleType::Admin, &name).is_master_admin()
        })
    }
}

fn is_meant<'p>(patterns: impl IntoIterator<Item = &'p Pattern>, name: &str) -> bool {
    let folded = as_read(name).to_ascii_lowercase();
    patterns.into_iter().any(|pattern| pattern.matches_folded(&folded))
}

/// Without a lone `*`.
fn own(patterns: &[Pattern]) -> impl Iterator<Item = &Pattern> {
    patterns.iter().filter(|pattern| !pattern.is_anything())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(bots: &[&str], roles: &[&str]) -> AreaReach {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(text)).collect();
        AreaReach { bots: patterns(bots), roles: patterns(roles), ..AreaReach::default() }
    }

    #[test]
    fn a_lone_star_allows_everything_and_owns_nothing() {
        let any = reach(&["*"], &["*"]);
        assert!(any.allows_bot("Banking Assistant") && !any.owns_bot("Banking Assistant"));
        assert!(any.allows_role(RoleType::Admin, "Auditor"));
        assert!(!any.owns_admin_role(&RoleName::new("Auditor")));
        let some = reach(&["Banking *", "st-1"], &["Auditor"]);
        for (bot, is_own) in
            [("banking assistant", true), ("st-1", true), ("Banking", false), ("Retail Banking ", false)]
        {
            assert_eq!((some.allows_bot(bot), some.owns_bot(bot)), (is_own, is_own), "{bot}");
        }
        assert!(some.owns_admin_role(&RoleName::new("Auditor")));
    }

    #[test]
    fn master_admin_is_meant_by_its_name_alone() {
        let master = RoleName::canonical(RoleType::Admin, "Master Admin");
        for (pattern, is_allowed) in
            [("*", false), ("Master *", false), ("Master Admin", true), ("admin", true), ("Bot *", false)]
        {
            let reach = reach(&[], &[pattern]);
            assert_eq!(reach.allows_role(RoleType::Admin, "Master Admin"), is_allowed, "{pattern}");
            assert_eq!(reach.allows_role(RoleType::Admin, "admin"), is_allowed, "{pattern}");
            assert_eq!(reach.owns_admin_role(&master), is_allowed, "{pattern}");
        }
        // A bot role of that name is another role.
        assert!(reach(&[], &["*"]).allows_role(RoleType::Bot, "Master Admin"));
    }
}
