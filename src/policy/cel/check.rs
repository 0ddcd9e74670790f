//! The types of an expression. Everything that is not known to be sound is refused.

use super::CelError;
use super::vocabulary::{self, Field, NOW, Record, Type};
use crate::facts::{ObjectKind, RuleOver, nearest};
use crate::policy::regex;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use std::collections::BTreeSet;

/// Functions with their name, the type they are called on or take first, and the type they give.
const OF_TEXT: [&str; 4] = ["contains", "startsWith", "endsWith", "matches"];
const OF_TIME: [&str; 10] = [
    "getFullYear",
    "getMonth",
    "getDayOfYear",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];
const OTHERS: [&str; 9] =
    ["size", "timestamp", "duration", "string", "int", "has", "all", "exists", "filter"];

/// The type of an expression over one sort of things; over objects, that for each of their kinds.
pub(super) fn check(
    expression: &IdedExpr,
    over: RuleOver,
    kinds: &[ObjectKind],
) -> Result<Vec<Type>, CelError> {
    let records = match over {
        RuleOver::Object => kinds.iter().map(vocabulary::object).collect(),
        over => vec![vocabulary::record(over)],
    };
    let types = records.into_iter().map(|record| {
        let variable = vocabulary::variable(over);
        let mut variables = vec![(variable.to_owned(), Type::Record(record))];
        // An API server judges objects, and tells no time.
        if over != RuleOver::Object {
            variables.push((NOW.to_owned(), Type::Time));
        }
        Scope { variables, known: BTreeSet::new() }.type_of(expression)
    });
    types.collect()
}

/// The variables that can be named, and the unknown fields that `has()` was asked about.
#[derive(Clone)]
struct Scope {
    variables: Vec<(String, Type)>,
    known: BTreeSet<String>,
}

impl Scope {
    fn type_of(&self, expression: &IdedExpr) -> Result<Type, CelError> {
        match &expression.expr {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                let mut element = Type::Any;
                for part in &list.elements {
                    let found = self.type_of(part)?;
                    if !found.fits(&element) {
                        return Err(compared(&element, &found));
                    }
                    if element == Type::Any {
                        element = found;
                    }
                }
                Ok(Type::List(Box::new(element)))
            }
            Expr::Comprehension(all) => self.comprehension(all),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(CelError::new("maps have no place in a rule", "compare fields one by one"))
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Type, CelError> {
        let found = self.variables.iter().rev().find(|(variable, _)| variable == name);
        found.map(|(_, found)| found.clone()).ok_or_else(|| {
            let names = || self.variables.iter().map(|(variable, _)| variable.as_str());
            let hint = nearest(name, names()).map(|near| format!("did you mean {near}?"));
            let listed = || format!("variables here: {}", names().collect::<Vec<_>>().join(", "));
            CelError::new(format!("there is no variable {name}"), hint.unwrap_or_else(listed))
        })
    }

    fn field(&self, select: &SelectExpr) -> Result<Option<&'static Field>, CelError> {
        match self.type_of(&select.operand)? {
            Type::Any => Ok(None),
            Type::Record(record) => find(record, &select.field).map(Some),
            other => Err(CelError::new(
                format!("{other} has no fields, and .{} asks for one", select.field),
                "name a field of the variable",
            )),
        }
    }

