//! What the answers mean: each with its consequence and the next step.

use super::super::Exit;
use super::super::error::of_kore;
use super::super::network;
use super::evidence::Evidence;
use super::report::{Figures, Finding, Level, Report};
use crate::facts::{
    self, AccountId, AttributeMapping, Extent, Listing, MappedTarget, OwnershipLevel, RateLimit, SignOn,
    SyncMode, World,
};
use crate::kore::{Endpoint, KoreError};
use crate::manifest::Compiled;
use crate::plan::AccountRef;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// A clock that is off by more makes tokens look stale or not yet valid (they live five minutes, kore-api 1.1).
const TOLERABLE: SignedDuration = SignedDuration::from_secs(60);

/// From answers to findings, most important first.
pub(super) fn run(
    evidence: &Evidence,
    compiled: &Compiled,
    interval: Option<SignedDuration>,
    host: String,
) -> Report {
    let worlds = || {
        let all = [&evidence.bots, &evidence.users, &evidence.groups, &evidence.roles];
        all.into_iter().flatten().flatten()
    };
    let id: Option<AccountId> = worlds().find_map(|world| world.account.clone());
    let cost = ReadCost::estimate(evidence, compiled);
    let mut findings = Vec::new();
    findings.extend(access(evidence, &host));
    findings.extend(identity(id.as_ref(), compiled, evidence));
    findings.extend(scopes(evidence));
    findings.extend(trouble(evidence));
    findings.extend(listings(evidence));
    findings.extend(look_ups(evidence));
    findings.extend(mapping(evidence));
    findings.push(clock(evidence.skew));
    findings.extend(worlds().flat_map(warnings));
    if let Some(cost) = &cost {
        findings.extend(cost.findings(compiled.policy.rate, interval));
    }
    findings.push(budget(evidence));
    findings.extend(state(evidence));
    let users = evidence.users.iter().flatten().map(|world| world.directory.users.len()).next();
    let figures = Figures {
        calls: evidence.calls.values().sum(),
        calls_by_endpoint: evidence.calls.iter().map(|(at, calls)| (at.to_string(), *calls)).collect(),
        users,
        bots: evidence.bots.iter().flatten().map(|world| world.directory.bots.len()).next(),
        groups: evidence.groups.iter().flatten().map(|world| world.directory.groups.len()).next(),
        look_up_size: proved(evidence),
        read_calls: cost.as_ref().map(|cost| cost.calls),
        smallest_interval_seconds: cost.as_ref().map(|cost| cost.interval(compiled.policy.rate)),
        clock_skew_seconds: evidence.skew.map(|skew| skew.as_secs()),
        calls_left_now: evidence.room.0,
        calls_left_hour: evidence.room.1,
    };
    let account = AccountRef { name: compiled.account.name.to_string(), id, host };
    Report { format: Report::FORMAT, account, findings, figures }
}

/// Every error that came back, each once: several endpoints may share one cause.
fn errors(evidence: &Evidence) -> Vec<&KoreError> {
    let Evidence { bots, roles, groups, users, people, mapping, audit, .. } = evidence;
    let reads =
        [bots, roles, groups, users, people].into_iter().flatten().filter_map(|read| read.as_ref().err());
    let small = mapping.iter().filter_map(|read| read.as_ref().err());
    reads.chain(small).chain(audit.iter().filter_map(|read| read.as_ref().err())).collect()
}

