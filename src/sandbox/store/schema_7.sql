-- Version 7: payload encryption of apps, names that bots had before, roles that groups were given inside an app, and the
-- change logs of bots. A log outlives its bot, hence the id and no reference.
ALTER TABLE apps ADD COLUMN encrypts_payload INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bots ADD COLUMN former_name TEXT;
ALTER TABLE group_roles ADD COLUMN from_app INTEGER NOT NULL DEFAULT 0;
CREATE TABLE change_log (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    id TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX change_log_by_bot ON change_log (account_seq, bot_id, seq);
