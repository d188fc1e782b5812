import { describe, expect, test } from 'bun:test'
import { type Asking, type Host, decide } from '../../../src/locks/rules/decide.ts'
import { nextAt } from '../../../src/locks/rules/explain.ts'
import { askingOf, at, grantOf, weekly } from '../../support/grants.ts'

const hostOf = (parts: Partial<Host> = {}): Host => ({
  mayInvite: true,
  endsAtMs: null,
  grants: [grantOf({ id: 'own' })],
  ...parts,
})

/** A guest of a member at noon on a Monday, whose pass is always open, but for what is given. */
const guestOf = (host: Host | undefined, parts: Partial<Asking> = {}): Asking =>
  askingOf({ grants: [grantOf()], guest: { host }, ...parts })

const reasonOf = (asking: Asking): string => decide(asking).reason ?? 'permitted'

describe('a guest', () => {
  test('of nobody, or of an admin, is bound by the pass alone', () => {
    for (const host of [undefined, hostOf({ grants: undefined })]) {
      expect(reasonOf(guestOf(host))).toBe('permitted')
      expect(reasonOf(guestOf(host, { grants: [] }))).toBe('no_grant')
    }
  })

  test('is suspended if the host may open the lock at no time, whatever the pass says', () => {
    const ended = grantOf({ endsAtMs: at('2026-11-30T11:00Z') })
    const gone = [
      hostOf({ mayInvite: false }),
      hostOf({ mayInvite: false, grants: undefined }),
      hostOf({ endsAtMs: at('2026-11-30T11:00Z') }),
      hostOf({ grants: [] }),
      hostOf({ grants: [ended, grantOf({ revokedAtMs: 1 }), grantOf({ suspendedAtMs: 1 })] }),
    ]
    for (const host of gone)
      for (const grant of [grantOf(), grantOf({ terms: weekly('tue 09:00-13:00') }), ended]) {
        const asking = guestOf(host, { grants: [grant] })
        expect(reasonOf(asking)).toBe('suspended')
        expect(nextAt(asking)).toBeNull()
      }
  })

  test('reads the reason of the pass before that of the host', () => {
    const later = hostOf({ grants: [grantOf({ terms: weekly('tue 09:00-13:00') })] })
    expect(reasonOf(guestOf(later))).toBe('suspended')
    const closed = [grantOf({ terms: weekly('wed 09:00-13:00') })]
    expect(reasonOf(guestOf(later, { grants: closed }))).toBe('outside_schedule')
    const revoked = [grantOf({ revokedAtMs: 1 })]
    expect(reasonOf(guestOf(hostOf({ mayInvite: false }), { grants: revoked }))).toBe('revoked')
    expect(reasonOf(guestOf(hostOf(), { grants: [grantOf({ suspendedAtMs: 1 })] }))).toBe(
      'suspended',
    )
  })

  test('comes in only from the home network if the host does', () => {
    const terms = { windows: undefined, holidays: 'ignore', homeNetwork: true } as const
    const host = hostOf({ grants: [grantOf({ terms })] })
    expect(reasonOf(guestOf(host, { isHome: true }))).toBe('permitted')
    for (const isHome of [false, 'unknown'] as const)
      expect(reasonOf(guestOf(host, { isHome }))).toBe('suspended')
  })

  test('is not let in by hours of the host while the clock is doubted', () => {
    const doubted = { isClockDoubted: true, nowMs: 7000 }
    expect(reasonOf(guestOf(hostOf(), doubted))).toBe('permitted')
    const timed = hostOf({ grants: [grantOf({ terms: weekly('thu 00:00-24:00') })] })
    expect(reasonOf(guestOf(timed, doubted))).toBe('suspended')
    const ends = hostOf({ endsAtMs: at('2030-01-01T00:00Z') })
    expect(reasonOf(guestOf(ends, doubted))).toBe('clock_uncertain')
  })

  test('is kept out by a lockdown before the phone is looked at, and by the phone before the pass', () => {
    const stopped = { host: undefined, deviceStop: 'replayed' } as const
    const lock = { state: 'enabled', lockdowns: [{ untilMs: null }] } as const
    const grants = [grantOf()]
    expect(reasonOf(askingOf({ guest: stopped, grants, lock }))).toBe('lockdown')
    expect(reasonOf(askingOf({ guest: stopped, grants }))).toBe('replayed')
  })

  test('learns nothing about the state of a door that the pass is not for', () => {
    const lockdowns = [{ untilMs: null }]
    for (const state of ['enabled', 'disabled', 'retired'] as const) {
      const asking = guestOf(hostOf(), { grants: [], lock: { state, lockdowns } })
      expect(reasonOf(asking)).toBe('no_grant')
      expect(nextAt(asking)).toBeNull()
    }
  })
})

describe('the next opening of a guest', () => {
  const nextOf = (own: string, hosts: readonly string[]) => {
    const grants = hosts.map((windows) => grantOf({ terms: weekly(windows) }))
    const next = nextAt(guestOf(hostOf({ grants }), { grants: [grantOf({ terms: weekly(own) })] }))
    return next === null ? null : new Date(next).toISOString()
  }

  test('is when both may open the lock', () => {
    expect(nextOf('tue 09:00-13:00', ['tue 12:00-20:00'])).toBe('2026-12-01T11:00:00.000Z')
    expect(nextOf('tue 12:00-20:00', ['tue 09:00-13:00'])).toBe('2026-12-01T11:00:00.000Z')
    expect(nextOf('tue,fri 09:00-13:00', ['wed 08:00-18:00', 'fri 10:00-11:00'])).toBe(
      '2026-12-04T09:00:00.000Z',
    )
    expect(nextOf('mon 00:00-24:00', ['mon 14:00-15:00'])).toBe('2026-11-30T13:00:00.000Z')
  })

  test('never comes if their hours never meet', () => {
    expect(nextOf('tue 09:00-13:00', ['wed 09:00-13:00'])).toBeNull()
  })
})
