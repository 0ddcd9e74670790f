//! A finding: what is wrong in a manifest, where, and the next step.

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// Whether a document can be used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document, or this part of it, is not used, and nothing is pruned.
    Error,
    /// The document is used, and probably not what was meant.
    Warning,
    /// Context for the reader; nothing is wrong.
    Note,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $severity:ident;)+) => {
        /// What kind of finding. The name is stable: people search for it and filter by it.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code, in the order of the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it is printed: `unknown-field`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// One line for the reference page.
            pub fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// A path does not exist or cannot be read, or a pattern in `sources` matches nothing.
    Unreadable = "unreadable", Error;
    /// A file, or all files together, are too large to be manifests.
    TooLarge = "too-large", Error;
    /// A file is not UTF-8.
    NotUtf8 = "not-utf8", Error;
    /// The YAML cannot be parsed; the next document is read again.
    Syntax = "syntax", Error;
    /// A mapping has the same key twice.
    DuplicateKey = "duplicate-key", Error;
    /// Two documents without the line `---` between them.
    MissingSeparator = "missing-separator", Error;
    /// Anchors, aliases, merge keys and tags are not part of manifests.
    Anchor = "anchor", Error;
    /// `apiVersion`, `kind` or `metadata.name` is missing, or the version is not known.
    Header = "header", Error;
    /// The API group has no such kind.
    UnknownKind = "unknown-kind", Error;
    /// The document is of another API group, but its kind or group resembles one of koreconcile.
    ForeignGroup = "foreign-group", Error;
    /// A kind that only the controller uses; skipped.
    ControllerKind = "controller-kind", Note;
    /// Kubernetes would refuse this name.
    InvalidName = "invalid-name", Error;
    /// The kind has no such field.
    UnknownField = "unknown-field", Error;
    /// A required field is missing.
    MissingField = "missing-field", Error;
    /// The value has another type than the field.
    WrongType = "wrong-type", Error;
    /// An unquoted text that kubectl and other YAML readers take for a boolean, a number or nothing.
    QuoteIt = "quote-it", Error;
    /// The value is not one of those the field takes.
    UnknownValue = "unknown-value", Error;
    /// A number, text or list is outside its limits.
    OutOfRange = "out-of-range", Error;
    /// The text does not have the form of the field: a duration, a percentage or an origin.
    Pattern = "pattern", Error;
    /// The text is not an e-mail address.
    Email = "email", Error;
    /// The text is not a timestamp.
    Timestamp = "timestamp", Error;
    /// Exactly one of several fields is to be written.
    ExactlyOne = "exactly-one", Error;
    /// `credentials` are required with `endpoint.host`, and not allowed with `endpoint.sandbox`.
    Credentials = "credentials", Error;
    /// An Authoritative group membership needs `local: true`.
    LocalGroup = "local-group", Error;
    /// A Bot role names a bot, an Admin role does not.
    BotOfRole = "bot-of-role", Error;
    /// Bot Owner cannot be granted.
    BotOwner = "bot-owner", Error;
    /// Master Admin can be granted to users, not to groups.
    MasterAdminGroup = "master-admin-group", Error;
    /// Master Admin and Bot Owner cannot be declared.
    FixedRole = "fixed-role", Error;
    /// A rule of the schema without a code of its own is broken, or could not be run.
    Rule = "rule", Error;
    /// The document is of an area, and what it declares is not in the area's `mayTouch`.
    NotAllowed = "not-allowed", Error;
    /// Two documents of one kind and name.
    DuplicateObject = "duplicate-object", Error;
    /// Two `KoreUsers` for one e-mail address; upper and lower case are the same person.
    DuplicateEmail = "duplicate-email", Error;
    /// Two `KoreRoles` for one role.
    DuplicateRole = "duplicate-role", Error;
    /// The `KoreAccount` that is named is not among the manifests.
    UnknownAccount = "unknown-account", Error;
    /// There is no `KoreAccount` among the manifests.
    NoAccount = "no-account", Error;
    /// There are several `KoreAccounts`, and none was chosen.
    SeveralAccounts = "several-accounts", Error;
    /// The `KoreTeam` that is named is not among the manifests.
    UnknownTeam = "unknown-team", Error;
    /// Teams contain each other.
    TeamCycle = "team-cycle", Error;
    /// The same fact is declared present and absent, for the same holder by name.
    Contradiction = "contradiction", Error;
    /// A user who is declared absent is granted something by name.
    AbsentPerson = "absent-person", Error;
    /// A policy has no condition, or a condition that says nothing.
    PolicyShape = "policy-shape", Error;
    /// Deny where nothing could be denied: what takes access away is never blocked.
    PolicyAction = "policy-action", Error;
    /// The CEL of a policy cannot be parsed, or its types do not fit.
    PolicyCel = "policy-cel", Error;
    /// A policy's `match` can match nothing, or a part of it has no meaning for its conditions.
    PolicyMatch = "policy-match", Error;
    /// A policy names a role that is misspelt.
    PolicyRole = "policy-role", Error;
    /// A policy names a role that is neither built in nor named by another manifest: it may exist in the account only.
    PolicyRoleUnseen = "policy-role-unseen", Warning;
    /// An exception names a policy that is not among the manifests.
    UnknownPolicy = "unknown-policy", Error;
    /// An exception has ended.
    ExceptionEnded = "exception-ended", Warning;
    /// An exception covers nothing that is declared.
    ExceptionUnused = "exception-unused", Warning;
    /// What is declared violates a policy with Deny.
    PolicyDenied = "policy-denied", Error;
    /// What is declared violates a policy whose deadline has passed.
    PolicyOverdue = "policy-overdue", Error;
    /// What is declared violates a policy with Warn.
    PolicyWarned = "policy-warned", Warning;
    /// What is declared violates a policy with Audit.
    PolicyAudited = "policy-audited", Note;
    /// A path of an area is no pattern, or matches no loaded manifest; or an area is nowhere.
    AreaPath = "area-path", Error;
    /// A pattern of an area can match nothing.
    AreaPattern = "area-pattern", Error;
    /// Two areas of an account cover one document or one namespace.
    AreaOverlap = "area-overlap", Error;
    /// An Authoritative object has no subjects, and `allowEmpty` is not true: nothing is pruned.
    NobodyLeft = "nobody-left", Warning;
    /// Two `KoreAccounts` with one `accountId`: each plans without the other's manifests.
    DuplicateAccountId = "duplicate-account-id", Warning;
    /// A grant has expired.
    Expired = "expired", Warning;
    /// A role name that looks like a misspelt built-in or declared one.
    NearRole = "near-role", Warning;
    /// An address that looks like another one, or has letters of two scripts in one word.
    LookAlike = "look-alike", Warning;
    /// A permission the platform is not known to have.
    UnknownPermission = "unknown-permission", Warning;
    /// A level the permission is not known to take.
    UnknownLevel = "unknown-level", Warning;
    /// A file that `sources` matches was not loaded (nothing is pruned), or something in a folder cannot be read.
    NotLoaded = "not-loaded", Warning;
    /// A file that `sources` matches holds no manifest: nothing is pruned.
    NotUnderstood = "not-understood", Warning;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A piece of a file. Line and column count from 1 (columns in characters), `start` and `end` are bytes of the file.
/// Line 0 means the file as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct Span {
    /// Line, counted from 1; 0 for the file.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// First byte.
    pub start: u32,
    /// Byte behind the last one.
    pub end: u32,
}

