-- Renames tables and columns to the terms of OWASP and of the code; changes nothing but names.
ALTER TABLE unlock RENAME TO unlock_event;
ALTER TABLE guess RENAME TO failed_login;
ALTER TABLE failed_login RENAME COLUMN waits_until_ms TO locked_until_ms;
ALTER TABLE known_device RENAME TO known_client;
ALTER TABLE session RENAME COLUMN device TO user_agent;
ALTER TABLE account RENAME COLUMN older_way TO legacy_scheme;

-- SQLite cannot rename an index; those whose names no longer fit are small enough to rebuild.
DROP INDEX guess_by_account;
DROP INDEX guess_by_kind;
DROP INDEX guess_by_time;
DROP INDEX known_device_by_time;
DROP INDEX account_by_older_way;

CREATE INDEX failed_login_by_account ON failed_login (account_id);
CREATE INDEX failed_login_by_kind ON failed_login (kind, failures, failed_at_ms);
CREATE INDEX failed_login_by_time ON failed_login (failed_at_ms);
CREATE INDEX known_client_by_time ON known_client (logged_in_at_ms);
CREATE INDEX account_by_legacy_scheme ON account (legacy_scheme) WHERE legacy_scheme IS NOT NULL;
