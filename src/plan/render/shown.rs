//! A plan whose texts can be shown: names come from manifests and from the account, and either may hold characters that
//! move the cursor or reorder what is read. People approve what they see.

use crate::facts::{visible, visible_lines};
use crate::plan::Plan;
use serde_json::Value;
use std::borrow::Cow;

/// The plan, with what does not show made visible in every text of it.
pub(super) fn shown(plan: &Plan) -> Cow<'_, Plan> {
    // Plans are plain data, and their JSON is what a saved plan keeps: the way there and back changes nothing.
    let Ok(mut value) = serde_json::to_value(plan) else { return Cow::Borrowed(plan) };
    if !make_visible(&mut value) {
        return Cow::Borrowed(plan);
    }
    serde_json::from_value(value).map_or(Cow::Borrowed(plan), Cow::Owned)
}

/// Whether anything was to be done.
fn make_visible(value: &mut Value) -> bool {
    match value {
        Value::String(text) => replace(text, visible),
        Value::Array(items) => items.iter_mut().fold(false, |is_done, item| make_visible(item) | is_done),
        Value::Object(fields) => {
            let mut is_done = false;
            for (name, field) in fields.iter_mut() {
                is_done |= match field {
                    // Descriptions have lines, and are shown on one.
                    Value::String(text) if name == "description" => replace(text, visible_lines),
                    field => make_visible(field),
                };
            }
            if fields.keys().any(|key| matches!(visible(key), Cow::Owned(_))) {
                let all = std::mem::take(fields);
                fields.extend(all.into_iter().map(|(key, field)| (visible(&key).into_owned(), field)));
                is_done = true;
            }
            is_done
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn replace(text: &mut String, show: impl Fn(&str) -> Cow<'_, str>) -> bool {
    let Cow::Owned(shown) = show(text) else { return false };
    *text = shown;
    true
}