/// A piece of a named file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Spot {
    /// Path as the user gave it.
    pub file: Arc<str>,
    /// Where in it.
    #[serde(flatten)]
    pub span: Span,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, span } = self;
        if span.line == 0 { f.write_str(file) } else { write!(f, "{file}:{}:{}", span.line, span.column) }
    }
}

/// Another place that belongs to a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Related {
    /// The place: file, line and column.
    #[serde(flatten)]
    pub spot: Spot,
    /// What is there.
    pub message: String,
}

/// What is wrong in a manifest, where, and the next step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The kind of finding.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The place: file, line and column.
    #[serde(flatten)]
    pub spot: Spot,
    /// What was found, and the rule.
    pub message: String,
    /// The one next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Other places that belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
}

impl Finding {
    /// A finding with the severity of its code.
    pub fn new(code: Code, spot: Spot, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            spot,
            message: message.into(),
            hint: None,
            related: Vec::new(),
        }
    }

    /// With the next step.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With the nearest name, if there is one.
    #[must_use]
    pub fn did_you_mean(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(nearest) => self.hint(format!("did you mean {nearest}?")),
            None => self,
        }
    }

    /// With another place.
    #[must_use]
    pub fn related(mut self, spot: Spot, message: impl Into<String>) -> Self {
        self.related.push(Related { spot, message: message.into() });
        self
    }

    /// What was found, and the next step where there is one, in one line.
    pub fn with_next_step(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// Whether it takes its document out of use.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A written value in a message: quoted, and cut where it gets long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((at, _)) => format!("{:?}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_have_unique_names_and_one_line_docs() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.doc().ends_with('.') && !code.doc().contains('\n')));
    }
}
