-- Version 4: reminders to people who were invited and have not signed up, people who ask to join, and the order of the
-- list of people.
ALTER TABLE invitations ADD COLUMN mailed_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE invitations ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0;
UPDATE invitations SET mailed_at_ms =
    (SELECT coalesce(unixepoch(u.invited_at), 0) * 1000 FROM users u WHERE u.seq = invitations.user_seq);
CREATE INDEX invitations_by_mail ON invitations (mailed_at_ms);

CREATE INDEX users_by_name ON users (account_seq, lower(first_name), lower(last_name), email_lower, seq);

-- People who ask to join by themselves: one request at most for each address (lower-case) and account. Until the link of
-- the mail is followed there is the digest of its token; from then on they wait for an admin.
CREATE TABLE join_requests (
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    email TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT,
    expires_at_ms INTEGER NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    password TEXT,
    asked_at TEXT NOT NULL,
    PRIMARY KEY (account_seq, email)
) WITHOUT ROWID;
CREATE INDEX join_requests_by_digest ON join_requests (digest) WHERE digest IS NOT NULL;
CREATE INDEX join_requests_waiting ON join_requests (account_seq, asked_at, email) WHERE digest IS NULL;