/// Is there an account at all?
fn access(evidence: &Evidence, host: &str) -> Vec<Finding> {
    let over = errors(evidence).into_iter().find(|error| {
        matches!(
            error,
            KoreError::Credentials { .. } | KoreError::RateLimited { .. } | KoreError::Unreachable { .. }
        )
    });
    let Some(error) = over else {
        let fine = "the platform answers, and accepts the credentials";
        return vec![Finding::new("access", Level::Ok, fine)];
    };
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim);
    let found = lines.next().unwrap_or_default().to_owned();
    let mut detail: Vec<&str> = lines.collect();
    // Before the last line, which is the next step.
    let network = match error {
        KoreError::Unreachable { .. } => network::described(host, &text),
        _ => String::new(),
    };
    let at = detail.len().saturating_sub(1);
    detail.splice(at..at, network.lines().map(str::trim).filter(|line| !line.is_empty()));
    let (last, middle) = detail.split_last().unwrap_or((&"", &[]));
    let found = if middle.is_empty() { found } else { format!("{found} ({})", middle.join("; ")) };
    let so = "the checks after it were not made";
    vec![Finding::new("access", Level::Problem, found).so(so).next(*last).ends(of_kore(error))]
}

/// Whose account is it?
fn identity(id: Option<&AccountId>, compiled: &Compiled, evidence: &Evidence) -> Option<Finding> {
    let topic = "accountId";
    Some(match (id, &compiled.policy.account_id) {
        (Some(seen), Some(pinned)) if seen == pinned => {
            Finding::new(topic, Level::Ok, format!("{seen}, as the manifest declares"))
        }
        (Some(seen), Some(pinned)) => {
            let place = compiled.policy.blame("accountId");
            Finding::new(
                topic,
                Level::Problem,
                format!("{seen} answered, and the manifest declares {pinned}"),
            )
            .so("nothing is ever sent to another account")
            .next(format!("check host and credentials, or correct {place}"))
            .ends(Exit::Refused)
        }
        (Some(seen), None) => {
            Finding::new(topic, Level::Warning, format!("{seen}, and the manifest declares none"))
                .so("nothing is removed, and no plan can be saved")
                .next(format!("write accountId: {seen} into the KoreAccount, if that is the right account"))
        }
        (None, _) if evidence.bots.as_ref().is_some_and(Result::is_ok) => {
            Finding::new(topic, Level::Note, "no answer contains it: the account has no bots and no users")
                .so("that this is the right account cannot be checked")
        }
        (None, _) => return None,
    })
}

