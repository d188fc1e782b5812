import { expect, test } from 'bun:test'
import {
  confirmationsOf,
  controllersIn,
} from '../../../src/unlocks/attempts/confirmations-store.ts'
import type { UnerasedEvent } from '../../../src/unlocks/log/event.ts'
import { openingsIn } from '../../../src/unlocks/recording/openings-store.ts'
import { claimed } from '../../support/unlock-log.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { plantedLog } from '../../support/unlocks.ts'

const CLAIM: UnerasedEvent = {
  ...claimed(0, 'ada'),
  seq: 0,
  receivedAtMs: 0,
  happenedAtMs: 0,
  isLate: false,
  isTimeUncertain: false,
  personHash: new Uint8Array(),
  leafHash: new Uint8Array(),
  person: {
    accountPublicId: 'account-of-ada',
    username: 'ada',
    method: 'app',
    salt: new Uint8Array(),
  },
}

// A home with controllers has thousands of reports without a claim.
test.skipIf(IS_POSTGRES)(
  'a claim looks at the reports of two minutes around it, not at all of them: a plan of SQLite',
  async () => {
    await using log = await plantedLog()
    await log.db.run(
      `INSERT INTO lock (id, label, name, state, version, created_at_ms)
     VALUES ('lock-1', 'front-door', 'Front door', 'enabled', 1, 0)`,
    )
    await log.db.run(
      `INSERT INTO controller (id, lock_id, public_key, name, enrolled_at_ms, seen_at_ms)
     VALUES ('pi', 'lock-1', x'00', 'Pi', 0, 0)`,
    )
    await openingsIn(log.db).join([CLAIM])
    const controllers = await controllersIn(log.db)
    await confirmationsOf(log.db, [CLAIM], { controllers, nowMs: 0 })
    const about = (await log.plans()).filter((plan) => plan.includes('unlock_report'))
    expect(about).toHaveLength(2)
    for (const plan of about)
      expect(plan).toContain(
        'SEARCH unlock_report USING INDEX unlock_report_by_time (happened_at_ms>? AND happened_at_ms<?)',
      )
  },
)
