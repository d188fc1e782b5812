import { describe, expect, test } from 'bun:test'
import { targetFindings } from '../../../src/ops/findings/targets.ts'
import { bearer, startApp } from '../../support/app.ts'
import { addTarget } from '../../support/outbox.ts'

const HOUR_MS = 3_600_000
const nowMs = Date.UTC(2026, 10, 28, 12)
const well = {
  id: 't1',
  name: 'Node-RED',
  disabledWhy: undefined,
  failingSinceMs: undefined,
  missed: 0,
}

describe('what doctor says of targets', () => {
  test('is nothing without one, and one word if all is well', () => {
    expect(targetFindings([], nowMs)).toStrictEqual([])
    expect(targetFindings([well, well], nowMs)).toMatchObject([{ state: 'ok' }])
  })

  test('is a warning about one that was disabled, fails for an hour, or missed something', () => {
    const says = (given: object) =>
      targetFindings([well, { ...well, ...given }], nowMs).map(({ state, says: words }) => [
        state,
        words,
      ])
    expect(says({ disabledWhy: 'gone' })).toStrictEqual([
      ['warning', 'Node-RED is switched off: its receiver said that it is gone'],
    ])
    expect(says({ disabledWhy: 'failing' })[0]?.[1]).toContain('five days')
    expect(says({ failingSinceMs: nowMs - HOUR_MS })[0]?.[1]).toContain('2026-11-28T11:00:00.000Z')
    expect(says({ failingSinceMs: nowMs - HOUR_MS + 1 })[0]?.[0]).toBe('ok')
    expect(says({ missed: 1200 })[0]?.[1]).toContain('1,200 events')
  })

  test('is in the answer of the running server, and about targets of the home only', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    const { public_id: publicId = '' } =
      (await app.db.get<{ public_id: string }>('SELECT public_id FROM account')) ?? {}
    const failing = { disabledWhy: 'failing' } as const
    await addTarget(app.db, 'home', [], failing)
    await addTarget(app.db, 'own', [], { ...failing, accountPublicId: publicId })
    await addTarget(app.db, 'off', [], { disabledWhy: 'person' })
    const answer = await app.get('/v1/doctor', bearer(owner))
    const { findings } = (await answer.json()) as { findings: { check: string; says: string }[] }
    expect(
      findings.filter(({ check }) => check === 'targets').map(({ says }) => says),
    ).toStrictEqual(['home is switched off: every attempt failed for five days'])
    const metrics = await (await app.get('/metrics', bearer(owner))).text()
    expect(metrics).toContain('# TYPE secure_lock_outbox_waiting gauge')
  })
})
