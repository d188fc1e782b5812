-- The summary of the log, by which it is counted and searched: written for 256 unlocks at once, not for
-- each; see unlocks/summary/summary-store.ts. All of it can be computed from unlock_event. The unlocks
-- before `size` are in it; readers also look at the few later ones.
CREATE TABLE unlock_summary (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL
) STRICT;

INSERT INTO unlock_summary (id, size) VALUES (1, 0);

-- True if the unlock repeats a claim received up to 30 seconds before it. Set when it enters the
-- summary.
ALTER TABLE unlock_event ADD COLUMN is_repeat INTEGER NOT NULL DEFAULT 0;

-- Unlocks by quarter of an hour since 1970, account (`unlock_account.id`) and method
-- (`unlock_method.number`), or 0 once erased. Negative if unlocks of a packed day were erased.
CREATE TABLE unlock_tally (
  quarter INTEGER NOT NULL,
  account INTEGER NOT NULL,
  method INTEGER NOT NULL,
  unlocks INTEGER NOT NULL,
  PRIMARY KEY (quarter, account, method)
) STRICT, WITHOUT ROWID;

-- The same for a day (UTC, since 1970) in a few bytes each, and the sums by quarter, method and account:
-- see packed-tallies.ts. The tallies of a day are those here and in unlock_tally together.
CREATE TABLE unlock_tally_day (
  day INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  tallies BLOB NOT NULL
) STRICT;

-- Where in the log a time of receipt is: of each 256 unlocks, the first with a certain time. Certain
-- times never decrease.
CREATE TABLE unlock_mark (
  received_at_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (received_at_ms, seq)
) STRICT, WITHOUT ROWID;

DROP INDEX unlock_by_receipt;

-- Where the unlocks of a method are, in the order in which they happened.
CREATE TABLE unlock_of_method (
  method INTEGER NOT NULL,
  happened_at_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (method, happened_at_ms, seq)
) STRICT, WITHOUT ROWID;

DROP INDEX unlock_by_method;

-- The same for locks, which have numbers here.
CREATE TABLE unlock_lock (
  number INTEGER PRIMARY KEY,
  lock TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE unlock_of_lock (
  lock INTEGER NOT NULL,
  happened_at_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (lock, happened_at_ms, seq)
) STRICT, WITHOUT ROWID;
