import { describe, expect, test } from 'bun:test'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { HOLIDAYS_MAX } from '../../../src/locks/home/holidays.ts'
import { bearer, recordsOf, startApp } from '../../support/app.ts'
import { household, outcomeOf } from '../../support/household.ts'

const home = async () => {
  const app = await startApp()
  const of = await household(app, { amy: 'admin', mia: 'member' })
  const token = (name: string) => bearer(of(name).token)
  return {
    ...app,
    put: (date: string, name: unknown, by = 'amy') =>
      app.put(`/v1/holidays/${date}`, { name }, token(by)),
    remove: async (date: string, by = 'amy') =>
      outcomeOf(await app.delete(`/v1/holidays/${date}`, undefined, token(by))),
    all: async (by = 'mia') => (await app.get('/v1/holidays', token(by))).json() as unknown,
  }
}

describe('the holidays of a home', () => {
  test('are added, renamed and removed by admins, and seen by members', async () => {
    await using app = await home()
    expect(await (await app.put('2026-12-25', 'Xmas')).json()).toStrictEqual({
      date: '2026-12-25',
      name: 'Xmas',
    })
    await app.put('2026-12-25', ' Christmas ')
    await app.put('2026-12-25', 'Christmas')
    await app.put('2026-05-01', 'May Day')
    expect(await app.all()).toStrictEqual({
      holidays: [
        { date: '2026-05-01', name: 'May Day' },
        { date: '2026-12-25', name: 'Christmas' },
      ],
    })
    expect(await outcomeOf(await app.put('2027-01-01', 'Mine', 'mia'))).toBe('403 forbidden')
    expect(await app.remove('2026-05-01', 'mia')).toBe('403 forbidden')
    expect(await app.remove('2026-05-01')).toBe('done')
    expect(await app.remove('2026-05-01')).toBe('404 not_found')
    expect(recordsOf(app.logLines, 'holiday.change').map(({ subject }) => subject)).toStrictEqual([
      '2026-12-25',
      '2026-12-25',
      '2026-05-01',
      '2026-05-01',
    ])
  })

  test('are dates that exist', async () => {
    await using app = await home()
    expect(await outcomeOf(await app.put('2028-02-29', 'Leap'))).toBe('done')
    for (const date of ['2027-02-30', '2027-02-29', '2027-13-01', '1999-12-31', '2200-01-01']) {
      const answer = await app.put(date, 'Never')
      expect([date, answer.status, await answer.json()]).toMatchObject([
        date,
        400,
        {
          code: 'invalid',
          detail: 'Invalid date: a date from 2000 to 2199, such as 2026-12-25',
          fields: { date: 'a date from 2000 to 2199, such as 2026-12-25' },
        },
      ])
      expect(await app.remove(date)).toBe('400 invalid')
    }
    for (const date of ['2027-1-1', 'christmas', '+02027-01-01'])
      expect([await outcomeOf(await app.put(date, 'Never')), await app.remove(date)]).toStrictEqual(
        ['404 not_found', '404 not_found'],
      )
    for (const name of ['', ' ', '\u200b', 3, null, 'x'.repeat(101), 'a\nb'])
      expect([name, await outcomeOf(await app.put('2026-12-25', name))]).toStrictEqual([
        name,
        '400 invalid',
      ])
    expect(await app.all()).toStrictEqual({ holidays: [{ date: '2028-02-29', name: 'Leap' }] })
  })

  test('are at most as many as the manual says', async () => {
    await using app = await home()
    await app.db.transaction(async (tx) => {
      for (let day = 0; day < HOLIDAYS_MAX; day += 1)
        await tx.run(
          "INSERT INTO holiday (date, name) VALUES (?, 'x')",
          new Date(Date.UTC(2030, 0, 1 + day)).toISOString().slice(0, 10),
        )
    })
    expect(await outcomeOf(await app.put('2029-01-01', 'One more'))).toBe('409 too_many_holidays')
    expect(await outcomeOf(await app.put('2030-01-01', 'Another name'))).toBe('done')
    await app.locks.holidays.remove(COMMAND_LINE, '2030-01-01')
    expect(await outcomeOf(await app.put('2029-01-01', 'One more'))).toBe('done')
  })
})
