//! The same report without people's addresses, names and ids, for eyes outside the team. People have the names that a
//! redacted plan of the account gives them.

use super::model::{Person, Report, Row};
use crate::facts::Email;
use crate::plan::explain::Attribution;
use crate::plan::render::Pseudonyms;
use std::collections::BTreeSet;

/// What replaces a hidden text.
const HIDDEN: &str = "(hidden)";

/// The report with every address replaced and every personal text hidden, with a digest of its own.
#[must_use]
pub fn redacted(report: Report) -> Report {
    let account = &report.head.account;
    let account = account.id.as_ref().map_or(account.name.as_str(), |id| id.as_str()).to_owned();
    let people: BTreeSet<&Email> = report.people.iter().map(|person| &person.email).collect();
    let names = Pseudonyms::assign(&account, people);
    let texts = |texts: &[String]| texts.iter().map(|text| names.text(text)).collect::<Vec<_>>();
    let mut report = report;
    report.head.gaps = texts(&report.head.gaps);
    report.head.notes = texts(&report.head.notes);
    report.head.redacted = true;
    for person in &mut report.people {
        let Person { email, name, org_user_id, status: _, last_sign_in: _ } = person;
        *email = names.email(email);
        *name = name.take().map(|_| HIDDEN.to_owned());
        *org_user_id = org_user_id.take().map(|_| HIDDEN.to_owned());
    }
    report.people.sort_by(|left, right| left.email.cmp(&right.email));
    report.rows = report.rows.into_iter().map(|row| of_row(row, &names)).collect();
    report.sealed()
}

fn of_row(row: Row, names: &Pseudonyms) -> Row {
    let text = |text: Option<String>| text.map(|text| names.text(&text));
    let group = |group: Option<crate::facts::GroupName>| {
        group.map(|group| names.text(group.as_str()).as_str().into())
    };
    let mut row = row;
    row.user = row.user.map(|email| names.email(&email));
    row.bot = text(row.bot);
    row.group = group(row.group);
    row.through = group(row.through);
    row.value = text(row.value);
    row.before = text(row.before);
    row.reason = text(row.reason);
    if let Some(finding) = &mut row.finding {
        finding.message = names.text(&finding.message);
        finding.next_step = names.text(&finding.next_step);
        finding.exception = text(finding.exception.take());
    }
    for verdict in &mut row.verdicts {
        verdict.message = names.text(&verdict.message);
        verdict.excepted_by = text(verdict.excepted_by.take());
        verdict.subjects = verdict.subjects.iter().map(|key| names.key(key)).collect();
    }
    row.declared = row.declared.into_iter().map(|place| of_place(place, names)).collect();
    row
}

fn of_place(place: Attribution, names: &Pseudonyms) -> Attribution {
    let Attribution { effect, source, group, object, reason, commit } = place;
    let source = names.sources(vec![source.clone()]).pop().unwrap_or(source);
    let commit = commit.map(|mut commit| {
        HIDDEN.clone_into(&mut commit.author);
        HIDDEN.clone_into(&mut commit.summary);
        commit
    });
    let object = object.map(|mut object| {
        object.name = names.text(&object.name);
        object
    });
    Attribution {
        effect,
        source,
        group: group.map(|group| names.text(group.as_str()).as_str().into()),
        object,
        reason: reason.map(|reason| names.text(&reason)),
        commit,
    }
}
