-- The schema of version 18, the first on PostgreSQL: what the migrations of SQLite have made by then, table by
-- table. Texts are compared byte by byte, as there.

CREATE TABLE home (
  id bigint PRIMARY KEY CHECK (id = 1),
  schema_version bigint NOT NULL,
  -- The last turn. Each transaction first takes a turn, and so waits for the one before it. Turns have random numbers,
  -- because a counter would repeat itself after a failover that lost commits.
  turn bigint NOT NULL DEFAULT 0,
  turn_before bigint NOT NULL DEFAULT 0,
  -- Since the home moved away, no replica gets a turn.
  has_left boolean NOT NULL DEFAULT false,
  -- The timeline of the server that the newest commits were made on, which a promotion changes.
  timeline text COLLATE "C",
  -- What replicas have signed that the log does not continue, as JSON; see guard/stop-store.ts. Until somebody accepts
  -- the loss, no replica signs.
  stopped text COLLATE "C"
);

-- Which replica leads, until when by the clock of the database. The term grows each time another one leads. Empty until
-- one does.
CREATE TABLE lease (
  id bigint PRIMARY KEY CHECK (id = 1),
  holder text COLLATE "C" NOT NULL,
  term bigint NOT NULL,
  ends_at timestamptz NOT NULL
);

-- What the replicas have counted against limits. The keys are hashes of accounts and addresses. The table is empty
-- after a crash of the server, and on a standby.
CREATE UNLOGGED TABLE rate_window (
  key text COLLATE "C" PRIMARY KEY,
  count double precision NOT NULL,
  ends_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The replicas that are running, or have died recently.
CREATE TABLE replica (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  -- Hashes of the settings that all replicas share, by name, as JSON.
  settings text COLLATE "C" NOT NULL,
  -- A hash of the token with which Prometheus reads metrics.
  metrics_token text COLLATE "C",
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL
);

CREATE TABLE tree_node (
  number bigint PRIMARY KEY,
  hash bytea NOT NULL
);

CREATE TABLE log_head (
  id bigint PRIMARY KEY CHECK (id = 1),
  size bigint NOT NULL,
  checkpoint text COLLATE "C" NOT NULL
);

CREATE TABLE write_probe (
  id bigint PRIMARY KEY CHECK (id = 1),
  probed_at_ms bigint NOT NULL
);

CREATE TABLE invitation (
  id text COLLATE "C" PRIMARY KEY,
  code_hash bytea NOT NULL UNIQUE,
  role text COLLATE "C" NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  label text COLLATE "C" NOT NULL,
  made_by text COLLATE "C",
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  uses bigint NOT NULL,
  uses_max bigint NOT NULL,
  revoked_at_ms bigint,
  unit text COLLATE "C",
  request_hash bytea
);

CREATE TABLE account (
  id bigint PRIMARY KEY,
  public_id text COLLATE "C" NOT NULL UNIQUE,
  username text COLLATE "C" NOT NULL,
  username_key text COLLATE "C" NOT NULL UNIQUE,
  password_hash text COLLATE "C" NOT NULL,
  role text COLLATE "C" NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  phone text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  email text COLLATE "C",
  created_at_ms bigint NOT NULL,
  disabled_at_ms bigint,
  invitation_id text COLLATE "C" REFERENCES invitation (id),
  session_epoch bigint NOT NULL DEFAULT 0,
  legacy_scheme text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN strpos(password_hash, '$') > 1 THEN split_part(password_hash, '$', 1) END) STORED,
  admitted_at_ms bigint,
  waiting_client text COLLATE "C",
  unit text COLLATE "C",
  unit_key text COLLATE "C",
  ends_at_ms bigint
);

CREATE TABLE session (
  id text COLLATE "C" PRIMARY KEY,
  account_id bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_at_ms bigint NOT NULL,
  used_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  ends_at_ms bigint NOT NULL,
  address text COLLATE "C" NOT NULL,
  user_agent text COLLATE "C" NOT NULL
);

CREATE TABLE refresh_token (
  hash bytea PRIMARY KEY,
  session_id text COLLATE "C" NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  used_at_ms bigint,
  successor_salt bytea
);

