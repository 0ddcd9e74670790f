-- Version 3: what the console's pages about assistants keep. A task is active, suspended by an admin, or, after its
-- deployment was rejected, configured.
ALTER TABLE dialogs ADD COLUMN state TEXT NOT NULL DEFAULT 'active'
    CHECK (state IN ('active', 'suspended', 'configured'));

-- Who may use a task besides the people of `assignments`: the members of a group; of the system group, everybody.
CREATE TABLE task_groups (
    dialog_seq INTEGER NOT NULL REFERENCES dialogs(seq) ON DELETE CASCADE,
    group_seq INTEGER NOT NULL REFERENCES groups(seq) ON DELETE CASCADE,
    PRIMARY KEY (dialog_seq, group_seq)
) WITHOUT ROWID;
CREATE INDEX task_groups_by_group ON task_groups (group_seq);

-- A bot that waits for approval may have none: it was put there by hand.
CREATE TABLE deployment_requests (
    bot_seq INTEGER PRIMARY KEY REFERENCES bots(seq) ON DELETE CASCADE,
    comment TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE bot_settings (
    bot_seq INTEGER PRIMARY KEY REFERENCES bots(seq) ON DELETE CASCADE,
    document TEXT NOT NULL
);
-- `document` holds what is needed to bring the bot back.
CREATE TABLE deleted_bots (
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    deleted_at TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account_seq, id)
) WITHOUT ROWID;
-- What somebody has chosen in the assignment pages and not applied; it goes with the session.
CREATE TABLE assignment_drafts (
    session_id TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    bot_seq INTEGER NOT NULL REFERENCES bots(seq) ON DELETE CASCADE,
    document TEXT NOT NULL,
    PRIMARY KEY (session_id, bot_seq)
) WITHOUT ROWID;

CREATE INDEX assignments_by_bot ON assignments (bot_seq);
CREATE INDEX users_by_id ON users (account_seq, id);
CREATE INDEX audit_by_time ON audit (account_seq, at_ms);
