//! Objects with errors: what they declare is not known, and this is all that they could have spoken about.

use super::{BotId, BotRef, Email, Family, Key, ObjectRef, RoleName, RoleType, ScopeExtent};

/// One object that could not be used. What it may be about is neither pruned nor retired meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap<B = BotRef> {
    /// The object.
    pub object: ObjectRef,
    /// What is wrong with it.
    pub why: String,
    /// It is left out on purpose, and not for an error: what it is about stays without a message.
    pub is_pause: bool,
    /// What it could have spoken about.
    pub reach: Vec<GapReach<B>>,
}

/// Facts that one object could have spoken about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum GapReach<B = BotRef> {
    /// Everything about one person.
    Person(Email),
    /// Who is in the account.
    Membership,
    /// What one role permits.
    Definition(RoleType, RoleName),
    /// One list of holders.
    List(ScopeExtent<B>),
    /// The same list on any bot: the name of its bot means nothing now.
    OnAnyBot(ScopeExtent<()>),
}

impl Gap<BotId> {
    /// Whether the object could have spoken about a fact.
    pub fn touches(&self, key: &Key) -> bool {
        self.reach.iter().any(|reach| reach.holds(key))
    }
}

impl GapReach<BotId> {
    fn holds(&self, key: &Key) -> bool {
        match self {
            Self::Person(email) => key.email() == Some(email),
            Self::Membership => key.family() == Family::Membership,
            Self::Definition(role_type, role) => *key == Key::RoleDefinition(*role_type, role.clone()),
            Self::List(extent) => ScopeExtent::holding(key).as_ref() == Some(extent),
            Self::OnAnyBot(extent) => {
                ScopeExtent::holding(key).is_some_and(|list| list.on_any_bot() == *extent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Holder;

    #[test]
    fn a_gap_is_about_what_its_object_names() {
        let email = |text: &str| Email::observed(text);
        let developer =
            |who: &str, bot: &str| Key::BotRole(Holder::User(email(who)), "Bot Developer".into(), bot.into());
        let gap = |reach| Gap {
            object: ObjectRef { kind: "KoreUser".into(), namespace: None, name: "a".into() },
            why: "an error".to_owned(),
            is_pause: false,
            reach: vec![reach],
        };
        let list = ScopeExtent::BotRole("Bot Developer".into(), BotId::new("st-1"));
        let any = GapReach::OnAnyBot(list.on_any_bot());
        for (reach, about, not) in [
            (GapReach::List(list), developer("a@example.com", "st-1"), developer("a@example.com", "st-2")),
            (any, developer("a@example.com", "st-2"), Key::Member(email("a@example.com"))),
            (GapReach::Membership, Key::Member(email("a@example.com")), Key::Access(email("a@example.com"))),
            (
                GapReach::Person(email("a@example.com")),
                developer("A@example.com", "st-9"),
                developer("b@example.com", "st-9"),
            ),
            (
                GapReach::Definition(RoleType::Bot, "Analyst".into()),
                Key::RoleDefinition(RoleType::Bot, "Analyst".into()),
                Key::RoleDefinition(RoleType::Admin, "Analyst".into()),
            ),
        ] {
            let gap = gap(reach);
            assert!(gap.touches(&about), "{gap:?}");
            assert!(!gap.touches(&not), "{gap:?}");
        }
    }
}