CREATE TABLE erasure (
  public_id text COLLATE "C" PRIMARY KEY,
  begun_at_ms bigint NOT NULL
);

CREATE TABLE password_reset (
  account_id bigint PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  code_hash bytea NOT NULL,
  expires_at_ms bigint NOT NULL,
  made_by text COLLATE "C"
);

CREATE TABLE failed_login (
  subject bytea PRIMARY KEY,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('client', 'name', 'client_at_name')),
  account_id bigint REFERENCES account (id) ON DELETE CASCADE,
  address text COLLATE "C",
  failures bigint NOT NULL,
  failed_at_ms bigint NOT NULL,
  locked_until_ms bigint,
  place text COLLATE "C" NOT NULL DEFAULT 'login' CHECK (place IN ('login', 'tables'))
);

CREATE TABLE known_client (
  account_id bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  hash bytea NOT NULL,
  logged_in_at_ms bigint NOT NULL,
  PRIMARY KEY (account_id, hash)
);

CREATE TABLE second_factor (
  account_id bigint PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  secret bytea NOT NULL,
  confirmed_at_ms bigint,
  last_step bigint NOT NULL,
  failures bigint NOT NULL,
  failed_at_ms bigint NOT NULL
);

CREATE TABLE recovery_code (
  account_id bigint NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  hash bytea NOT NULL,
  PRIMARY KEY (account_id, hash)
);

CREATE TABLE audit_event (
  seq bigint PRIMARY KEY,
  at_ms bigint NOT NULL,
  action text COLLATE "C" NOT NULL,
  result text COLLATE "C" NOT NULL CHECK (result IN ('success', 'failure')),
  actor text COLLATE "C",
  subject text COLLATE "C",
  address text COLLATE "C",
  request_id text COLLATE "C",
  detail text COLLATE "C" NOT NULL
);

CREATE TABLE imported_account (
  public_id text COLLATE "C" PRIMARY KEY
);

CREATE TABLE setting (
  name text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);

CREATE TABLE schema_change (
  schema_version bigint PRIMARY KEY,
  server_version text COLLATE "C" NOT NULL,
  at_ms bigint NOT NULL
);

CREATE TABLE account_number (
  id bigint PRIMARY KEY CHECK (id = 1),
  newest bigint NOT NULL
);

CREATE TABLE accepted_finding (
  id text COLLATE "C" PRIMARY KEY,
  reason text COLLATE "C" NOT NULL,
  until_ms bigint NOT NULL,
  account_id bigint REFERENCES account (id) ON DELETE SET NULL
);

CREATE TABLE unlock_account (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  -- At random, so that it tells nothing once the rest is blank.
  number bigint NOT NULL UNIQUE,
  bucket bigint,
  public_id text COLLATE "C"
);

CREATE TABLE unlock_method (
  number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  bucket bigint,
  folded text COLLATE "C"
);

CREATE TABLE unlock_event (
  seq bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL,
  account_number bigint,
  method_number bigint,
  username text COLLATE "C",
  method text COLLATE "C",
  salt bytea,
  person_hash bytea NOT NULL,
  lock text COLLATE "C" NOT NULL,
  result text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  source text COLLATE "C" NOT NULL,
  occurred_at_ms bigint,
  received_at_ms bigint NOT NULL,
  happened_at_ms bigint NOT NULL,
  is_late bigint NOT NULL,
  is_time_uncertain bigint NOT NULL,
  leaf_hash bytea NOT NULL,
  is_repeat bigint NOT NULL DEFAULT 0
);

CREATE TABLE unlock_summary (
  id bigint PRIMARY KEY CHECK (id = 1),
  size bigint NOT NULL
);

CREATE TABLE unlock_tally (
  quarter bigint NOT NULL,
  account bigint NOT NULL,
  method bigint NOT NULL,
  unlocks bigint NOT NULL,
  PRIMARY KEY (quarter, account, method)
);

CREATE TABLE unlock_tally_day (
  day bigint PRIMARY KEY,
  sums bytea NOT NULL,
  tallies bytea NOT NULL
);

