//! Policies over objects, for the API server: a `ValidatingAdmissionPolicy` and a binding each. What it says of an object is
//! what `validate` says: the same verdict, message and code.

use super::documents;
use crate::cli::inputs::Inputs;
use crate::cli::{CliError, Exit, Output};
use crate::facts::{PolicyRule, RuleAction, RuleOver, RuleShape};
use crate::manifest::kinds::{GROUP, Kind};
use crate::manifest::{Code, Manifests, namespaces_let_in};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Prints them.
pub(super) fn run(inputs: &Inputs, output: &Output) -> Result<Exit, CliError> {
    let (manifests, compiled) = inputs.compile_all(false, Timestamp::now(), output)?;
    let account = &*compiled.account.name;
    let all: Vec<Value> = compiled
        .rules
        .rules
        .iter()
        .flat_map(|rule| {
            let place = Place::new(rule, account, &manifests);
            of_rule(rule, &place).map(|policy| [policy, binding(rule, &place)]).into_iter().flatten()
        })
        .collect();
    if all.is_empty() {
        output.note("no KorePolicy is over: Object, so that the API server has nothing to judge");
    }
    output.result(&documents(all.iter())?);
    Ok(Exit::Done)
}

/// Whose objects a policy is about.
struct Place<'m> {
    account: &'m str,
    /// Where the policy is declared, and from where else objects may belong to the account; none: everywhere.
    namespaces: Vec<String>,
    /// What the server calls the policy: it knows one name in all namespaces.
    name: String,
}

impl<'m> Place<'m> {
    fn new(rule: &PolicyRule, account: &'m str, manifests: &'m Manifests) -> Self {
        let of_kind = |kind: Kind, name: &str| {
            manifests.all().iter().find(|manifest| manifest.kind() == kind && *manifest.name == *name)
        };
        let own = of_kind(Kind::Policy, &rule.name).and_then(|policy| policy.namespace.as_deref());
        let lets_in = of_kind(Kind::Account, account).map(|account| namespaces_let_in(account, manifests));
        let others = lets_in.into_iter().flatten();
        let namespaces =
            own.map_or_else(Vec::new, |own| std::iter::once(own.to_owned()).chain(others).collect());
        let parts = [Some(&*rule.name), Some(account), own, Some(GROUP)];
        Self { account, namespaces, name: parts.into_iter().flatten().collect::<Vec<_>>().join(".") }
    }

    /// An object that names no account belongs to the only one.
    fn condition(&self) -> String {
        let account = quoted(self.account);
        format!(
            "object.kind == 'KoreAccount' ? object.metadata.name == {account} : \
             (!has(object.spec.account) || object.spec.account == {account})"
        )
    }
}

/// The code of the finding that `validate` makes of a violation.
fn code_of(action: RuleAction) -> Code {
    match action {
        RuleAction::Deny => Code::PolicyDenied,
        RuleAction::Warn => Code::PolicyWarned,
        RuleAction::Audit => Code::PolicyAudited,
    }
}

fn of_rule(rule: &PolicyRule, place: &Place<'_>) -> Option<Value> {
    let shape =
        rule.shapes.iter().find(|shape| matches!(shape, RuleShape::Cel { over: RuleOver::Object, .. }))?;
    let RuleShape::Cel { kinds, rule: condition, message, message_expression, .. } = shape else {
        return None;
    };
    let said = match (message_expression, message) {
        (Some(expression), _) => format!("({expression})"),
        (None, message) => {
            let message = message.as_deref().unwrap_or("the rule is violated");
            format!("object.kind + ' ' + object.metadata.name + {}", quoted(&format!(": {message}")))
        }
    };
    let behind = format!(" (policy {}, {}) ({})", rule.name, rule.severity.label(), code_of(rule.action));
    let plurals: Vec<String> = kinds.iter().filter_map(|kind| plural(&kind.name)).collect();
    Some(json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": place.name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [GROUP],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": plurals,
            }] },
            "matchConditions": [{ "name": "account", "expression": place.condition() }],
            "validations": [{
                "expression": condition,
                "messageExpression": format!("{said} + {}", quoted(&behind)),
                "reason": "Invalid",
            }],
        },
    }))
}

/// Where the policy has a namespace, its objects are of that one, which is the account's, or of one that the account lets in.
fn binding(rule: &PolicyRule, place: &Place<'_>) -> Value {
    let action = match rule.action {
        RuleAction::Deny => "Deny",
        RuleAction::Warn => "Warn",
        RuleAction::Audit => "Audit",
    };
    let mut spec = json!({ "policyName": place.name, "validationActions": [action] });
    if !place.namespaces.is_empty() {
        let is_one_of =
            json!({ "key": "kubernetes.io/metadata.name", "operator": "In", "values": place.namespaces });
        spec["matchResources"] = json!({ "namespaceSelector": { "matchExpressions": [is_one_of] } });
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": place.name },
        "spec": spec,
    })
}

fn plural(kind: &str) -> Option<String> {
    Some(Kind::named(kind)?.crd().spec.names.plural)
}

/// A text in CEL: its escapes are those of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
