//! The same plan without people's addresses and names, for eyes outside the team.
//!
//! An address becomes `user-3f9c2a1b`: the same person has the same name in every plan of one account, and another
//! one in another account. It is a name to talk about, not a secret: who knows the account's id and an address can
//! compute it. First and last names and profile fields are hidden. Role, team, group and bot names stay, except
//! for addresses in them.

use crate::facts::{Email, Holder, Key, Location, PersonName, Source, Value};
use crate::plan::{AreaNeed, Change, Effect, Ending, Entry, Pin, Plan, Unmanaged, Violation};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What replaces a hidden text.
const HIDDEN: &str = "(hidden)";

/// The plan with every address hashed and every personal text hidden, marked as [`Plan::redacted`].
#[must_use]
pub fn redacted(plan: Plan) -> Plan {
    let names = Pseudonyms::new(&plan);
    let Plan {
        format,
        account,
        inputs,
        observed,
        changes,
        blocked,
        waiting,
        manual,
        refused,
        violations,
        unmanaged,
        write_only,
        expiring,
        ended,
        sign_in,
        declared,
        areas,
        warnings,
        cost,
        bots,
        digest,
        base,
        spent,
        redacted: _,
    } = plan;
    let entries = |entries: Vec<Entry>| entries.into_iter().map(|entry| names.entry(entry)).collect();
    Plan {
        format,
        account,
        inputs,
        observed,
        changes: changes.into_iter().map(|change| names.change(change)).collect(),
        blocked: entries(blocked),
        waiting: entries(waiting),
        manual: entries(manual),
        refused: entries(refused),
        violations: violations.into_iter().map(|violation| names.violation(violation)).collect(),
        unmanaged: unmanaged.into_iter().map(|fact| names.unmanaged(fact)).collect(),
        write_only: write_only.iter().map(|key| names.key(key)).collect(),
        expiring: expiring.into_iter().map(|ending| names.ending(ending)).collect(),
        ended,
        sign_in,
        declared: declared.into_iter().map(|effect| names.effect(effect)).collect(),
        areas: areas.into_iter().map(|need| names.area(need)).collect(),
        warnings: warnings.iter().map(|warning| names.text(warning)).collect(),
        cost,
        bots: bots.into_iter().map(|(id, name)| (id, names.text(name.as_str()).as_str().into())).collect(),
        digest,
        base,
        spent,
        redacted: true,
    }
}

/// Who is called what, in everything that is told of one account.
pub struct Pseudonyms {
    account: String,
    known: HashMap<String, String>,
    /// Addresses that do not look like one inside a sentence, in lower case, longest first.
    odd: Vec<String>,
}

impl Pseudonyms {
    fn unmanaged(&self, fact: Unmanaged) -> Unmanaged {
        let Unmanaged { subject, why, risk, tolerated } = fact;
        Unmanaged { subject: self.key(&subject), why: self.text(&why), risk, tolerated }
    }

    fn ending(&self, ending: Ending) -> Ending {
        let Ending { at, has_ended, subject, reason, sources } = ending;
        Ending {
            at,
            has_ended,
            subject: self.key(&subject),
            reason: reason.map(|reason| Arc::from(self.text(&reason))),
            sources: self.sources(sources),
        }
    }

    fn effect(&self, effect: Effect) -> Effect {
        let Effect { id, subject, kind, message, risk, sources } = effect;
        Effect {
            id,
            subject: subject.map(|key| self.key(&key)),
            kind,
            message: self.text(&message),
            risk,
            sources: self.sources(sources),
        }
    }

    fn area(&self, need: AreaNeed) -> AreaNeed {
        let AreaNeed { area, owners, approvals, kinds, source } = need;
        let owners = owners.iter().map(|owner| self.text(owner)).collect();
        let source = self.sources(vec![source.clone()]).pop().unwrap_or(source);
        AreaNeed { area, owners, approvals, kinds, source }
    }

