//! Who may use each task of a bot: people one by one, which the API shows and sets, too, and groups, which only the
//! console does. Everybody is the system group.

use super::tasks::Task;
use super::{bindings, groups, user_list};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Who may use one task, by `seq`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Audience {
    pub(crate) groups: BTreeSet<i64>,
    pub(crate) users: BTreeSet<i64>,
}

/// By the `seq` of the task.
pub(crate) type Audiences = BTreeMap<i64, Audience>;

/// Who may use these tasks of a bot.
pub(crate) fn of_bot(conn: &Connection, bot: i64, tasks: &[Task]) -> rusqlite::Result<Audiences> {
    let mut all: Audiences = tasks.iter().map(|task| (task.seq, Audience::default())).collect();
    let groups: Vec<(i64, i64)> = conn
        .prepare_cached(
            "SELECT t.dialog_seq, t.group_seq FROM dialogs d JOIN task_groups t ON t.dialog_seq = d.seq
             WHERE d.bot_seq = ?1",
        )?
        .query_map([bot], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (task, group) in groups {
        if let Some(audience) = all.get_mut(&task) {
            audience.groups.insert(group);
        }
    }
    for (user, dialogs) in people_of(conn, bot)? {
        for task in tasks {
            if dialogs.as_ref().is_none_or(|dialogs| dialogs.contains(&task.id)) {
                all.entry(task.seq).or_default().users.insert(user);
            }
        }
    }
    Ok(all)
}

/// Whom a bot is assigned to, with the ids of the tasks; `None` for all of them.
fn people_of(conn: &Connection, bot: i64) -> rusqlite::Result<BTreeMap<i64, Option<BTreeSet<String>>>> {
    conn.prepare_cached("SELECT user_seq, dialogs FROM assignments WHERE bot_seq = ?1")?
        .query_map([bot], |row| {
            let dialogs: Option<String> = row.get(1)?;
            Ok((row.get(0)?, dialogs.map(|text| serde_json::from_str(&text).unwrap_or_default())))
        })?
        .collect()
}

/// Makes the difference between two views of a bot; whatever is alike in both stays as it is by now.
pub(crate) fn change(
    conn: &Connection,
    bot: i64,
    tasks: &[Task],
    before: &Audiences,
    after: &Audiences,
) -> rusqlite::Result<()> {
    let nobody = Audience::default();
    let held = people_of(conn, bot)?;
    let every: BTreeSet<String> = tasks.iter().map(|task| task.id.clone()).collect();
    let mut people: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let has = |user: &i64| match held.get(user) {
        Some(Some(dialogs)) => dialogs.clone(),
        Some(None) => every.clone(),
        None => BTreeSet::new(),
    };
    for task in tasks {
        let (old, new) = (before.get(&task.seq).unwrap_or(&nobody), after.get(&task.seq).unwrap_or(&nobody));
        for group in old.groups.difference(&new.groups) {
            conn.execute(
                "DELETE FROM task_groups WHERE dialog_seq = ?1 AND group_seq = ?2",
                params![task.seq, group],
            )?;
        }
        for group in new.groups.difference(&old.groups) {
            add_group(conn, task.seq, *group)?;
        }
        for user in old.users.difference(&new.users) {
            people.entry(*user).or_insert_with(|| has(user)).remove(&task.id);
        }
        for user in new.users.difference(&old.users) {
            people.entry(*user).or_insert_with(|| has(user)).insert(task.id.clone());
        }
    }
    for (user, dialogs) in people {
        if dialogs.is_empty() {
            bindings::unassign(conn, user, bot)?;
        } else if dialogs != has(&user) && is_there(conn, user)? {
            let dialogs: Vec<String> = dialogs.into_iter().collect();
            bindings::assign(conn, user, bot, Some(&dialogs))?;
        }
    }
    Ok(())
}

/// The draft may name people who have been deleted since.
fn is_there(conn: &Connection, user: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM users WHERE seq = ?1")?.exists([user])
}

fn add_group(conn: &Connection, task: i64, group: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT OR IGNORE INTO task_groups (dialog_seq, group_seq) SELECT ?1, seq FROM groups WHERE seq = ?2",
    )?
    .execute(params![task, group])
    .map(drop)
}

