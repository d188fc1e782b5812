import { describe, expect, test } from 'bun:test'
import type { Grant } from '../../../../../src/console/app/api/doors.ts'
import {
  changesFrom,
  draftOf,
  grantBody,
  holderBody,
  missingIn,
  newDraft,
} from '../../../../../src/console/app/pages/access/grant-draft.ts'

const ZONE = 'Europe/Berlin'

const GRANT: Grant = {
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  holder: { role: 'member' },
  locks: ['front-door'],
  starts_at: null,
  ends_at: null,
  windows: null,
  holidays: 'ignore',
  uses: null,
  used: 0,
  home_network: false,
  words: '',
  version: 1,
  state: 'now',
  occurs: [],
  made_at: '2026-11-22T18:30:02.125Z',
  revoked_at: null,
  suspended_at: null,
  key: null,
  made_by: null,
  why: null,
}

/** What is sent if somebody opens the form of a grant and saves it. */
const saved = (grant: Partial<Grant>) => grantBody(draftOf({ ...GRANT, ...grant }, ZONE))

describe('the form of a grant', () => {
  test('a new one has no bounds, and says what is missing', () => {
    const draft = newDraft({})
    expect(missingIn(draft)).toBe('Choose a person or role.')
    expect(missingIn({ ...draft, holder: 'role:member' })).toBe('Choose at least one door.')
    expect(missingIn({ ...draft, holder: 'role:member', isForAllDoors: true })).toBeUndefined()
    expect(missingIn(newDraft({ holder: 'role:member', lock: 'garage' }))).toBeUndefined()
    expect(grantBody(newDraft({ holder: 'role:member', lock: 'garage' }))).toEqual({
      locks: ['garage'],
      windows: null,
      starts_at: null,
      ends_at: null,
      uses: null,
      holidays: 'ignore',
      home_network: false,
    })
  })

  test('saved without a change, it says the same', () => {
    const windows = [{ days: ['tue' as const], from: '22:00', until: '24:00' }]
    const holidays = [{ from: '10:00', until: '16:00' }]
    const body = saved({ locks: 'all', windows, holidays, uses: 5, home_network: true })
    expect(body).toMatchObject({ locks: 'all', windows, holidays, uses: 5, home_network: true })
  })

  test('days are those of the home, and the last one is included', () => {
    const day = { starts_at: '2027-03-01T00:00', ends_at: '2027-04-01T00:00' }
    const draft = { ...newDraft({}), starts: { day: '2027-03-01', clock: '' } }
    expect(grantBody({ ...draft, ends: { day: '2027-03-31', clock: '' } })).toMatchObject(day)
    // Summer time begins in between.
    const instants = { starts_at: '2027-02-28T23:00:00.000Z', ends_at: '2027-03-31T22:00:00.000Z' }
    expect(draftOf({ ...GRANT, ...instants }, ZONE)).toMatchObject({
      starts: { day: '2027-03-01', clock: '' },
      ends: { day: '2027-03-31', clock: '' },
    })
    expect(saved(instants)).toMatchObject(day)
  })

  test('times of a booking stay what they are', () => {
    const instants = { starts_at: '2027-07-03T13:00:00.000Z', ends_at: '2027-07-10T08:30:00.000Z' }
    expect(saved(instants)).toMatchObject({
      starts_at: '2027-07-03T15:00',
      ends_at: '2027-07-10T10:30',
    })
  })

  test('only what was changed is sent, so that a time in the repeated hour of autumn stays', () => {
    const draft = draftOf({ ...GRANT, ends_at: '2026-10-25T01:30:00.000Z', uses: 3 }, ZONE)
    expect(changesFrom(draft, draft)).toEqual({})
    expect(changesFrom(draft, { ...draft, uses: '' })).toEqual({ uses: null })
  })

  test('holders are sent as the API takes them', () => {
    expect(holderBody('account:6f1b4e0a')).toEqual({ account: '6f1b4e0a' })
    expect(holderBody('role:member')).toEqual({ role: 'member' })
  })
})
