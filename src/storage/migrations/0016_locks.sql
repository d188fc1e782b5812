-- A thing that opens. Unlocks name it by its label, which never changes and is never reused.
CREATE TABLE lock (
  id TEXT PRIMARY KEY,
  label TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('enabled', 'disabled', 'retired')),
  -- Counts changes, so that nobody overwrites what someone else has just changed.
  version INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- While a lock is locked down, only owners open it. The lock '' stands for the whole home.
CREATE TABLE lockdown (
  lock_id TEXT PRIMARY KEY,
  begun_at_ms INTEGER NOT NULL,
  -- The public id of the account that began it; NULL for the command line.
  begun_by TEXT,
  -- When it ends by itself; NULL if it has to be ended.
  until_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Who may open which locks, and when. Nothing is deleted: a grant ends or is revoked, and loses its
-- text when its holder is erased.
CREATE TABLE access_grant (
  id TEXT PRIMARY KEY,
  -- The caller's own id, such as that of a booking: a repeat with the same key creates no second grant.
  key TEXT UNIQUE,
  -- 'account:<public id>' or 'role:<role>'; NULL once the account is erased.
  holder TEXT,
  -- Windows, holidays and home network as RFC 8785 JSON; NULL once the account is erased.
  terms TEXT,
  -- The first instant, and the first one after the last; NULL for no bound.
  starts_at_ms INTEGER,
  ends_at_ms INTEGER,
  uses INTEGER NOT NULL DEFAULT 0,
  uses_max INTEGER,
  -- The newest counted use: further attempts of the same session soon after it belong to it.
  used_at_ms INTEGER,
  used_by TEXT,
  version INTEGER NOT NULL,
  made_by TEXT,
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER,
  revoked_why TEXT,
  CHECK ((holder IS NULL) = (terms IS NULL)),
  CHECK (uses_max IS NULL OR uses <= uses_max),
  CHECK (starts_at_ms IS NULL OR ends_at_ms IS NULL OR starts_at_ms < ends_at_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_grant_by_holder ON access_grant (holder) WHERE holder IS NOT NULL;

-- Counts the grants that have neither ended nor been revoked, of which a home has a bounded number.
CREATE INDEX access_grant_by_end ON access_grant (coalesce(ends_at_ms, 9223372036854775807))
WHERE revoked_at_ms IS NULL;

-- The locks of each grant; a grant without a row opens nothing. A decision reads one range of it, however many
-- grants and locks there are. The lock '' stands for all locks, including later ones.
CREATE TABLE access_grant_lock (
  lock_id TEXT NOT NULL,
  holder TEXT NOT NULL,
  -- When the grant ends or was revoked; the largest integer for never.
  closed_at_ms INTEGER NOT NULL,
  grant_id TEXT NOT NULL REFERENCES access_grant (id),
  PRIMARY KEY (lock_id, holder, closed_at_ms, grant_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_grant_lock_by_grant ON access_grant_lock (grant_id);

-- Dated exceptions of the home, on which grants may be closed or have other hours.
CREATE TABLE holiday (
  date TEXT PRIMARY KEY CHECK (date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
  name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A wish to open a lock, kept for 30 days to answer a repeat. Erasing the account deletes it.
CREATE TABLE attempt (
  id TEXT PRIMARY KEY,
  -- SHA-256 of what was asked and by whom: another request with this id is refused.
  request_hash BLOB NOT NULL,
  lock_id TEXT NOT NULL REFERENCES lock (id),
  account_public_id TEXT NOT NULL,
  -- The session, which stands for the device.
  session_id TEXT NOT NULL,
  grant_id TEXT,
  decision TEXT NOT NULL CHECK (decision IN ('permitted', 'denied')),
  reason TEXT,
  -- Which use of a counted grant it was, of how many.
  use_number INTEGER,
  use_max INTEGER,
  decided_at_ms INTEGER NOT NULL,
  -- The leaf of the decision; NULL for a denial that was only counted.
  seq INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_by_time ON attempt (decided_at_ms);
CREATE INDEX attempt_by_account ON attempt (account_public_id);

-- What the leaf of a decision has beyond other leaves of unlock_event. The grant becomes NULL when the
-- person is erased.
CREATE TABLE unlock_decision (
  seq INTEGER PRIMARY KEY,
  attempt_id TEXT NOT NULL,
  grant_id TEXT
) STRICT;

-- Leaves that are not unlocks: changes to locks, grants and the home. They share the numbers of unlock_event.
-- Subject, persons, body and the salt of its commitment `body_hash` become NULL when either person is erased.
CREATE TABLE log_record (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT,
  by_public_id TEXT,
  about_public_id TEXT,
  body TEXT,
  salt BLOB,
  body_hash BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  is_time_uncertain INTEGER NOT NULL,
  leaf_hash BLOB NOT NULL
) STRICT;

CREATE INDEX log_record_by_subject ON log_record (subject) WHERE subject IS NOT NULL;
CREATE INDEX log_record_by_actor ON log_record (by_public_id) WHERE by_public_id IS NOT NULL;
CREATE INDEX log_record_by_person ON log_record (about_public_id) WHERE about_public_id IS NOT NULL;

-- Permissions are as frequent as unlocks: among them, refusals must be found as fast as before.
DROP INDEX unlock_by_denial;
CREATE INDEX unlock_by_denial ON unlock_event (result, happened_at_ms) WHERE result <> 'unlocked';

-- The time from which the account is treated as disabled; NULL for never.
ALTER TABLE account ADD COLUMN ends_at_ms INTEGER;

-- The console asks whose access ends soon each time somebody opens it.
CREATE INDEX account_by_end ON account (ends_at_ms) WHERE ends_at_ms IS NOT NULL;
