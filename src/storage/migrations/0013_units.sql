-- The flat, room or house that an account belongs to, NULL for none, and the form in which units are
-- compared. It is no part of the unlock log. Anyone who registers with an invitation gets its unit.
ALTER TABLE account ADD COLUMN unit TEXT;
ALTER TABLE account ADD COLUMN unit_key TEXT;
ALTER TABLE invitation ADD COLUMN unit TEXT;

-- SHA-256 of the request that created an invitation under an Idempotency-Key: its creator, the key and
-- the terms. The same request replaces what it created before.
ALTER TABLE invitation ADD COLUMN request_hash BLOB;

CREATE INDEX account_by_unit ON account (unit_key) WHERE unit_key IS NOT NULL;
