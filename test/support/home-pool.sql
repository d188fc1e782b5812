-- Homes of tests that have ended, empty again: emptying one is far quicker than making one. `seed` is a new home that
-- nobody uses.
CREATE SCHEMA pool;

CREATE TABLE pool.home (name text PRIMARY KEY);

CREATE FUNCTION pool.take() RETURNS text LANGUAGE sql AS $$
  DELETE FROM pool.home
  WHERE name = (SELECT name FROM pool.home LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING name
$$;

-- What a home is made of: a test may have changed that.
CREATE FUNCTION pool.shape(home text) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s %s %s', count(*), sum(relnatts), (
    SELECT count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = home::regnamespace AND tgenabled = 'O'
  ))
  FROM pg_class WHERE relnamespace = home::regnamespace
$$;

-- Its bytes: rows that were deleted stay, and slow down what reads past them.
CREATE FUNCTION pool.size(home text) RETURNS bigint LANGUAGE sql AS $$
  SELECT CAST(sum(pg_relation_size(oid)) AS bigint) FROM pg_class WHERE relnamespace = home::regnamespace
$$;

CREATE FUNCTION pool.give_back(home text) RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica AS $$
DECLARE
  name text;
  has_rows boolean;
BEGIN
  IF pool.shape(home) <> pool.shape('seed') OR pool.size(home) > 3 * pool.size('seed') THEN
    EXECUTE format('DROP SCHEMA %I CASCADE', home);
    RETURN;
  END IF;
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'seed'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('DELETE FROM %I.%I', home, name);
    EXECUTE format('SELECT EXISTS (SELECT FROM seed.%I)', name) INTO has_rows;
    IF has_rows THEN
      EXECUTE format('INSERT INTO %I.%I SELECT * FROM seed.%I', home, name, name);
    END IF;
  END LOOP;
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'seed'::regnamespace AND relkind = 'S' LOOP
    EXECUTE format('ALTER SEQUENCE %I.%I RESTART', home, name);
  END LOOP;
  INSERT INTO pool.home VALUES (home);
END
$$;
