-- Warnings of the doctor that an owner accepts until a day, by their id; see ops/finding.ts.
CREATE TABLE accepted_finding (
  id TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  account_id INTEGER REFERENCES account (id) ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
