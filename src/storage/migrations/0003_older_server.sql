-- How the older server hashed a password, where its person has not logged in since it came from
-- there: what stands before the first $ of a hash that does not begin with one.
ALTER TABLE account ADD COLUMN older_way TEXT
  AS (nullif(substr(password_hash, 1, instr(password_hash, '$') - 1), '')) VIRTUAL;

CREATE INDEX account_by_older_way ON account (older_way) WHERE older_way IS NOT NULL;

-- Public ids that came from an older server. They outlive their accounts, so that importing again
-- does not bring back whoever was erased meanwhile.
CREATE TABLE imported_account (
  public_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