    fn new(plan: &Plan) -> Self {
        let account = plan.account.id.as_ref().map_or(plan.account.name.as_str(), |id| id.as_str());
        let entries = [&plan.blocked, &plan.waiting, &plan.manual, &plan.refused];
        let people: BTreeSet<&Email> = plan
            .changes
            .iter()
            .map(|change| &change.key)
            .chain(entries.into_iter().flatten().flat_map(|entry| &entry.subjects))
            .chain(plan.unmanaged.iter().map(|unmanaged| &unmanaged.subject))
            .chain(plan.violations.iter().flat_map(|violation| &violation.facts))
            .chain(&plan.write_only)
            .chain(plan.expiring.iter().map(|ending| &ending.subject))
            .chain(plan.declared.iter().filter_map(|effect| effect.subject.as_ref()))
            .filter_map(Key::email)
            .collect();
        Self::assign(account, people)
    }

    /// Names for these people of an account, which is called by its id, or by its name where that is not known.
    pub fn assign(account: &str, people: BTreeSet<&Email>) -> Self {
        let mut names = Self { account: account.to_owned(), known: HashMap::new(), odd: Vec::new() };
        let mut taken: HashMap<String, usize> = HashMap::new();
        for email in &people {
            *taken.entry(names.hash(email.folded(), SHORT)).or_default() += 1;
        }
        for email in people {
            let short = names.hash(email.folded(), SHORT);
            // Two people of one name would be worse than a long name.
            let name = if taken[&short] > 1 { names.hash(email.folded(), 2 * SHORT) } else { short };
            names.known.insert(email.folded().to_owned(), name);
            if address_at(email.folded(), 0).is_none_or(|(from, to)| (from, to) != (0, email.folded().len()))
                && !email.folded().is_empty()
            {
                names.odd.push(email.folded().to_owned());
            }
        }
        names.odd.sort_by_key(|email| std::cmp::Reverse(email.len()));
        names
    }

    fn hash(&self, folded: &str, digits: usize) -> String {
        let mut hash = Sha256::new();
        hash.update(b"koreconcile.dev/redacted/v1\n");
        hash.update(self.account.as_bytes());
        hash.update(b"\n");
        hash.update(folded.as_bytes());
        let hex = hex::encode(hash.finalize());
        format!("user-{}", &hex[..digits])
    }

    fn address(&self, text: &str) -> String {
        let folded = text.to_ascii_lowercase();
        self.known.get(&folded).cloned().unwrap_or_else(|| self.hash(&folded, SHORT))
    }

    /// A person's name, in the place of an address.
    pub fn email(&self, email: &Email) -> Email {
        Email::observed(&self.address(email.as_str()))
    }

    fn holder(&self, holder: &Holder) -> Holder {
        match holder {
            Holder::User(email) => Holder::User(self.email(email)),
            Holder::Group(group) => Holder::Group(self.text(group.as_str()).as_str().into()),
        }
    }

