//! Rules in CEL: parsed and type-checked once, evaluated for everything that they look at.
//!
//! The types are few and known ([`vocabulary`]), so what could fail at run time is found when the rule is compiled: a
//! field that is not there, a comparison of a text with a number, a field that may be unknown and is used without
//! `has()`. Evaluation is the `cel` crate's.

mod check;
mod entity;
mod evaluate;
mod vocabulary;

pub(super) use evaluate::{Told, judge};
pub(super) use vocabulary::Type;

use crate::facts::{ObjectKind, RoleName, RoleType, RuleOver};
use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use std::collections::BTreeSet;

/// An expression that was parsed and whose types fit.
pub(crate) struct Program {
    compiled: cel::Program,
    /// Names of all fields in it: nothing else has to be made for an evaluation.
    fields: BTreeSet<String>,
    uses_now: bool,
}

impl Program {
    /// Whether it names a field that says what a role permits.
    pub(crate) fn looks_at_permissions(&self) -> bool {
        ["permissions", "escalating"].iter().any(|field| self.fields.contains(*field))
    }

    /// Whether it looks at the time.
    pub(crate) fn uses_now(&self) -> bool {
        self.uses_now
    }
}

/// Why an expression is not used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CelError {
    pub(super) message: String,
    pub(super) hint: String,
}

impl CelError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// Parses an expression over one sort of things, and checks that it gives the wanted type.
pub(super) fn compile(
    over: RuleOver,
    kinds: &[ObjectKind],
    text: &str,
    wanted: &Type,
) -> Result<Program, CelError> {
    let program = cel::Program::compile(text).map_err(|errors| {
        let said = errors.errors.first().map(|error| {
            let (line, column) = error.pos;
            let message = error.msg.lines().next().unwrap_or_default().trim();
            format!("not an expression in CEL: line {line}, column {}: {message}", column.max(1))
        });
        CelError::new(said.unwrap_or_else(|| errors.to_string()), "correct the expression")
    })?;
    for found in check::check(program.expression(), over, kinds)? {
        if found.fits(wanted) {
            continue;
        }
        return Err(CelError::new(
            format!("it is {found}, and {wanted} is needed"),
            if *wanted == Type::Bool {
                "write a condition that is true or false"
            } else {
                "write an expression that gives a text"
            },
        ));
    }
    let mut names = Names::default();
    names.visit(program.expression());
    let is_about_roles = !matches!(over, RuleOver::Object | RuleOver::Bot) && *wanted == Type::Bool;
    if let Some((newer, older)) = names.newer_role().filter(|_| is_about_roles) {
        return Err(CelError::new(
            format!("{newer} matches no role: here every role has the name that older accounts use"),
            format!("write {older}; it means both"),
        ));
    }
    Ok(Program { compiled: program, fields: names.fields, uses_now: names.uses_now })
}

/// The names in an expression.
#[derive(Default)]
struct Names {
    fields: BTreeSet<String>,
    texts: BTreeSet<String>,
    uses_now: bool,
}

impl Names {
    /// A text that is the newer name of a built-in role, where the expression looks at names of roles.
    fn newer_role(&self) -> Option<(&str, RoleName)> {
        if !["role", "roles", "name"].iter().any(|field| self.fields.contains(*field)) {
            return None;
        }
        self.texts.iter().find_map(|text| {
            let older = RoleName::canonical(RoleType::Bot, text);
            (older.as_str() != text).then_some((text.as_str(), older))
        })
    }

    fn visit(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => {
                self.texts.insert(text.inner().to_owned());
            }
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => self.uses_now |= name == vocabulary::NOW,
            Expr::Select(select) => {
                self.fields.insert(select.field.clone());
                self.visit(&select.operand);
            }
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.visit(target));
                call.args.iter().for_each(|argument| self.visit(argument));
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element)),
            Expr::Comprehension(all) => {
                for part in [&all.iter_range, &all.accu_init, &all.loop_cond, &all.loop_step, &all.result] {
                    self.visit(part);
                }
            }
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(of) => of.entries.iter().for_each(|entry| self.entry(&entry.expr)),
        }
    }

    fn entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key);
                self.visit(&entry.value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(over: RuleOver, text: &str) -> String {
        compile(over, &[], text, &Type::Bool).map(|_| ()).unwrap_err().message
    }

    #[test]
    fn what_could_fail_later_is_found_when_a_rule_is_compiled() {
        use RuleOver::{Bot, Change, Grant, Person, Role};
        for (over, text, message) in [
            (Grant, "grant.rol == 'x'", "a grant has no field rol"),
            (Grant, "person.email == 'x'", "there is no variable person"),
            (Grant, "grant.role == 1", "a text and a number are compared"),
            (Grant, "grant.role", "it is a text, and a boolean is needed"),
            (Grant, "grant.role && true", "a boolean is needed, and there is a text"),
            (Grant, "grant.expiresAt < now", "grant.expiresAt may be unknown"),
            (Person, "person.grants.all(g, g.expiresAt < now)", "g.expiresAt may be unknown"),
            (Person, "person.grants.exists(g, g.rle == 'a')", "a grant has no field rle"),
            (Person, "person.email.all(c, true)", "a list is needed, and there is a text"),
            (Person, "person.roles.size() > 'a'", "a number and a text are compared"),
            (Person, "person.email.startWith('a')", "there is no function startWith"),
            (Person, "person.email.matches('(')", "not a regular expression"),
            (Bot, "'x' in bot.name", "a list is needed, and there is a text"),
            (Bot, "1 in bot.holders", "a number and a text are compared"),
            (Role, "role.holders < ", "not an expression in CEL"),
            (Change, "change.action + 1 == 'x'", "a text and a number do not add up"),
            (Person, "since > now", "there is no variable since"),
            (Person, "{'a': 1} == {'a': 1}", "maps have no place"),
        ] {
            let said = problem(over, text);
            assert!(said.contains(message), "{text}: {said}");
        }
    }

    #[test]
    fn sound_rules_compile() {
        use RuleOver::{Bot, Change, Grant, Person, Role};
        for (over, text) in [
            (Grant, "grant.declared"),
            (Grant, "!has(grant.expiresAt) || grant.expiresAt < now + duration('720h')"),
            (Grant, "has(grant.expiresAt) ? grant.expiresAt > now : true"),
            (Grant, "has(grant.published) && grant.published || grant.role in ['Bot Owner']"),
            (Person, "person.grants.all(g, !has(g.expiresAt) || g.expiresAt < now)"),
            (Person, "person.grants.filter(g, g.type == 'Admin').map(g, g.role).size() <= 1"),
            (Person, "person.grants.exists_one(g, g.direct) && size(person.email) > 3"),
            (Bot, "!has(bot.owners) || size(bot.owners) > 0"),
            (Role, "role.builtIn || role.declared || role.holders == 0"),
            (Change, "change.risk != 'critical' || change.origin == 'edited'"),
        ] {
            let compiled = compile(over, &[], text, &Type::Bool);
            assert!(compiled.is_ok(), "{text}: {:?}", compiled.err());
        }
        assert!(compile(Grant, &[], "grant.holder + ' holds ' + grant.role", &Type::Text).is_ok());
        assert!(compile(Grant, &[], "grant.declared", &Type::Text).is_err());
    }
}
