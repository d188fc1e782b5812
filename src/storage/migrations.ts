import accountsAndUnlocks from './migrations/0001_accounts_and_unlocks.sql' with { type: 'text' }
import sessionsAndSecurity from './migrations/0002_sessions_and_security.sql' with { type: 'text' }
import schemaChange from './migrations/0005_schema_change.sql' with { type: 'text' }

/** Schema steps in order, forward only: step N takes a database from version N-1 to N. */
export const MIGRATIONS: readonly string[] = [accountsAndUnlocks, sessionsAndSecurity, schemaChange]
