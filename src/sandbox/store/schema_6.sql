-- Version 6: an outbox with states. A mail is queued until the server has taken it or refused it for good; in between it is
-- tried again, and `problem` is what the server said last.
DROP INDEX mails_unsent;
ALTER TABLE mails ADD COLUMN state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed'));
UPDATE mails SET state = 'sent' WHERE sent = 1;
ALTER TABLE mails DROP COLUMN sent;
ALTER TABLE mails ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mails ADD COLUMN next_try_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mails ADD COLUMN problem TEXT NOT NULL DEFAULT '';
CREATE INDEX mails_queued ON mails (next_try_at_ms) WHERE state = 'queued';

-- A token is over after its hour, and its `jti` is not needed any longer.
ALTER TABLE used_jtis ADD COLUMN expires_at_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX used_jtis_by_time ON used_jtis (expires_at_ms);

-- What people without a session have asked for by their address. It is done after they have their answer, which then takes
-- as long for an address that is known as for one that is not.
CREATE TABLE asked (
    seq INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    email TEXT NOT NULL
);
