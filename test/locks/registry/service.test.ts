import { describe, expect, test } from 'bun:test'
import type { NewRecord } from '../../../src/domain/access.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { clockFrom } from '../../../src/domain/clock.ts'
import { AppError } from '../../../src/errors.ts'
import { locksModule } from '../../../src/locks/module.ts'
import { openDatabase } from '../../../src/storage/open.ts'

const home = () => {
  const db = openDatabase(':memory:')
  const noted: string[] = []
  const records: NewRecord[] = []
  const { locks } = locksModule({
    db,
    clock: clockFrom(),
    auditIn: () => ({
      record: async (_, { action, subject }) => void noted.push(`${action} ${subject}`),
    }),
    record: async (_, { action, result }) => void noted.push(`${action} ${result}`),
    recordIn: () => ({ add: (record) => void records.push(record) }),
    actingRole: async () => 'admin',
  })
  return { db, locks, noted, records, [Symbol.asyncDispose]: db.close }
}

const reasonOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? (error.reason ?? error.code) : error),
  )

const FRONT = { label: 'front-door', name: 'Front door' }

describe('a lock', () => {
  test('keeps its label for ever, which is never given again', async () => {
    await using app = home()
    const { locks } = app
    expect(await locks.add(COMMAND_LINE, FRONT)).toMatchObject({
      ...FRONT,
      state: 'enabled',
      version: 1,
    })
    expect(await reasonOf(locks.add(COMMAND_LINE, FRONT))).toBe('label_taken')
    await locks.change(COMMAND_LINE, 'front-door', { state: 'retired' })
    expect(await reasonOf(locks.add(COMMAND_LINE, FRONT))).toBe('label_taken')
    expect(await locks.all()).toHaveLength(1)
  })

  test('is disabled and enabled again, and retired for good', async () => {
    await using app = home()
    const { locks, records } = app
    await locks.add(COMMAND_LINE, FRONT)
    for (const state of ['disabled', 'enabled', 'retired'] as const)
      expect(await locks.change(COMMAND_LINE, 'front-door', { state })).toMatchObject({ state })
    for (const change of [{ state: 'enabled' }, { name: 'Gate' }, {}] as const)
      expect(await reasonOf(locks.change(COMMAND_LINE, 'front-door', change))).toBe('lock_retired')
    expect(records.map(({ kind }) => kind)).toStrictEqual([
      'lock.made',
      'lock.disabled',
      'lock.enabled',
      'lock.retired',
    ])
  })

  test('changes only if nobody else has changed it since it was read', async () => {
    await using app = home()
    const { locks, noted } = app
    await locks.add(COMMAND_LINE, FRONT)
    const rename = (name: string) => locks.change(COMMAND_LINE, 'front-door', { name, version: 1 })
    const outcomes = await Promise.all([reasonOf(rename('Gate')), reasonOf(rename('Porch'))])
    expect(outcomes).toStrictEqual(['done', 'version_changed'])
    expect(await locks.find('front-door')).toMatchObject({ name: 'Gate', version: 2 })
    expect(noted).toStrictEqual(['lock.add front-door', 'lock.rename front-door'])
  })

  test('has a name that people see, composed and trimmed', async () => {
    await using app = home()
    const { locks } = app
    await locks.add(COMMAND_LINE, { label: 'sud', name: ' Su\u0308dtür 🚪 ' })
    expect((await locks.find('sud')).name).toBe('Südtür 🚪')
    for (const name of ['', ' ', '\u200b', '\u2800 \u00ad'])
      expect(await reasonOf(locks.change(COMMAND_LINE, 'sud', { name }))).toBe('invalid')
  })

  test('that stays as it is leaves no trace', async () => {
    await using app = home()
    const { locks, noted, records } = app
    await locks.add(COMMAND_LINE, FRONT)
    await locks.change(COMMAND_LINE, 'front-door', { name: ' Front door', state: 'enabled' })
    expect(await locks.find('front-door')).toMatchObject({ version: 1 })
    expect([noted.length, records.length]).toStrictEqual([1, 1])
    expect(await reasonOf(locks.find('back-door'))).toBe('not_found')
  })
})
