//! The truth, in `SQLite`: one file, one writer, a few readers.
//!
//! In come typed questions and changes from the Admin API, the in-process admin and the console; out go rows. Nothing here
//! knows HTTP, tokens, or how the vendor writes things down. WAL with `synchronous=NORMAL`: what was committed
//! survives the death of the process; only the death of the machine could lose the last writes.

pub(crate) mod accounts;
pub(crate) mod apps;
pub(crate) mod asked;
pub(crate) mod audiences;
pub(crate) mod audit;
pub(crate) mod audit_report;
pub(crate) mod bindings;
pub(crate) mod bot_list;
pub(crate) mod bot_settings;
pub(crate) mod bots;
pub(crate) mod browsers;
pub(crate) mod bulk_runs;
pub(crate) mod change_log;
pub(crate) mod deleted_bots;
pub(crate) mod drafts;
pub(crate) mod group_list;
pub(crate) mod groups;
pub(crate) mod invitations;
pub(crate) mod join_requests;
pub(crate) mod mails;
pub(crate) mod one_time;
pub(crate) mod people;
pub(crate) mod reach;
mod readers;
pub(crate) mod role_holders;
pub(crate) mod roles;
pub(crate) mod security;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod tasks;
pub(crate) mod user_list;
pub(crate) mod users;

use super::error::SandboxError;
use super::lock::lock;
use super::private;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use uuid::Uuid;

/// Each makes the next version of the one before it; the version is how many have run.
const MIGRATIONS: [&str; 9] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
];
const FILE: &str = "account.db";
/// How much of the database the writer, and each reader, keeps in memory, in KiB.
const WRITER_CACHE: i64 = 16_000;
const READER_CACHE: i64 = 2_000;

/// The database of one data folder.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: readers::Readers,
    lag: Mutex<Lag>,
    /// Removed with everything in it when the store goes; `None` for a data folder of the user's.
    _scratch: Option<Scratch>,
}

/// Views of the past, for reads that shall lag behind.
#[derive(Debug, Default)]
struct Lag {
    /// Lagging reads so far.
    reads: u64,
    /// The oldest first; the first that is still due is what a read is shown.
    views: VecDeque<Past>,
}

/// How things stood before a write that the reads up to number `until` do not see.
#[derive(Debug)]
struct Past {
    view: Connection,
    until: u64,
}

#[derive(Debug)]
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a folder that will not go, and it holds test data only.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Store {
    /// Opens the database in `dir`, making both if they are missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, SandboxError> {
        let path = dir.join(FILE);
        private::create_folder(dir)
            .and_then(|()| private::create_file(&path))
            // What is left of an earlier run.
            .and_then(|()| private::close_file(&dir.join(format!("{FILE}-wal"))))
            .and_then(|()| private::close_file(&dir.join(format!("{FILE}-shm"))))
            .map_err(|source| SandboxError::DataFolder { path: dir.to_owned(), source })?;
        Self::at(path, "NORMAL", None)
    }

    /// Opens the database in `dir`, which must be there.
    pub(crate) fn open_existing(dir: &Path) -> Result<Self, SandboxError> {
        if !dir.join(FILE).is_file() {
            return Err(SandboxError::NoData(dir.to_owned()));
        }
        Self::open(dir)
    }

    /// A database that vanishes with this value. A file all the same: views of the past need WAL, which
    /// `SQLite`'s memory databases do not have; it is never flushed to the disk.
    pub(crate) fn scratch() -> Result<Self, SandboxError> {
        let dir = std::env::temp_dir().join(format!("koreconcile-sandbox-{}", Uuid::new_v4().simple()));
        private::create_folder(&dir)
            .map_err(|source| SandboxError::DataFolder { path: dir.clone(), source })?;
        Self::at(dir.join(FILE), "OFF", Some(Scratch(dir)))
    }

    fn at(path: PathBuf, synchronous: &str, scratch: Option<Scratch>) -> Result<Self, SandboxError> {
        let unusable = |error| unusable(&path, error);
        let mut writer = Connection::open(&path).map_err(unusable)?;
        prepare(&writer, WRITER_CACHE).map_err(unusable)?;
        // First of all: changing the journal mode would be flushed, too.
        writer.pragma_update(None, "synchronous", synchronous).map_err(unusable)?;
        writer.pragma_update(None, "journal_mode", "WAL").map_err(unusable)?;
        migrate(&mut writer).map_err(|error| match error {
            SandboxError::Database(error) => unusable(error),
            other => other,
        })?;
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: readers::Readers::new(),
            lag: Mutex::default(),
            _scratch: scratch,
        })
    }

    /// Runs `question` on one unchanging view of the present.
    pub(crate) fn read<T, E: From<rusqlite::Error>>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.readers.lend(|| self.reader(), |reader| one_view(reader, question))
    }

    /// As `read`, but from the view of the past while one is kept (`keep_past`).
    pub(crate) fn read_lagging<T, E: From<rusqlite::Error>>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lag = lock(&self.lag);
        lag.reads += 1;
        let reads = lag.reads;
        lag.views.retain(|past| past.until >= reads);
        if let Some(past) = lag.views.front() {
            return question(&past.view);
        }
        drop(lag);
        self.read(question)
    }

    /// Hides what is written from now on from the next `reads` lagging reads.
    pub(crate) fn keep_past(&self, reads: u32) -> Result<(), rusqlite::Error> {
        let mut lag = lock(&self.lag);
        let until = lag.reads + u64::from(reads);
        // A later write that comes to light with an earlier one needs no view of its own.
        if reads == 0 || lag.views.back().is_some_and(|past| past.until >= until) {
            return Ok(());
        }
        let view = self.reader()?;
        // A deferred transaction takes its view at the first read, hence the look at any table.
        view.execute_batch("BEGIN; SELECT count(*) FROM accounts;")?;
        lag.views.push_back(Past { view, until });
        Ok(())
    }

    /// Runs `change` in one transaction: kept when it succeeds, undone when it fails.
    pub(crate) fn write<T, E: From<rusqlite::Error>>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = lock(&self.writer);
        // Immediate: another process (`sandbox app` beside `serve`) is waited for before, not in the middle.
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = change(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    fn reader(&self) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&self.path, flags)?;
        prepare(&reader, READER_CACHE)?;
        Ok(reader)
    }
}

