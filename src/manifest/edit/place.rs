//! Where a fact is in the manifests: by person, by list of holders, by role.

use crate::facts::{BotRef, Email, GroupName, Holder, Key, RoleName, RoleType, ScopeExtent};
use crate::manifest::kinds::shared::MembershipMode;
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::model::{Index, Manifest};
use crate::manifest::write::names::KnownNames;
use std::collections::HashMap;

/// One item of a list that names a holder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mention {
    /// Which object, by its position in [`Places::objects`].
    pub object: usize,
    /// `subjects`, `absent`, `members`, `groups`
    pub list: &'static str,
    /// Which item.
    pub index: usize,
}

/// The objects of one account, by what they are about.
pub(super) struct Places<'m> {
    pub objects: Vec<&'m Manifest>,
    pub users: HashMap<&'m Email, Vec<usize>>,
    pub lists: HashMap<ScopeExtent, Vec<usize>>,
    pub roles: HashMap<(RoleType, RoleName), Vec<usize>>,
    mentions: HashMap<Holder, Vec<Mention>>,
    index: Index<'m>,
}

impl<'m> Places<'m> {
    pub(super) fn new(all: &'m [Manifest], objects: Vec<&'m Manifest>, known: &KnownNames<'_>) -> Self {
        let mut places = Self {
            objects: Vec::new(),
            users: HashMap::new(),
            lists: HashMap::new(),
            roles: HashMap::new(),
            mentions: HashMap::new(),
            index: Index::new(all),
        };
        for (at, object) in objects.iter().enumerate() {
            places.note(at, object, known);
        }
        places.objects = objects;
        places
    }

    fn note(&mut self, at: usize, object: &'m Manifest, known: &KnownNames<'_>) {
        match &object.spec {
            Spec::User(spec) => self.users.entry(&spec.email).or_default().push(at),
            Spec::Team(spec) => {
                for (index, member) in spec.members.iter().enumerate() {
                    self.mention(Holder::User(member.clone()), at, "members", index);
                }
            }
            Spec::Role(spec) => {
                let role_type = RoleType::from(spec.r#type);
                let role = RoleName::canonical(role_type, &spec.name);
                self.roles.entry((role_type, role)).or_default().push(at);
            }
            Spec::Account(_)
            | Spec::Policy(_)
            | Spec::PolicyException(_)
            | Spec::Baseline(_)
            | Spec::Area(_) => {}
            Spec::RoleBinding(_) | Spec::GroupMembership(_) | Spec::BotAssignment(_) => {
                if let Some(extent) = extent_of_object(object, known) {
                    self.lists.entry(extent).or_default().push(at);
                }
                for (index, subject) in subjects(object).iter().enumerate() {
                    if let Some(holder) = subject.holder() {
                        self.mention(holder, at, "subjects", index);
                    }
                }
                for (index, holder) in absent(object).into_iter().enumerate() {
                    if let Some(holder) = holder {
                        self.mention(holder, at, "absent", index);
                    }
                }
            }
        }
    }

    fn mention(&mut self, holder: Holder, object: usize, list: &'static str, index: usize) {
        self.mentions.entry(holder).or_default().push(Mention { object, list, index });
    }

    /// Every item that names the holder, whatever for.
    pub(super) fn mentions(&self, holder: &Holder) -> &[Mention] {
        self.mentions.get(holder).map_or(&[], Vec::as_slice)
    }

    /// The items of one list of holders that name this one.
    pub(super) fn mentions_in(&self, extent: &ScopeExtent, holder: &Holder, list: &str) -> Vec<Mention> {
        let objects = self.lists_about(extent);
        let is_here = |mention: &&Mention| mention.list == list && objects.contains(&mention.object);
        self.mentions(holder).iter().filter(is_here).copied().collect()
    }

    /// The objects about one list of holders.
    pub(super) fn lists_about(&self, extent: &ScopeExtent) -> &[usize] {
        self.lists.get(extent).map_or(&[], Vec::as_slice)
    }

    /// The objects that give it to a user through a team.
    pub(super) fn through_teams(&self, extent: &ScopeExtent, email: &Email) -> Vec<usize> {
        let has_team = |at: &&usize| {
            let object = self.objects[**at];
            subjects(object)
                .iter()
                .filter_map(|subject| subject.team)
                .any(|team| self.is_in_team(team, object, email))
        };
        self.lists_about(extent).iter().filter(has_team).copied().collect()
    }

    fn is_in_team(&self, team: &str, from: &Manifest, email: &Email) -> bool {
        let mut open: Vec<&Manifest> = self.index.find(Kind::Team, team, from).into_iter().collect();
        let mut seen: Vec<*const Manifest> = Vec::new();
        while let Some(team) = open.pop() {
            if seen.contains(&std::ptr::from_ref(team)) {
                continue;
            }
            seen.push(team);
            let Spec::Team(spec) = &team.spec else { continue };
            if spec.members.contains(email) {
                return true;
            }
            open.extend(spec.teams.iter().filter_map(|inner| self.index.find(Kind::Team, inner, team)));
        }
        false
    }
}

/// One subject, of any kind.
#[derive(Clone, Copy)]
pub(super) struct SubjectView<'m> {
    pub user: Option<&'m Email>,
    pub team: Option<&'m str>,
    pub group: Option<&'m GroupName>,
    pub expires_at: Option<jiff::Timestamp>,
    pub reason: Option<&'m str>,
}