    /// The same fact of the same person under another name.
    pub fn key(&self, key: &Key) -> Key {
        match key {
            Key::RoleDefinition(role_type, role) => Key::RoleDefinition(*role_type, role.clone()),
            Key::Member(email) => Key::Member(self.email(email)),
            Key::Names(email) => Key::Names(self.email(email)),
            Key::Access(email) => Key::Access(self.email(email)),
            Key::Profile(email) => Key::Profile(self.email(email)),
            Key::DataTables(email) => Key::DataTables(self.email(email)),
            Key::InGroup(email, group) => {
                Key::InGroup(self.email(email), self.text(group.as_str()).as_str().into())
            }
            Key::AdminRole(holder, role) => Key::AdminRole(self.holder(holder), role.clone()),
            Key::BotRole(holder, role, bot) => Key::BotRole(self.holder(holder), role.clone(), bot.clone()),
            Key::Assigned(email, bot) => Key::Assigned(self.email(email), bot.clone()),
        }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            // One word for both parts: which of the two is set stays hidden too.
            Value::Names(PersonName { first: _, last: _ }) => {
                Value::Names(PersonName { first: Some(HIDDEN.to_owned()), last: None })
            }
            Value::Profile(fields) => {
                Value::Profile(fields.into_keys().map(|field| (field, HIDDEN.to_owned())).collect())
            }
            Value::Inherited(groups) => Value::Inherited(
                groups.iter().map(|group| self.text(group.as_str()).as_str().into()).collect(),
            ),
            Value::Role(mut spec) => {
                spec.description = spec.description.map(|text| self.text(&text));
                Value::Role(spec)
            }
            value @ (Value::Held
            | Value::Member(_)
            | Value::Access(_)
            | Value::Dialogs(_)
            | Value::DataTables(_)) => value,
        }
    }

    fn change(&self, change: Change) -> Change {
        let Change {
            id,
            key,
            action,
            before,
            after,
            pins,
            sources,
            until,
            reason,
            origin,
            risk,
            reversible,
            depends_on,
        } = change;
        let pins = pins.into_iter().map(|pin| match pin {
            Pin::User { email, id } => Pin::User { email: self.text(&email), id },
            Pin::Role { .. } | Pin::Group { .. } | Pin::BuilderAccess { .. } => pin,
        });
        Change {
            id,
            key: self.key(&key),
            action,
            before: before.map(|value| self.value(value)),
            after: after.map(|value| self.value(value)),
            pins: pins.collect(),
            sources: self.sources(sources),
            until,
            reason: reason.map(|reason| Arc::from(self.text(&reason))),
            origin,
            risk,
            reversible,
            depends_on,
        }
    }

    fn entry(&self, entry: Entry) -> Entry {
        let Entry { subjects, subject, reason, message, next_step, sources, changes } = entry;
        Entry {
            subjects: subjects.iter().map(|key| self.key(key)).collect(),
            subject: self.text(&subject),
            reason,
            message: self.text(&message),
            next_step: self.text(&next_step),
            sources: self.sources(sources),
            changes,
        }
    }

    fn violation(&self, violation: Violation) -> Violation {
        let Violation {
            policy,
            severity,
            action,
            state,
            subject,
            message,
            facts,
            sources,
            rule,
            control,
            changes,
            since,
        } = violation;
        Violation {
            policy,
            severity,
            action,
            state,
            subject: self.text(&subject),
            message: self.text(&message),
            facts: facts.iter().map(|key| self.key(key)).collect(),
            sources: self.sources(sources),
            rule,
            control,
            changes,
            since,
        }
    }

    /// Files may be called after people; teams are called after work.
    pub fn sources(&self, sources: Vec<Source>) -> Vec<Source> {
        let place = |place| match place {
            Location::File { file, line, column } => {
                Location::File { file: Arc::from(self.text(&file)), line, column }
            }
            place @ Location::Resource(_) => place,
        };
        sources.into_iter().map(|source| Source { place: place(source.place), ..source }).collect()
    }

    /// A sentence with every address in it hashed.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for odd in &self.odd {
            text = replaced(&text, odd, &self.known[odd]);
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        while let Some((from, to)) = address_at(&text, at) {
            out.push_str(&text[at..from]);
            out.push_str(&self.address(&text[from..to]));
            at = to;
        }
        out.push_str(&text[at..]);
        out
    }
}

/// Every whole occurrence of `odd`, whatever its case, becomes `name`.
fn replaced(text: &str, odd: &str, name: &str) -> String {
    let folded = text.to_ascii_lowercase();
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (at, found) in folded.match_indices(odd) {
        let is_inside = |c: char| c.is_alphanumeric();
        let ends = [folded[..at].chars().next_back(), folded[at + found.len()..].chars().next()];
        if !ends.into_iter().flatten().any(is_inside) {
            out.push_str(&text[done..at]);
            out.push_str(name);
            done = at + found.len();
        }
    }
    out + &text[done..]
}

/// Digits of a name.
const SHORT: usize = 8;

