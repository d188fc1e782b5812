-- People who may open the door. `username_key` is the name in NFKC without invisible characters and
-- outer space: two accounts must differ in it. `disabled_at_ms` is set while the account may not log in.
CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  public_id TEXT NOT NULL UNIQUE,
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  phone TEXT NOT NULL,
  address TEXT NOT NULL,
  email TEXT,
  created_at_ms INTEGER NOT NULL,
  disabled_at_ms INTEGER
) STRICT;

-- One row per login; an access token is valid only as long as its session exists.
CREATE TABLE session (
  id TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_account ON session (account_id);
CREATE INDEX session_by_expiry ON session (expires_at_ms);

-- The unlock log in order of receipt: `seq` counts from 0 without gaps. Account, name and
-- method are kept as they were, together with the salt of their commitment `person_hash`; all four
-- become NULL when a person is erased or the retention ends; the leaf stays as it was.
CREATE TABLE unlock (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account_public_id TEXT,
  username TEXT,
  method TEXT,
  salt BLOB,
  person_hash BLOB NOT NULL,
  lock TEXT NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('unlocked', 'denied')),
  reason TEXT,
  source TEXT NOT NULL,
  occurred_at_ms INTEGER,
  received_at_ms INTEGER NOT NULL,
  is_late INTEGER NOT NULL,
  is_time_uncertain INTEGER NOT NULL,
  leaf_hash BLOB NOT NULL
) STRICT;

-- What the log is searched by. Each index ends in seq anyway, the key of the row. Those by account
-- and by time contain what statistics count, which then need not read the rows. Nearly all unlocks
-- have the other result, which no index would find faster.
CREATE INDEX unlock_by_account ON unlock (account_public_id, seq, received_at_ms, method);
CREATE INDEX unlock_by_lock ON unlock (lock);
CREATE INDEX unlock_by_method ON unlock (method);
CREATE INDEX unlock_by_denial ON unlock (result) WHERE result = 'denied';
CREATE INDEX unlock_by_time ON unlock (
  received_at_ms,
  seq,
  method,
  account_public_id,
  is_time_uncertain
);

-- The Merkle tree over the unlocks (RFC 6962): the hash of each complete subtree of two leaves or
-- more, numbered from 0 in the order in which unlocks complete them. The leaves' own hashes are
-- unlock.leaf_hash.
CREATE TABLE tree_node (
  number INTEGER PRIMARY KEY,
  hash BLOB NOT NULL
) STRICT;

-- The newest checkpoint, signed, written in the same transaction as the unlocks it covers.
CREATE TABLE log_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL,
  checkpoint TEXT NOT NULL
) STRICT;

-- One row that a readiness check writes, to learn whether the disk still accepts a commit.
CREATE TABLE write_probe (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  probed_at_ms INTEGER NOT NULL
) STRICT;
