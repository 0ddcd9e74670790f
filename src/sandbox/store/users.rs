//! People: membership, names, state and access flags.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The state of a user in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserState {
    /// Has joined.
    #[default]
    Active,
    /// Invited, has not joined.
    NotActive,
    /// Joined, then suspended by an admin.
    Suspended,
    /// Joined, then locked by failed log-ins.
    Locked,
}

impl UserState {
    /// The word the database and the vendor's console use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotActive => "not active",
            Self::Suspended => "suspended",
            Self::Locked => "locked",
        }
    }

    /// Whether the person has accepted an invitation.
    pub fn has_joined(self) -> bool {
        self != Self::NotActive
    }

    fn from_word(word: &str) -> Self {
        match word {
            "active" => Self::Active,
            "suspended" => Self::Suspended,
            "locked" => Self::Locked,
            _ => Self::NotActive,
        }
    }
}

/// One row of `users`.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) org_user_id: Option<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) state: UserState,
    pub(crate) is_developer: bool,
    pub(crate) can_create_bot: bool,
    pub(crate) last_login: Option<String>,
}

pub(crate) const COLUMNS: &str = "u.seq, u.id, u.email, u.org_user_id, u.first_name, u.last_name, u.state, \
     u.is_developer, u.can_create_bot, u.last_login";

pub(crate) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        seq: row.get(0)?,
        id: row.get(1)?,
        email: row.get(2)?,
        org_user_id: row.get(3)?,
        first_name: row.get(4)?,
        last_name: row.get(5)?,
        state: UserState::from_word(row.get_ref(6)?.as_str()?),
        is_developer: row.get(7)?,
        can_create_bot: row.get(8)?,
        last_login: row.get(9)?,
    })
}

/// What a new row needs. `state` decides the time stamps.
#[derive(Debug)]
pub(crate) struct NewUserRow<'a> {
    pub(crate) email: &'a str,
    pub(crate) org_user_id: Option<&'a str>,
    pub(crate) first_name: &'a str,
    pub(crate) last_name: &'a str,
    pub(crate) profile: &'a Map<String, Value>,
    pub(crate) state: UserState,
    pub(crate) is_developer: bool,
    pub(crate) can_create_bot: bool,
    pub(crate) data_tables: Option<bool>,
}

/// Adds a person. The id follows from the address, so a user who is removed and invited again has the same id.
pub(crate) fn insert(
    conn: &Connection,
    account: i64,
    row: &NewUserRow<'_>,
    now: &str,
) -> rusqlite::Result<i64> {
    let NewUserRow {
        email,
        org_user_id,
        first_name,
        last_name,
        profile,
        state,
        is_developer,
        can_create_bot,
        data_tables,
    } = row;
    let joined = state.has_joined().then_some(now);
    conn.prepare_cached(
        "INSERT INTO users (account_seq, id, email, email_lower, org_user_id, first_name, last_name, profile,
                            state, is_developer, can_create_bot, data_tables, last_login, invited_at, joined_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?13)",
    )?
    .execute(params![
        account,
        super::uuid_of("u-", &[email]),
        email,
        email.to_lowercase(),
        org_user_id,
        first_name,
        last_name,
        serde_json::to_value(profile).unwrap_or_default().to_string(),
        state.word(),
        is_developer,
        can_create_bot,
        data_tables,
        joined,
        now,
    ])?;
    let seq = conn.last_insert_rowid();
    if state.has_joined() {
        join_everyone(conn, account, seq)?;
    }
    Ok(seq)
}

/// The system group holds everybody who has joined.
fn join_everyone(conn: &Connection, account: i64, user: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT OR IGNORE INTO group_users (group_seq, user_seq)
         SELECT seq, ?2 FROM groups WHERE account_seq = ?1 AND source = 'system'",
    )?
    .execute(params![account, user])
    .map(drop)
}

pub(crate) fn by_email(
    conn: &Connection,
    account: i64,
    email: &str,
    case_sensitive: bool,
) -> rusqlite::Result<Option<User>> {
    if case_sensitive {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users u WHERE u.account_seq = ?1 AND u.email = ?2"
        ))?
        .query_row(params![account, email], user)
        .optional()
    } else {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users u WHERE u.account_seq = ?1 AND u.email_lower = ?2 ORDER BY u.seq LIMIT 1"
        ))?
        .query_row(params![account, email.to_lowercase()], user)
        .optional()
    }
}

pub(crate) fn by_org_user_id(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<User>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM users u WHERE u.account_seq = ?1 AND u.org_user_id = ?2 ORDER BY u.seq LIMIT 1"
    ))?
    .query_row(params![account, id], user)
    .optional()
}