CREATE TABLE unlock_mark (
  received_at_ms bigint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (received_at_ms, seq)
);

CREATE TABLE unlock_of_method (
  method bigint NOT NULL,
  happened_at_ms bigint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (method, happened_at_ms, seq)
);

CREATE TABLE unlock_lock (
  number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  lock text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE unlock_of_lock (
  lock bigint NOT NULL,
  happened_at_ms bigint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (lock, happened_at_ms, seq)
);

CREATE TABLE lock (
  id text COLLATE "C" PRIMARY KEY,
  label text COLLATE "C" NOT NULL UNIQUE,
  name text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('enabled', 'disabled', 'retired')),
  -- Counts changes, so that nobody overwrites what someone else has just changed.
  version bigint NOT NULL,
  created_at_ms bigint NOT NULL
);

CREATE TABLE lockdown (
  lock_id text COLLATE "C" PRIMARY KEY,
  begun_at_ms bigint NOT NULL,
  -- The public id of the account that began it; NULL for the command line.
  begun_by text COLLATE "C",
  -- When it ends by itself; NULL if it has to be ended.
  until_ms bigint
);

CREATE TABLE access_grant (
  id text COLLATE "C" PRIMARY KEY,
  -- The caller's own id, such as that of a booking: a repeat with the same key creates no second grant.
  key text COLLATE "C" UNIQUE,
  -- 'account:<public id>' or 'role:<role>'; NULL once the account is erased.
  holder text COLLATE "C",
  -- Windows, holidays and home network as RFC 8785 JSON; NULL once the account is erased.
  terms text COLLATE "C",
  -- The first instant, and the first one after the last; NULL for no bound.
  starts_at_ms bigint,
  ends_at_ms bigint,
  uses bigint NOT NULL DEFAULT 0,
  uses_max bigint,
  -- The newest counted use: further attempts of the same session soon after it belong to it.
  used_at_ms bigint,
  used_by text COLLATE "C",
  version bigint NOT NULL,
  made_by text COLLATE "C",
  created_at_ms bigint NOT NULL,
  revoked_at_ms bigint,
  revoked_why text COLLATE "C",
  suspended_at_ms bigint,
  CHECK ((holder IS NULL) = (terms IS NULL)),
  CHECK (uses_max IS NULL OR uses <= uses_max),
  CHECK (starts_at_ms IS NULL OR ends_at_ms IS NULL OR starts_at_ms < ends_at_ms)
);

CREATE TABLE access_grant_lock (
  lock_id text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  -- When the grant ends or was revoked; the largest integer for never.
  closed_at_ms bigint NOT NULL,
  grant_id text COLLATE "C" NOT NULL REFERENCES access_grant (id),
  PRIMARY KEY (lock_id, holder, closed_at_ms, grant_id)
);

