//! Evaluates a rule for everything that it looks at. Two things that do not differ in the fields that the rule names have
//! one answer, and it is worked out once.

use super::Program;
use super::entity::{Atom, BotUse, Entities};
use super::vocabulary::{self, NOW};
use crate::facts::{Key, RuleMatch, RuleOver, RuleShape, as_read};
use crate::plan::Change;
use crate::policy::judge::{Examination, Look};
use crate::policy::words;
use cel::{Context, Value};
use jiff::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What a violation says.
pub(in crate::policy) struct Told<'a> {
    pub(in crate::policy) fixed: Option<&'a str>,
    pub(in crate::policy) expression: Option<&'a Program>,
}

/// Judges one rule.
pub(in crate::policy) fn judge(
    examination: &mut Examination<'_>,
    over: RuleOver,
    rule: &Program,
    told: &Told<'_>,
    changes: Option<&[&Change]>,
) {
    let mut wanted = rule.fields.clone();
    wanted.extend(told.expression.iter().flat_map(|program| program.fields.iter().cloned()));
    let entities = Entities { picture: examination.picture, known: examination.known, wanted: &wanted };
    let mut evaluator = Evaluator::new(over, rule, told, examination.now);
    match over {
        RuleOver::Person => people(examination, &entities, &mut evaluator),
        RuleOver::Grant => grants(examination, &entities, &mut evaluator),
        RuleOver::Role => roles(examination, &entities, &mut evaluator),
        RuleOver::Bot => bots(examination, &entities, &mut evaluator),
        RuleOver::Change => changed(examination, &entities, &mut evaluator, changes.unwrap_or_default()),
        RuleOver::Object => objects(examination, &mut evaluator),
    }
}

fn people(examination: &mut Examination<'_>, entities: &Entities<'_>, evaluator: &mut Evaluator<'_>) {
    let picture = examination.picture;
    for (at, person) in picture.people.iter().enumerate() {
        if !examination.selection.has_person(person) {
            continue;
        }
        let violation = evaluator.ask(entities.person(at)).map(|why| told(person.email.as_str(), &why));
        examination.note(violation, || Look {
            subject: person.email.to_string(),
            people: vec![at],
            grants: (0..person.grants.len()).map(|grant| (at, grant)).collect(),
            facts: beside_grants(picture, at),
            ..Look::default()
        });
    }
}

/// The facts of a person that are no roles.
fn beside_grants(picture: &crate::policy::Picture, at: usize) -> Vec<Key> {
    let person = &picture.people[at];
    let email = &person.email;
    let mut facts = vec![Key::Access(email.clone())];
    facts.extend(person.membership.map(|_| Key::Member(email.clone())));
    facts.extend(person.groups.iter().map(|group| Key::InGroup(email.clone(), group.clone())));
    facts.extend(
        person.assigned.iter().map(|bot| Key::Assigned(email.clone(), picture.bots[*bot].id.clone())),
    );
    facts
}

fn grants(examination: &mut Examination<'_>, entities: &Entities<'_>, evaluator: &mut Evaluator<'_>) {
    let picture = examination.picture;
    for (at, person) in picture.people.iter().enumerate() {
        if person.grants.is_empty() || !examination.selection.has_person(person) {
            continue;
        }
        for grant in 0..person.grants.len() {
            if !examination.selection.has_grant(picture, at, grant) {
                continue;
            }
            let name = || format!("{}: {}", person.email, words::grant(picture, at, grant));
            let violation = evaluator.ask(entities.grant(at, grant)).map(|why| told(&name(), &why));
            examination.note(violation, || Look {
                subject: name(),
                people: vec![at],
                grants: vec![(at, grant)],
                is_exact: true,
                ..Look::default()
            });
        }
    }
}

