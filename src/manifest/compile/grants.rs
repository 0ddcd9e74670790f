//! Objects become claims about facts, and scopes.

use super::claims::{self, Claim, Claims, Stance};
use super::people::People;
use super::teams::Teams;
use crate::facts::{
    BotRef, Closure, DialogSet, Email, GrantTerms, GroupName, Holder, Key, Membership, Move, PersonName,
    RoleName, RoleSpec, RoleType, Scope, ScopeExtent, Source, Value,
};
use crate::manifest::finding::{Code, Finding};
use crate::manifest::kinds::shared::{AbsentPerson, MembershipMode, PersonSubject, State, Subject};
use crate::manifest::kinds::user::Offboard;
use crate::manifest::kinds::{
    KoreBotAssignmentSpec, KoreGroupMembershipSpec, KoreRoleBindingSpec, KoreRoleSpec, KoreTeamSpec,
    KoreUserSpec, Spec,
};
use crate::manifest::model::Manifest;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Collects what the objects of one account say.
pub(super) struct Grants<'m> {
    pub(super) now: Timestamp,
    pub(super) people: People,
    pub(super) teams: Teams<'m>,
    pub(super) claims: Claims,
    pub(super) scopes: Vec<Scope<BotRef>>,
    pub(super) strip: BTreeSet<Email>,
    pub(super) moves: BTreeMap<Email, Move>,
    pub(super) terms: Vec<(Key<BotRef>, GrantTerms)>,
    pub(super) findings: Vec<Finding>,
}

/// What the three granting kinds have in common.
struct GrantRule<'g> {
    manifest: &'g Manifest,
    membership: MembershipMode,
    allow_empty: bool,
    extent: ScopeExtent<BotRef>,
    subjects: Vec<Granted<'g>>,
    absent: Vec<Holder>,
    value: Value,
}

/// One subject, of any kind.
struct Granted<'g> {
    user: Option<&'g Email>,
    team: Option<&'g str>,
    group: Option<&'g GroupName>,
    expires_at: Option<Timestamp>,
    reason: Option<&'g String>,
    ticket: Option<&'g String>,
}

impl Granted<'_> {
    /// What its line says besides, if it says anything.
    fn terms(&self) -> Option<GrantTerms> {
        let (reason, ticket) = (self.reason.cloned(), self.ticket.cloned());
        (reason.is_some() || ticket.is_some()).then_some(GrantTerms { reason, ticket })
    }
}

