import { expect, test } from 'bun:test'
import { type DeriveUuid, derivedUuid } from '../../../src/storage/derived-uuid.ts'
import { legacyLogImport } from '../../../src/unlocks/import/service.ts'
import { type TestApp, bearer, startApp } from '../../support/app.ts'

const ROWS = [1, 2, 3].map((id) => ({
  id,
  username: 'ada',
  unlocking_method: 'pin',
  date_time: `2025-03-0${id} 10:00:00.000000`,
}))

const idOf = ({ id, date_time: time }: (typeof ROWS)[number]): string =>
  derivedUuid(`unlock\n${id}\n${time}`)

/** Imports the rows; returns the outcome of each. */
const importRows = async (
  { unlocks: { unlockLog, store, ...unlocks } }: TestApp,
  {
    deriveUuid = unlocks.deriveUuid,
    isErased = false,
  }: { deriveUuid?: DeriveUuid; isErased?: boolean } = {},
): Promise<readonly string[]> => {
  const holderOf = () => ({ publicId: 'p', isErased })
  const importUnlocks = legacyLogImport({ unlockLog, store, deriveUuid, zone: 'UTC', holderOf })
  const outcomes: string[] = []
  for await (const batch of importUnlocks(ROWS))
    outcomes.push(...batch.map(({ outcome }) => outcome))
  return outcomes
}

test('[G10] nobody can take the id of an unlock that is still to be imported', async () => {
  await using app = await startApp()
  const squatter = bearer(await app.signIn('mallory'))
  const events = ROWS.map((row) => ({ id: idOf(row), method: 'x' }))
  const taken = (await (await app.post('/v1/unlocks', events, squatter)).json()) as {
    outcomes: { status: string }[]
  }
  expect(taken.outcomes.map(({ status }) => status)).toStrictEqual(['stored', 'stored', 'stored'])
  expect(await importRows(app, { isErased: true })).toStrictEqual(['refused', 'refused', 'refused'])
  expect(await importRows(app)).toStrictEqual(['taken', 'taken', 'taken'])
  expect(await importRows(app)).toStrictEqual(['here', 'here', 'here'])
  expect(await importRows(app, { isErased: true })).toStrictEqual(['here', 'here', 'here'])
})

test('[G10] an import finds what an earlier version imported', async () => {
  await using app = await startApp()
  expect(await importRows(app, { deriveUuid: derivedUuid })).toStrictEqual([
    'taken',
    'taken',
    'taken',
  ])
  expect(await importRows(app)).toStrictEqual(['here', 'here', 'here'])
  expect(await importRows(app, { isErased: true })).toStrictEqual(['here', 'here', 'here'])
  expect((await app.unlocks.unlockLog.head()).size).toBe(3)
})