fn roles(examination: &mut Examination<'_>, entities: &Entities<'_>, evaluator: &mut Evaluator<'_>) {
    let picture = examination.picture;
    let mut holders: BTreeMap<usize, i64> = BTreeMap::new();
    let mut of_role: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, person) in picture.people.iter().enumerate() {
        let distinct: BTreeSet<usize> = person.grants.iter().map(|held| held.role).collect();
        for role in distinct {
            *holders.entry(role).or_default() += 1;
        }
        for (grant, held) in person.grants.iter().enumerate() {
            of_role.entry(held.role).or_default().push((at, grant));
        }
    }
    for (at, role) in picture.roles.iter().enumerate().filter(|(at, _)| examination.selection.has_role(*at)) {
        let name = format!("{} role {}", role.role_type.as_str(), role.name);
        let violation = evaluator.ask(entities.role(at, &holders)).map(|why| told(&name, &why));
        examination.note(violation, || Look {
            subject: name,
            grants: of_role.remove(&at).unwrap_or_default(),
            facts: vec![Key::RoleDefinition(role.role_type, role.name.clone())],
            ..Look::default()
        });
    }
}

fn bots(examination: &mut Examination<'_>, entities: &Entities<'_>, evaluator: &mut Evaluator<'_>) {
    let picture = examination.picture;
    let mut uses: BTreeMap<usize, BotUse> = BTreeMap::new();
    let mut of_bot: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, person) in picture.people.iter().enumerate() {
        for bot in &person.assigned {
            uses.entry(*bot).or_default().assigned += 1;
        }
        for (grant, held) in person.grants.iter().enumerate() {
            let Some(bot) = held.bot else { continue };
            let usage = uses.entry(bot).or_default();
            usage.holders.insert(at);
            if picture.roles[held.role].name.is_bot_owner() {
                usage.owners.insert(at);
            }
            of_bot.entry(bot).or_default().push((at, grant));
        }
    }
    let nobody = BotUse::default();
    for (at, bot) in picture.bots.iter().enumerate().filter(|(at, _)| examination.selection.has_bot(*at)) {
        let name = format!("bot {}", bot.label);
        let usage = uses.get(&at).unwrap_or(&nobody);
        let violation = evaluator.ask(entities.bot(at, usage)).map(|why| told(&name, &why));
        examination.note(violation, || Look {
            subject: name,
            grants: of_bot.remove(&at).unwrap_or_default(),
            ..Look::default()
        });
    }
}

fn changed(
    examination: &mut Examination<'_>,
    entities: &Entities<'_>,
    evaluator: &mut Evaluator<'_>,
    changes: &[&Change],
) {
    let people: HashMap<&str, usize> = examination
        .picture
        .people
        .iter()
        .enumerate()
        .map(|(at, person)| (person.email.folded(), at))
        .collect();
    for change in changes {
        let person = change.key.email().and_then(|email| people.get(email.folded()).copied());
        if !is_meant(examination, change, person) {
            continue;
        }
        let name = format!("{} {}", change.action.sign(), examination.known.named(&change.key));
        let violation = evaluator.ask(entities.change(change)).map(|why| told(&name, &why));
        examination.note(violation, || Look {
            subject: name,
            people: person.into_iter().collect(),
            facts: vec![change.key.clone()],
            change: Some(change.id.clone()),
            is_exact: true,
            ..Look::default()
        });
    }
}

/// Objects are judged one by one, as an API server does: offline, and nowhere else.
fn objects(examination: &mut Examination<'_>, evaluator: &mut Evaluator<'_>) {
    let known = examination.known;
    let (_, condition) = examination.at;
    let Some(RuleShape::Cel { kinds, .. }) = examination.policy.rule.shapes.get(condition) else { return };
    for object in known.objects.iter().filter(|object| kinds.iter().any(|kind| kind.name == object.kind)) {
        let name = format!("{} {}", object.kind, object.name);
        let value =
            json!({ "kind": object.kind, "metadata": { "name": &*object.name }, "spec": object.spec });
        let violation = evaluator.ask_value(value_of(&value)).map(|why| told(&name, &why));
        let source = object.source.clone();
        examination.note(violation, || Look {
            subject: name,
            source: Some(source),
            is_exact: true,
            ..Look::default()
        });
    }
}

/// JSON for the evaluator: whole numbers are of one type, as in an API server.
fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int)
        }
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(list) => Value::from(list.iter().map(value_of).collect::<Vec<_>>()),
        serde_json::Value::Object(fields) => {
            let fields: HashMap<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), value_of(value))).collect();
            Value::from(fields)
        }
    }
}

