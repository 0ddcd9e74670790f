//! Words that every form of a report shares.

use crate::facts::{Family, Listing, Location};
use crate::plan::explain::Attribution;
use crate::report::{HeldSince, Kind, Person, PersonStatus, Report, Row, Since, Turn, Verdict};
use jiff::Timestamp;

/// `2026-11-30T12:00:00Z`, without parts of a second.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-11-30`
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// What is held: `Bot Developer on Banking Assistant`.
pub(super) fn what(row: &Row) -> String {
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let role = text(row.role.as_ref().map(crate::facts::RoleName::as_str));
    let bot = text(row.bot.as_deref());
    let group = text(row.group.as_ref().map(crate::facts::GroupName::as_str));
    let value = row.value.as_deref().map(|value| format!(" ({value})")).unwrap_or_default();
    match row.family {
        None => "account".to_owned(),
        Some(Family::RoleDefinitions) => format!("definition of {role}"),
        Some(Family::Membership) => "in the account".to_owned(),
        Some(Family::Names) => "name".to_owned(),
        Some(Family::Access) => {
            format!("builder access {}", row.value.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
        Some(Family::Profile) => "profile fields".to_owned(),
        Some(Family::DataTables) => "data tables".to_owned(),
        Some(Family::Groups) => format!("member of group {group}"),
        Some(Family::AdminRoles) => role,
        Some(Family::BotRoles) => format!("{role} on {bot}"),
        Some(Family::Assignments) => format!("assigned to {bot}{value}"),
    }
}

/// Who holds it: the person, or the group that a fact is about.
pub(super) fn holder(row: &Row) -> String {
    match (&row.user, &row.group, &row.role) {
        (Some(user), _, _) => user.to_string(),
        (None, Some(group), _) => format!("group {group}"),
        (None, None, Some(role)) => format!("role {role}"),
        (None, None, None) => "the account".to_owned(),
    }
}

/// `direct` or `group QA`
pub(super) fn through(row: &Row) -> String {
    match &row.through {
        Some(group) => format!("group {group}"),
        None if row.is_grant() && row.user.is_some() => "direct".to_owned(),
        None => String::new(),
    }
}

/// `access.yaml:12, KoreRoleBinding developers, team tellers`
pub(super) fn place(place: &Attribution) -> String {
    let mut text = match &place.source.place {
        Location::File { file, line, column: _ } => {
            format!("{}:{line}", file.strip_prefix("./").unwrap_or(file))
        }
        Location::Resource(object) => object.to_string(),
    };
    if let Some(object) = &place.object {
        text = format!("{text}, {} {}", object.kind, object.name);
    }
    if let Some(team) = &place.source.team {
        text = format!("{text}, team {team}");
    }
    text
}

/// `1a2b3c4d5e of 2026-03-01 by Jane Doe`
pub(super) fn commit(place: &Attribution) -> Option<String> {
    let commit = place.commit.as_ref()?;
    let id = &commit.id[..commit.id.len().min(10)];
    let earlier = if commit.is_oldest { " or earlier" } else { "" };
    Some(format!("{id} of {}{earlier} by {}", date(commit.at), commit.author))
}

/// `2026-03-01`, `declared since 2026-03-01` or nothing.
pub(super) fn since(since: Option<&HeldSince>) -> String {
    match since {
        Some(HeldSince { at, known: Since::Applied, commit: _ }) => date(*at),
        Some(HeldSince { at, known: Since::Declared, commit: _ }) => format!("declared since {}", date(*at)),
        None => String::new(),
    }
}

/// `2026-03-01`, `never` where an invitation is open, or `not known`.
pub(super) fn last_sign_in(person: &Person) -> String {
    match (person.last_sign_in, person.status) {
        (Some(at), _) => date(at),
        (None, PersonStatus::Invited) => "never".to_owned(),
        (None, PersonStatus::Active | PersonStatus::Listed | PersonStatus::NotInAccount) => {
            "not known".to_owned()
        }
    }
}

/// `separation`, or `separation (exception audit-guest until 2030-02-01)`
pub(super) fn policy(verdict: &Verdict) -> String {
    let until = verdict.excepted_until.map(|until| format!(" until {}", date(until))).unwrap_or_default();
    match &verdict.excepted_by {
        Some(exception) => format!("{} (exception {exception}{until})", verdict.policy),
        None => verdict.policy.clone(),
    }
}

pub(super) fn turn(turn: Turn) -> &'static str {
    match turn {
        Turn::Gained => "gained",
        Turn::Changed => "changed",
        Turn::Lost => "lost",
    }
}

/// `the list of users: complete`
pub(super) fn listing(listing: Listing) -> &'static str {
    match listing {
        Listing::Users => "users",
        Listing::Groups => "groups",
        Listing::Bots => "bots",
        Listing::AdminRoles => "admin roles",
        Listing::BotRoles => "bot roles",
    }
}

