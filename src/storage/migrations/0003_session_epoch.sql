-- Grows whenever all sessions of an account are ended. A login that was under way then, and had found
-- the old password right, begins no session any more.
ALTER TABLE account ADD COLUMN session_epoch INTEGER NOT NULL DEFAULT 0;
