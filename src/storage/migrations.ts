import accountsAndUnlocks from './migrations/0001_accounts_and_unlocks.sql' with { type: 'text' }
import sessionsAndSecurity from './migrations/0002_sessions_and_security.sql' with { type: 'text' }
import sessionEpoch from './migrations/0003_session_epoch.sql' with { type: 'text' }
import olderServer from './migrations/0004_older_server.sql' with { type: 'text' }
import settings from './migrations/0005_settings.sql' with { type: 'text' }
import schemaChange from './migrations/0006_schema_change.sql' with { type: 'text' }
import namesAndNumbers from './migrations/0007_names_and_numbers.sql' with { type: 'text' }
import words from './migrations/0008_words.sql' with { type: 'text' }
import admission from './migrations/0009_admission.sql' with { type: 'text' }
import tablesLockout from './migrations/0010_tables_lockout.sql' with { type: 'text' }
import waitingList from './migrations/0011_waiting_list.sql' with { type: 'text' }
import acceptedFindings from './migrations/0012_accepted_findings.sql' with { type: 'text' }
import units from './migrations/0013_units.sql' with { type: 'text' }
import { happened } from './migrations/0014_happened.ts'
import summary from './migrations/0015_summary.sql' with { type: 'text' }
import locks from './migrations/0016_locks.sql' with { type: 'text' }
import home from './migrations/0017_home.sql' with { type: 'text' }
import guestsAndControllers from './migrations/0018_guests_and_controllers.sql' with { type: 'text' }
import type { Migration } from './migrations/migration.ts'

/** The migrations in order, forward only: number N takes a database from version N-1 to N. */
export const MIGRATIONS: readonly Migration[] = [
  accountsAndUnlocks,
  sessionsAndSecurity,
  sessionEpoch,
  olderServer,
  settings,
  schemaChange,
  namesAndNumbers,
  words,
  admission,
  tablesLockout,
  waitingList,
  acceptedFindings,
  units,
  happened,
  summary,
  locks,
  home,
  guestsAndControllers,
]