CREATE TABLE holiday (
  date text COLLATE "C" PRIMARY KEY CHECK (date ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'),
  name text COLLATE "C" NOT NULL
);

CREATE TABLE attempt (
  id text COLLATE "C" PRIMARY KEY,
  -- SHA-256 of what was asked and by whom: another request with this id is refused.
  request_hash bytea NOT NULL,
  lock_id text COLLATE "C" NOT NULL REFERENCES lock (id),
  account_public_id text COLLATE "C" NOT NULL,
  -- The session, which stands for the device.
  session_id text COLLATE "C" NOT NULL,
  grant_id text COLLATE "C",
  decision text COLLATE "C" NOT NULL CHECK (decision IN ('permitted', 'denied')),
  reason text COLLATE "C",
  -- Which use of a counted grant it was, of how many.
  use_number bigint,
  use_max bigint,
  decided_at_ms bigint NOT NULL,
  -- The leaf of the decision; NULL for a denial that was only counted.
  seq bigint,
  pass_id text COLLATE "C"
);

CREATE TABLE unlock_decision (
  seq bigint PRIMARY KEY,
  attempt_id text COLLATE "C" NOT NULL,
  grant_id text COLLATE "C"
);

CREATE TABLE log_record (
  seq bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  by_public_id text COLLATE "C",
  about_public_id text COLLATE "C",
  body text COLLATE "C",
  salt bytea,
  body_hash bytea NOT NULL,
  at_ms bigint NOT NULL,
  is_time_uncertain bigint NOT NULL,
  leaf_hash bytea NOT NULL
);

CREATE TABLE target (
  id text COLLATE "C" PRIMARY KEY,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  -- The public id of the account that owns it and whose events alone it receives; NULL for a target of the home.
  account_public_id text COLLATE "C",
  -- Settings as JSON and, separately, secrets.
  settings text COLLATE "C" NOT NULL,
  secrets text COLLATE "C" NOT NULL,
  -- Its rules, as JSON; see domain/home-event.ts.
  rules text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('enabled', 'disabled')),
  -- Why it is disabled: by a person, because the receiver said that it is gone, or after days of failures.
  disabled_why text COLLATE "C" CHECK (disabled_why IN ('person', 'gone', 'failing')),
  -- Since when every attempt has failed; NULL after a success.
  failing_since_ms bigint,
  -- Counts changes, so that nobody overwrites what someone else has just changed.
  version bigint NOT NULL,
  created_at_ms bigint NOT NULL,
  CHECK ((state = 'disabled') = (disabled_why IS NOT NULL))
);

CREATE TABLE delivery (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  target_id text COLLATE "C" NOT NULL REFERENCES target (id) ON DELETE CASCADE,
  -- See HOME_EVENTS in domain/home-event.ts.
  event text COLLATE "C" NOT NULL,
  -- The leaf of the unlock log, or NULL.
  seq bigint,
  -- Whom or what it is about where that is no leaf, such as the public id of an account.
  about text COLLATE "C",
  created_at_ms bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  attempts bigint NOT NULL DEFAULT 0,
  -- `dead`: given up after the last attempt. `dropped`: never sent, because too many were waiting or it had become too
  -- old.
  state text COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead', 'dropped')),
  settled_at_ms bigint,
  -- The HTTP status of the last answer, and its beginning or what went wrong.
  status bigint,
  answer text COLLATE "C",
  CHECK ((state = 'waiting') = (settled_at_ms IS NULL))
);

CREATE TABLE access_token (
  id text COLLATE "C" PRIMARY KEY,
  account_public_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  -- SHA-256 of the token.
  hash bytea NOT NULL UNIQUE,
  -- What it may do, as a JSON list of scopes; those for one lock name its label.
  scopes text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  -- NULL for never.
  expires_at_ms bigint,
  -- When and from where it was last used, to the hour.
  used_at_ms bigint,
  used_from text COLLATE "C",
  revoked_at_ms bigint
);

CREATE TABLE unlock_report (
  seq bigint PRIMARY KEY,
  -- The kind of the driver that received it.
  reporter text COLLATE "C" NOT NULL,
  -- The attempt that it carried out, if it did.
  attempt_id text COLLATE "C",
  -- When it happened, as in unlock_event.
  happened_at_ms bigint NOT NULL,
  -- The leaf of an app's claim of the same opening. The later one of the two is marked as a repeat.
  claim_seq bigint UNIQUE
);

CREATE TABLE unlock_token (
  seq bigint PRIMARY KEY,
  token_id text COLLATE "C" NOT NULL
);

CREATE TABLE lock_driver (
  lock_id text COLLATE "C" PRIMARY KEY REFERENCES lock (id),
  kind text COLLATE "C" NOT NULL,
  -- Settings as JSON and, separately, secrets.
  settings text COLLATE "C" NOT NULL,
  secrets text COLLATE "C" NOT NULL,
  -- The newest entry of the lock's own log when it was first received: older ones do not become events.
  since_entry bigint,
  version bigint NOT NULL,
  -- Of a home on a server: what the replica that asks the lock knows of its status, as JSON.
  status text COLLATE "C"
);

CREATE TABLE lock_operator (
  lock_id text COLLATE "C" PRIMARY KEY REFERENCES lock (id),
  account_public_id text COLLATE "C" NOT NULL,
  -- The time of the newest command: later ones must be after it.
  last_at_ms bigint NOT NULL DEFAULT 0
);