    fn select(&self, select: &SelectExpr) -> Result<Type, CelError> {
        let field = self.field(select)?;
        if select.test {
            return Ok(Type::Bool);
        }
        let Some(field) = field else { return Ok(Type::Any) };
        let path = path(select);
        if field.is_optional && !path.as_ref().is_some_and(|path| self.known.contains(path)) {
            let path = path.unwrap_or_else(|| field.name.to_owned());
            return Err(CelError::new(
                format!("{path} may be unknown"),
                format!("ask first: has({path}) && …, or !has({path}) || …"),
            ));
        }
        Ok(field.r#type())
    }

    fn need(&self, expression: &IdedExpr, wanted: &Type) -> Result<Type, CelError> {
        let found = self.type_of(expression)?;
        if found.fits(wanted) { Ok(found) } else { Err(needed(wanted, &found)) }
    }

    /// The same scope where the fields are known that a condition has asked about.
    fn given(&self, condition: &IdedExpr, is_true: bool) -> Self {
        let mut scope = self.clone();
        asked(condition, is_true, &mut scope.known);
        scope
    }

    fn call(&self, call: &CallExpr) -> Result<Type, CelError> {
        let CallExpr { func_name, target, args } = call;
        match (func_name.as_str(), args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => {
                self.need(left, &Type::Bool)?;
                self.given(left, true).need(right, &Type::Bool)
            }
            (operators::LOGICAL_OR, [left, right]) => {
                self.need(left, &Type::Bool)?;
                self.given(left, false).need(right, &Type::Bool)
            }
            (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, [only]) => self.need(only, &Type::Bool),
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                self.need(condition, &Type::Bool)?;
                let then = self.given(condition, true).type_of(then)?;
                let otherwise = self.given(condition, false).type_of(otherwise)?;
                if then.fits(&otherwise) {
                    Ok(wider(then, otherwise))
                } else {
                    Err(compared(&then, &otherwise))
                }
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => self.equal(left, right),
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [left, right],
            ) => self.ordered(left, right),
            (operators::ADD, [left, right]) => self.sum(left, right),
            (operators::SUBSTRACT, [left, right]) => self.difference(left, right),
            (operators::MULTIPLY | operators::DIVIDE | operators::MODULO, [left, right]) => {
                self.need(left, &Type::Number)?;
                self.need(right, &Type::Number)
            }
            (operators::NEGATE, [only]) => self.need(only, &Type::Number),
            (operators::IN, [element, list]) => {
                let element = self.type_of(element)?;
                match self.type_of(list)? {
                    Type::List(of) if element.fits(&of) => Ok(Type::Bool),
                    Type::List(of) => Err(compared(&element, &of)),
                    other => Err(needed(&Type::List(Box::new(Type::Any)), &other)),
                }
            }
            (operators::INDEX, [list, place]) => {
                self.need(place, &Type::Number)?;
                match self.type_of(list)? {
                    Type::List(of) => Ok(*of),
                    other => Err(needed(&Type::List(Box::new(Type::Any)), &other)),
                }
            }
            (name, args) => {
                let all: Vec<&IdedExpr> = target.iter().map(AsRef::as_ref).chain(args.iter()).collect();
                self.function(name, &all)
            }
        }
    }

    fn function(&self, name: &str, arguments: &[&IdedExpr]) -> Result<Type, CelError> {
        match (name, arguments) {
            (name, [text, other]) if OF_TEXT.contains(&name) => {
                self.need(text, &Type::Text)?;
                self.need(other, &Type::Text)?;
                if let (true, Expr::Literal(LiteralValue::String(form))) = (name == "matches", &other.expr) {
                    regex(form.inner()).map_err(|why| {
                        CelError::new(
                            format!("{:?} is not a regular expression: {why}", form.inner()),
                            "correct it",
                        )
                    })?;
                }
                Ok(Type::Bool)
            }
            (name, [time]) if OF_TIME.contains(&name) => self.need(time, &Type::Time).map(|_| Type::Number),
            ("size", [of]) => match self.type_of(of)? {
                Type::Text | Type::List(_) | Type::Any => Ok(Type::Number),
                other => Err(needed(&Type::List(Box::new(Type::Any)), &other)),
            },
            ("timestamp", [text]) => self.need(text, &Type::Text).map(|_| Type::Time),
            ("duration", [text]) => self.need(text, &Type::Text).map(|_| Type::Duration),
            ("int", [of]) => self.type_of(of).map(|_| Type::Number),
            ("string", [of]) => match self.type_of(of)? {
                Type::Text | Type::Number | Type::Time | Type::Duration | Type::Any => Ok(Type::Text),
                other => Err(needed(&Type::Text, &other)),
            },
            (name, arguments) => {
                let known = || OF_TEXT.into_iter().chain(OF_TIME).chain(OTHERS);
                if known().any(|known| known == name) {
                    let count = arguments.len();
                    let message = format!("{name} does not take {count} arguments");
                    return Err(CelError::new(message, "look at the reference page of manifests"));
                }
                let hint = match nearest(name, known()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "look at the reference page of manifests".to_owned(),
                };
                Err(CelError::new(format!("there is no function {name}"), hint))
            }
        }
    }

    fn equal(&self, left: &IdedExpr, right: &IdedExpr) -> Result<Type, CelError> {
        let (left, right) = (self.type_of(left)?, self.type_of(right)?);
        let is_record =
            matches!(left, Type::Record(_) | Type::Null) || matches!(right, Type::Record(_) | Type::Null);
        if is_record || !left.fits(&right) { Err(compared(&left, &right)) } else { Ok(Type::Bool) }
    }

    fn ordered(&self, left: &IdedExpr, right: &IdedExpr) -> Result<Type, CelError> {
        let (left, right) = (self.type_of(left)?, self.type_of(right)?);
        let has_order = |found: &Type| {
            matches!(found, Type::Number | Type::Text | Type::Time | Type::Duration | Type::Any)
        };
        if has_order(&left) && has_order(&right) && left.fits(&right) {
            Ok(Type::Bool)
        } else {
            Err(compared(&left, &right))
        }
    }

