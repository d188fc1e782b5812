-- People who may open the door. `username_key` is the name in NFKC without invisible signs and
-- outer space: two accounts must differ in it. `disabled_at_ms` is set while the account may not sign in.
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

-- One row a login; an access token is good only while its session stands.
CREATE TABLE session (
  id TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_account ON session (account_id);
CREATE INDEX session_by_expiry ON session (expires_at_ms);

-- Every unlock, in the order it was received: `seq` counts from 0 without gaps. The account is
-- kept by its public id and the name as it was, so that a row outlives the account.
CREATE TABLE unlock (
  seq INTEGER PRIMARY KEY,
  account_public_id TEXT NOT NULL,
  username TEXT NOT NULL,
  method TEXT NOT NULL,
  received_at_ms INTEGER NOT NULL
) STRICT;

-- One row that a readiness check writes, to learn whether the disk still takes a commit.
CREATE TABLE write_probe (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  probed_at_ms INTEGER NOT NULL
) STRICT;
