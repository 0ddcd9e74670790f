//! A `KoreAccount` becomes the way to the account and the policy.

use crate::facts::{
    Allowance, Approval, BatchSize, FailOn, Invitations, Mode, Ownership, OwnershipLevel, Pattern, Policy,
    RateLimit, Retired, Retirement, RuleGuards, Safety,
};
use crate::manifest::kinds::KoreAccountSpec;
use crate::manifest::kinds::account::{
    ApprovalSpec, FailOnSpec, InvitationsSpec, ModeSpec, OwnershipLevelSpec, OwnershipSpec, RateLimitSpec,
    RetirementSpec, SafetySpec, SecretSource,
};
use crate::manifest::model::{Manifest, Origin};
use jiff::SignedDuration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How to reach an account. Holds no secret, only where secrets are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountConnection {
    /// Name of the `KoreAccount`.
    pub name: Arc<str>,
    /// Where the account is served.
    pub endpoint: AccountServer,
    /// Where the app credentials are; a sandbox has none.
    pub credentials: Option<CredentialRefs>,
    /// The file that declares it.
    pub file: Option<Arc<str>>,
    /// Where what was asked for is remembered (command line).
    pub memory: MemorySettings,
}

/// Where what was asked for is remembered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemorySettings {
    /// A git reference; nothing: the state folder.
    pub reference: Option<String>,
    /// The remote of that reference.
    pub remote: String,
    /// There is one: a run that finds none ends.
    pub required: bool,
}

/// Where an account is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountServer {
    /// An origin: `https://platform.kore.ai`, without a slash at the end.
    Host(String),
    /// A local account.
    Sandbox {
        /// Folder of its data; a relative one in the manifest was relative to its file.
        data_dir: PathBuf,
    },
}

/// Where the app credentials are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CredentialRefs {
    /// The client id.
    pub client_id: SecretRef,
    /// The client secret.
    pub client_secret: SecretRef,
}

/// Where one secret is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a relative path in the manifest was relative to its file.
    File(PathBuf),
    /// A key of a Kubernetes Secret in the account's namespace.
    SecretKey {
        /// Name of the Secret.
        name: String,
        /// Key in it.
        key: String,
    },
}

/// The way to the account.
pub(super) fn connection(account: &Manifest, spec: &KoreAccountSpec) -> AccountConnection {
    let folder = account.file().and_then(|file| Path::new(&**file).parent()).unwrap_or(Path::new(""));
    let secret = |source: &SecretSource| {
        let SecretSource { env, file, secret_key_ref } = source;
        match (env, file, secret_key_ref) {
            (Some(env), _, _) => SecretRef::Env(env.clone()),
            (_, Some(file), _) => SecretRef::File(folder.join(file)),
            (_, _, Some(key)) => SecretRef::SecretKey { name: key.name.clone(), key: key.key.clone() },
            // Refused by the rule on the type.
            (None, None, None) => SecretRef::Env(String::new()),
        }
    };
    let endpoint = match (&spec.endpoint.host, &spec.endpoint.sandbox) {
        (_, Some(sandbox)) => AccountServer::Sandbox { data_dir: folder.join(&sandbox.data_dir) },
        (host, None) => {
            AccountServer::Host(host.as_deref().unwrap_or_default().trim_end_matches('/').to_owned())
        }
    };
    AccountConnection {
        name: Arc::clone(&account.name),
        endpoint,
        credentials: spec.credentials.as_ref().map(|credentials| CredentialRefs {
            client_id: secret(&credentials.client_id),
            client_secret: secret(&credentials.client_secret),
        }),
        file: account.file().cloned(),
        memory: MemorySettings {
            reference: spec.memory.reference.clone(),
            remote: spec.memory.remote.clone(),
            required: spec.memory.required,
        },
    }
}