fn prepare(connection: &Connection, cache_kib: i64) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)
}

/// Why the database cannot be used, with its path and the next step.
fn unusable(path: &Path, error: rusqlite::Error) -> SandboxError {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, PermissionDenied, ReadOnly};
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(NotADatabase | DatabaseCorrupt) => SandboxError::Corrupt { path, source: error },
        Some(CannotOpen | PermissionDenied | ReadOnly) => {
            let path = path.parent().map_or_else(|| path.clone(), Path::to_path_buf);
            SandboxError::DataFolder { path, source: std::io::Error::other(error) }
        }
        _ => SandboxError::Database(error),
    }
}

fn migrate(writer: &mut Connection) -> Result<(), SandboxError> {
    let known = MIGRATIONS.len();
    let found: usize = writer.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(SandboxError::NewerData { found, known });
    }
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again inside: another process may have made the schema between the two.
    let found: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found < known {
        for migration in &MIGRATIONS[found..] {
            transaction.execute_batch(migration)?;
        }
    }
    // Written in any case: whoever cannot write learns it now.
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

fn one_view<T, E: From<rusqlite::Error>>(
    reader: &Connection,
    question: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let view = reader.unchecked_transaction()?;
    let answer = question(&view)?;
    view.commit()?;
    Ok(answer)
}

/// A JSON array for `json_each(?)`: how a set of keys enters one statement.
pub(crate) fn set_of<T: serde::Serialize>(keys: &[T]) -> Result<String, rusqlite::Error> {
    serde_json::to_string(keys).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// A stable id in the vendor's form: `prefix` and a version 5 uuid of `parts`.
pub(crate) fn uuid_of(prefix: &str, parts: &[&str]) -> String {
    format!("{prefix}{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("\n").as_bytes()))
}

/// A stable id of 24 hex digits.
pub(crate) fn hex_of(parts: &[&str]) -> String {
    let mut id = Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("\n").as_bytes()).simple().to_string();
    id.truncate(24);
    id
}

/// A fresh secret of 64 hex digits, 244 bits of them random.
pub(crate) fn fresh_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// What is kept of a secret: its SHA-256, in hex. Only for secrets too long to be guessed from it.
pub(crate) fn digest_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// A fresh id of 24 hex digits.
pub(crate) fn fresh_hex() -> String {
    let mut id = Uuid::new_v4().simple().to_string();
    id.truncate(24);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_the_first_version_is_opened_and_taken_along() {
        let dir = tempfile::tempdir().unwrap();
        let old = Connection::open(dir.path().join(FILE)).unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.execute_batch(
            "PRAGMA user_version = 1;
             INSERT INTO accounts (id, org_id, name, primary_admin, created_at)
             VALUES ('a1', 'o-1', 'Example', 'owner@example.com', '2026-01-01T00:00:00.000Z');
             INSERT INTO users (account_seq, id, email, email_lower, state, is_developer, can_create_bot)
             VALUES (1, 'u-1', 'Owner@example.com', 'owner@example.com', 'active', 1, 1);
             INSERT INTO mails (account_seq, kind, recipient, message) VALUES (1, 'invitation', 'x@example.com', '');",
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let store = Store::open(dir.path()).unwrap();
            store
                .read::<_, SandboxError>(|conn| {
                    let version: usize = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
                    assert_eq!(version, MIGRATIONS.len());
                    assert!(!accounts::by_id(conn, "a1")?.unwrap().two_factor);
                    assert_eq!(people::by_email(conn, "owner@example.com")?.unwrap().password, None);
                    assert_eq!(mails::newest(conn, "x@", 0, 10)?.1, 1);
                    assert_eq!(users::page(conn, 1, true, 0, 10)?.1, 1);
                    Ok(())
                })
                .unwrap();
        }
        let newer = Connection::open(dir.path().join(FILE)).unwrap();
        newer.pragma_update(None, "user_version", MIGRATIONS.len() + 1).unwrap();
        drop(newer);
        let refused = Store::open(dir.path()).unwrap_err().to_string();
        let (found, known) = (MIGRATIONS.len() + 1, MIGRATIONS.len());
        let expected = format!("schema version {found}, this program knows up to {known}");
        assert!(refused.contains(&expected), "{refused}");
    }
}
