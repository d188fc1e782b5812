import type { NewReport } from '../../src/domain/access.ts'

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
