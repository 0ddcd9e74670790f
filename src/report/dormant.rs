//! Who holds much and has not signed in for long, people who never did included.

use super::model::{Kind, PersonStatus, Report, Row};
use super::{Evidence, rows};
use crate::plan::RiskLevel;
use schemars::JsonSchema;
use serde::Serialize;

/// Who counts as dormant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dormancy {
    /// No sign-in for so many days before the read.
    pub days: u32,
    /// Only grants of at least this risk are listed.
    pub least_risk: RiskLevel,
}

/// Grants of people who have not signed in for long, those first who hold most.
pub fn dormant(evidence: Evidence<'_>, dormancy: Dormancy) -> Report {
    let since = rows::days_before(evidence.read_at, dormancy.days);
    let held = rows::of_everybody(evidence)
        .into_iter()
        .filter(|row| row.is_grant() && row.risk.level >= dormancy.least_risk);
    let mut people: Vec<Vec<Row>> = rows::by_person(held.collect())
        .into_iter()
        .filter(|(email, _)| evidence.world.last_sign_ins.get(email).is_none_or(|last| *last < since))
        .map(|(_, rows)| rows)
        .collect();
    people.sort_by_key(|rows| {
        let worst = rows.iter().map(|row| row.risk.level).max();
        std::cmp::Reverse((worst, rows.len()))
    });
    let mut report = Report::new(Kind::Dormant, evidence, people.into_iter().flatten().collect());
    report.head.dormancy = Some(dormancy);
    // An invited person cannot have signed in; of everybody else the account should tell.
    let silent = report
        .people
        .iter()
        .filter(|person| person.last_sign_in.is_none() && person.status != PersonStatus::Invited);
    let silent = silent.count();
    if silent > 0 && evidence.world.last_sign_ins.is_empty() {
        report.head.gaps.push("the account does not tell when users signed in last".to_owned());
    } else if silent > 0 {
        report.head.notes.push(format!(
            "no sign-in is known of {}: they never signed in, or the account does not tell",
            crate::facts::count(silent, "user")
        ));
    }
    report.sealed()
}