/// Takes a bot away from everybody.
pub(crate) fn clear(conn: &Connection, bot: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM assignments WHERE bot_seq = ?1", [bot])?;
    conn.execute(
        "DELETE FROM task_groups WHERE dialog_seq IN (SELECT seq FROM dialogs WHERE bot_seq = ?1)",
        [bot],
    )
    .map(drop)
}

/// Gives every task of a bot to everybody, present and future.
pub(crate) fn give_everybody(conn: &Connection, account: i64, bot: i64) -> rusqlite::Result<()> {
    let Some(everyone) = groups::by_name(conn, account, groups::EVERYONE)? else { return Ok(()) };
    for task in super::tasks::of_bot(conn, bot)? {
        add_group(conn, task.seq, everyone.seq)?;
    }
    Ok(())
}

/// A user who can be chosen, or has been.
#[derive(Debug, Clone)]
pub(crate) struct AudiencePerson {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
}

fn person(row: &rusqlite::Row<'_>) -> rusqlite::Result<AudiencePerson> {
    Ok(AudiencePerson {
        seq: row.get(0)?,
        id: row.get(1)?,
        email: row.get(2)?,
        first_name: row.get(3)?,
        last_name: row.get(4)?,
    })
}

const PERSON: &str = "u.seq, u.id, u.email, u.first_name, u.last_name";

/// A page of the people who can be chosen, by name, and how many there are: they have accepted their invitation.
pub(crate) fn candidates(
    conn: &Connection,
    account: i64,
    terms: &[String],
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<AudiencePerson>, usize)> {
    let matching = format!("{} AND u.state <> 'not active'", user_list::MATCHING);
    let terms = super::set_of(terms)?;
    let state: Option<&str> = None;
    let total = conn
        .prepare_cached(&format!("SELECT count(*) FROM users u WHERE {matching}"))?
        .query_row(params![account, state, terms], |row| row.get(0))?;
    let people = conn
        .prepare_cached(&format!(
            "SELECT {PERSON} FROM users u WHERE {matching}
             ORDER BY lower(u.first_name), lower(u.last_name), u.email_lower, u.seq LIMIT ?4 OFFSET ?5"
        ))?
        .query_map(params![account, state, terms, take, skip], person)?
        .collect::<Result<_, _>>()?;
    Ok((people, total))
}

/// Those people of the account, by name, a page of them.
pub(crate) fn people(
    conn: &Connection,
    account: i64,
    users: &BTreeSet<i64>,
    skip: usize,
    take: usize,
) -> rusqlite::Result<Vec<AudiencePerson>> {
    let users: Vec<i64> = users.iter().copied().collect();
    conn.prepare_cached(&format!(
        "SELECT {PERSON} FROM json_each(?2) j JOIN users u ON u.seq = j.value WHERE u.account_seq = ?1
         ORDER BY lower(u.first_name), lower(u.last_name), u.email_lower, u.seq LIMIT ?3 OFFSET ?4"
    ))?
    .query_map(params![account, super::set_of(&users)?, take, skip], person)?
    .collect()
}

/// The `seq`s of those who can be chosen among these ids.
pub(crate) fn choosable(conn: &Connection, account: i64, ids: &[&str]) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached(
        "SELECT u.seq FROM json_each(?2) j JOIN users u ON u.account_seq = ?1 AND u.id = j.value
         WHERE u.state <> 'not active'",
    )?
    .query_map(params![account, super::set_of(ids)?], |row| row.get(0))?
    .collect()
}

/// The addresses of everybody who may use a bot, in whatever way.
pub(crate) fn addresses(conn: &Connection, bot: i64) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached(
        "WITH RECURSIVE audience(group_seq) AS (
             SELECT t.group_seq FROM dialogs d JOIN task_groups t ON t.dialog_seq = d.seq WHERE d.bot_seq = ?1
             UNION SELECT c.child_seq FROM audience a JOIN group_children c ON c.parent_seq = a.group_seq
         )
         SELECT email FROM users WHERE state = 'active' AND seq IN (
             SELECT user_seq FROM assignments WHERE bot_seq = ?1
             UNION SELECT m.user_seq FROM audience a JOIN group_users m ON m.group_seq = a.group_seq
         ) ORDER BY email_lower",
    )?
    .query_map([bot], |row| row.get(0))?
    .collect()
}