/// How much may be done, and where that was written.
pub(super) fn policy(account: &Manifest, spec: &KoreAccountSpec) -> Policy {
    let KoreAccountSpec {
        endpoint: _,
        account_id,
        credentials: _,
        sources: _,
        mode,
        suspend,
        suspend_reason,
        interval,
        approval,
        ownership,
        safety,
        rate_limit,
        batch_size,
        invitations,
        memory: _,
    } = spec;
    let places = match &account.origin {
        Origin::File { marks, .. } => marks.all().map(|(path, _)| (path, account.source(path))).collect(),
        Origin::Resource => std::collections::BTreeMap::new(),
    };
    Policy {
        account_id: account_id.clone(),
        mode: match mode {
            ModeSpec::Enforce => Mode::Enforce,
            ModeSpec::Observe => Mode::Observe,
        },
        suspend: *suspend,
        suspend_reason: suspend_reason.clone(),
        interval: duration(interval).unwrap_or(Policy::INTERVAL),
        settle: duration(&safety.settle).unwrap_or(Policy::SETTLE),
        approval: match approval {
            ApprovalSpec::Automatic => Approval::Automatic,
            ApprovalSpec::WhenRisky => Approval::WhenRisky,
            ApprovalSpec::Manual => Approval::Manual,
        },
        ownership: self::ownership(ownership),
        safety: self::safety(safety),
        rate: rate(rate_limit),
        batch_size: BatchSize(usize::try_from(*batch_size).unwrap_or(usize::MAX)),
        invitations: self::invitations(invitations),
        rules: RuleGuards::default(),
        areas: Vec::new(),
        places,
    }
}

fn ownership(spec: &OwnershipSpec) -> Ownership {
    let OwnershipSpec { users, role_bindings, bot_assignments, email_domains, retired, fail_on } = spec;
    let level = |level: OwnershipLevelSpec| match level {
        OwnershipLevelSpec::Ignore => OwnershipLevel::Ignore,
        OwnershipLevelSpec::Report => OwnershipLevel::Report,
        OwnershipLevelSpec::Remove => OwnershipLevel::Remove,
    };
    Ownership {
        users: level(*users),
        role_bindings: level(*role_bindings),
        bot_assignments: level(*bot_assignments),
        email_domains: email_domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
        retired: Retired { grants: retirement(retired.grants), people: retirement(retired.people) },
        fail_on: match fail_on {
            FailOnSpec::High => FailOn::High,
            FailOnSpec::New => FailOn::New,
            FailOnSpec::All => FailOn::All,
            FailOnSpec::Never => FailOn::Never,
        },
    }
}

fn retirement(spec: RetirementSpec) -> Retirement {
    match spec {
        RetirementSpec::Report => Retirement::Report,
        RetirementSpec::Remove => Retirement::Remove,
    }
}

fn safety(spec: &SafetySpec) -> Safety {
    let SafetySpec {
        max_removals,
        max_removals_percent,
        min_master_admins,
        primary_admin,
        protected,
        allow_removals,
        settle: _,
    } = spec;
    Safety {
        max_removals: *max_removals,
        max_removals_percent: *max_removals_percent,
        min_master_admins: *min_master_admins,
        primary_admin: primary_admin.clone(),
        protected: protected.iter().map(|pattern| Pattern::new(pattern)).collect(),
        allow_removals: allow_removals.as_ref().map(|allowed| Allowance {
            count: allowed.count,
            until: allowed.until,
            reason: allowed.reason.clone(),
        }),
    }
}

/// The call budget.
pub fn rate(spec: &RateLimitSpec) -> RateLimit {
    let RateLimitSpec { per_minute, per_hour, reserve, read_share } = spec;
    RateLimit {
        per_minute: *per_minute,
        per_hour: *per_hour,
        reserve: *reserve,
        read_share: read_share.trim_end_matches('%').parse().unwrap_or(RateLimit::default().read_share),
    }
}

fn invitations(spec: &InvitationsSpec) -> Invitations {
    let InvitationsSpec { send_email, overdue_after } = spec;
    Invitations {
        send_email: *send_email,
        overdue_after: duration(overdue_after).unwrap_or(Invitations::default().overdue_after),
    }
}

/// A whole number and a unit: `30s`, `5m`, `2h`, `7d`.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    Some(SignedDuration::from_secs(count.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("2h", 7_200), ("7d", 604_800)] {
            assert_eq!(duration(text), Some(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "m", "1.5h", "5w", "9223372036854775807d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
