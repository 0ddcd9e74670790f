//! Checks one document by itself: header, schema, the YAML 1.1 trap, CEL, and what the platform is known to have.

use super::walk::{Dropped, Walk};
use super::{schema, secrets, vocabulary};
use crate::facts::{Level, RoleType, nearest};
use crate::manifest::finding::{Code, Finding, Span, Spot, shown};
use crate::manifest::kinds::{API_VERSION, CONTROLLER_KINDS, GROUP, Kind, Spec, TEST_KIND, rules};
use crate::manifest::marks::Marks;
use crate::manifest::model::{Manifest, Origin, PassedOver};
use crate::manifest::tree::{Chunk, Document, Node, Shape};
use crate::manifest::{model::Skipped, scalar};
use kube::core::cel::Validator;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// The keys that every document has once.
const HEADER: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// What one worker needs and collects.
pub(super) struct Checker {
    /// Whether a policy may look at objects as they are written.
    keeps_values: bool,
    /// Documents that passed.
    pub manifests: Vec<Manifest>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was left out.
    pub skipped: Skipped,
    /// The same, document by document.
    pub passed_over: Vec<PassedOver>,
    /// Bytes of files that are not shown.
    pub hidden: Vec<(Arc<str>, Vec<Range<u32>>)>,
    /// Files with a mapping in them.
    pub understood: BTreeSet<Arc<str>>,
    validator: Validator,
}

impl Checker {
    /// Starts with nothing.
    pub(super) fn new(keeps_values: bool) -> Self {
        Self {
            keeps_values,
            manifests: Vec::new(),
            findings: Vec::new(),
            skipped: Skipped::default(),
            passed_over: Vec::new(),
            hidden: Vec::new(),
            understood: BTreeSet::new(),
            validator: Validator::new(),
        }
    }

    /// Checks a document, or each item of a `List`. What manifests may not have counts in manifests only: other tools
    /// have their own rules.
    pub(super) fn take(&mut self, file: &Arc<str>, document: Document<'_>) {
        let Document { root, findings } = document;
        let before = self.findings.len();
        let manifests = self.manifests.len();
        if self.document(file, &root, findings.is_empty()) {
            match joined(file, &root).or_else(|| unindented(file, &root)) {
                Some(finding) => {
                    self.manifests.truncate(manifests);
                    self.findings.truncate(before);
                    self.findings.push(finding);
                }
                None => self.findings.extend(findings),
            }
        }
        let hidden = secrets::hidden(&root);
        if !hidden.is_empty() {
            secrets::redact(&mut self.findings[before..], &hidden);
            self.hidden.push((Arc::clone(file), hidden));
        }
    }

    /// What is wrong with documents that cannot be read to their end.
    pub(super) fn take_broken(&mut self, file: &Arc<str>, chunk: &Chunk<'_>, mut broken: Vec<Finding>) {
        if let Some(hidden) = secrets::hidden_in_broken(chunk).filter(|_| !broken.is_empty()) {
            let hidden = vec![hidden];
            secrets::redact(&mut broken, &hidden);
            self.hidden.push((Arc::clone(file), hidden));
        }
        self.findings.append(&mut broken);
    }

    /// Whether it is one of ours, or looks so. An unsound one is checked and not used.
    fn document(&mut self, file: &Arc<str>, document: &Node<'_>, is_sound: bool) -> bool {
        match &document.shape {
            Shape::Scalar { text, is_plain: true } if scalar::is_nothing(text) => return false,
            Shape::Map(_) => {}
            _ => {
                self.foreign(file, document, "no mapping of keys to values".to_owned());
                return false;
            }
        }
        let kind = document.get("kind").and_then(|entry| entry.value.text());
        if document.get("sops").is_some() && kind.is_some_and(|kind| kind.starts_with("ENC[")) {
            self.foreign(file, document, "encrypted by sops".to_owned());
            return false;
        }
        self.understood.insert(Arc::clone(file));
        if let (Some(kind), Some(items)) = (kind, document.get("items")) {
            let is_list =
                kind == "List" || kind.strip_suffix("List").is_some_and(|kind| Kind::named(kind).is_some());
            if let (true, Shape::List(items)) = (is_list, &items.value.shape) {
                return items
                    .iter()
                    .fold(false, |is_ours, item| self.document(file, item, is_sound) | is_ours);
            }
        }
        let before = self.findings.len();
        if let Some(kind) = self.kind(file, document) {
            self.object(file, document, kind, is_sound);
            return true;
        }
        self.findings.len() > before
    }