CREATE TABLE lock_slot (
  lock_id text COLLATE "C" NOT NULL REFERENCES lock (id),
  slot text COLLATE "C" NOT NULL,
  valid_from_ms bigint NOT NULL,
  -- NULL for no end.
  valid_to_ms bigint,
  account_public_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (lock_id, slot, valid_from_ms)
);

CREATE TABLE lock_report (
  lock_id text COLLATE "C" NOT NULL,
  entry text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (lock_id, entry)
);

CREATE TABLE pass (
  id text COLLATE "C" PRIMARY KEY,
  -- SHA-256 of the code in its link; NULL once it was revoked or erased.
  code_hash bytea UNIQUE,
  -- The guest's name, as the host wrote it; NULL once erased.
  label text COLLATE "C",
  -- The public id of the host; NULL for the command line.
  made_by text COLLATE "C",
  devices_max bigint NOT NULL CHECK (devices_max BETWEEN 1 AND 5),
  -- When it was first looked at; the newest request for help, and the newest refusal of a further phone, until the
  -- host has dealt with them.
  looked_at_ms bigint,
  asked_at_ms bigint,
  refused_at_ms bigint,
  created_at_ms bigint NOT NULL,
  revoked_at_ms bigint,
  erased_at_ms bigint
);

CREATE TABLE pass_device (
  id text COLLATE "C" PRIMARY KEY,
  pass_id text COLLATE "C" NOT NULL REFERENCES pass (id),
  -- SHA-256 of its cookie; NULL once the device was removed or erased.
  cookie_hash bytea UNIQUE,
  -- Its P-256 key as an uncompressed point; NULL for a browser without WebCrypto.
  public_key bytea,
  -- The counter of its newest statement: later ones must be above it.
  counter bigint NOT NULL DEFAULT 0,
  -- Such as 'iPhone'.
  name text COLLATE "C",
  bound_at_ms bigint NOT NULL,
  seen_at_ms bigint NOT NULL,
  removed_at_ms bigint
);

CREATE TABLE unlock_guest (
  seq bigint PRIMARY KEY,
  pass_id text COLLATE "C" NOT NULL,
  device_id text COLLATE "C",
  -- The counter of the signed statement, if the device signs.
  counter bigint
);

CREATE TABLE unlock_statement (
  seq bigint PRIMARY KEY,
  hash bytea NOT NULL,
  statement bytea,
  reporter_counter bigint
);

CREATE TABLE controller (
  id text COLLATE "C" PRIMARY KEY,
  lock_id text COLLATE "C" NOT NULL REFERENCES lock (id),
  -- Its P-256 key as an uncompressed point.
  public_key bytea NOT NULL UNIQUE,
  -- SHA-256 of the token that it polls with; NULL once it was removed.
  token_hash bytea UNIQUE,
  name text COLLATE "C" NOT NULL,
  -- The highest counter of its reports up to which none is missing.
  through bigint NOT NULL DEFAULT 0,
  enrolled_at_ms bigint NOT NULL,
  seen_at_ms bigint NOT NULL,
  -- Of a home on a server: until when it counts as online, unless it polls on.
  online_until_ms bigint,
  -- Since when it is not trusted, because two of its reports have the same counter; NULL otherwise.
  forked_at_ms bigint,
  removed_at_ms bigint
);

CREATE TABLE controller_code (
  -- SHA-256 of the code.
  hash bytea PRIMARY KEY,
  lock_id text COLLATE "C" NOT NULL REFERENCES lock (id),
  made_by text COLLATE "C",
  expires_at_ms bigint NOT NULL
);

CREATE TABLE controller_report (
  controller_id text COLLATE "C" NOT NULL REFERENCES controller (id),
  counter bigint NOT NULL,
  -- SHA-256 of the signed payload: the next report names it.
  payload_hash bytea NOT NULL,
  -- The signed bytes; NULL once the person is erased.
  statement bytea,
  seq bigint,
  received_at_ms bigint NOT NULL,
  PRIMARY KEY (controller_id, counter)
);

