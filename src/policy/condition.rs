//! One condition of a rule, ready to be judged.

use super::cel::{self, Program};
use super::{Problem, regex};
use crate::facts::{PolicyRule, RuleShape};
use regex::Regex;

/// A condition with what is prepared for it.
pub(super) struct Condition {
    /// What the manifest says.
    pub(super) shape: RuleShape,
    /// Of a requirement.
    pub(super) ticket: Option<Regex>,
    /// Of a rule in CEL.
    pub(super) program: Option<Program>,
    /// Its message.
    pub(super) message: Option<Program>,
    /// Turned around, to see which test notices.
    pub(super) is_negated: bool,
}

impl Condition {
    /// Whether it depends on what a role permits.
    pub(super) fn looks_at_permissions(&self) -> bool {
        match &self.shape {
            RuleShape::Exclusive { set, .. }
            | RuleShape::Holders { set, .. }
            | RuleShape::Together { set, .. } => !set.permissions.is_empty(),
            RuleShape::Allow { .. } | RuleShape::Require { .. } => false,
            RuleShape::Cel { .. } => self.program.as_ref().is_some_and(Program::looks_at_permissions),
        }
    }

    /// Whether it looks at the time.
    pub(super) fn depends_on_time(&self) -> bool {
        let is_about_now = |program: &Option<Program>| program.as_ref().is_some_and(Program::uses_now);
        matches!(self.shape, RuleShape::Require { expires_within: Some(_), .. })
            || is_about_now(&self.program)
            || is_about_now(&self.message)
    }
}

/// Prepares one condition; what is wrong with it is a problem at its line.
pub(super) fn compile(
    rule: &PolicyRule,
    shape: &RuleShape,
    problems: &mut Vec<Problem>,
) -> Option<Condition> {
    let mut condition =
        Condition { shape: shape.clone(), ticket: None, program: None, message: None, is_negated: false };
    let mut problem = |field: &str, message: String, hint: String| {
        let policy = rule.name.to_string();
        problems.push(Problem { policy, source: rule.place(field).clone(), message, hint });
    };
    match shape {
        RuleShape::Require { ticket: Some(ticket), .. } => match regex(ticket) {
            Ok(ticket) => condition.ticket = Some(ticket),
            Err(why) => {
                let message = format!("require.ticket is not a regular expression: {why}");
                problem("require.ticket", message, "write one such as ^[A-Z]+-[0-9]+$".to_owned());
                return None;
            }
        },
        RuleShape::Cel { over, kinds, rule: text, message: _, message_expression } => {
            match cel::compile(*over, kinds, text, &cel::Type::Bool) {
                Ok(program) => condition.program = Some(program),
                Err(error) => {
                    problem("rule", format!("rule: {}", error.message), error.hint);
                    return None;
                }
            }
            if let Some(text) = message_expression {
                match cel::compile(*over, kinds, text, &cel::Type::Text) {
                    Ok(program) => condition.message = Some(program),
                    Err(error) => {
                        let message = format!("messageExpression: {}", error.message);
                        problem("messageExpression", message, error.hint);
                        return None;
                    }
                }
            }
        }
        _ => {}
    }
    Some(condition)
}
