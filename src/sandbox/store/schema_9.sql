-- Version 9: how many people stand in each run of 512 row numbers. A page of people is found by these counts instead of
-- by stepping over every row before it, and they add up to the total that each page states.
CREATE TABLE user_counts (
    account_seq INTEGER NOT NULL,
    block INTEGER NOT NULL,
    everyone INTEGER NOT NULL,
    joined INTEGER NOT NULL,
    PRIMARY KEY (account_seq, block)
) WITHOUT ROWID;
INSERT INTO user_counts
    SELECT account_seq, seq / 512, count(*), sum(state <> 'not active') FROM users GROUP BY 1, 2;
CREATE TRIGGER users_are_counted AFTER INSERT ON users BEGIN
    INSERT INTO user_counts VALUES (new.account_seq, new.seq / 512, 1, new.state <> 'not active')
    ON CONFLICT DO UPDATE SET everyone = everyone + 1, joined = joined + excluded.joined;
END;
CREATE TRIGGER users_are_discounted AFTER DELETE ON users BEGIN
    UPDATE user_counts SET everyone = everyone - 1, joined = joined - (old.state <> 'not active')
    WHERE account_seq = old.account_seq AND block = old.seq / 512;
END;
CREATE TRIGGER users_are_recounted AFTER UPDATE OF state ON users BEGIN
    UPDATE user_counts SET joined = joined + (new.state <> 'not active') - (old.state <> 'not active')
    WHERE account_seq = new.account_seq AND block = new.seq / 512;
END;
