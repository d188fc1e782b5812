-- A pass lets a guest, who has no account, use one grant: that of the holder 'pass:<id>'. Nothing is deleted.
CREATE TABLE pass (
  id TEXT PRIMARY KEY,
  -- SHA-256 of the code in its link; NULL once it was revoked or erased.
  code_hash BLOB UNIQUE,
  -- The guest's name, as the host wrote it; NULL once erased.
  label TEXT,
  -- The public id of the host; NULL for the command line.
  made_by TEXT,
  devices_max INTEGER NOT NULL CHECK (devices_max BETWEEN 1 AND 5),
  -- When it was first looked at; the newest request for help, and the newest refusal of a further phone, until the
  -- host has dealt with them.
  looked_at_ms INTEGER,
  asked_at_ms INTEGER,
  refused_at_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER,
  erased_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX pass_by_host ON pass (made_by) WHERE made_by IS NOT NULL;

-- The phones on which a pass is used.
CREATE TABLE pass_device (
  id TEXT PRIMARY KEY,
  pass_id TEXT NOT NULL REFERENCES pass (id),
  -- SHA-256 of its cookie; NULL once the device was removed or erased.
  cookie_hash BLOB UNIQUE,
  -- Its P-256 key as an uncompressed point; NULL for a browser without WebCrypto.
  public_key BLOB,
  -- The counter of its newest statement: later ones must be above it.
  counter INTEGER NOT NULL DEFAULT 0,
  -- Such as 'iPhone'.
  name TEXT,
  bound_at_ms INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  removed_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX pass_device_by_pass ON pass_device (pass_id);

-- Attempts and grants know guests too. An attempt of a guest has no account: its account_public_id is ''.
ALTER TABLE attempt ADD COLUMN pass_id TEXT;
CREATE INDEX attempt_by_pass ON attempt (pass_id) WHERE pass_id IS NOT NULL;
CREATE INDEX attempt_by_grant ON attempt (grant_id) WHERE use_number IS NOT NULL;

-- Since when a grant waits for an owner to confirm it, after a restore; NULL otherwise.
ALTER TABLE access_grant ADD COLUMN suspended_at_ms INTEGER;

-- The guests of events, and their devices. Erasing a guest deletes the rows.
CREATE TABLE unlock_guest (
  seq INTEGER PRIMARY KEY,
  pass_id TEXT NOT NULL,
  device_id TEXT,
  -- The counter of the signed statement, if the device signs.
  counter INTEGER
) STRICT;

CREATE INDEX unlock_guest_by_pass ON unlock_guest (pass_id, seq);

-- The signed statements of events: of a guest's device, or of a controller, whose counter is part of the leaf. The leaf
-- has the SHA-256; the bytes become NULL when the person is erased.
CREATE TABLE unlock_statement (
  seq INTEGER PRIMARY KEY,
  hash BLOB NOT NULL,
  statement BLOB,
  reporter_counter INTEGER
) STRICT;

-- A claim looks for the report of its opening by time: SQLite takes the index of UNIQUE for the reports without a claim,
-- of which a home with controllers has many.
DROP INDEX unlock_report_unclaimed;
CREATE INDEX unlock_report_by_time ON unlock_report (happened_at_ms);

-- The reports of an attempt tell how it ended.
CREATE INDEX unlock_report_by_attempt ON unlock_report (attempt_id) WHERE attempt_id IS NOT NULL;

-- Devices at locks that move the bolt and sign what happened.
CREATE TABLE controller (
  id TEXT PRIMARY KEY,
  lock_id TEXT NOT NULL REFERENCES lock (id),
  -- Its P-256 key as an uncompressed point.
  public_key BLOB NOT NULL UNIQUE,
  -- SHA-256 of the token that it polls with; NULL once it was removed.
  token_hash BLOB UNIQUE,
  name TEXT NOT NULL,
  -- The highest counter of its reports up to which none is missing.
  through INTEGER NOT NULL DEFAULT 0,
  enrolled_at_ms INTEGER NOT NULL,
  seen_at_ms INTEGER NOT NULL,
  -- Of a home on a server: until when it counts as online, unless it polls on.
  online_until_ms INTEGER,
  -- Since when it is not trusted, because two of its reports have the same counter; NULL otherwise.
  forked_at_ms INTEGER,
  removed_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX controller_by_lock ON controller (lock_id) WHERE removed_at_ms IS NULL;

-- One-time codes that enrol a controller.
CREATE TABLE controller_code (
  -- SHA-256 of the code.
  hash BLOB PRIMARY KEY,
  lock_id TEXT NOT NULL REFERENCES lock (id),
  made_by TEXT,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- All reports of controllers. Those that say how an attempt ended, or that the lock opened unasked, are leaves too.
CREATE TABLE controller_report (
  controller_id TEXT NOT NULL REFERENCES controller (id),
  counter INTEGER NOT NULL,
  -- SHA-256 of the signed payload: the next report names it.
  payload_hash BLOB NOT NULL,
  -- The signed bytes; NULL once the person is erased.
  statement BLOB,
  seq INTEGER,
  received_at_ms INTEGER NOT NULL,
  PRIMARY KEY (controller_id, counter)
) STRICT, WITHOUT ROWID;

-- Runs of reports that are or were missing.
CREATE TABLE controller_gap (
  controller_id TEXT NOT NULL REFERENCES controller (id),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  found_at_ms INTEGER NOT NULL,
  filled_at_ms INTEGER,
  PRIMARY KEY (controller_id, first)
) STRICT, WITHOUT ROWID;

-- The keys that sign commands to controllers. Only the newest is in use; its private half is a file.
CREATE TABLE door_key (
  public_key BLOB PRIMARY KEY,
  made_at_ms INTEGER NOT NULL,
  -- The previous key's statement that this one follows it; NULL for the first, and after a theft.
  succession BLOB,
  ended_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- A controller that is offline is not asked.
CREATE TABLE lock_operation_new (
  attempt_id TEXT PRIMARY KEY REFERENCES attempt (id) ON DELETE CASCADE,
  lock_id TEXT NOT NULL REFERENCES lock (id),
  state TEXT NOT NULL CHECK (
    state IN ('asked', 'accepted', 'happened', 'failed', 'unknown', 'offline')
  ),
  asked_at_ms INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  settled_at_ms INTEGER,
  -- What the lock reported, in its own word.
  detail TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO lock_operation_new (
  attempt_id,
  lock_id,
  state,
  asked_at_ms,
  deadline_ms,
  settled_at_ms,
  detail
)
SELECT
  attempt_id,
  lock_id,
  state,
  asked_at_ms,
  deadline_ms,
  settled_at_ms,
  detail
FROM lock_operation;

DROP TABLE lock_operation;
ALTER TABLE lock_operation_new RENAME TO lock_operation;

-- Of a home on a server: what the replica that asks the lock knows of its status, as JSON.
ALTER TABLE lock_driver ADD COLUMN status TEXT;

CREATE INDEX lock_operation_open ON lock_operation (deadline_ms) WHERE settled_at_ms IS NULL;
CREATE INDEX lock_operation_by_time ON lock_operation (asked_at_ms);
