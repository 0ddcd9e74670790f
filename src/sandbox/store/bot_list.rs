//! The bots of an account as the console lists them: deployed ones, and those that wait for an admin.

use super::bots::{self, Bot};
use rusqlite::{Connection, params};

/// One row of a list.
#[derive(Debug)]
pub(crate) struct ListedBot {
    pub(crate) bot: Bot,
    /// Name or address of whoever published it; empty when they are gone.
    pub(crate) publisher: String,
    pub(crate) tasks: usize,
}

/// Which deployed bots are asked for.
#[derive(Debug)]
pub(crate) struct BotFilter {
    pub(crate) is_enterprise: bool,
    /// In lower case; each has to occur in the name.
    pub(crate) terms: Vec<String>,
    /// By name; else the newest first.
    pub(crate) by_name: bool,
}

const PUBLISHER: &str = "coalesce(nullif(trim(p.first_name || ' ' || p.last_name), ''), p.email, '')";

fn listed(row: &rusqlite::Row<'_>) -> rusqlite::Result<ListedBot> {
    Ok(ListedBot {
        bot: bots::bot(row)?,
        publisher: row.get(bots::COLUMN_COUNT)?,
        tasks: row.get(bots::COLUMN_COUNT + 1)?,
    })
}

/// A page of deployed bots, suspended ones included, and how many there are.
pub(crate) fn deployed(
    conn: &Connection,
    account: i64,
    filter: &BotFilter,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<ListedBot>, usize)> {
    const MATCHING: &str =
        "b.account_seq = ?1 AND b.is_enterprise = ?2 AND b.status IN ('published', 'suspended')
         AND NOT EXISTS (SELECT 1 FROM json_each(?3) term WHERE instr(lower(b.name), term.value) = 0)";
    let BotFilter { is_enterprise, terms, by_name } = filter;
    let terms = super::set_of(terms)?;
    let total = conn
        .prepare_cached(&format!("SELECT count(*) FROM bots b WHERE {MATCHING}"))?
        .query_row(params![account, is_enterprise, terms], |row| row.get(0))?;
    let order = if *by_name { "lower(b.name), b.seq" } else { "b.created_at DESC, b.seq DESC" };
    let columns = bots::columns_of("b");
    let found = conn
        .prepare_cached(&format!(
            "SELECT {columns}, {PUBLISHER},
                    (SELECT count(*) FROM dialogs d WHERE d.bot_seq = b.seq AND d.state <> 'configured')
             FROM bots b LEFT JOIN users p ON p.account_seq = b.account_seq AND p.id = b.created_by
             WHERE {MATCHING} ORDER BY {order} LIMIT ?4 OFFSET ?5"
        ))?
        .query_map(params![account, is_enterprise, terms, take, skip], listed)?
        .collect::<Result<_, _>>()?;
    Ok((found, total))
}

/// A bot, or an upgrade of one, that waits for an admin.
#[derive(Debug)]
pub(crate) struct WaitingBot {
    pub(crate) listed: ListedBot,
    pub(crate) comment: String,
    pub(crate) at: String,
}

const WAITING: &str = "FROM bots b LEFT JOIN deployment_requests r ON r.bot_seq = b.seq
     LEFT JOIN users p ON p.account_seq = b.account_seq AND p.id = b.created_by
     WHERE b.account_seq = ?1 AND (b.status = 'awaitingApproval' OR r.bot_seq IS NOT NULL)";

fn waiting_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<WaitingBot> {
    Ok(WaitingBot {
        listed: listed(row)?,
        comment: row.get(bots::COLUMN_COUNT + 2)?,
        at: row.get(bots::COLUMN_COUNT + 3)?,
    })
}

fn waiting_sql(more: &str) -> String {
    let columns = bots::columns_of("b");
    format!(
        "SELECT {columns}, {PUBLISHER}, (SELECT count(*) FROM dialogs d WHERE d.bot_seq = b.seq AND d.state <> 'configured'),
                coalesce(r.comment, ''), coalesce(r.at, b.created_at) {WAITING} {more}"
    )
}

/// A page of what waits, the oldest request first, and how much does.
pub(crate) fn waiting(
    conn: &Connection,
    account: i64,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<WaitingBot>, usize)> {
    let total =
        conn.prepare_cached(&format!("SELECT count(*) {WAITING}"))?.query_row([account], |row| row.get(0))?;
    let found = conn
        .prepare_cached(&waiting_sql("ORDER BY 14, b.seq LIMIT ?2 OFFSET ?3"))?
        .query_map(params![account, take, skip], waiting_row)?
        .collect::<Result<_, _>>()?;
    Ok((found, total))
}

/// The request of that bot.
pub(crate) fn request_of(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<WaitingBot>> {
    use rusqlite::OptionalExtension;
    conn.prepare_cached(&waiting_sql("AND b.id = ?2"))?
        .query_row(params![account, id], waiting_row)
        .optional()
}

/// Asks the admins to deploy a bot.
pub(crate) fn request(conn: &Connection, bot: i64, comment: &str, now: &str) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO deployment_requests (bot_seq, comment, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (bot_seq) DO UPDATE SET comment = excluded.comment, at = excluded.at",
        params![bot, comment, now],
    )
    .map(drop)
}

/// The request is settled.
pub(crate) fn settle(conn: &Connection, bot: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM deployment_requests WHERE bot_seq = ?1", [bot]).map(drop)
}

/// Pairs (name, address) of a bot's owner and of everybody else with a role on it, with the name of that role.
pub(crate) fn team(conn: &Connection, bot: i64) -> rusqlite::Result<Vec<BotMember>> {
    conn.prepare_cached(
        "SELECT u.id, u.email, u.first_name, u.last_name, u.state, r.name, r.is_system AND r.name = 'Bot Owner'
         FROM user_roles h JOIN users u ON u.seq = h.user_seq JOIN roles r ON r.seq = h.role_seq
         WHERE h.bot_seq = ?1 AND r.kind = 'bot' ORDER BY 7 DESC, u.email_lower, r.name",
    )?
    .query_map([bot], |row| {
        Ok(BotMember {
            id: row.get(0)?,
            email: row.get(1)?,
            first_name: row.get(2)?,
            last_name: row.get(3)?,
            is_active: row.get_ref(4)?.as_str()? == "active",
            role: row.get(5)?,
            is_owner: row.get(6)?,
        })
    })?
    .collect()
}

/// A user with a role on a bot.
#[derive(Debug, Clone)]
pub(crate) struct BotMember {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) is_active: bool,
    pub(crate) role: String,
    pub(crate) is_owner: bool,
}
