//! `--approvals FILE`: what the forge has of approvals, against what the areas of a plan ask for.

use super::{CliError, revision};
use crate::plan::{AreaNeed, Plan, render};
use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The approvals that a plan is held against.
#[derive(Debug, Args)]
pub(super) struct ApprovalArgs {
    /// Hold the areas that the plan touches against the approvals in FILE, as JSON of the forge; exit with 4 while one is
    /// missing
    #[arg(long, value_name = "FILE")]
    approvals: Option<PathBuf>,
}

/// The approvals of one change, as a forge knows them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ForgeApprovals {
    /// The head of the change: an approval of another commit does not count.
    commit: String,
    /// The commit that the forge has merged it as, or would.
    #[serde(default)]
    merged_as: Option<String>,
    /// Who has written it, by the names and addresses that approvals have.
    authors: Vec<String>,
    approvals: Vec<GivenApproval>,
}

/// One approval.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GivenApproval {
    /// The name of the user at the forge, or an address.
    user: String,
    /// The user's address, where the forge tells it.
    #[serde(default)]
    email: Option<String>,
    /// Teams that the user is in, as the forge calls them.
    #[serde(default)]
    teams: Vec<String>,
    /// The commit that was approved.
    #[serde(default)]
    commit: Option<String>,
    /// The digest of the plan that was approved.
    #[serde(default)]
    digest: Option<String>,
}

/// What the manifests are, as approvals name it.
struct Planned {
    /// The commit that is checked out.
    head: Option<String>,
    /// What that commit merges.
    merges: Vec<String>,
    /// Whether manifests differ from the commit.
    is_dirty: bool,
    /// The digest of the plan.
    digest: String,
}

impl ApprovalArgs {
    /// Ends early while an area lacks approvals.
    pub(super) fn check(&self, plan: &Plan, folder: Option<&Path>) -> Result<(), CliError> {
        let Some(path) = &self.approvals else { return Ok(()) };
        let given = read(path)?;
        let planned = Planned::new(folder, plan);
        let missing = missing(&plan.areas, &given, &planned);
        if missing.is_empty() {
            return Ok(());
        }
        Err(CliError::ApprovalsMissing { path: path.display().to_string(), areas: missing.join("\n") })
    }
}

fn read(path: &Path) -> Result<ForgeApprovals, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| CliError::File { path: path.display().to_string(), source })?;
    let invalid = |why: String| CliError::Approvals { path: path.display().to_string(), why };
    let given: ForgeApprovals = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    if given.authors.iter().all(|author| author.trim().is_empty()) {
        return Err(invalid("authors is empty, and an author's own approval does not count".to_owned()));
    }
    let lacks = |approval: &&GivenApproval| approval.commit.is_none() && approval.digest.is_none();
    if let Some(approval) = given.approvals.iter().find(lacks) {
        return Err(invalid(format!("the approval of {} has neither commit nor digest", approval.user)));
    }
    Ok(given)
}

impl Planned {
    fn new(folder: Option<&Path>, plan: &Plan) -> Self {
        let head = folder.and_then(|folder| revision::head(folder, Timestamp::UNIX_EPOCH).commit);
        let ask = |arguments: &[&str]| folder.and_then(|folder| revision::line(folder, arguments));
        // `rev-list --parents` says the commit and its parents; the first of them is what it was merged into.
        let parents = ask(&["rev-list", "--parents", "--max-count=1", "HEAD"]).unwrap_or_default();
        let merges = parents.split(' ').skip(2).map(str::to_owned).collect();
        let status = ask(&["status", "--porcelain", "--untracked-files=all", "--", "."]).unwrap_or_default();
        let is_manifest = |line: &str| {
            let path = line.trim_end_matches('"').to_ascii_lowercase();
            let end = Path::new(&path).extension().map(std::ffi::OsStr::to_owned);
            end.is_some_and(|end| end == "yaml" || end == "yml")
        };
        Self { head, merges, is_dirty: status.lines().any(is_manifest), digest: plan.digest.to_string() }
    }