/// Everybody among `emails`, in one statement, in the order of the rows.
pub(crate) fn among(
    conn: &Connection,
    account: i64,
    emails: &[String],
    case_sensitive: bool,
) -> rusqlite::Result<Vec<User>> {
    let sql = |column: &str| {
        format!(
            "SELECT {COLUMNS} FROM users u WHERE u.account_seq = ?1
             AND u.{column} IN (SELECT value FROM json_each(?2)) ORDER BY u.seq"
        )
    };
    if case_sensitive {
        let set = super::set_of(emails)?;
        conn.prepare_cached(&sql("email"))?.query_map(params![account, set], user)?.collect()
    } else {
        let lower: Vec<String> = emails.iter().map(|email| email.to_lowercase()).collect();
        let set = super::set_of(&lower)?;
        conn.prepare_cached(&sql("email_lower"))?.query_map(params![account, set], user)?.collect()
    }
}

/// Whether another account knows the address.
pub(crate) fn elsewhere(conn: &Connection, account: i64, email: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM users WHERE account_seq <> ?1 AND email_lower = ?2 LIMIT 1")?
        .exists(params![account, email.to_lowercase()])
}

/// Row numbers that are counted together (`schema_9.sql`).
const BLOCK: i64 = 512;

/// One page of the account's people and how many there are. Costs the same wherever the page begins, but for a look at
/// the counts.
pub(crate) fn page(
    conn: &Connection,
    account: i64,
    with_pending: bool,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<User>, usize)> {
    let (counted, filter) =
        if with_pending { ("everyone", "") } else { ("joined", "AND u.state <> 'not active'") };
    let mut blocks = conn.prepare_cached(&format!(
        "SELECT block, {counted} FROM user_counts WHERE account_seq = ?1 ORDER BY block"
    ))?;
    let mut blocks = blocks.query([account])?;
    let (mut total, mut start) = (0, None);
    while let Some(block) = blocks.next()? {
        let people: usize = block.get(1)?;
        if start.is_none() && skip < total + people {
            start = Some((block.get::<_, i64>(0)? * BLOCK, skip - total));
        }
        total += people;
    }
    let Some((first, skip)) = start else { return Ok((Vec::new(), total)) };
    let users = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users u WHERE u.account_seq = ?1 AND u.seq >= ?2 {filter}
             ORDER BY u.seq LIMIT ?3 OFFSET ?4"
        ))?
        .query_map(params![account, first, take, skip], user)?
        .collect::<Result<_, _>>()?;
    Ok((users, total))
}

pub(crate) fn set_flags(
    conn: &Connection,
    user: i64,
    is_developer: bool,
    can_create_bot: bool,
) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE users SET is_developer = ?2, can_create_bot = ?3 WHERE seq = ?1")?
        .execute(params![user, is_developer, can_create_bot])
        .map(drop)
}

pub(crate) fn set_org_user_id(conn: &Connection, user: i64, id: &str) -> rusqlite::Result<()> {
    conn.execute("UPDATE users SET org_user_id = ?2 WHERE seq = ?1", params![user, id]).map(drop)
}

pub(crate) fn set_data_tables(conn: &Connection, user: i64, allowed: bool) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE users SET data_tables = ?2 WHERE seq = ?1")?
        .execute(params![user, allowed])
        .map(drop)
}

/// Writes the given names and lays the given profile fields over the stored ones.
pub(crate) fn set_names(
    conn: &Connection,
    user: i64,
    first: Option<&str>,
    last: Option<&str>,
    profile: &Map<String, Value>,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE users SET first_name = coalesce(?2, first_name), last_name = coalesce(?3, last_name),
                          profile = json_patch(profile, ?4) WHERE seq = ?1",
    )?
    .execute(params![user, first, last, serde_json::to_value(profile).unwrap_or_default().to_string()])
    .map(drop)
}

/// The profile fields of a user, and whether they may manage data tables; `None`: never set.
pub(crate) fn profile(conn: &Connection, user: i64) -> rusqlite::Result<(Map<String, Value>, Option<bool>)> {
    conn.prepare_cached("SELECT profile, data_tables FROM users WHERE seq = ?1")?.query_row([user], |row| {
        Ok((serde_json::from_str(row.get_ref(0)?.as_str()?).unwrap_or_default(), row.get(1)?))
    })
}

/// Moves a user to another state; joining brings them into the system group.
pub(crate) fn set_state(
    conn: &Connection,
    account: i64,
    user: i64,
    state: UserState,
    now: &str,
) -> rusqlite::Result<()> {
    let joined = state.has_joined().then_some(now);
    conn.prepare_cached(
        "UPDATE users SET state = ?2, joined_at = coalesce(joined_at, ?3), last_login = coalesce(last_login, ?3)
         WHERE seq = ?1",
    )?
    .execute(params![user, state.word(), joined])?;
    if state.has_joined() {
        join_everyone(conn, account, user)?;
    }
    Ok(())
}

