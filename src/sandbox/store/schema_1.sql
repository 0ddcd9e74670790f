-- Version 1. Rows point at each other by integer `seq`; the ids that go over the wire are text columns.
CREATE TABLE accounts (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    org_id TEXT NOT NULL,
    name TEXT NOT NULL,
    primary_admin TEXT NOT NULL,
    auto_approve INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
);

CREATE TABLE users (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    id TEXT NOT NULL,
    email TEXT NOT NULL,
    email_lower TEXT NOT NULL,
    org_user_id TEXT,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    profile TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL CHECK (state IN ('active', 'not active', 'suspended', 'locked')),
    is_developer INTEGER NOT NULL,
    can_create_bot INTEGER NOT NULL,
    data_tables INTEGER,
    last_login TEXT,
    invited_at TEXT,
    joined_at TEXT,
    UNIQUE (account_seq, email)
);
CREATE INDEX users_by_lower_email ON users (account_seq, email_lower);
CREATE INDEX users_by_org_user_id ON users (account_seq, org_user_id) WHERE org_user_id IS NOT NULL;
CREATE INDEX users_in_order ON users (account_seq, seq, state);

CREATE TABLE roles (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('admin', 'bot')),
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    permissions TEXT NOT NULL DEFAULT '{}',
    ref_id TEXT NOT NULL,
    is_system INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    UNIQUE (account_seq, id)
);
CREATE INDEX roles_by_name ON roles (account_seq, kind, name);
CREATE INDEX roles_by_ref ON roles (account_seq, kind, ref_id);

CREATE TABLE groups (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL CHECK (source IN ('local', 'ad', 'system')),
    UNIQUE (account_seq, id),
    UNIQUE (account_seq, name)
);
CREATE TABLE group_users (
    group_seq INTEGER NOT NULL REFERENCES groups(seq) ON DELETE CASCADE,
    user_seq INTEGER NOT NULL REFERENCES users(seq) ON DELETE CASCADE,
    PRIMARY KEY (group_seq, user_seq)
) WITHOUT ROWID;
CREATE INDEX group_users_by_user ON group_users (user_seq);
CREATE TABLE group_children (
    parent_seq INTEGER NOT NULL REFERENCES groups(seq) ON DELETE CASCADE,
    child_seq INTEGER NOT NULL REFERENCES groups(seq) ON DELETE CASCADE,
    PRIMARY KEY (parent_seq, child_seq)
) WITHOUT ROWID;
CREATE INDEX group_children_by_child ON group_children (child_seq);

CREATE TABLE bots (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL CHECK (status IN ('configured', 'awaitingApproval', 'published', 'suspended')),
    is_enterprise INTEGER NOT NULL,
    language TEXT NOT NULL DEFAULT 'en',
    icon TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (account_seq, id)
);
CREATE INDEX bots_by_name ON bots (account_seq, name);
CREATE TABLE dialogs (
    seq INTEGER PRIMARY KEY,
    bot_seq INTEGER NOT NULL REFERENCES bots(seq) ON DELETE CASCADE,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (bot_seq, id)
);

-- `bot_seq` 0 stands for "no bot": an admin role. Part of the key, hence not NULL.
CREATE TABLE user_roles (
    user_seq INTEGER NOT NULL REFERENCES users(seq) ON DELETE CASCADE,
    role_seq INTEGER NOT NULL REFERENCES roles(seq) ON DELETE CASCADE,
    bot_seq INTEGER NOT NULL,
    PRIMARY KEY (user_seq, role_seq, bot_seq)
) WITHOUT ROWID;
CREATE INDEX user_roles_by_role ON user_roles (role_seq, bot_seq);
CREATE TABLE group_roles (
    group_seq INTEGER NOT NULL REFERENCES groups(seq) ON DELETE CASCADE,
    role_seq INTEGER NOT NULL REFERENCES roles(seq) ON DELETE CASCADE,
    bot_seq INTEGER NOT NULL,
    PRIMARY KEY (group_seq, role_seq, bot_seq)
) WITHOUT ROWID;
CREATE INDEX group_roles_by_role ON group_roles (role_seq);

-- `dialogs` is a JSON array, or NULL for every dialog of the bot; `other_tasks` an object of the other kinds.
CREATE TABLE assignments (
    user_seq INTEGER NOT NULL REFERENCES users(seq) ON DELETE CASCADE,
    bot_seq INTEGER NOT NULL REFERENCES bots(seq) ON DELETE CASCADE,
    dialogs TEXT,
    other_tasks TEXT,
    PRIMARY KEY (user_seq, bot_seq)
) WITHOUT ROWID;

CREATE TABLE apps (
    client_id TEXT PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    bot_seq INTEGER REFERENCES bots(seq) ON DELETE CASCADE,
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    scopes TEXT NOT NULL,
    enforce_jti INTEGER NOT NULL,
    created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX apps_by_bot ON apps (bot_seq) WHERE bot_seq IS NOT NULL;
CREATE TABLE used_jtis (
    client_id TEXT NOT NULL,
    jti TEXT NOT NULL,
    PRIMARY KEY (client_id, jti)
) WITHOUT ROWID;

CREATE TABLE files (
    id TEXT PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    content BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE publish_jobs (
    bot_seq INTEGER PRIMARY KEY REFERENCES bots(seq) ON DELETE CASCADE,
    document TEXT NOT NULL
);
CREATE TABLE sso (
    account_seq INTEGER PRIMARY KEY REFERENCES accounts(seq),
    protocol TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    description TEXT NOT NULL
);
CREATE INDEX audit_by_account ON audit (account_seq, seq);
CREATE INDEX audit_by_id ON audit (id);

-- Mail is written with the change that causes it and sent afterwards, so neither is lost to a kill.
CREATE TABLE mails (
    seq INTEGER PRIMARY KEY,
    account_seq INTEGER NOT NULL REFERENCES accounts(seq),
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    message BLOB NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX mails_unsent ON mails (seq) WHERE sent = 0;
CREATE INDEX mails_by_recipient ON mails (account_seq, recipient);
CREATE TABLE invitations (
    token TEXT PRIMARY KEY,
    user_seq INTEGER NOT NULL UNIQUE REFERENCES users(seq) ON DELETE CASCADE,
    code TEXT NOT NULL,
    expires_at TEXT NOT NULL
) WITHOUT ROWID;
