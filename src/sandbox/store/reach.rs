//! Which bots can be talked to, and by how many people: what synthetic traffic is made from.

use super::bot_settings::BotSettings;
use rusqlite::Connection;
use std::collections::HashMap;

/// A deployed bot.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) is_enterprise: bool,
    /// Ids and names of its active tasks.
    pub(crate) tasks: Vec<(String, String)>,
    pub(crate) channels: Vec<String>,
    /// People it is assigned to; those of several groups count several times.
    pub(crate) assigned: u64,
}

/// Every published bot, by name.
pub(crate) fn of_account(conn: &Connection, account: i64) -> rusqlite::Result<Vec<Reach>> {
    let mut assigned: HashMap<i64, u64> = pairs(
        conn,
        "SELECT a.bot_seq, count(*) FROM assignments a JOIN bots b ON b.seq = a.bot_seq WHERE b.account_seq = ?1
         GROUP BY a.bot_seq",
        account,
    )?;
    let members: HashMap<i64, u64> = pairs(
        conn,
        "SELECT m.group_seq, count(*) FROM group_users m WHERE m.group_seq IN (
             SELECT t.group_seq FROM task_groups t JOIN groups g ON g.seq = t.group_seq WHERE g.account_seq = ?1)
         GROUP BY m.group_seq",
        account,
    )?;
    let groups: Vec<(i64, i64)> = conn
        .prepare_cached(
            "SELECT DISTINCT d.bot_seq, t.group_seq FROM task_groups t JOIN dialogs d ON d.seq = t.dialog_seq
             JOIN bots b ON b.seq = d.bot_seq WHERE b.account_seq = ?1",
        )?
        .query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (bot, group) in groups {
        *assigned.entry(bot).or_default() += members.get(&group).copied().unwrap_or(0);
    }
    conn.prepare_cached(
        "SELECT b.seq, b.id, b.name, b.is_enterprise, s.document,
                (SELECT json_group_array(json_array(d.id, d.name)) FROM dialogs d
                 WHERE d.bot_seq = b.seq AND d.state = 'active')
         FROM bots b LEFT JOIN bot_settings s ON s.bot_seq = b.seq
         WHERE b.account_seq = ?1 AND b.status = 'published' ORDER BY lower(b.name), b.seq",
    )?
    .query_map([account], |row| {
        let seq: i64 = row.get(0)?;
        let settings: Option<String> = row.get(4)?;
        let settings: Option<BotSettings> = settings.and_then(|text| serde_json::from_str(&text).ok());
        Ok(Reach {
            id: row.get(1)?,
            name: row.get(2)?,
            is_enterprise: row.get(3)?,
            channels: settings.unwrap_or_default().channels,
            tasks: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
            assigned: assigned.get(&seq).copied().unwrap_or(0),
        })
    })?
    .collect()
}

fn pairs(conn: &Connection, sql: &str, account: i64) -> rusqlite::Result<HashMap<i64, u64>> {
    conn.prepare_cached(sql)?.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