    fn foreign(&mut self, file: &Arc<str>, document: &Node<'_>, what: String) {
        self.skipped.foreign += 1;
        let spot = Spot { file: Arc::clone(file), span: document.span };
        self.passed_over.push(PassedOver { spot, what });
    }

    /// The kind, if the document is one of ours.
    fn kind(&mut self, file: &Arc<str>, document: &Node<'_>) -> Option<Kind> {
        let spot = |span: Span| Spot { file: Arc::clone(file), span };
        let api_version = document.get("apiVersion");
        let written_kind = document.get("kind");
        let name = written_kind.and_then(|entry| entry.value.text()).unwrap_or_default();
        let kind = Kind::named(name);
        let Some(api_version) = api_version else {
            let near = kind.is_some() || nearest(name, Kind::ALL.map(Kind::name)).is_some();
            let span = written_kind.filter(|_| near).map(|entry| entry.value.span);
            self.without_version(file, document, name, span);
            return None;
        };
        let span = api_version.value.span;
        let version = api_version.value.text().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        if group != GROUP {
            let looks_ours = kind.is_some() || nearest(group, [GROUP]).is_some();
            if looks_ours {
                self.findings.push(
                    Finding::new(
                        Code::ForeignGroup,
                        spot(span),
                        format!("apiVersion is {}: not read", shown(version)),
                    )
                    .hint(format!("did you mean {API_VERSION}?")),
                );
            }
            self.foreign(file, document, format!("{} of {}", shown(name), shown(version)));
            return None;
        }
        if version != API_VERSION {
            self.findings.push(
                Finding::new(Code::Header, spot(span), format!("{} is not a known version", shown(version)))
                    .hint(format!("write {API_VERSION}")),
            );
            return None;
        }
        let Some(entry) = written_kind else {
            let finding = Finding::new(Code::Header, spot(span), "a document of this API group without kind")
                .hint(format!("add kind: one of {}", Kind::ALL.map(Kind::name).join(", ")));
            self.findings.push(finding);
            return None;
        };
        if kind.is_none() {
            self.unknown_kind(spot(entry.value.span), name);
        }
        kind
    }

    /// A document without `apiVersion`; `ours`: where it names a kind of ours, or almost.
    fn without_version(&mut self, file: &Arc<str>, document: &Node<'_>, name: &str, ours: Option<Span>) {
        if let Some(span) = ours {
            let spot = Spot { file: Arc::clone(file), span };
            let finding = Finding::new(Code::Header, spot, format!("a {name} without apiVersion"));
            self.findings.push(finding.hint(format!("add apiVersion: {API_VERSION}")));
        } else {
            let what = if name.is_empty() {
                "no apiVersion".to_owned()
            } else {
                format!("{} without apiVersion", shown(name))
            };
            self.foreign(file, document, what);
        }
    }

    fn unknown_kind(&mut self, spot: Spot, name: &str) {
        if name == TEST_KIND {
            return;
        }
        if CONTROLLER_KINDS.contains(&name) {
            self.skipped.controller += 1;
            let message = format!("{name} is written or read by the controller only: skipped");
            self.findings.push(Finding::new(Code::ControllerKind, spot, message));
            return;
        }
        let names = Kind::ALL.map(Kind::name);
        let finding = Finding::new(Code::UnknownKind, spot, format!("{GROUP} has no kind {}", shown(name)));
        let near = nearest(name, names)
            .or_else(|| nearest(&format!("Kore{name}"), names))
            .or_else(|| names.into_iter().find(|candidate| candidate.strip_prefix("Kore") == Some(name)));
        self.findings.push(match near {
            Some(_) => finding.did_you_mean(near),
            None => finding.hint(format!("it has {}", names.join(", "))),
        });
    }

