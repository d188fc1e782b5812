import { describe, expect, test } from 'bun:test'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { AppError } from '../../../src/errors.ts'
import { type TestApp, recordsOf, startApp } from '../../support/app.ts'

/** The audit events and the leaves of the changes of locks. */
const tracesOf = async ({ logLines, db }: TestApp) => ({
  events: ['lock.add', 'lock.rename', 'lock.state'].flatMap((action) =>
    recordsOf(logLines, action).map(({ subject, result }) => [action, subject, result].join(' ')),
  ),
  leaves: (await db.all<{ kind: string }>('SELECT kind FROM log_record ORDER BY seq')).map(
    ({ kind }) => kind,
  ),
})

const reasonOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? (error.reason ?? error.code) : error),
  )

const SIDE = { label: 'side-door', name: 'Side door' }

describe('a lock', () => {
  test('keeps its label forever, and the label is never reused', async () => {
    await using app = await startApp()
    const { locks } = app.locks
    expect(await locks.add(COMMAND_LINE, SIDE)).toMatchObject({
      ...SIDE,
      state: 'enabled',
      version: 1,
    })
    expect(await reasonOf(locks.add(COMMAND_LINE, SIDE))).toBe('label_taken')
    await locks.change(COMMAND_LINE, 'side-door', { state: 'retired' })
    expect(await reasonOf(locks.add(COMMAND_LINE, SIDE))).toBe('label_taken')
    expect((await locks.all()).filter(({ label }) => label === 'side-door')).toHaveLength(1)
  })

  test('is disabled and enabled again, and retired for good', async () => {
    await using app = await startApp()
    const { locks } = app.locks
    await locks.add(COMMAND_LINE, SIDE)
    for (const state of ['disabled', 'enabled', 'retired'] as const)
      expect(await locks.change(COMMAND_LINE, 'side-door', { state })).toMatchObject({ state })
    for (const change of [{ state: 'enabled' }, { name: 'Gate' }, {}] as const)
      expect(await reasonOf(locks.change(COMMAND_LINE, 'side-door', change))).toBe('lock_retired')
    expect((await tracesOf(app)).leaves).toStrictEqual([
      'lock.made',
      'lock.disabled',
      'lock.enabled',
      'lock.retired',
    ])
  })

  test('changes only if nobody else has changed it since it was read', async () => {
    await using app = await startApp()
    const { locks } = app.locks
    await locks.add(COMMAND_LINE, SIDE)
    const rename = (name: string) => locks.change(COMMAND_LINE, 'side-door', { name, version: 1 })
    const outcomes = await Promise.all([reasonOf(rename('Gate')), reasonOf(rename('Porch'))])
    expect(outcomes).toStrictEqual(['done', 'version_changed'])
    expect(await locks.find('side-door')).toMatchObject({ name: 'Gate', version: 2 })
    expect((await tracesOf(app)).events).toStrictEqual([
      'lock.add side-door success',
      'lock.rename side-door success',
    ])
  })

  test('has a name that people see, composed and trimmed', async () => {
    await using app = await startApp()
    const { locks } = app.locks
    await locks.add(COMMAND_LINE, { label: 'sud', name: ' Su\u0308dtür 🚪 ' })
    expect((await locks.find('sud')).name).toBe('Südtür 🚪')
    for (const name of ['', ' ', '\u200b', '\u2800 \u00ad'])
      expect(await reasonOf(locks.change(COMMAND_LINE, 'sud', { name }))).toBe('invalid')
  })

  test('that stays as it is leaves no trace', async () => {
    await using app = await startApp()
    const { locks } = app.locks
    await locks.add(COMMAND_LINE, SIDE)
    await locks.change(COMMAND_LINE, 'side-door', { name: ' Side door', state: 'enabled' })
    expect(await locks.find('side-door')).toMatchObject({ version: 1 })
    expect(await tracesOf(app)).toStrictEqual({
      events: ['lock.add side-door success'],
      leaves: ['lock.made'],
    })
    expect(await reasonOf(locks.find('back-door'))).toBe('not_found')
  })
})