/// Which scopes are missing, by the answers to the reads.
fn scopes(evidence: &Evidence) -> Vec<Finding> {
    let where_to = |scope: &str| {
        format!(
            "grant {scope}: Admin Console > Security & Control > API Scopes, edit the app's entry, save; then run again"
        )
    };
    let mut findings = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for error in errors(evidence) {
        let KoreError::Scope { endpoint, .. } = error else { continue };
        let scope = endpoint.scope();
        if told.contains(&scope) {
            continue;
        }
        told.push(scope);
        let (level, so) = match endpoint {
            Endpoint::SsoConfig => (
                Level::Note,
                "whether single sign-on changes roles and groups at each login is not known; all else works",
            ),
            Endpoint::AuditLogs => (
                Level::Note,
                "changes by other processes are noticed at the next read, not within a minute; all else works",
            ),
            Endpoint::UsersInfo => (
                Level::Problem,
                "nobody can be looked up, invited, changed or removed: there is no plan without it",
            ),
            _ => (
                Level::Problem,
                "bots, roles, groups and who holds what cannot be read or changed: there is no plan without it",
            ),
        };
        let exit = if level == Level::Problem { Exit::Credentials } else { Exit::Done };
        let found = format!("the app has no {scope} ({endpoint} refused)");
        findings.push(Finding::new("scope", level, found).so(so).next(where_to(scope)).ends(exit));
    }
    let has = |asked: Option<bool>, name: &str| (asked == Some(true)).then(|| name.to_owned());
    let granted: Vec<String> = [
        has(evidence.bots.as_ref().map(Result::is_ok), Endpoint::Bots.scope()),
        has(evidence.people.as_ref().map(Result::is_ok), Endpoint::UsersInfo.scope()),
        has(evidence.mapping.as_ref().map(Result::is_ok), Endpoint::SsoConfig.scope()),
        has(evidence.audit.as_ref().map(Result::is_ok), Endpoint::AuditLogs.scope()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !granted.is_empty() {
        let found = format!("granted: {}", granted.join(", "));
        findings.insert(0, Finding::new("scope", Level::Ok, found));
    }
    findings
}

/// Answers that are neither data nor one of the known refusals.
fn trouble(evidence: &Evidence) -> Vec<Finding> {
    let odd = errors(evidence).into_iter().filter(|error| {
        matches!(error, KoreError::Protocol { .. } | KoreError::Refused { .. } | KoreError::Encrypted { .. })
    });
    odd.map(|error| {
        let text = error.to_string();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let found = lines.iter().take(2).copied().collect::<Vec<_>>().join(": ");
        Finding::new("answers", Level::Problem, found)
            .so("what depends on this endpoint cannot be planned")
            .next("compare with what the vendor documents for this endpoint; a proxy may be in between")
            .ends(Exit::Unexpected)
    })
    .collect()
}

/// Which listings are complete, in how many pages, and whether `offset` was honoured.
fn listings(evidence: &Evidence) -> Vec<Finding> {
    let calls = |endpoint| evidence.calls.get(&endpoint).copied().unwrap_or(0);
    let mut findings = Vec::new();
    for (read, listing, endpoint) in [
        (&evidence.users, Listing::Users, Endpoint::AllUserRoles),
        (&evidence.bots, Listing::Bots, Endpoint::Bots),
        (&evidence.groups, Listing::Groups, Endpoint::Groups),
        (&evidence.roles, Listing::AdminRoles, Endpoint::ExportRoles),
        (&evidence.roles, Listing::BotRoles, Endpoint::ExportRoles),
    ] {
        let Some(Ok(world)) = read else { continue };
        let count = match listing {
            Listing::Users => world.directory.users.len(),
            Listing::Bots => world.directory.bots.len(),
            Listing::Groups => world.directory.groups.len(),
            Listing::AdminRoles | Listing::BotRoles => {
                let of_type =
                    world.directory.roles.values().filter(|role| Listing::roles(role.role_type) == listing);
                of_type.count()
            }
        };
        let pages = calls(endpoint);
        let pages = match (listing, pages) {
            (Listing::AdminRoles | Listing::BotRoles, _) => "in one answer".to_owned(),
            (_, 1) => "in 1 page, so offset was not needed".to_owned(),
            // As many calls are made where offset or size is not honoured and all comes on one page in the end.
            (Listing::Users, 2) | (_, 3 | 4) => format!("in {pages} calls"),
            (_, pages) => format!("in {pages} pages, offset honoured"),
        };
        findings.push(match world.coverage.extent(listing) {
            Extent::Complete => {
                Finding::new("coverage", Level::Ok, format!("{} is complete: {count} {pages}", listing.label()))
            }
            Extent::Partial(why) => {
                let found = format!("{} is not complete: {why}; {count} came", listing.label());
                Finding::new("coverage", Level::Warning, found).so(lost(listing)).next(
                    "run again when the account is not being edited; if it persists, declare removals with state: Absent \
                     or absent, which need no listing",
                )
            }
            Extent::Unknown => continue,
        });
    }
    findings
}

/// What cannot be done while a listing is not complete.
fn lost(listing: Listing) -> &'static str {
    match listing {
        Listing::Users => "nothing is pruned (Authoritative lists, ownership: Remove)",
        Listing::Bots => "names of bots may be ambiguous: bindings and assignments by name are blocked",
        Listing::Groups => "names of groups may be ambiguous: what refers to a group is blocked",
        Listing::AdminRoles | Listing::BotRoles => {
            "names of roles may be ambiguous: no role is created, and nothing is pruned by role"
        }
    }
}

/// People in one look-up, as proved.
fn proved(evidence: &Evidence) -> Option<usize> {
    let world = evidence.people.as_ref()?.as_ref().ok()?;
    let answered = world.coverage.looked_up.len() + world.coverage.not_found.len();
    (answered > 0).then(|| evidence.sizes.look_up.min(evidence.asked).max(1))
}

/// How many people one look-up takes, and who went unanswered.
fn look_ups(evidence: &Evidence) -> Option<Finding> {
    let world = evidence.people.as_ref()?.as_ref().ok()?;
    let calls = evidence.calls.get(&Endpoint::UsersInfo).copied().unwrap_or(0);
    let answered = world.coverage.looked_up.len() + world.coverage.not_found.len();
    let (asked, size) = (evidence.asked, proved(evidence).unwrap_or(0));
    let found = format!(
        "{answered} of {asked} addresses answered in {}, {size} per call proved",
        facts::count(calls as usize, "call")
    );
    Some(if answered < asked {
        Finding::new("lookUps", Level::Warning, found)
            .so("plans block changes of the other users")
            .next("run koreconcile explain on one of them for the reason")
    } else {
        Finding::new("lookUps", Level::Ok, found)
    })
}

/// Does single sign-on change what we set?
fn mapping(evidence: &Evidence) -> Vec<Finding> {
    let Some(Ok(sign_on)) = &evidence.mapping else { return Vec::new() };
    let Some(SignOn { protocol, mapping, lets_anybody_join }) = sign_on else {
        return vec![Finding::new(
            "sso",
            Level::Ok,
            "single sign-on is off, and no attribute mapping is active",
        )];
    };
    let mut findings = Vec::new();
    if let Some(AttributeMapping { mode, targets }) = mapping {
        let found = format!("attribute mapping of {protocol} is active: {mode}, {}", counted(targets));
        let so = match mode {
            SyncMode::FullSync => {
                "each sign-in takes all groups and admin roles of the user away and gives those that the attributes name"
            }
            SyncMode::InclusionOnly => {
                "each sign-in adds groups, admin roles and access that the attributes name"
            }
        };
        findings.push(Finding::new("sso", Level::Warning, found).so(so).next(
            "leave mapped roles and groups out of the manifests, or turn the mapping off (Security & Control > Single Sign-On)",
        ));
    } else {
        findings.push(Finding::new(
            "sso",
            Level::Ok,
            format!("{protocol} is on, and no attribute mapping is active"),
        ));
    }
    if *lets_anybody_join {
        let found = format!("whoever the identity provider lets through joins the account ({protocol})");
        findings.push(
            Finding::new("sso", Level::Note, found)
                .so("users who are removed can join again by themselves")
                .next("switch on Restrict Auto-Onboarding (Security & Control > Single Sign-On)"),
        );
    }
    findings
}

fn counted(targets: &BTreeSet<MappedTarget>) -> String {
    let count = |is: fn(&MappedTarget) -> bool| targets.iter().filter(|target| is(target)).count();
    let parts = [
        (count(|target| matches!(target, MappedTarget::Group(_))), "group"),
        (count(|target| matches!(target, MappedTarget::AdminRole(_))), "admin role"),
        (count(|target| matches!(target, MappedTarget::Switch(_))), "access setting"),
    ];
    let named =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| facts::count(count, what));
    let named: Vec<String> = named.collect();
    if named.is_empty() { "no targets".to_owned() } else { named.join(", ") }
}

