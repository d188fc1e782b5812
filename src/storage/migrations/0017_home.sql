-- Targets receive events: webhooks, the broker, phones, mailboxes. Deleting a target deletes its deliveries.
CREATE TABLE target (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  -- The public id of the account that owns it and whose events alone it receives; NULL for a target of the home.
  account_public_id TEXT,
  -- Settings as JSON and, separately, secrets.
  settings TEXT NOT NULL,
  secrets TEXT NOT NULL,
  -- Its rules, as JSON; see domain/home-event.ts.
  rules TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('enabled', 'disabled')),
  -- Why it is disabled: by a person, because the receiver said that it is gone, or after days of failures.
  disabled_why TEXT CHECK (disabled_why IN ('person', 'gone', 'failing')),
  -- Since when every attempt has failed; NULL after a success.
  failing_since_ms INTEGER,
  -- Counts changes, so that nobody overwrites what someone else has just changed.
  version INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  CHECK ((state = 'disabled') = (disabled_why IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX target_by_account ON target (account_public_id) WHERE account_public_id IS NOT NULL;

-- The outbox: what is waiting for each target and, for a while, what was sent. A row is written in the
-- transaction of its event and names it by number; its text is made when it is sent, so that erasure reaches it.
-- Each target gets its rows in the order of their ids.
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  target_id TEXT NOT NULL REFERENCES target (id) ON DELETE CASCADE,
  -- See HOME_EVENTS in domain/home-event.ts.
  event TEXT NOT NULL,
  -- The leaf of the unlock log, or NULL.
  seq INTEGER,
  -- Whom or what it is about where that is no leaf, such as the public id of an account.
  about TEXT,
  created_at_ms INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- `dead`: given up after the last attempt. `dropped`: never sent, because too many were waiting or it had become too old.
  state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead', 'dropped')),
  settled_at_ms INTEGER,
  -- The HTTP status of the last answer, and its beginning or what went wrong.
  status INTEGER,
  answer TEXT,
  CHECK ((state = 'waiting') = (settled_at_ms IS NULL))
) STRICT;

CREATE INDEX delivery_waiting ON delivery (target_id, id) WHERE state = 'waiting';
CREATE INDEX delivery_by_target ON delivery (target_id, id);
-- Dropped rows that were in no digest yet; `answer` is set once they were.
CREATE INDEX delivery_gap ON delivery (target_id) WHERE state = 'dropped' AND answer IS NULL;
-- Rows that are sent later than they were written.
CREATE INDEX delivery_news ON delivery (due_at_ms)
WHERE state = 'waiting' AND event = 'account.waiting';
CREATE INDEX delivery_settled ON delivery (settled_at_ms) WHERE settled_at_ms IS NOT NULL;

-- Tokens of scripts and devices, which act for the account that made them.
CREATE TABLE access_token (
  id TEXT PRIMARY KEY,
  account_public_id TEXT NOT NULL,
  name TEXT NOT NULL,
  -- SHA-256 of the token.
  hash BLOB NOT NULL UNIQUE,
  -- What it may do, as a JSON list of scopes; those for one lock name its label.
  scopes TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- NULL for never.
  expires_at_ms INTEGER,
  -- When and from where it was last used, to the hour.
  used_at_ms INTEGER,
  used_from TEXT,
  revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_by_account ON access_token (account_public_id);

-- What the leaf of a lock's own report has beyond other leaves of unlock_event.
CREATE TABLE unlock_report (
  seq INTEGER PRIMARY KEY,
  -- The kind of the driver that received it.
  reporter TEXT NOT NULL,
  -- The attempt that it carried out, if it did.
  attempt_id TEXT,
  -- When it happened, as in unlock_event.
  happened_at_ms INTEGER NOT NULL,
  -- The leaf of an app's claim of the same opening. The later one of the two is marked as a repeat.
  claim_seq INTEGER UNIQUE
) STRICT;

-- A claim looks for the report of its opening.
CREATE INDEX unlock_report_unclaimed ON unlock_report (happened_at_ms) WHERE claim_seq IS NULL;

-- The tokens that events were recorded with. Erasing the account deletes the rows.
CREATE TABLE unlock_token (
  seq INTEGER PRIMARY KEY,
  token_id TEXT NOT NULL
) STRICT;

-- The driver of a lock.
CREATE TABLE lock_driver (
  lock_id TEXT PRIMARY KEY REFERENCES lock (id),
  kind TEXT NOT NULL,
  -- Settings as JSON and, separately, secrets.
  settings TEXT NOT NULL,
  secrets TEXT NOT NULL,
  -- The newest entry of the lock's own log when it was first received: older ones do not become events.
  since_entry INTEGER,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The operators of locks: the account that commands from the broker count as.
CREATE TABLE lock_operator (
  lock_id TEXT PRIMARY KEY REFERENCES lock (id),
  account_public_id TEXT NOT NULL,
  -- The time of the newest command: later ones must be after it.
  last_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Slots: the person that a lock's code or card belongs to, from when to when. An event keeps the person it was mapped to.
CREATE TABLE lock_slot (
  lock_id TEXT NOT NULL REFERENCES lock (id),
  slot TEXT NOT NULL,
  valid_from_ms INTEGER NOT NULL,
  -- NULL for no end.
  valid_to_ms INTEGER,
  account_public_id TEXT NOT NULL,
  PRIMARY KEY (lock_id, slot, valid_from_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX lock_slot_by_account ON lock_slot (account_public_id);

-- The outcome of a permitted attempt at a lock with a driver. The lock is asked once and never again. It goes
-- with its attempt: the id of a deleted one may be used again.
CREATE TABLE lock_operation (
  attempt_id TEXT PRIMARY KEY REFERENCES attempt (id) ON DELETE CASCADE,
  lock_id TEXT NOT NULL REFERENCES lock (id),
  state TEXT NOT NULL CHECK (state IN ('asked', 'accepted', 'happened', 'failed', 'unknown')),
  asked_at_ms INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  settled_at_ms INTEGER,
  -- What the lock reported, in its own word.
  detail TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX lock_operation_open ON lock_operation (deadline_ms) WHERE settled_at_ms IS NULL;
CREATE INDEX lock_operation_by_time ON lock_operation (asked_at_ms);

-- Entries of locks' own logs that became events, so that a repeated one does not become a second.
CREATE TABLE lock_report (
  lock_id TEXT NOT NULL,
  entry TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (lock_id, entry)
) STRICT, WITHOUT ROWID;
