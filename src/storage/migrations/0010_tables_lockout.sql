-- The passwords that browsers send to the tables are counted apart from logins.
ALTER TABLE failed_login
  ADD COLUMN place TEXT NOT NULL DEFAULT 'login' CHECK (place IN ('login', 'tables'));
