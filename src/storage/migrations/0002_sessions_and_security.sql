-- A session is a login on one device. Each refresh moves `expires_at_ms`, but never beyond
-- `ends_at_ms`. Ending a session deletes it, which revokes all its tokens.
-- Earlier logins cannot be refreshed and last half an hour at most, so they are not carried over:
-- those people log in again.
DROP TABLE session;

CREATE TABLE session (
  id TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_at_ms INTEGER NOT NULL,
  used_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  ends_at_ms INTEGER NOT NULL,
  address TEXT NOT NULL,
  device TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_account ON session (account_id, used_at_ms);
CREATE INDEX session_by_expiry ON session (expires_at_ms);

-- SHA-256 of every refresh token of a session that has not ended. A used token has the time and the
-- salt from which its successor is derived: an immediate second use gets the same successor, and a
-- later one is recognised as reuse (RFC 9700).
CREATE TABLE refresh_token (
  hash BLOB PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  used_at_ms INTEGER,
  successor_salt BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_token_by_session ON refresh_token (session_id);

-- Codes that let people register, SHA-256 of each. `id` is a UUID in order of creation; `made_by`
-- is the public id of the creator, NULL for the gateway's command line.
CREATE TABLE invitation (
  id TEXT PRIMARY KEY,
  code_hash BLOB NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  label TEXT NOT NULL,
  made_by TEXT,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  uses INTEGER NOT NULL,
  uses_max INTEGER NOT NULL,
  revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;

ALTER TABLE account ADD COLUMN invitation_id TEXT REFERENCES invitation (id);

CREATE INDEX account_by_invitation ON account (invitation_id) WHERE invitation_id IS NOT NULL;
CREATE INDEX account_owner ON account (role) WHERE role = 'owner';

-- People who were erased: their accounts are gone, and this mark stays until no request that was in
-- progress can bring their names back into the log.
CREATE TABLE erasure (
  public_id TEXT PRIMARY KEY,
  begun_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- SHA-256 of one code per account, with which the person chooses a new password.
CREATE TABLE password_reset (
  account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  code_hash BLOB NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;

-- Failed logins, by what they count against: a client, a name, or a client at a name, each as
-- a keyed hash, so that a password typed as a name is not kept. `waits_until_ms` is set while
-- further attempts of that subject are refused. Both times are by a clock that ignores jumps.
CREATE TABLE guess (
  subject BLOB PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('client', 'name', 'client_at_name')),
  account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
  address TEXT,
  failures INTEGER NOT NULL,
  failed_at_ms INTEGER NOT NULL,
  waits_until_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX guess_by_account ON guess (account_id);
CREATE INDEX guess_by_kind ON guess (kind, failures, failed_at_ms);
CREATE INDEX guess_by_time ON guess (failed_at_ms);

-- Where an account has logged in before: a keyed hash of the client's address. A stranger's guesses
-- at the name do not lock these clients out.
CREATE TABLE known_device (
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  hash BLOB NOT NULL,
  logged_in_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX known_device_by_time ON known_device (logged_in_at_ms);

-- TOTP (RFC 6238): on once confirmed; the secret is encrypted, `last_step` is the newest time step
-- used, `failures` counts the wrong codes since then.
CREATE TABLE second_factor (
  account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  secret BLOB NOT NULL,
  confirmed_at_ms INTEGER,
  last_step INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  failed_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_code (
  account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  hash BLOB NOT NULL,
  PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

-- What happened to accounts and settings, oldest first, `seq` from 0 without gaps. People appear
-- in it by public id alone, so that erasing one removes the name and leaves the event.
CREATE TABLE audit_event (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  action TEXT NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('success', 'failure')),
  actor TEXT,
  subject TEXT,
  address TEXT,
  request_id TEXT,
  detail TEXT NOT NULL
) STRICT;

CREATE INDEX audit_event_by_actor ON audit_event (actor) WHERE actor IS NOT NULL;
CREATE INDEX audit_event_by_subject ON audit_event (subject) WHERE subject IS NOT NULL;

-- Otherwise INSERT OR REPLACE with a used number could replace an event unnoticed.
CREATE TRIGGER audit_event_is_the_next BEFORE INSERT ON audit_event
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq) + 1, 0) FROM audit_event)
BEGIN
  SELECT RAISE(ABORT, 'the audit trail only grows');
END;

CREATE TRIGGER audit_event_is_not_deleted BEFORE DELETE ON audit_event
BEGIN
  SELECT RAISE(ABORT, 'the audit trail only grows');
END;

-- Only an erasure changes an event, and removes only the address.
CREATE TRIGGER audit_event_is_not_changed BEFORE UPDATE ON audit_event
WHEN NEW.address IS NOT NULL
  OR NEW.seq IS NOT OLD.seq
  OR NEW.at_ms IS NOT OLD.at_ms
  OR NEW.action IS NOT OLD.action
  OR NEW.result IS NOT OLD.result
  OR NEW.actor IS NOT OLD.actor
  OR NEW.subject IS NOT OLD.subject
  OR NEW.request_id IS NOT OLD.request_id
  OR NEW.detail IS NOT OLD.detail
BEGIN
  SELECT RAISE(ABORT, 'the audit trail only grows');
END;