    /// Why approvals of the head of a change say nothing of these manifests.
    fn is_other(&self, given: &ForgeApprovals) -> Option<String> {
        let Some(head) = &self.head else {
            return Some("the manifests are not under git, so no approval of a commit counts".to_owned());
        };
        if self.is_dirty {
            return Some("manifests are not committed, so no approval of a commit counts".to_owned());
        }
        let is_it = *head == given.commit
            || given.merged_as.as_ref() == Some(head)
            || self.merges.contains(&given.commit);
        (!is_it).then(|| {
            let (head, commit) = (short(head), short(&given.commit));
            format!("the manifests are at commit {head}, and the approvals are for a change at {commit}")
        })
    }
}

/// What each area lacks, in words: which, how many, by whom, and why given ones do not count.
fn missing(needs: &[AreaNeed], given: &ForgeApprovals, planned: &Planned) -> Vec<String> {
    let other = planned.is_other(given);
    let is_author = |approval: &GivenApproval| {
        given.authors.iter().any(|author| is_named(author, &approval.user, approval.email.as_deref()))
    };
    let does_not_count = |approval: &GivenApproval| {
        if is_author(approval) {
            return Some("an author of the change".to_owned());
        }
        let is_of_plan = approval.digest.as_deref() == Some(planned.digest.as_str());
        match &approval.commit {
            _ if is_of_plan => None,
            Some(commit) if *commit == given.commit => other.clone(),
            Some(commit) => Some(format!(
                "it is for commit {}, and the change is at {}",
                short(commit),
                short(&given.commit)
            )),
            None => Some("it is for another plan".to_owned()),
        }
    };
    let mut told = Vec::new();
    for need in needs.iter().filter(|need| need.approvals > 0) {
        let owners: Vec<&GivenApproval> =
            given.approvals.iter().filter(|approval| is_owner(&need.owners, approval)).collect();
        // One user counts once, by the approval that counts.
        let mut by_user: BTreeMap<String, Option<String>> = BTreeMap::new();
        for approval in owners {
            let why = does_not_count(approval);
            let known = by_user.entry(approval.user.to_lowercase()).or_insert_with(|| why.clone());
            if why.is_none() {
                *known = None;
            }
        }
        let counted = by_user.values().filter(|why| why.is_none()).count();
        let wanted = usize::try_from(need.approvals).unwrap_or(usize::MAX);
        if counted < wanted {
            told.push(lacking(need, wanted - counted, &by_user));
        }
    }
    told
}

fn lacking(need: &AreaNeed, lacks: usize, by_user: &BTreeMap<String, Option<String>>) -> String {
    let asked = format!(
        "  area {}: {} missing of {}, by {}",
        need.area,
        crate::facts::count(lacks, "approval"),
        need.approvals,
        render::any_of(&need.owners)
    );
    let why = by_user.iter().filter_map(|(user, why)| {
        Some(format!("\n    the approval of {user} does not count: {}", why.as_ref()?))
    });
    asked + &why.collect::<String>()
}

/// Whether an approval is of an owner: by address, or by `@name` of the user or of a team.
fn is_owner(owners: &[String], approval: &GivenApproval) -> bool {
    owners.iter().any(|owner| match owner.strip_prefix('@') {
        Some(name) => is_same(name, &approval.user) || approval.teams.iter().any(|team| is_same(name, team)),
        None => is_named(owner, &approval.user, approval.email.as_deref()),
    })
}

fn is_named(name: &str, user: &str, email: Option<&str>) -> bool {
    is_same(name, user) || email.is_some_and(|email| is_same(name, email))
}

