import type { NewReport } from '../../src/domain/access.ts'

export const CONTROLLER = '0193c6a8-0000-7000-8000-00000000000c'

/** What a lock reports of an opening by Ada. */
export const reported = (changes: Partial<NewReport> = {}): NewReport => ({
  lock: 'front-door',
  result: 'unlocked',
  reason: null,
  accountPublicId: 'account-of-ada',
  username: 'ada',
  method: 'keypad',
  occurredAtMs: null,
  reporter: 'zigbee2mqtt',
  ...changes,
})

/** What the controller of a lock signs as its report number `counter`: that it released the lock for Ada. */
export const attested = (counter: number, changes: Partial<NewReport> = {}): NewReport => ({
  ...reported({ result: 'released', method: 'app', reporter: CONTROLLER }),
  signed: { statement: Uint8Array.of(1, 2, 3, counter), counter },
  ...changes,
})
