-- Version 5: guessing. Wrong codes of the second factor count for the person, whatever session or code they were for.
ALTER TABLE people ADD COLUMN code_failures INTEGER NOT NULL DEFAULT 0;

-- Browsers that a person has signed in from, by the digest of their cookie: what strangers do does not refuse them.
CREATE TABLE browsers (
    digest TEXT NOT NULL,
    email TEXT NOT NULL REFERENCES people(email) ON DELETE CASCADE,
    failures INTEGER NOT NULL DEFAULT 0,
    used_at_ms INTEGER NOT NULL,
    PRIMARY KEY (digest, email)
) WITHOUT ROWID;
CREATE INDEX browsers_by_person ON browsers (email, used_at_ms);