    fn object(&mut self, file: &Arc<str>, document: &Node<'_>, kind: Kind, is_sound: bool) {
        let before = self.findings.len();
        // A team without one of its members is still the team that others name.
        let dropped = Dropped::allowed(kind == Kind::Team);
        let mut walk = Walk {
            file,
            kind: kind.name(),
            findings: &mut self.findings,
            marks: Marks::default(),
            dropped,
            item: None,
        };
        let (name, namespace) = metadata(&mut walk, document, kind);
        top_level(&mut walk, document);
        let prepared = schema::prepared(kind);
        let Some(spec) = document.get("spec") else {
            let message = format!("this {kind} has no spec");
            walk.finding(Code::MissingField, walk.marks.name, message, "add spec: and its fields");
            return;
        };
        let mut value = walk.value(&spec.value, &prepared.spec, "", false);
        let marks = std::mem::take(&mut walk.marks);
        let of_items = walk.dropped.errors;
        let is_clean = |findings: &[Finding]| {
            findings[before..].iter().filter(|finding| finding.is_error()).count() == of_items
        };
        if !is_sound || !is_clean(&self.findings) {
            return;
        }
        if kind == Kind::Role {
            self.permissions(file, &spec.value);
        }
        self.rules(file, &spec.value, spec.key.span, prepared, &value);
        if !is_clean(&self.findings) {
            return;
        }
        let kept = self.keeps_values.then(|| Arc::new(value.clone()));
        match Spec::from_value(kind, value.take()) {
            Ok(spec) => self.manifests.push(Manifest {
                value: kept,
                name: Arc::from(name.as_str()),
                namespace: namespace.map(|namespace| Arc::from(namespace.as_str())),
                spec,
                origin: Origin::File { file: Arc::clone(file), marks },
            }),
            Err(error) => {
                let spot = Spot { file: Arc::clone(file), span: marks.name };
                self.findings.push(Finding::new(
                    Code::Rule,
                    spot,
                    format!("this {kind} cannot be read: {error}"),
                ));
            }
        }
    }

    /// Runs the CEL rules. A rule that cannot be run is an error, not a pass.
    fn rules(
        &mut self,
        file: &Arc<str>,
        spec: &Node<'_>,
        key: Span,
        prepared: &schema::Prepared,
        value: &Value,
    ) {
        let Some(rules) = &prepared.rules else { return };
        let Err(errors) = self.validator.validate_compiled(rules, value, None) else { return };
        for error in errors.into_vec() {
            let rule = rules::named(&error.rule);
            let path = error.field_path.as_str();
            let path = match rule.and_then(|rule| rule.points_at) {
                Some(field) if !path.ends_with(field) => format!("{path}.{field}"),
                _ => path.to_owned(),
            };
            let spot = Spot { file: Arc::clone(file), span: locate(spec, &path).unwrap_or(key) };
            self.findings.push(match rule {
                Some(rule) => Finding::new(rule.code, spot, rule.message).hint(rule.hint),
                None => Finding::new(Code::Rule, spot, error.message),
            });
        }
    }

    fn permissions(&mut self, file: &Arc<str>, spec: &Node<'_>) {
        let role_type = match spec.get("type").and_then(|entry| entry.value.text()) {
            Some("Admin") => RoleType::Admin,
            Some("Bot") => RoleType::Bot,
            _ => return,
        };
        let Some(permissions) = spec.get("permissions") else { return };
        let Shape::Map(entries) = &permissions.value.shape else { return };
        for entry in entries {
            let name = &entry.key.text;
            let Some(levels) = vocabulary::levels(role_type, name) else {
                let spot = Spot { file: Arc::clone(file), span: entry.key.span };
                let message =
                    format!("no {} role is known to have the permission {}", role_type.as_str(), shown(name));
                let finding = Finding::new(Code::UnknownPermission, spot, message);
                self.findings.push(finding.did_you_mean(nearest(name, vocabulary::permissions(role_type))));
                continue;
            };
            let level = entry.value.text().unwrap_or_default();
            // In any case, and by any word for nothing or everything.
            if !levels.iter().any(|known| Level::new(known).is_same(&Level::new(level))) {
                let spot = Spot { file: Arc::clone(file), span: entry.value.span };
                let message = format!("{name} is not known to take {}", shown(level));
                let finding = Finding::new(Code::UnknownLevel, spot, message);
                self.findings.push(finding.hint(format!("one of {}", levels.join(", "))));
            }
        }
    }
}

