//! API apps: client id, secret, scopes; used `jti`s; uploaded files.

use rusqlite::{Connection, OptionalExtension, params};

/// One app.
#[derive(Clone)]
pub(crate) struct RegisteredApp {
    pub(crate) client_id: String,
    pub(crate) account: i64,
    /// The bot, for an app made in the builder.
    pub(crate) bot: Option<i64>,
    pub(crate) secret: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) enforce_jti: bool,
    pub(crate) created_at: String,
    pub(crate) encrypts_payload: bool,
}

pub(crate) fn by_client_id(conn: &Connection, client_id: &str) -> rusqlite::Result<Option<RegisteredApp>> {
    conn.prepare_cached(
        "SELECT client_id, account_seq, bot_seq, secret, scopes, enforce_jti, created_at, encrypts_payload FROM apps
         WHERE client_id = ?1",
    )?
    .query_row([client_id], app)
    .optional()
}

/// The account's app of that name, the oldest where there are several.
pub(crate) fn by_name(
    conn: &Connection,
    account: i64,
    name: &str,
) -> rusqlite::Result<Option<RegisteredApp>> {
    conn.prepare_cached(
        "SELECT client_id, account_seq, bot_seq, secret, scopes, enforce_jti, created_at, encrypts_payload FROM apps
         WHERE account_seq = ?1 AND name = ?2 AND bot_seq IS NULL ORDER BY created_at, client_id LIMIT 1",
    )?
    .query_row(params![account, name], app)
    .optional()
}

/// A page of the account's own apps with their names, by name, and how many there are.
pub(crate) fn page(
    conn: &Connection,
    account: i64,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<(String, RegisteredApp)>, usize)> {
    let total = conn
        .prepare_cached("SELECT count(*) FROM apps WHERE account_seq = ?1 AND bot_seq IS NULL")?
        .query_row([account], |row| row.get(0))?;
    let found = conn
        .prepare_cached(
            "SELECT client_id, account_seq, bot_seq, secret, scopes, enforce_jti, created_at, encrypts_payload, name FROM apps
             WHERE account_seq = ?1 AND bot_seq IS NULL ORDER BY name, created_at, client_id LIMIT ?2 OFFSET ?3",
        )?
        .query_map(params![account, take, skip], |row| Ok((row.get(8)?, app(row)?)))?
        .collect::<Result<_, _>>()?;
    Ok((found, total))
}

/// An app of the account's own, and its name.
pub(crate) fn own(
    conn: &Connection,
    account: i64,
    client_id: &str,
) -> rusqlite::Result<Option<(String, RegisteredApp)>> {
    conn.prepare_cached(
        "SELECT client_id, account_seq, bot_seq, secret, scopes, enforce_jti, created_at, encrypts_payload, name FROM apps
         WHERE account_seq = ?1 AND client_id = ?2 AND bot_seq IS NULL",
    )?
    .query_row(params![account, client_id], |row| Ok((row.get(8)?, app(row)?)))
    .optional()
}

pub(crate) fn set_secret(conn: &Connection, client_id: &str, secret: &str) -> rusqlite::Result<()> {
    conn.execute("UPDATE apps SET secret = ?2 WHERE client_id = ?1", params![client_id, secret]).map(drop)
}

pub(crate) fn set_payload_encryption(conn: &Connection, client_id: &str, on: bool) -> rusqlite::Result<()> {
    conn.execute("UPDATE apps SET encrypts_payload = ?2 WHERE client_id = ?1", params![client_id, on])
        .map(drop)
}

pub(crate) fn set_scopes(conn: &Connection, client_id: &str, scopes: &[&str]) -> rusqlite::Result<()> {
    conn.execute("UPDATE apps SET scopes = ?2 WHERE client_id = ?1", params![client_id, scopes.join(" ")])
        .map(drop)
}

pub(crate) fn delete(conn: &Connection, client_id: &str) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM used_jtis WHERE client_id = ?1", [client_id])?;
    conn.execute("DELETE FROM apps WHERE client_id = ?1", [client_id]).map(drop)
}

fn app(row: &rusqlite::Row<'_>) -> rusqlite::Result<RegisteredApp> {
    Ok(RegisteredApp {
        client_id: row.get(0)?,
        account: row.get(1)?,
        bot: row.get(2)?,
        secret: row.get(3)?,
        scopes: row.get_ref(4)?.as_str()?.split_whitespace().map(str::to_owned).collect(),
        enforce_jti: row.get(5)?,
        created_at: row.get(6)?,
        encrypts_payload: row.get(7)?,
    })
}

/// The apps of all `bots`.
pub(crate) fn of_bots(conn: &Connection, bots: &[i64]) -> rusqlite::Result<Vec<RegisteredApp>> {
    conn.prepare_cached(
        "SELECT a.client_id, a.account_seq, a.bot_seq, a.secret, a.scopes, a.enforce_jti, a.created_at, a.encrypts_payload
         FROM json_each(?1) j JOIN apps a ON a.bot_seq = j.value ORDER BY a.created_at, a.client_id",
    )?
    .query_map([super::set_of(bots)?], app)?
    .collect()
}

pub(crate) fn insert(conn: &Connection, name: &str, app: &RegisteredApp) -> rusqlite::Result<()> {
    let RegisteredApp {
        client_id,
        account,
        bot,
        secret,
        scopes,
        enforce_jti,
        created_at,
        encrypts_payload: _,
    } = app;
    conn.execute(
        "INSERT INTO apps (client_id, account_seq, bot_seq, name, secret, scopes, enforce_jti, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![client_id, account, bot, name, secret, scopes.join(" "), enforce_jti, created_at],
    )
    .map(drop)
}

/// Marks a `jti` as used; false when it was used before. Those of tokens that are over are forgotten.
pub(crate) fn use_jti(
    conn: &Connection,
    client_id: &str,
    jti: &str,
    now_ms: i64,
    expires_at_ms: i64,
) -> rusqlite::Result<bool> {
    conn.prepare_cached("DELETE FROM used_jtis WHERE expires_at_ms < ?1")?.execute([now_ms])?;
    conn.prepare_cached(
        "INSERT OR IGNORE INTO used_jtis (client_id, jti, expires_at_ms) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![client_id, jti, expires_at_ms])
    .map(|rows| rows > 0)
}

pub(crate) fn insert_file(conn: &Connection, account: i64, id: &str, content: &[u8]) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO files (id, account_seq, content) VALUES (?1, ?2, ?3)",
        params![id, account, content],
    )
    .map(drop)
}

pub(crate) fn file(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached("SELECT content FROM files WHERE id = ?1 AND account_seq = ?2")?
        .query_row(params![id, account], |row| row.get(0))
        .optional()
}

/// The stored SSO configuration and its protocol.
pub(crate) fn sso(conn: &Connection, account: i64) -> rusqlite::Result<Option<(String, String)>> {
    conn.prepare_cached("SELECT protocol, document FROM sso WHERE account_seq = ?1")?
        .query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

pub(crate) fn set_sso(
    conn: &Connection,
    account: i64,
    protocol: &str,
    document: &str,
) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO sso (account_seq, protocol, document) VALUES (?1, ?2, ?3) ON CONFLICT (account_seq)
         DO UPDATE SET protocol = excluded.protocol, document = excluded.document",
        params![account, protocol, document],
    )
    .map(drop)
}

pub(crate) fn clear_sso(conn: &Connection, account: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM sso WHERE account_seq = ?1", [account]).map(drop)
}
