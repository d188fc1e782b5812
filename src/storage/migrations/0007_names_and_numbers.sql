-- The highest number that an account was given. SQLite gives the number of the newest row again once
-- that is deleted, and what was begun for the account before must not reach the one after it.
CREATE TABLE account_number (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  newest INTEGER NOT NULL
) STRICT;

INSERT INTO account_number (id, newest) SELECT 1, coalesce(max(id), 0) FROM account;

CREATE TRIGGER account_number_is_given_once AFTER DELETE ON account
WHEN OLD.id > (SELECT newest FROM account_number)
BEGIN
  UPDATE account_number SET newest = OLD.id;
END;

-- A name is compared without signs that nobody sees, and so without variation selectors, fillers and
-- blanks of all kinds: those that emoji bring along are in names that exist. Where two accounts were
-- told apart by nothing else, the later one keeps a key that no name has any more.
UPDATE OR IGNORE account
SET username_key = trim(
  replace(
    replace(
      replace(
        replace(
          replace(
            replace(username_key, char(0xFE0F), ''),
            char(0xFE0E), ''
          ),
          char(0x034F), ''
        ),
        char(0x115F), ''
      ),
      char(0x1160), ''
    ),
    char(0x2800), ' '
  )
)
WHERE username_key GLOB '*[' || char(0xFE0E, 0xFE0F, 0x034F, 0x115F, 0x1160, 0x2800) || ']*';

-- Public id of whoever began a reset, NULL for the gateway's command line: the code is good only while
-- they might begin it again.
ALTER TABLE password_reset ADD COLUMN made_by TEXT;