/// Notes that a user has signed in.
pub(crate) fn set_last_login(
    conn: &Connection,
    account: i64,
    email_lower: &str,
    now: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE users SET last_login = ?3 WHERE account_seq = ?1 AND email_lower = ?2")?
        .execute(params![account, email_lower, now])
        .map(drop)
}

/// How many people are in each state.
pub(crate) fn count_by_state(conn: &Connection, account: i64) -> rusqlite::Result<Vec<(UserState, usize)>> {
    conn.prepare_cached("SELECT state, count(*) FROM users WHERE account_seq = ?1 GROUP BY state")?
        .query_map([account], |row| Ok((UserState::from_word(row.get_ref(0)?.as_str()?), row.get(1)?)))?
        .collect()
}

/// Removes a user; their bindings, memberships and assignments go with the row.
pub(crate) fn delete(conn: &Connection, user: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM users WHERE seq = ?1")?.execute([user]).map(drop)
}

/// Whether a user owns a bot: holds the built-in Bot Owner role on any.
pub(crate) fn owns_a_bot(conn: &Connection, user: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT 1 FROM user_roles b JOIN roles r ON r.seq = b.role_seq
         WHERE b.user_seq = ?1 AND r.kind = 'bot' AND r.is_system AND r.name = 'Bot Owner' LIMIT 1",
    )?
    .exists([user])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::error::SandboxError;
    use crate::sandbox::store::Store;

    const NOW: &str = "2026-01-01T00:00:00.000Z";

    fn add(conn: &Connection, account: i64, index: usize, state: UserState) -> rusqlite::Result<i64> {
        let profile = Map::new();
        let row = NewUserRow {
            email: &format!("user.{index}@example.com"),
            org_user_id: None,
            first_name: "",
            last_name: "",
            profile: &profile,
            state,
            is_developer: false,
            can_create_bot: false,
            data_tables: None,
        };
        insert(conn, account, &row, NOW)
    }

    /// Two accounts whose people take turns in the table, some invited, some gone, some joined or invited later.
    fn crowd(conn: &Connection) -> rusqlite::Result<()> {
        for name in ["a", "b"] {
            conn.execute(
                "INSERT INTO accounts (id, org_id, name, primary_admin, created_at) VALUES (?1, '', ?1, '', ?2)",
                [name, NOW],
            )?;
        }
        let mut people = Vec::new();
        for index in 0..2_000 {
            let state = if index % 7 == 0 { UserState::NotActive } else { UserState::Active };
            let account = i64::from(index % 3 == 0) + 1;
            people.push((account, add(conn, account, index, state)?));
        }
        for (index, (account, seq)) in people.into_iter().enumerate() {
            match index % 11 {
                // A whole run of row numbers, too.
                _ if (600..1_300).contains(&index) => delete(conn, seq)?,
                3 => delete(conn, seq)?,
                5 => set_state(conn, account, seq, UserState::Active, NOW)?,
                7 => set_state(conn, account, seq, UserState::NotActive, NOW)?,
                9 => set_state(conn, account, seq, UserState::Locked, NOW)?,
                _ => {}
            }
        }
        Ok(())
    }

    #[test]
    fn every_page_is_the_one_that_stepping_over_the_rows_before_it_finds() {
        let store = Store::scratch().unwrap();
        let seen = store
            .write(|conn| {
                crowd(conn)?;
                let mut pages = 0;
                for (account, with_pending) in [(1, true), (1, false), (2, true), (2, false), (3, true)] {
                    let filter = if with_pending { "" } else { "AND state <> 'not active'" };
                    let sql = format!("SELECT seq FROM users WHERE account_seq = ?1 {filter} ORDER BY seq");
                    let all: Vec<i64> = conn
                        .prepare(&sql)?
                        .query_map([account], |row| row.get(0))?
                        .collect::<Result<_, _>>()?;
                    for take in [1, 50, 333, 5_000] {
                        for skip in (0..=all.len() + take).step_by(take) {
                            let (people, total) = page(conn, account, with_pending, skip, take)?;
                            let found: Vec<i64> = people.iter().map(|user| user.seq).collect();
                            let expected: Vec<i64> = all.iter().skip(skip).take(take).copied().collect();
                            assert_eq!((found, total), (expected, all.len()), "{account} {take} {skip}");
                            pages += 1;
                        }
                    }
                }
                Ok::<_, SandboxError>(pages)
            })
            .unwrap();
        assert!(seen > 1_000, "{seen}");
    }
}