/// The next address in a sentence at or after a place: the run around an `@`, without the marks around it.
fn address_at(text: &str, start: usize) -> Option<(usize, usize)> {
    let mut at = start;
    while let Some(sign) = text[at..].find('@').map(|found| at + found) {
        let is_local =
            |c: char| !(c.is_whitespace() || c.is_control() || "\"'`(),:;<>[]{}|\\/#@".contains(c));
        let is_domain = |c: char| c.is_alphanumeric() || c == '-' || c == '.' || c == '_';
        let from = text[start..sign].rfind(|c| !is_local(c)).map_or(start, |found| {
            let found = start + found;
            found + text[found..].chars().next().map_or(1, char::len_utf8)
        });
        let rest = &text[sign + 1..];
        let domain = rest[..rest.find(|c| !is_domain(c)).unwrap_or(rest.len())].trim_end_matches(['.', '-']);
        // `*@example.com` is a pattern and names nobody.
        if from < sign && !domain.is_empty() && &text[from..sign] != "*" {
            return Some((from, sign + 1 + domain.len()));
        }
        at = sign + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(odd: &[&str]) -> Pseudonyms {
        let mut names = Pseudonyms { account: "acme".into(), known: HashMap::new(), odd: Vec::new() };
        for email in odd {
            let name = names.hash(email, SHORT);
            names.known.insert((*email).to_owned(), name);
            names.odd.push((*email).to_owned());
        }
        names
    }

    #[test]
    fn addresses_are_found_among_the_marks_of_a_sentence() {
        let names = names(&[]);
        let jane = names.address("jane@example.com");
        for (text, expected) in [
            ("jane@example.com: Bot Developer", "J: Bot Developer"),
            ("(JANE@example.com), \"jane@Example.com\".", "(J), \"J\"."),
            ("jane@example.com or jane@example.com", "J or J"),
            ("people/jane@example.com:7", "people/J:7"),
            ("*@example.com and @team and a @ b", "*@example.com and @team and a @ b"),
            ("é jane@example.com…", "é J…"),
            ("\u{a0}jane@example.com\u{7}jane@example.com", "\u{a0}J\u{7}J"),
            ("@ and jane@@example.com", "@ and jane@@example.com"),
            ("#jane@example.com- or jane@example.com.", "#J- or J."),
        ] {
            assert_eq!(names.text(text), expected.replace('J', &jane), "{text}");
        }
    }

    #[test]
    fn an_address_goes_on_to_the_end_of_its_domain() {
        let names = names(&[]);
        for address in
            ["j.d+e_f-1@sub-domain.example.com", "é@my_host.example.com", "jane@localhost", "jane@1.example"]
        {
            assert_eq!(names.text(&format!("<{address}>")), format!("<{}>", names.address(address)));
        }
    }

    #[test]
    fn an_address_that_looks_like_none_is_still_hashed_where_it_is_known() {
        let names = names(&["o'neil, pat@example.com", "root"]);
        let (pat, root) = (names.address("o'neil, pat@example.com"), names.address("root"));
        for (text, expected) in [
            ("user O'Neil, Pat@example.com is invited", "user P is invited"),
            ("o'neil, pat@example.com", "P"),
            ("Root, root and (ROOT)", "R, R and (R)"),
            ("roots, beetroot and root1", "roots, beetroot and root1"),
            ("beetroot or root", "beetroot or R"),
        ] {
            assert_eq!(names.text(text), expected.replace('P', &pat).replace('R', &root), "{text}");
        }
    }

    #[test]
    fn a_name_is_the_same_in_one_account_and_another_one_elsewhere() {
        let (here, mut elsewhere) = (names(&[]), names(&[]));
        elsewhere.account = "other".into();
        assert_eq!(here.address("Jane@example.com"), here.address("jane@example.com"));
        assert_ne!(here.address("jane@example.com"), elsewhere.address("jane@example.com"));
        assert_eq!(here.address("jane@example.com").len(), "user-3f9c2a1b".len());
    }
}
