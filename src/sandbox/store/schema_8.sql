-- Version 8: which app an audit entry of the API is of. An entry outlives its app, hence the id and no reference.
ALTER TABLE audit ADD COLUMN app TEXT NOT NULL DEFAULT '';