CREATE TABLE controller_gap (
  controller_id text COLLATE "C" NOT NULL REFERENCES controller (id),
  first bigint NOT NULL,
  last bigint NOT NULL,
  found_at_ms bigint NOT NULL,
  filled_at_ms bigint,
  PRIMARY KEY (controller_id, first)
);

CREATE TABLE door_key (
  public_key bytea PRIMARY KEY,
  made_at_ms bigint NOT NULL,
  -- The previous key's statement that this one follows it; NULL for the first, and after a theft.
  succession bytea,
  ended_at_ms bigint
);

CREATE TABLE lock_operation (
  attempt_id text COLLATE "C" PRIMARY KEY REFERENCES attempt (id) ON DELETE CASCADE,
  lock_id text COLLATE "C" NOT NULL REFERENCES lock (id),
  state text COLLATE "C" NOT NULL CHECK (
    state IN ('asked', 'accepted', 'happened', 'failed', 'unknown', 'offline')
  ),
  asked_at_ms bigint NOT NULL,
  deadline_ms bigint NOT NULL,
  settled_at_ms bigint,
  -- What the lock reported, in its own word.
  detail text COLLATE "C"
);

CREATE INDEX session_by_account ON session (account_id, used_at_ms);

CREATE INDEX session_by_expiry ON session (expires_at_ms);

CREATE INDEX refresh_token_by_session ON refresh_token (session_id);

CREATE INDEX account_by_invitation ON account (invitation_id) WHERE invitation_id IS NOT NULL;

CREATE INDEX account_owner ON account (role) WHERE role = 'owner';

CREATE INDEX audit_event_by_actor ON audit_event (actor, seq) WHERE actor IS NOT NULL;

CREATE INDEX audit_event_by_subject ON audit_event (subject, seq) WHERE subject IS NOT NULL;

CREATE INDEX failed_login_by_account ON failed_login (account_id);

CREATE INDEX failed_login_by_kind ON failed_login (kind, failures, failed_at_ms);

CREATE INDEX failed_login_by_time ON failed_login (failed_at_ms);

CREATE INDEX known_client_by_time ON known_client (logged_in_at_ms);

CREATE INDEX account_by_legacy_scheme ON account (legacy_scheme) WHERE legacy_scheme IS NOT NULL;

CREATE INDEX account_by_unit ON account (unit_key) WHERE unit_key IS NOT NULL;

CREATE INDEX unlock_account_by_bucket ON unlock_account (bucket) WHERE bucket IS NOT NULL;

CREATE INDEX unlock_method_by_bucket ON unlock_method (bucket) WHERE bucket IS NOT NULL;

CREATE UNIQUE INDEX unlock_by_id ON unlock_event (id);

-- With SQLite, the number of a row is the last column of each index. Here it must be said, since pages are in the
-- order of time and number.
CREATE INDEX unlock_by_time ON unlock_event (happened_at_ms, seq);

CREATE INDEX unlock_by_account ON unlock_event (account_number, happened_at_ms, seq)
WHERE account_number IS NOT NULL;

CREATE INDEX unlock_imported_named ON unlock_event (happened_at_ms)
WHERE source = 'imported' AND salt IS NOT NULL;

CREATE INDEX access_grant_by_holder ON access_grant (holder) WHERE holder IS NOT NULL;

CREATE INDEX access_grant_by_end ON access_grant (coalesce(ends_at_ms, 9223372036854775807))
WHERE revoked_at_ms IS NULL;

CREATE INDEX access_grant_lock_by_grant ON access_grant_lock (grant_id);

CREATE INDEX attempt_by_time ON attempt (decided_at_ms);

CREATE INDEX attempt_by_account ON attempt (account_public_id);

CREATE INDEX log_record_by_subject ON log_record (subject) WHERE subject IS NOT NULL;

CREATE INDEX log_record_by_actor ON log_record (by_public_id) WHERE by_public_id IS NOT NULL;

CREATE INDEX log_record_by_person ON log_record (about_public_id) WHERE about_public_id IS NOT NULL;

