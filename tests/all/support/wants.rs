//! Desired facts in a few words, without YAML.

use koreconcile::facts::{
    BotRef, BuilderAccess, Closure, Completeness, Desired, DialogSet, Email, Holder, Key, Membership, Scope,
    ScopeExtent, Source, Value, Verdict, Want,
};

#[derive(Clone, Default)]
pub struct Wants(pub Vec<(Key<BotRef>, Want)>, pub Vec<Scope<BotRef>>);

pub fn email(text: &str) -> Email {
    Email::observed(text)
}

pub fn user(text: &str) -> Holder {
    Holder::User(email(text))
}

impl Wants {
    pub fn present(mut self, key: Key<BotRef>, value: Value) -> Self {
        let sources = vec![Source::file("test.yaml", 1, 1)];
        self.0.push((key, Want { verdict: Verdict::Present(value), sources, until: None, reason: None }));
        self
    }

    pub fn absent(mut self, key: Key<BotRef>) -> Self {
        let sources = vec![Source::file("test.yaml", 1, 1)];
        self.0.push((key, Want { verdict: Verdict::Absent, sources, until: None, reason: None }));
        self
    }

    pub fn member(self, who: &str) -> Self {
        self.present(Key::Member(email(who)), Value::Member(Membership::Joined))
    }

    pub fn access(self, who: &str, access: BuilderAccess) -> Self {
        self.present(Key::Access(email(who)), Value::Access(access))
    }

    pub fn group(self, who: &str, group: &str) -> Self {
        self.present(Key::InGroup(email(who), group.into()), Value::Held)
    }

    pub fn bot_role(self, holder: Holder, role: &str, bot: &str) -> Self {
        self.present(Key::BotRole(holder, role.into(), BotRef::new(bot)), Value::Held)
    }

    pub fn admin_role(self, holder: Holder, role: &str) -> Self {
        self.present(Key::AdminRole(holder, role.into()), Value::Held)
    }

    pub fn assigned(self, who: &str, bot: &str) -> Self {
        self.present(Key::Assigned(email(who), BotRef::new(bot)), Value::Dialogs(DialogSet::ALL))
    }

    pub fn closed(mut self, extent: ScopeExtent<BotRef>) -> Self {
        self.1.push(Scope { extent, closure: Closure::Closed, sources: Vec::new() });
        self
    }

    pub fn build(self) -> Desired {
        let mut desired = Desired::new(self.0);
        desired.scopes = self.1;
        desired.referenced = desired.wants.iter().filter_map(|(key, _)| key.email().cloned()).collect();
        desired.completeness = Completeness::Complete;
        desired
    }
}