/// Can runs remember anything?
fn state(evidence: &Evidence) -> Option<Finding> {
    let problem = evidence.state_problem.as_ref()?;
    Some(
        Finding::new("stateFolder", Level::Warning, problem.clone())
            .so("plans go on without the calls and the memory of earlier runs, and apply refuses to write")
            .next("choose a folder that can be written with --state-dir, or set XDG_STATE_HOME"),
    )
}

/// Is this machine's clock right?
fn clock(skew: Option<SignedDuration>) -> Finding {
    let topic = "clock";
    let Some(skew) = skew else {
        return Finding::new(topic, Level::Note, "not measurable: no answer carried a Date");
    };
    let seconds = skew.as_secs();
    if skew.abs() <= TOLERABLE {
        return Finding::new(
            topic,
            Level::Ok,
            format!("within {} s of the platform's", seconds.abs().max(1)),
        );
    }
    let side = if seconds > 0 { "behind" } else { "ahead of" };
    Finding::new(topic, Level::Warning, format!("this machine is {} s {side} the platform", seconds.abs()))
        .so("tokens may be refused as stale or not yet valid, and grants end at the wrong time")
        .next("set the clock (NTP)")
}

/// Ambiguities of the account: two spellings of one address, two roles of one name.
fn warnings(world: &World) -> Vec<Finding> {
    let found = world.warnings.iter().map(|warning| {
        Finding::new("account", Level::Warning, warning.clone())
            .so("facts about it are not changed")
            .next("remove or rename one of the two in the console (User Management)")
    });
    found.collect()
}

