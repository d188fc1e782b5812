-- How the legacy server hashed the password of a person who has not logged in since the import: the
-- text before the first $ of a hash that does not begin with one.
ALTER TABLE account ADD COLUMN older_way TEXT
  AS (nullif(substr(password_hash, 1, instr(password_hash, '$') - 1), '')) VIRTUAL;

CREATE INDEX account_by_older_way ON account (older_way) WHERE older_way IS NOT NULL;

-- Public ids that came from a legacy server. They outlive their accounts, so that importing again
-- does not bring back anyone who was erased meanwhile.
CREATE TABLE imported_account (
  public_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Unlocks that came from a legacy server count when they happened, not when they were received: the
-- indexes for statistics and times distinguish the two.
DROP INDEX unlock_by_account;
CREATE INDEX unlock_by_account ON unlock (
  account_public_id,
  seq,
  received_at_ms,
  method,
  source,
  occurred_at_ms
);

DROP INDEX unlock_by_time;
CREATE INDEX unlock_by_time ON unlock (
  received_at_ms,
  seq,
  method,
  account_public_id,
  is_time_uncertain,
  source
);

CREATE INDEX unlock_imported ON unlock (
  occurred_at_ms,
  seq,
  method,
  account_public_id
) WHERE source = 'imported';

-- Those that still have names, for the end of the retention.
CREATE INDEX unlock_imported_named ON unlock (occurred_at_ms)
WHERE source = 'imported' AND salt IS NOT NULL;