/// Forges ignore case in names, and an `@` before them says nothing.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.trim().trim_start_matches('@').to_lowercase();
    !plain(one).is_empty() && plain(one) == plain(other)
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Source;

    fn need(approvals: u32) -> AreaNeed {
        AreaNeed {
            area: "banking".to_owned(),
            owners: vec!["lea.ost@example.com".to_owned(), "@acme/banking-leads".to_owned()],
            approvals,
            kinds: Vec::new(),
            source: Source::file("areas.yaml", 1, 1),
        }
    }

    fn planned() -> Planned {
        Planned {
            head: Some("b".repeat(40)),
            merges: vec!["a".repeat(40)],
            is_dirty: false,
            digest: "d1".to_owned(),
        }
    }

    /// What is missing of two approvals, given these.
    fn told(approvals: &str, planned: &Planned) -> String {
        let text = format!(
            "{{ \"commit\": \"{}\", \"authors\": [\"sam\", \"sam@example.com\"], \"approvals\": [{approvals}] }}",
            "a".repeat(40)
        );
        missing(&[need(2)], &serde_json::from_str(&text).unwrap(), planned).join("\n")
    }

    fn approval_json(user: &str, more: &str) -> String {
        format!("{{ \"user\": \"{user}\", {more}, \"commit\": \"{}\" }}", "a".repeat(40))
    }

    #[test]
    fn owners_are_known_by_address_by_name_and_by_team() {
        let lea = approval_json("LEA", "\"email\": \"Lea.Ost@example.com\"");
        let kim = approval_json("kim", "\"teams\": [\"Acme/banking-leads\"]");
        assert_eq!(told(&format!("{lea}, {kim}"), &planned()), "");
        let one = "  area banking: 1 approval missing of 2, by lea.ost@example.com or @acme/banking-leads";
        // A user counts once, and a team of another name or of a longer one is another team.
        assert_eq!(told(&format!("{lea}, {lea}"), &planned()), one);
        let other = approval_json("max", "\"teams\": [\"banking-leads\", \"acme/banking-leads-2\"]");
        assert_eq!(told(&format!("{lea}, {other}"), &planned()), one);
    }

    #[test]
    fn approvals_that_do_not_count_say_why() {
        let sam = approval_json("Sam", "\"teams\": [\"acme/banking-leads\"]");
        let by_address =
            approval_json("s", "\"email\": \"SAM@example.com\", \"teams\": [\"acme/banking-leads\"]");
        let old = "{ \"user\": \"lea.ost@example.com\", \"commit\": \"0123456789abcdef\" }";
        let plan = "{ \"user\": \"kim\", \"teams\": [\"acme/banking-leads\"], \"digest\": \"d0\" }";
        assert_eq!(
            told(&[&sam, &by_address, old, plan].join(", "), &planned()),
            "  area banking: 2 approvals missing of 2, by lea.ost@example.com or @acme/banking-leads\n    the approval of kim does not count: it is for another plan\n    the approval of lea.ost@example.com does not count: it is for commit 0123456789ab, and the change is at aaaaaaaaaaaa\n    the approval of s does not count: an author of the change\n    the approval of sam does not count: an author of the change"
        );
        // The same plan again: its digest is enough, whatever was committed since.
        let plan = plan.replace("d0", "d1");
        assert_eq!(
            told(&plan, &Planned { is_dirty: true, ..planned() }).lines().count(),
            1,
            "one of two is there"
        );
    }

    #[test]
    fn approvals_of_a_commit_are_about_what_is_checked_out() {
        let lea = approval_json("lea", "\"email\": \"lea.ost@example.com\"");
        let why = |planned: Planned| told(&lea, &planned).lines().nth(1).unwrap_or_default().to_owned();
        assert_eq!(why(planned()), "", "the commit merges the head of the change");
        assert_eq!(why(Planned { head: Some("a".repeat(40)), merges: Vec::new(), ..planned() }), "");
        let elsewhere = why(Planned { merges: Vec::new(), ..planned() });
        assert!(
            elsewhere.ends_with(
                "the manifests are at commit bbbbbbbbbbbb, and the approvals are for a change at aaaaaaaaaaaa"
            ),
            "{elsewhere}"
        );
        assert!(why(Planned { is_dirty: true, ..planned() }).contains("manifests are not committed"));
        assert!(why(Planned { head: None, ..planned() }).contains("not under git"));
    }
}