/// Whether a rule over changes is about this one.
fn is_meant(examination: &Examination<'_>, change: &Change, person: Option<usize>) -> bool {
    let RuleMatch { emails, email_domains, not_email_domains, groups, roles, bots, risk } =
        &examination.policy.rule.about;
    let names_people =
        !(emails.is_empty() && email_domains.is_empty() && not_email_domains.is_empty() && groups.is_empty());
    let is_person = !names_people
        || person.is_some_and(|at| examination.selection.has_person(&examination.picture.people[at]));
    let is_role = roles.roles.is_empty()
        || change.key.role().is_some_and(|(role_type, role)| roles.names(role_type, role));
    let is_bot = bots.is_empty()
        || change.key.bot().is_some_and(|bot| {
            let label = as_read(examination.known.bot_label(bot)).to_ascii_lowercase();
            let id = bot.as_str().to_ascii_lowercase();
            bots.iter().any(|pattern| pattern.matches_folded(&label) || pattern.matches_folded(&id))
        });
    let is_risk = risk.is_empty() || risk.iter().any(|level| *level == change.risk.level.label());
    is_person && is_role && is_bot && is_risk
}

fn told(name: &str, why: &Answer) -> String {
    match why {
        Answer::Fixed(message) => format!("{name}: {message}"),
        Answer::Made(message) => message.to_string(),
    }
}

/// What a violation says.
#[derive(Clone)]
enum Answer {
    /// To be put behind the name of what it is about.
    Fixed(Arc<str>),
    /// From `messageExpression`.
    Made(Arc<str>),
}

struct Evaluator<'a> {
    rule: &'a Program,
    told: &'a Told<'a>,
    variable: &'static str,
    context: Context<'a>,
    known: HashMap<Atom, Option<Answer>>,
}

impl<'a> Evaluator<'a> {
    fn new(over: RuleOver, rule: &'a Program, told: &'a Told<'a>, now: Timestamp) -> Self {
        let mut context = Context::default();
        if rule.uses_now || told.expression.is_some_and(|program| program.uses_now) {
            context.add_variable_from_value(NOW, timestamp(now));
        }
        let variable = vocabulary::variable(over);
        Self { rule, told, variable, context, known: HashMap::new() }
    }

    /// `None`: the rule is kept.
    fn ask(&mut self, entity: Atom) -> Option<Answer> {
        if let Some(answer) = self.known.get(&entity) {
            return answer.clone();
        }
        let answer = self.ask_value(entity.value(&timestamp));
        self.known.insert(entity, answer.clone());
        answer
    }

    fn ask_value(&mut self, value: Value) -> Option<Answer> {
        self.context.add_variable_from_value(self.variable, value);
        match self.rule.compiled.execute(&self.context) {
            Ok(Value::Bool(true)) => None,
            Ok(Value::Bool(false)) => Some(self.violated()),
            Ok(other) => Some(unanswered(&format!("it gave {}", other.type_of()))),
            Err(error) => Some(unanswered(&error.to_string())),
        }
    }

    fn violated(&self) -> Answer {
        if let Some(program) = self.told.expression {
            return match program.compiled.execute(&self.context) {
                Ok(Value::String(text)) => Answer::Made(Arc::from(text.as_str())),
                Ok(_) => Answer::Fixed(Arc::from("the rule is violated")),
                Err(error) => {
                    Answer::Fixed(Arc::from(format!("the rule is violated (messageExpression: {error})")))
                }
            };
        }
        Answer::Fixed(Arc::from(self.told.fixed.unwrap_or("the rule is violated")))
    }
}

fn unanswered(why: &str) -> Answer {
    Answer::Fixed(Arc::from(format!("the rule cannot be evaluated, which counts as violated: {why}")))
}

/// A timestamp of the evaluator. It makes one of a text; what this program writes, it reads.
fn timestamp(at: Timestamp) -> Value {
    let mut context = Context::default();
    context.add_variable_from_value("text", at.to_string());
    let made = cel::Program::compile("timestamp(text)").map(|program| program.execute(&context));
    match made {
        Ok(Ok(value)) => value,
        _ => Value::Null,
    }
}