/// Documents that were put together without `---` between them: one finding instead of one for each key that is there
/// twice. The second begins where the first of these keys comes again.
fn joined(file: &Arc<str>, root: &Node<'_>) -> Option<Finding> {
    let Shape::Map(entries) = &root.shape else { return None };
    let again: Vec<Span> = entries
        .iter()
        .enumerate()
        .filter(|(at, entry)| {
            HEADER.contains(&&*entry.key.text)
                && entries[..*at].iter().any(|earlier| earlier.key.text == entry.key.text)
        })
        .map(|(_, entry)| entry.key.span)
        .collect();
    if again.len() < 2 {
        return None;
    }
    let spot = |span: Span| Spot { file: Arc::clone(file), span };
    let (first, document) = (spot(again[0]), spot(root.span));
    let message = "a document begins here, and the line --- before it is missing";
    let finding = Finding::new(Code::MissingSeparator, first, message)
        .hint("write --- on a line of its own before each document, and put a line end behind the last one")
        .related(document, "this document ends before it");
    // Each further document begins with the key that the second one began with.
    let key = |span: &Span| entries.iter().find(|entry| entry.key.span == *span).map(|entry| &entry.key.text);
    let further = again[1..].iter().filter(|span| key(span) == key(&again[0]));
    Some(further.fold(finding, |finding, span| finding.related(spot(*span), "and another one here")))
}

/// A document whose lines have lost their indentation: `metadata:` or `spec:` with nothing in it, and its fields on the
/// same level behind it.
fn unindented(file: &Arc<str>, root: &Node<'_>) -> Option<Finding> {
    let Shape::Map(entries) = &root.shape else { return None };
    let is_known = |name: &str| HEADER.contains(&name) || name == "status";
    let is_nothing = |node: &Node<'_>| match &node.shape {
        Shape::Scalar { text, is_plain: true } => scalar::is_nothing(text),
        _ => false,
    };
    let lost = entries.windows(2).filter(|pair| {
        let [above, below] = pair else { return false };
        matches!(&*above.key.text, "metadata" | "spec")
            && is_nothing(&above.value)
            && !is_known(&below.key.text)
    });
    let mut lost = lost.map(|pair| (&pair[0].key, &pair[1].key));
    let (above, below) = lost.next()?;
    let spot = |span: Span| Spot { file: Arc::clone(file), span };
    let message = format!("{} belongs below {}, and its indentation is lost", below.text, above.text);
    let finding = Finding::new(Code::Header, spot(below.span), message)
        .hint(format!("indent the lines below {}: by two blanks", above.text))
        .related(spot(above.span), "nothing is in it");
    Some(lost.fold(finding, |finding, (above, _)| finding.related(spot(above.span), "nor in this one")))
}

/// Name and namespace; what Kubernetes would refuse is found here.
fn metadata(walk: &mut Walk<'_>, document: &Node<'_>, kind: Kind) -> (String, Option<String>) {
    const LONGEST: usize = 253;
    let kind_span = document.get("kind").map_or(document.span, |entry| entry.value.span);
    walk.marks.name = kind_span;
    let metadata = document.get("metadata").map(|entry| &entry.value);
    let Some(entry) = metadata.and_then(|metadata| metadata.get("name")) else {
        let message = format!("this {kind} has no metadata.name");
        let near = match metadata.map(|metadata| &metadata.shape) {
            Some(Shape::Map(entries)) => {
                entries.iter().find(|entry| nearest(&entry.key.text, ["name"]).is_some())
            }
            _ => None,
        };
        let span = near.map_or(kind_span, |entry| entry.key.span);
        let hint = if near.is_some() { "did you mean name?" } else { "add metadata: { name: … }" };
        walk.finding(Code::Header, span, message, hint);
        return (String::new(), None);
    };
    walk.marks.name = entry.value.span;
    let name = plain_text(walk, &entry.value, "metadata.name");
    if let Some(name) = name.as_deref().filter(|name| !is_dns_name(name, LONGEST)) {
        let message = format!("Kubernetes would refuse the name {}", shown(name));
        let hint = "use lower-case letters, digits, - and ., beginning and ending with a letter or digit";
        walk.finding(Code::InvalidName, entry.value.span, message, hint);
    }
    let namespace = metadata.and_then(|metadata| metadata.get("namespace"));
    let namespace = namespace.and_then(|entry| {
        let text = plain_text(walk, &entry.value, "metadata.namespace")?;
        if text.contains('.') || !is_dns_name(&text, 63) {
            let message = format!("Kubernetes would refuse the namespace {}", shown(&text));
            walk.finding(
                Code::InvalidName,
                entry.value.span,
                message,
                "use lower-case letters, digits and -",
            );
        }
        Some(text)
    });
    for field in ["labels", "annotations"] {
        if let Some(Shape::Map(entries)) =
            metadata.and_then(|metadata| metadata.get(field)).map(|entry| &entry.value.shape)
        {
            for entry in entries {
                plain_text(walk, &entry.value, field);
            }
        }
    }
    (name.unwrap_or_default(), namespace)
}

