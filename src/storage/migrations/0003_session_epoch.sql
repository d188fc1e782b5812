-- Grows whenever all sessions of an account are ended. A login in progress that has already accepted
-- the old password then starts no session.
ALTER TABLE account ADD COLUMN session_epoch INTEGER NOT NULL DEFAULT 0;