impl SubjectView<'_> {
    fn holder(&self) -> Option<Holder> {
        let user = self.user.map(|user| Holder::User(user.clone()));
        user.or_else(|| self.group.map(|group| Holder::Group(group.clone())))
    }
}

/// The subjects of an object that has a list of them.
pub(super) fn subjects(object: &Manifest) -> Vec<SubjectView<'_>> {
    let people = match &object.spec {
        Spec::RoleBinding(spec) => {
            return spec
                .subjects
                .iter()
                .map(|subject| SubjectView {
                    user: subject.user.as_ref(),
                    team: subject.team.as_deref(),
                    group: subject.group.as_ref(),
                    expires_at: subject.expires_at,
                    reason: subject.reason.as_deref(),
                })
                .collect();
        }
        Spec::GroupMembership(spec) => &spec.subjects,
        Spec::BotAssignment(spec) => &spec.subjects,
        Spec::Account(_)
        | Spec::User(_)
        | Spec::Team(_)
        | Spec::Role(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => return Vec::new(),
    };
    people
        .iter()
        .map(|subject| SubjectView {
            user: subject.user.as_ref(),
            team: subject.team.as_deref(),
            group: None,
            expires_at: subject.expires_at,
            reason: subject.reason.as_deref(),
        })
        .collect()
}

/// Who is declared absent, item by item.
fn absent(object: &Manifest) -> Vec<Option<Holder>> {
    match &object.spec {
        Spec::RoleBinding(spec) => spec
            .absent
            .iter()
            .map(|absent| match (&absent.user, &absent.group) {
                (Some(user), _) => Some(Holder::User(user.clone())),
                (None, group) => group.clone().map(Holder::Group),
            })
            .collect(),
        Spec::GroupMembership(spec) => {
            spec.absent.iter().map(|absent| Some(Holder::User(absent.user.clone()))).collect()
        }
        Spec::BotAssignment(spec) => {
            spec.absent.iter().map(|absent| Some(Holder::User(absent.user.clone()))).collect()
        }
        Spec::Account(_)
        | Spec::User(_)
        | Spec::Team(_)
        | Spec::Role(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => Vec::new(),
    }
}

/// Whether a list is authoritative.
pub(super) fn is_authoritative(object: &Manifest) -> bool {
    let membership = match &object.spec {
        Spec::RoleBinding(spec) => spec.membership,
        Spec::GroupMembership(spec) => spec.membership,
        Spec::BotAssignment(spec) => spec.membership,
        Spec::Account(_)
        | Spec::User(_)
        | Spec::Team(_)
        | Spec::Role(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => MembershipMode::Additive,
    };
    membership == MembershipMode::Authoritative
}

fn extent_of_object(object: &Manifest, known: &KnownNames<'_>) -> Option<ScopeExtent> {
    object.list()?.with_bot(|bot| match bot {
        BotRef::Id(id) => Some(id),
        BotRef::Name(name) => known.bot_named(name.as_str()),
    })
}

/// The list of holders that a grant is in, and who holds it.
pub(super) fn grant_of(key: &Key) -> Option<(ScopeExtent, Holder)> {
    let user = || key.email().cloned().map(Holder::User);
    Some((ScopeExtent::holding(key)?, key.holder().cloned().or_else(user)?))
}
