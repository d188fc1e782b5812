import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import type { Queries } from '../../../src/storage/database.ts'
import type { Program } from '../../../src/storage/writing/writer.ts'
import { keyFile } from '../../../src/unlocks/log/key-file.ts'
import { unlockStore } from '../../../src/unlocks/log/store.ts'
import { unlockProgram } from '../../../src/unlocks/program.ts'
import { signCheckpoint } from '../../../src/unlocks/tlog/checkpoint.ts'
import { emptyRoot } from '../../../src/unlocks/tlog/merkle-tree.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { openTestDatabase } from '../../support/postgres.ts'
import { claimed } from '../../support/unlock-log.ts'

test('the head of a log that has grown since it was read stays', async () => {
  const db = await openTestDatabase()
  const store = unlockStore(db)
  const set = (size: number, fromSize: number) =>
    store.transaction((writes) => writes.setHead({ size, checkpoint: `of ${size}` }, fromSize))
  expect(await set(0, 0)).toBe(true)
  expect(await set(3, 0)).toBe(true)
  expect(await set(2, 0)).toBe(false)
  expect(await store.head()).toStrictEqual({ size: 3, checkpoint: 'of 3' })
  await db.close()
})

test.each([
  ['once', 1, 'stored'],
  ['each time', Infinity, 'unavailable'],
])(
  'events are recorded again, or refused, if the log has grown beside them %s',
  async (_, times, outcome) => {
    const folder = temporaryFolder()
    const { signer } = keyFile(folder).open({ hasLog: false })
    const append = unlockProgram(folder)
    let tries = 0
    const program: Program = (tx, inputs) => {
      tries += 1
      return append(tries <= times ? grownBeside(tx) : tx, inputs)
    }
    const db = await openTestDatabase({ program })
    const store = unlockStore(db)
    const head = { origin: signer.verifierKey.name, size: 0, root: emptyRoot() }
    await store.transaction((writes) =>
      writes.setHead({ size: 0, checkpoint: signCheckpoint(head, signer) }, 0),
    )
    const reading = { nowMs: 0, newestMs: 0, isUncertain: false }
    const input = { items: [{ kind: 'new', event: claimed(0) }], reading, hasReceipts: false }
    const result = await db
      .append({ input: () => input, size: 1, account: '' })
      .then((appended) => (appended as { outcomes: { status: string }[] }).outcomes[0]?.status)
      .catch((error: { code: string }) => error.code)
    const isStored = outcome === 'stored'
    expect(result).toBe(outcome)
    expect(tries).toBe(isStored ? 2 : 3)
    expect((await store.head())?.size).toBe(isStored ? 1 : 0)
    expect(await store.nextSeq()).toBe(isStored ? 1 : 0)
    await db.close()
    rmSync(folder, { recursive: true })
  },
)

/** Statements between which the log grows: just before its head is set. */
const grownBeside = (tx: Queries): Queries => ({
  ...tx,
  run: async (sql, ...params) => {
    if (sql.includes('INTO log_head')) await tx.run('UPDATE log_head SET size = size + 1')
    return tx.run(sql, ...params)
  },
})
