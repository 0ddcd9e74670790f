//! Who holds a role: people and groups, on which bot.

use rusqlite::{Connection, params};

/// One way in which a role is held.
#[derive(Debug)]
pub(crate) struct RoleHolder {
    pub(crate) is_group: bool,
    /// `u-...` or `e-...`.
    pub(crate) id: String,
    /// The e-mail, or the group's name.
    pub(crate) name: String,
    /// First and last name; empty for groups.
    pub(crate) full_name: String,
    /// Id and name of the bot; `None` for an admin role.
    pub(crate) bot: Option<(String, String)>,
}

/// A page of the holders of a role, groups first, and how many there are.
pub(crate) fn page(
    conn: &Connection,
    role: i64,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<RoleHolder>, usize)> {
    let total = count(conn, role)?;
    let holders = conn
        .prepare_cached(
            "SELECT 1, g.id, g.name, '', b.id, b.name, g.name AS sorted FROM group_roles h
             JOIN groups g ON g.seq = h.group_seq LEFT JOIN bots b ON b.seq = h.bot_seq WHERE h.role_seq = ?1
             UNION ALL
             SELECT 0, u.id, u.email, trim(u.first_name || ' ' || u.last_name), b.id, b.name, u.email_lower
             FROM user_roles h JOIN users u ON u.seq = h.user_seq LEFT JOIN bots b ON b.seq = h.bot_seq
             WHERE h.role_seq = ?1
             ORDER BY 1 DESC, 7, 6 LIMIT ?2 OFFSET ?3",
        )?
        .query_map(params![role, take, skip], |row| {
            let (id, name): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
            Ok(RoleHolder {
                is_group: row.get(0)?,
                id: row.get(1)?,
                name: row.get(2)?,
                full_name: row.get(3)?,
                bot: id.zip(name),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok((holders, total))
}

/// In how many ways a role is held, by people and by groups.
pub(crate) fn count(conn: &Connection, role: i64) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "SELECT (SELECT count(*) FROM user_roles WHERE role_seq = ?1)
              + (SELECT count(*) FROM group_roles WHERE role_seq = ?1)",
    )?
    .query_row([role], |row| row.get(0))
}