/// What the read behind a plan costs.
struct ReadCost {
    calls: u64,
    listings: u64,
    look_ups: u64,
    people: u64,
    size: u64,
}

impl ReadCost {
    fn estimate(evidence: &Evidence, compiled: &Compiled) -> Option<Self> {
        let users = evidence.users.as_ref()?.as_ref().ok()?;
        let paged = [Endpoint::AllUserRoles, Endpoint::Bots, Endpoint::Groups, Endpoint::ExportRoles];
        let listings = paged.iter().filter_map(|endpoint| evidence.calls.get(endpoint)).sum::<u32>().into();
        let size = proved(evidence)?;
        let owns_assignments = compiled.policy.ownership.bot_assignments != OwnershipLevel::Ignore;
        let declared = compiled.desired.referenced.len();
        let people = if owns_assignments { users.directory.users.len().max(declared) } else { declared };
        // Only as many as are there could be proved; a larger batch is what reads begin with.
        let size = if size == evidence.asked { evidence.sizes.look_up } else { size };
        let look_ups = u64::try_from(people.div_ceil(size.max(1))).unwrap_or(u64::MAX);
        let (people, size) = (people as u64, size as u64);
        Some(Self { calls: look_ups.saturating_add(listings), listings, look_ups, people, size })
    }

    /// Seconds between reads that keep them under their share of the hour.
    fn interval(&self, rate: RateLimit) -> u64 {
        let share = u64::from(rate.usable_per_hour()) * u64::from(rate.read_share.clamp(1, 100));
        // calls / (share / 100 an hour), rounded up to whole seconds, and never under the minute the audit log has.
        (self.calls * 3_600 * 100).div_ceil(share.max(1)).max(60)
    }

    fn findings(&self, rate: RateLimit, interval: Option<SignedDuration>) -> Vec<Finding> {
        let Self { calls, listings, look_ups, people, size } = self;
        let smallest = self.interval(rate);
        let found = format!(
            "one read takes {calls} calls ({listings} for listings, {look_ups} to look up the manifests' people: {people}, {size} at once)"
        );
        let share = rate.read_share;
        let fine = Finding::new("readCost", Level::Ok, found);
        let words = words(smallest);
        let found = format!("the smallest sensible interval is {words} (readShare {share} %)");
        let asked = interval.map_or(0, |interval| u64::try_from(interval.as_secs()).unwrap_or(0));
        let second = if asked > 0 && asked < smallest {
            Finding::new("interval", Level::Warning, format!("{found}, and the manifest asks for {asked} s"))
                .so("the controller reads less often than asked")
                .next(format!("write interval: {words}, or a larger rateLimit.readShare"))
        } else {
            Finding::new("interval", Level::Ok, found)
        };
        vec![fine, second]
    }
}

/// As manifests write it: `90s`, `5m`.
fn words(seconds: u64) -> String {
    if seconds.is_multiple_of(60) { format!("{}m", seconds / 60) } else { format!("{seconds}s") }
}

/// How many calls are left.
fn budget(evidence: &Evidence) -> Finding {
    let (now, hour) = evidence.room;
    let found = format!("{now} calls can go at once, {hour} within the hour");
    if now == 0 {
        Finding::new("budget", Level::Note, found).so("the next command waits up to a minute first")
    } else {
        Finding::new("budget", Level::Ok, found)
    }
}
