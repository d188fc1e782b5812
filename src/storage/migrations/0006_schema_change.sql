-- Which version of the server brought the database to which schema, so that an older one can say
-- which version is needed to read it.
CREATE TABLE schema_change (
  schema_version INTEGER PRIMARY KEY,
  server_version TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
