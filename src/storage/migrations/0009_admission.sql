-- When an account was let in; NULL while a person who registered without an invitation waits for an
-- owner or admin. Accounts that exist at the update keep what they could do.
ALTER TABLE account ADD COLUMN admitted_at_ms INTEGER;

UPDATE account SET admitted_at_ms = created_at_ms;
