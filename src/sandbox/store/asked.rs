//! What people without a session have asked for by their address (lower-case), to be done after the answer.

use rusqlite::{Connection, OptionalExtension, params};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A link to a new password.
    PasswordLink,
    /// To join an account.
    Joining,
    /// The invitation once more.
    Invitation,
}

const WORDS: [(What, &str); 3] =
    [(What::PasswordLink, "password-link"), (What::Joining, "joining"), (What::Invitation, "invitation")];

impl What {
    fn word(self) -> &'static str {
        WORDS.iter().find(|(what, _)| *what == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, own)| *own == word).map(|(what, _)| *what)
    }
}

pub(crate) fn put(conn: &Connection, what: What, email: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO asked (what, email) VALUES (?1, ?2)")?
        .execute(params![what.word(), email])
        .map(drop)
}

/// Whether anything waits.
pub(crate) fn any(conn: &Connection) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM asked LIMIT 1")?.exists([])
}

/// Takes the oldest.
pub(crate) fn take(conn: &Connection) -> rusqlite::Result<Option<(Option<What>, String)>> {
    conn.prepare_cached("DELETE FROM asked WHERE seq = (SELECT min(seq) FROM asked) RETURNING what, email")?
        .query_row([], |row| Ok((What::from_word(&row.get::<_, String>(0)?), row.get(1)?)))
        .optional()
}