    fn sum(&self, left: &IdedExpr, right: &IdedExpr) -> Result<Type, CelError> {
        match (self.type_of(left)?, self.type_of(right)?) {
            (Type::Time, Type::Duration) | (Type::Duration, Type::Time) => Ok(Type::Time),
            (left @ (Type::Text | Type::Number | Type::Duration), right) if left == right => Ok(left),
            (left @ Type::List(_), right @ Type::List(_)) if left.fits(&right) => Ok(wider(left, right)),
            (Type::Any, other) | (other, Type::Any) => Ok(other),
            (left, right) => Err(CelError::new(
                format!("{left} and {right} do not add up"),
                "convert one of them: string(…)",
            )),
        }
    }

    fn difference(&self, left: &IdedExpr, right: &IdedExpr) -> Result<Type, CelError> {
        match (self.type_of(left)?, self.type_of(right)?) {
            (Type::Time, Type::Time) | (Type::Duration, Type::Duration) => Ok(Type::Duration),
            (Type::Time, Type::Duration) => Ok(Type::Time),
            (Type::Number, Type::Number) => Ok(Type::Number),
            (left, right) => Err(CelError::new(
                format!("{right} cannot be taken from {left}"),
                "subtract numbers or times",
            )),
        }
    }

    /// A macro: `all`, `exists`, `exists_one`, `map`, `filter`.
    fn comprehension(&self, all: &ComprehensionExpr) -> Result<Type, CelError> {
        let ComprehensionExpr {
            iter_range,
            iter_var,
            iter_var2: _,
            accu_var,
            accu_init,
            loop_cond,
            loop_step,
            result,
        } = all;
        let element = match self.type_of(iter_range)? {
            Type::List(of) => *of,
            Type::Any => Type::Any,
            other => return Err(needed(&Type::List(Box::new(Type::Any)), &other)),
        };
        let mut scope = self.clone();
        scope.variables.push((iter_var.clone(), element));
        scope.known.retain(|path| !path.starts_with(&format!("{iter_var}.")));
        scope.variables.push((accu_var.clone(), self.type_of(accu_init)?));
        scope.need(loop_cond, &Type::Bool)?;
        let step = scope.type_of(loop_step)?;
        scope.variables.push((accu_var.clone(), step));
        scope.type_of(result)
    }
}

fn literal_type(literal: &LiteralValue) -> Result<Type, CelError> {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Bool),
        LiteralValue::Int(_) | LiteralValue::UInt(_) => Ok(Type::Number),
        LiteralValue::String(_) => Ok(Type::Text),
        LiteralValue::Null => Ok(Type::Null),
        LiteralValue::Double(_) | LiteralValue::Bytes(_) => Err(CelError::new(
            "fractions and bytes have no place in a rule",
            "write a whole number or a text",
        )),
    }
}

fn find(record: &'static Record, name: &str) -> Result<&'static Field, CelError> {
    record.fields.iter().find(|field| field.name == name).ok_or_else(|| {
        let names = || record.fields.iter().map(|field| field.name);
        let hint = match nearest(name, names()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
        };
        CelError::new(format!("a {} has no field {name}", record.name), hint)
    })
}

/// `grant.expiresAt`, where it is a variable and fields.
fn path(select: &SelectExpr) -> Option<String> {
    match &select.operand.expr {
        Expr::Ident(name) => Some(format!("{name}.{}", select.field)),
        Expr::Select(inner) => Some(format!("{}.{}", path(inner)?, select.field)),
        _ => None,
    }
}

/// The fields that are known when a condition is true, or false.
fn asked(condition: &IdedExpr, is_true: bool, known: &mut BTreeSet<String>) {
    match &condition.expr {
        Expr::Select(select) if select.test && is_true => known.extend(path(select)),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [only]) => asked(only, !is_true, known),
            (operators::LOGICAL_AND, [left, right]) if is_true => {
                asked(left, true, known);
                asked(right, true, known);
            }
            (operators::LOGICAL_OR, [left, right]) if !is_true => {
                asked(left, false, known);
                asked(right, false, known);
            }
            _ => {}
        },
        _ => {}
    }
}

fn wider(left: Type, right: Type) -> Type {
    match (&left, &right) {
        (Type::List(of), Type::List(_)) if **of == Type::Any => right,
        (Type::Any, _) => right,
        _ => left,
    }
}

fn needed(wanted: &Type, found: &Type) -> CelError {
    CelError::new(format!("{wanted} is needed, and there is {found}"), "look at the types of the fields")
}

fn compared(left: &Type, right: &Type) -> CelError {
    CelError::new(format!("{left} and {right} are compared"), "compare what is of one type")
}