CREATE INDEX unlock_by_denial ON unlock_event (result, happened_at_ms, seq) WHERE result <> 'unlocked';

CREATE INDEX account_by_end ON account (ends_at_ms) WHERE ends_at_ms IS NOT NULL;

CREATE INDEX target_by_account ON target (account_public_id) WHERE account_public_id IS NOT NULL;

CREATE INDEX delivery_waiting ON delivery (target_id, id) WHERE state = 'waiting';

CREATE INDEX delivery_by_target ON delivery (target_id, id);

CREATE INDEX delivery_gap ON delivery (target_id) WHERE state = 'dropped' AND answer IS NULL;

CREATE INDEX delivery_news ON delivery (due_at_ms)
WHERE state = 'waiting' AND event = 'account.waiting';

CREATE INDEX delivery_settled ON delivery (settled_at_ms) WHERE settled_at_ms IS NOT NULL;

CREATE INDEX access_token_by_account ON access_token (account_public_id);

CREATE INDEX lock_slot_by_account ON lock_slot (account_public_id);

CREATE INDEX pass_by_host ON pass (made_by) WHERE made_by IS NOT NULL;

CREATE INDEX pass_device_by_pass ON pass_device (pass_id);

CREATE INDEX attempt_by_pass ON attempt (pass_id) WHERE pass_id IS NOT NULL;

CREATE INDEX attempt_by_grant ON attempt (grant_id) WHERE use_number IS NOT NULL;

CREATE INDEX unlock_guest_by_pass ON unlock_guest (pass_id, seq);

CREATE INDEX unlock_report_by_time ON unlock_report (happened_at_ms);

CREATE INDEX unlock_report_by_attempt ON unlock_report (attempt_id) WHERE attempt_id IS NOT NULL;

CREATE INDEX controller_by_lock ON controller (lock_id) WHERE removed_at_ms IS NULL;

CREATE INDEX lock_operation_open ON lock_operation (deadline_ms) WHERE settled_at_ms IS NULL;

CREATE INDEX lock_operation_by_time ON lock_operation (asked_at_ms);

-- Functions take the schema from the table of the trigger, so that a schema can be renamed.
CREATE FUNCTION require_next_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  next bigint;
BEGIN
  IF TG_OP = 'INSERT' THEN
    EXECUTE format('SELECT coalesce(max(seq) + 1, 0) FROM %I.audit_event', TG_TABLE_SCHEMA) INTO next;
    IF NEW.seq = next THEN RETURN NEW; END IF;
  ELSIF TG_OP = 'UPDATE' THEN
    -- Only its address may be erased.
    IF NEW.address IS NULL
      AND (NEW.seq, NEW.at_ms, NEW.action, NEW.result, NEW.actor, NEW.subject, NEW.request_id, NEW.detail)
        IS NOT DISTINCT FROM
        (OLD.seq, OLD.at_ms, OLD.action, OLD.result, OLD.actor, OLD.subject, OLD.request_id, OLD.detail)
    THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION 'the audit trail only grows';
END
$$;

CREATE TRIGGER audit_event_only_grows BEFORE INSERT OR UPDATE OR DELETE ON audit_event
FOR EACH ROW EXECUTE FUNCTION require_next_audit_event();

CREATE FUNCTION keep_account_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('UPDATE %I.account_number SET newest = $1 WHERE newest < $1', TG_TABLE_SCHEMA) USING OLD.id;
  RETURN NULL;
END
$$;

CREATE TRIGGER account_number_is_given_once AFTER DELETE ON account
FOR EACH ROW EXECUTE FUNCTION keep_account_number();

INSERT INTO home (id, schema_version) VALUES (1, 18);
INSERT INTO account_number (id, newest) VALUES (1, 0);
INSERT INTO unlock_summary (id, size) VALUES (1, 0);
-- The key of buckets, at random for each home: see text-bucket.ts.
INSERT INTO setting (name, value) VALUES ('unlock_bucket_key', replace(CAST(gen_random_uuid() AS text), '-', ''));
