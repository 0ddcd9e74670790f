//! Whose approval a plan needs, a line for each area that it touches.

use super::words;
use crate::plan::{AreaNeed, KindNeed, NeedKind, Plan};

/// `banking: 2 approvals of lea@example.com or @leads (1 privileged effect: 2, 3 additions: 1, 1 removal: none)`
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    plan.areas.iter().map(line).collect()
}

fn line(need: &AreaNeed) -> String {
    let AreaNeed { area, owners, approvals, kinds, source } = need;
    let kinds: Vec<String> = kinds.iter().map(kind).collect();
    let places = words::places(std::slice::from_ref(source)).unwrap_or_default();
    let asked = match approvals {
        0 => "no approval".to_owned(),
        approvals => format!(
            "{} of {}",
            words::counted(usize::try_from(*approvals).unwrap_or(usize::MAX), "approval"),
            words::any_of(owners)
        ),
    };
    format!("{area}: {asked} ({})  {places}", kinds.join(", "))
}

fn kind(need: &KindNeed) -> String {
    let noun = match need.kind {
        NeedKind::Privileged => "privileged effect",
        NeedKind::Additions => "addition",
        NeedKind::Removals => "removal",
    };
    let approvals = if need.approvals == 0 { "none".to_owned() } else { need.approvals.to_string() };
    format!("{}: {approvals}", words::counted(need.effects.len(), noun))
}