/// What the head has to say, by name.
pub(super) fn head(report: &Report) -> Vec<(&'static str, String)> {
    let head = &report.head;
    let id = head.account.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let mut lines = vec![("Account", format!("{}{id}", head.account.name))];
    if !head.account.host.is_empty() {
        lines.push(("Host", head.account.host.clone()));
    }
    match head.compared_with {
        Some(before) => {
            lines.push(("From", time(before)));
            lines.push(("To", time(head.read_at)));
        }
        None => lines.push(("Read at", time(head.read_at))),
    }
    let state = &head.manifests;
    let documents = crate::facts::count(state.documents, "document");
    let commit = state.commit.as_ref().map(|commit| {
        let at = state.committed_at.map(|at| format!(" of {}", time(at))).unwrap_or_default();
        format!("commit {}{at}, ", &commit[..commit.len().min(12)])
    });
    let digest = &state.digest[..state.digest.len().min(12)];
    lines.push(("Manifests", format!("{}{documents}, SHA-256 {digest}…", commit.unwrap_or_default())));
    let listings = head.listings.iter();
    let listings: Vec<String> =
        listings.map(|(kind, extent)| format!("{}: {}", listing(*kind), brief(extent))).collect();
    let looked_up = crate::facts::count(head.looked_up, "user");
    lines.push(("Listings", format!("{}; {looked_up} looked up", listings.join(", "))));
    if let Some(dormancy) = head.dormancy {
        let least = dormancy.least_risk.label();
        lines.push((
            "Listed",
            format!("no sign-in for {} days, or none known; grants of {least} risk or more", dormancy.days),
        ));
    }
    lines
}

fn brief(extent: &crate::facts::Extent) -> &'static str {
    match extent {
        crate::facts::Extent::Complete => "complete",
        crate::facts::Extent::Partial(_) => "partial",
        crate::facts::Extent::Unknown => "not read",
    }
}

/// `12 people, 30 grants: 1 critical, 4 high, 25 low; 2 unmanaged`
pub(super) fn summary(report: &Report) -> String {
    let counts = &report.head.counts;
    let risks = counts.by_risk.iter().rev();
    let risks: Vec<String> = risks.map(|(risk, count)| format!("{count} {}", risk.label())).collect();
    let rows = match report.kind {
        Kind::Violations => crate::facts::count(report.rows.len(), "finding"),
        Kind::Changes => crate::facts::count(report.rows.len(), "change"),
        Kind::Access | Kind::Dormant => crate::facts::count(counts.grants, "grant"),
    };
    let risks = if risks.is_empty() { String::new() } else { format!("; by risk: {}", risks.join(", ")) };
    let unmanaged =
        if counts.unmanaged > 0 { format!("; {} unmanaged", counts.unmanaged) } else { String::new() };
    format!("{}, {rows}{risks}{unmanaged}", crate::facts::count(counts.people, "user"))
}

/// The note of a report with gaps, for every page.
pub(super) fn gaps(report: &Report) -> Option<String> {
    let gaps = &report.head.gaps;
    (!gaps.is_empty()).then(|| format!("Not complete: {}", gaps.join("; ")))
}

/// The note of a redacted report.
pub(super) const REDACTED: &str =
    "Redacted: people appear under stable names (user-…), and their own names and ids are hidden.";