impl Grants<'_> {
    /// Takes one object.
    pub(super) fn take(&mut self, manifest: &Manifest) {
        match &manifest.spec {
            Spec::User(spec) => self.user(manifest, spec),
            Spec::Team(spec) => self.team(manifest, spec),
            Spec::GroupMembership(spec) => self.group_membership(manifest, spec),
            Spec::Role(spec) => self.role(manifest, spec),
            Spec::RoleBinding(spec) => self.role_binding(manifest, spec),
            Spec::BotAssignment(spec) => self.bot_assignment(manifest, spec),
            // They grant nothing: `policies`, `baseline` and `areas` take the others.
            Spec::Account(_)
            | Spec::Policy(_)
            | Spec::PolicyException(_)
            | Spec::Baseline(_)
            | Spec::Area(_) => {}
        }
    }

    fn present(&mut self, key: Key<BotRef>, value: Value, source: Source) {
        let stance = Stance::Present(value);
        self.claims.push(Claim { key, stance, source, until: None, reason: None });
    }

    fn moves(&mut self, manifest: &Manifest, to: &Email, previous: &[Email]) {
        for (index, old) in previous.iter().enumerate() {
            let spot = || manifest.item_spot("previousEmails", index);
            if old == to {
                let message = format!("{old} is the address of this KoreUser, and not a previous one");
                self.findings
                    .push(Finding::new(Code::Contradiction, spot(), message).hint("delete the line"));
                continue;
            }
            let old = self.people.known(old);
            let source = manifest.item("previousEmails", index);
            let known = self.moves.insert(old.clone(), Move { to: to.clone(), source });
            if let Some(other) = known.filter(|other| other.to != *to) {
                let message = format!("{old} is a previous address of {} as well", other.to);
                self.findings.push(
                    Finding::new(Code::Contradiction, spot(), message)
                        .hint("keep one of the two lines")
                        .related(claims::spot(&other.source), "the other one"),
                );
            }
        }
    }

    fn user(&mut self, manifest: &Manifest, spec: &KoreUserSpec) {
        let KoreUserSpec {
            account: _,
            email,
            previous_emails,
            first_name,
            last_name,
            org_user_id,
            profile,
            builder_access,
            groups,
            state,
            data_tables,
            offboard,
            deletion_policy: _,
        } = spec;
        let email = self.people.known(email);
        self.moves(manifest, &email, previous_emails);
        if *state == State::Absent {
            let source = manifest.source("state");
            self.claims.push(Claim {
                key: Key::Member(email.clone()),
                stance: Stance::Absent,
                source,
                until: None,
                reason: None,
            });
            if *offboard == Offboard::StripAccess {
                self.strip.insert(email);
            }
            return;
        }
        self.present(Key::Member(email.clone()), Value::Member(Membership::Joined), manifest.source("email"));
        if first_name.is_some() || last_name.is_some() {
            let field = if first_name.is_some() { "firstName" } else { "lastName" };
            let names = PersonName { first: first_name.clone(), last: last_name.clone() };
            self.present(Key::Names(email.clone()), Value::Names(names), manifest.source(field));
        }
        if let Some(access) = builder_access {
            let value = Value::Access((*access).into());
            self.present(Key::Access(email.clone()), value, manifest.source("builderAccess"));
        }
        let fields = profile.iter().flat_map(|profile| profile.fields());
        let fields = fields.map(|(name, text)| (name.to_owned(), text.clone()));
        let id = org_user_id.iter().map(|id| ("orgUserId".to_owned(), id.clone()));
        let fields: std::collections::BTreeMap<String, String> = fields.chain(id).collect();
        if !fields.is_empty() {
            let field = if profile.is_some() { "profile" } else { "orgUserId" };
            self.present(Key::Profile(email.clone()), Value::Profile(fields), manifest.source(field));
        }
        if let Some(data_tables) = data_tables {
            let value = Value::DataTables(*data_tables);
            self.present(Key::DataTables(email.clone()), value, manifest.source("dataTables"));
        }
        for (index, group) in groups.iter().enumerate() {
            let key = Key::InGroup(email.clone(), group.clone());
            self.present(key, Value::Held, manifest.item("groups", index));
        }
    }

    fn team(&mut self, manifest: &Manifest, spec: &KoreTeamSpec) {
        let KoreTeamSpec { account: _, invite_members, members, teams } = spec;
        let members: Vec<Email> = members.iter().map(|member| self.people.known(member)).collect();
        if !invite_members {
            return;
        }
        let name = &manifest.name;
        let mut invited: Vec<(Email, Source)> = Vec::new();
        for (index, member) in members.into_iter().enumerate() {
            invited.push((member, manifest.item("members", index).through(name)));
        }
        for (index, team) in teams.iter().enumerate() {
            let source = manifest.item("teams", index).through(&Arc::from(team.as_str()));
            let expansion = self.teams.expand(team, manifest, &mut self.people);
            invited.extend(expansion.members.iter().map(|member| (member.clone(), source.clone())));
        }
        for (member, source) in invited {
            self.present(Key::Member(member), Value::Member(Membership::Joined), source);
        }
    }

    fn role(&mut self, manifest: &Manifest, spec: &KoreRoleSpec) {
        let KoreRoleSpec { account: _, r#type, name, description, permissions } = spec;
        let role_type = RoleType::from(*r#type);
        let key = Key::RoleDefinition(role_type, RoleName::canonical(role_type, name));
        let value =
            Value::Role(RoleSpec { description: description.clone(), permissions: permissions.clone() });
        self.present(key, value, manifest.source("name"));
    }

    fn group_membership(&mut self, manifest: &Manifest, spec: &KoreGroupMembershipSpec) {
        let KoreGroupMembershipSpec {
            account: _,
            group: _,
            membership,
            local: _,
            subjects,
            absent,
            allow_empty,
            deletion_policy: _,
        } = spec;
        self.grant(GrantRule {
            manifest,
            membership: *membership,
            allow_empty: *allow_empty,
            extent: spec.list(),
            subjects: subjects.iter().map(person).collect(),
            absent: absent.iter().map(absent_person).collect(),
            value: Value::Held,
        });
    }

    fn role_binding(&mut self, manifest: &Manifest, spec: &KoreRoleBindingSpec) {
        let KoreRoleBindingSpec {
            account: _,
            role: _,
            bot: _,
            membership,
            subjects,
            absent,
            allow_empty,
            deletion_policy: _,
        } = spec;
        let absent = absent.iter().filter_map(|absent| match (&absent.user, &absent.group) {
            (Some(user), _) => Some(Holder::User(user.clone())),
            (_, Some(group)) => Some(Holder::Group(group.clone())),
            (None, None) => None,
        });
        self.grant(GrantRule {
            manifest,
            membership: *membership,
            allow_empty: *allow_empty,
            extent: spec.list(),
            subjects: subjects.iter().map(subject).collect(),
            absent: absent.collect(),
            value: Value::Held,
        });
    }

    fn bot_assignment(&mut self, manifest: &Manifest, spec: &KoreBotAssignmentSpec) {
        let KoreBotAssignmentSpec {
            account: _,
            bot: _,
            dialogs,
            membership,
            subjects,
            absent,
            allow_empty,
            deletion_policy: _,
        } = spec;
        let dialogs =
            if dialogs.is_empty() { DialogSet::ALL } else { DialogSet::only(dialogs.iter().cloned()) };
        self.grant(GrantRule {
            manifest,
            membership: *membership,
            allow_empty: *allow_empty,
            extent: spec.list(),
            subjects: subjects.iter().map(person).collect(),
            absent: absent.iter().map(absent_person).collect(),
            value: Value::Dialogs(dialogs),
        });
    }

    fn grant(&mut self, grant: GrantRule<'_>) {
        let GrantRule { manifest, membership, allow_empty, extent, subjects, absent, value } = grant;
        let mut gap = None;
        let (mut has_teams, mut live, mut live_in_teams) = (false, 0, 0);
        for (index, subject) in subjects.iter().enumerate() {
            let is_live = self.check_live(subject.expires_at, manifest, index);
            let (holders, missing) = self.holders(subject, manifest, index);
            gap = gap.or(missing);
            has_teams |= subject.team.is_some();
            if is_live {
                live += holders.len();
                live_in_teams += if subject.team.is_some() { holders.len() } else { 0 };
            }
            let terms = subject.terms().filter(|_| is_live);
            for (holder, source) in holders {
                if let (Some(terms), Some(key)) = (&terms, key(&extent, holder.clone())) {
                    self.terms.push((key, terms.clone()));
                }
                let stance = if is_live { Stance::Present(value.clone()) } else { Stance::Expired };
                if let Some(key) = key(&extent, holder) {
                    let reason = subject.reason.map(|reason| Arc::from(reason.as_str()));
                    self.claims.push(Claim { key, stance, source, until: subject.expires_at, reason });
                }
            }
        }
        for (index, holder) in absent.into_iter().enumerate() {
            let holder = match holder {
                Holder::User(user) => Holder::User(self.people.known(&user)),
                holder @ Holder::Group(_) => holder,
            };
            let source = manifest.item("absent", index);
            if let Some(key) = key(&extent, holder) {
                self.claims.push(Claim { key, stance: Stance::Absent, source, until: None, reason: None });
            }
        }
        let is_nobody = live == 0 || (has_teams && live_in_teams == 0);
        let closure = match membership {
            MembershipMode::Additive => Closure::Additive,
            MembershipMode::Authoritative => match gap {
                Some(gap) => Closure::Open(gap),
                None if is_nobody && !allow_empty => Closure::Open(self.nobody(manifest, live)),
                None => Closure::Closed,
            },
        };
        self.scopes.push(Scope { extent, closure, sources: vec![manifest.source("membership")] });
    }

    /// The users of a subject, each with the line that lists them; and why some may be missing.
    fn holders(
        &mut self,
        subject: &Granted<'_>,
        manifest: &Manifest,
        index: usize,
    ) -> (Vec<(Holder, Source)>, Option<String>) {
        let Granted { user, team, group, expires_at: _, reason: _, ticket: _ } = subject;
        let source = manifest.item("subjects", index);
        match (user, group, team) {
            (Some(user), ..) => (vec![(Holder::User(self.people.known(user)), source)], None),
            (None, Some(group), _) => (vec![(Holder::Group((*group).clone()), source)], None),
            (None, None, Some(team)) => {
                let expansion = self.teams.expand(team, manifest, &mut self.people);
                let source = source.through(&Arc::from(*team));
                let members = expansion.members.iter();
                let members = members.map(|member| (Holder::User(member.clone()), source.clone()));
                (members.collect(), expansion.gap.clone())
            }
            (None, None, None) => (Vec::new(), None),
        }
    }

    /// Whether the grant still applies; a finding where it does not.
    fn check_live(&mut self, expires_at: Option<Timestamp>, manifest: &Manifest, index: usize) -> bool {
        let Some(end) = expires_at.filter(|end| *end <= self.now) else { return true };
        self.findings.push(
            Finding::new(
                Code::Expired,
                manifest.item_spot("subjects", index),
                format!("this grant ended at {end}"),
            )
            .hint("the access is removed; delete the line once that has been applied"),
        );
        false
    }

    fn nobody(&mut self, manifest: &Manifest, live: usize) -> String {
        let who = if live == 0 { "it has no subjects" } else { "its teams have no members" };
        let message = format!("this {} is Authoritative, and {who}: nothing is pruned", manifest.kind());
        self.findings.push(
            Finding::new(Code::NobodyLeft, manifest.spot("membership"), message)
                .hint("write allowEmpty: true to remove every holder"),
        );
        format!("{who}, and allowEmpty is not true")
    }
}

/// The fact that a holder is in a scope; a group is in nothing but roles.
fn key(extent: &ScopeExtent<BotRef>, holder: Holder) -> Option<Key<BotRef>> {
    Some(match (extent, holder) {
        (ScopeExtent::AdminRole(role), holder) => Key::AdminRole(holder, role.clone()),
        (ScopeExtent::BotRole(role, bot), holder) => Key::BotRole(holder, role.clone(), bot.clone()),
        (ScopeExtent::Group(group), Holder::User(user)) => Key::InGroup(user, group.clone()),
        (ScopeExtent::Assignments(bot), Holder::User(user)) => Key::Assigned(user, bot.clone()),
        (ScopeExtent::Group(_) | ScopeExtent::Assignments(_), Holder::Group(_)) => return None,
    })
}

fn subject(subject: &Subject) -> Granted<'_> {
    let Subject { user, team, group, expires_at, reason, ticket } = subject;
    Granted {
        user: user.as_ref(),
        team: team.as_deref(),
        group: group.as_ref(),
        expires_at: *expires_at,
        reason: reason.as_ref(),
        ticket: ticket.as_ref(),
    }
}

fn person(subject: &PersonSubject) -> Granted<'_> {
    let PersonSubject { user, team, expires_at, reason, ticket } = subject;
    Granted {
        user: user.as_ref(),
        team: team.as_deref(),
        group: None,
        expires_at: *expires_at,
        reason: reason.as_ref(),
        ticket: ticket.as_ref(),
    }
}

fn absent_person(absent: &AbsentPerson) -> Holder {
    Holder::User(absent.user.clone())
}
