//! 2.13: GET groups, with their members.

use super::paging::PageRange;
use super::{Answer, ApiError, Call};
use crate::sandbox::store::groups::{self, GroupMember};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupListing<'a> {
    total: i64,
    available_more: bool,
    groups: Vec<GroupElement<'a>>,
}

#[derive(Serialize)]
struct GroupElement<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "gN")]
    name: &'a str,
    #[serde(rename = "gDesc")]
    description: &'a str,
    groups: Vec<Child<'a>>,
    users: Vec<MemberElement<'a>>,
    #[serde(rename = "userCount")]
    user_count: usize,
}

/// The vendor's samples have no child groups: this shape is the sandbox's.
#[derive(Serialize)]
struct Child<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "gN")]
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberElement<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    email_id: &'a str,
    last_name: &'a str,
    first_name: &'a str,
    prof_image: &'static str,
    prof_colour: &'static str,
    activation_status: &'static str,
    j_title: Option<&'static str>,
    org_id: &'a str,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let page = PageRange::new(call, "limit", call.dialect.page_max, call.dialect.groups_offset)?;
    let all = groups::all(call.conn, call.account.seq, call.dialect.system_group_listed)?;
    let shown: Vec<_> = all.iter().skip(page.skip).take(page.take).collect();
    let seqs: Vec<i64> = shown.iter().map(|group| group.seq).collect();
    let members = groups::members(call.conn, &seqs, call.dialect.pending_in_groups)?;
    let children = groups::children(call.conn, &seqs)?;
    let mut users_of: HashMap<i64, Vec<MemberElement<'_>>> = HashMap::new();
    for GroupMember { group, user } in &members {
        users_of.entry(*group).or_default().push(MemberElement {
            id: &user.id,
            email_id: &user.email,
            last_name: &user.last_name,
            first_name: &user.first_name,
            prof_image: "no-avatar",
            prof_colour: "#ffd700",
            activation_status: user.state.word(),
            j_title: None,
            org_id: &call.account.org_id,
        });
    }
    let rows = shown
        .iter()
        .map(|group| {
            let users = users_of.remove(&group.seq).unwrap_or_default();
            GroupElement {
                id: &group.id,
                name: &group.name,
                description: &group.description,
                groups: children
                    .iter()
                    .filter(|(parent, _)| *parent == group.seq)
                    .map(|(_, child)| Child { id: &child.id, name: &child.name })
                    .collect(),
                user_count: users.len(),
                users,
            }
        })
        .collect();
    let total = all.len();
    Answer::ok(&GroupListing {
        total: page.shown_total(call, total),
        available_more: page.more(total),
        groups: rows,
    })
}
