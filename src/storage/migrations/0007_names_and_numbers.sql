-- The highest account number ever assigned. SQLite reuses the number of the newest row once that row
-- is deleted, and work in progress for a deleted account must not reach its successor.
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

-- Names are compared without invisible characters, including variation selectors, fillers and blanks
-- of all kinds; existing names have those that come with emoji. If two accounts differed in nothing
-- else, the later one keeps a key that no name has any more.
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

-- Public id of the person who started a reset, NULL for the gateway's command line: the code is valid
-- only as long as they would still be allowed to start it.
ALTER TABLE password_reset ADD COLUMN made_by TEXT;
