-- Version 2: the console. People are the platform's, users the account's: one person, by lower-case e-mail, has one
-- password and one set of sessions, and a row of `users` in every account they are in.
CREATE TABLE people (
    email TEXT PRIMARY KEY,
    password TEXT,
    password_changed_at TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    locked_until TEXT,
    default_account_seq INTEGER REFERENCES accounts(seq)
) WITHOUT ROWID;
CREATE INDEX people_locked ON people (locked_until) WHERE locked_until IS NOT NULL;
CREATE TABLE past_passwords (
    seq INTEGER PRIMARY KEY,
    email TEXT NOT NULL REFERENCES people(email) ON DELETE CASCADE,
    password TEXT NOT NULL
);
CREATE INDEX past_passwords_by_person ON past_passwords (email, seq);

-- Only the digest of a session's token is here: whoever reads the file cannot take a session over.
CREATE TABLE sessions (
    digest TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL REFERENCES people(email) ON DELETE CASCADE,
    account_seq INTEGER REFERENCES accounts(seq),
    wanted_account_seq INTEGER REFERENCES accounts(seq),
    has_second_factor INTEGER NOT NULL DEFAULT 0,
    must_change_password INTEGER NOT NULL DEFAULT 0,
    device TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    notice TEXT
) WITHOUT ROWID;
CREATE INDEX sessions_by_person ON sessions (email);

-- What is sent by mail and works once: codes of the second factor, reset links. `subject` is whom or what it is for.
CREATE TABLE one_time (
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (purpose, subject)
) WITHOUT ROWID;

-- One JSON document for each page of settings; what is not there has its default.
CREATE TABLE settings (
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    page TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account_seq, page)
) WITHOUT ROWID;

-- Files of people that were read: Bulk Invite and Import. `lines` is a JSON array, one object a line.
CREATE TABLE bulk_runs (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    file TEXT NOT NULL,
    actor TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    lines TEXT NOT NULL,
    UNIQUE (account_seq, id)
);

ALTER TABLE invitations ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN two_factor INTEGER NOT NULL DEFAULT 0;
-- The e-mail of whoever did it in the console; empty for the API, which names its app in the description.
ALTER TABLE audit ADD COLUMN actor TEXT NOT NULL DEFAULT '';
-- For the mailbox page, which need not take `message` apart again.
ALTER TABLE mails ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mails ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE mails ADD COLUMN text TEXT NOT NULL DEFAULT '';