/// A text that must be one for every reader.
fn plain_text(walk: &mut Walk<'_>, node: &Node<'_>, field: &str) -> Option<String> {
    match &node.shape {
        Shape::Scalar { text, is_plain } => {
            if let (true, Some(meaning)) = (*is_plain, scalar::taken_for(text)) {
                walk.quote(node.span, text, meaning, field);
            }
            Some(text.clone().into_owned())
        }
        Shape::Refused => None,
        Shape::List(_) | Shape::Map(_) => {
            walk.finding(Code::WrongType, node.span, format!("{field} takes a text"), "write one value");
            None
        }
    }
}

fn top_level(walk: &mut Walk<'_>, document: &Node<'_>) {
    const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
    let Shape::Map(entries) = &document.shape else { return };
    for entry in entries.iter().filter(|entry| !FIELDS.contains(&entry.key.text.as_ref())) {
        let message = format!("a {} has no field {} beside spec", walk.kind, shown(&entry.key.text));
        let finding = Finding::new(Code::UnknownField, walk.spot(entry.key.span), message);
        walk.findings.push(match nearest(&entry.key.text, FIELDS) {
            near @ Some(_) => finding.did_you_mean(near),
            None => finding.hint("fields of the object belong below spec"),
        });
    }
}

/// Lower-case DNS labels joined by dots: what Kubernetes takes as a name.
fn is_dns_name(name: &str, longest: usize) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= longest
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            bytes.first().is_some_and(|byte| is_edge(*byte))
                && bytes.last().is_some_and(|byte| is_edge(*byte))
                && bytes.iter().all(|byte| is_edge(*byte) || *byte == b'-')
        })
}

/// The place of `subjects[3].user` below a node; as far down as the tree goes.
fn locate(node: &Node<'_>, path: &str) -> Option<Span> {
    let (mut node, mut span) = (node, None);
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        if let (Shape::List(items), Some(Ok(index))) =
            (&node.shape, step.strip_suffix(']').map(str::parse::<usize>))
        {
            node = items.get(index)?;
            span = Some(node.span);
            continue;
        }
        let Some(entry) = node.get(step) else { break };
        node = &entry.value;
        span = Some(if matches!(node.shape, Shape::Scalar { .. }) { node.span } else { entry.key.span });
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::cel::compile_schema;

    #[test]
    fn a_rule_that_cannot_be_run_is_an_error() {
        let schema = serde_json::json!({
            "type": "object",
            "properties": { "a": { "type": "string" } },
            "x-kubernetes-validations": [{ "rule": "self.a.unheardOf()", "message": "never" }],
        });
        let prepared = schema::Prepared { spec: schema::Schema::Truth, rules: Some(compile_schema(&schema)) };
        let spec = Node { span: Span::default(), shape: Shape::Map(Vec::new()) };
        let mut checker = Checker::new(false);
        checker.rules(
            &Arc::from("f.yaml"),
            &spec,
            Span::default(),
            &prepared,
            &serde_json::json!({ "a": "x" }),
        );
        assert_eq!(checker.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::Rule]);
    }

    #[test]
    fn names_are_judged_as_kubernetes_does() {
        for (name, is_good) in [
            ("a", true),
            ("a-1.b", true),
            ("", false),
            ("A", false),
            ("-a", false),
            ("a-", false),
            ("a..b", false),
            ("a_b", false),
        ] {
            assert_eq!(is_dns_name(name, 253), is_good, "{name}");
        }
        assert!(!is_dns_name(&"a".repeat(254), 253));
    }
}
