import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type GuestFacts, NO_ACCOUNT } from '../../src/domain/access.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import type { AppendedEvent } from '../../src/domain/home-event.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import { openDatabase } from '../../src/storage/open.ts'
import { openPostgres } from '../../src/storage/postgres/open.ts'
import type { DecisionKind } from '../../src/storage/writing/decision-kind.ts'
import { forkGuard } from '../../src/unlocks/guard/fork-guard.ts'
import { unlockLogClock } from '../../src/unlocks/log/clock.ts'
import { keyFile } from '../../src/unlocks/log/key-file.ts'
import { unlockStore } from '../../src/unlocks/log/store.ts'
import { unlockProgram } from '../../src/unlocks/program.ts'
import { openUnlockLog } from '../../src/unlocks/recording/service.ts'
import { temporaryFolder } from './binary.ts'
import { testPlace } from './postgres.ts'

/** An attempt to open the front door. */
type Attempt = {
  readonly id: string
  readonly person: string
  readonly tokenId?: string
  /** Given, the person is a guest; `statement` is what their device signed, in Base64. */
  readonly guest?: GuestFacts
  readonly statement?: string
}

type Known = { readonly answers: Map<string, string>; readonly added: Map<string, string> }

const answersOf = (seq: number, result: string): string => `${result} as number ${seq}`

/** Decides by rules that are simple enough for tests of the log: everybody but eve may open the door, mallory's
 * attempts are only counted, and a repeated attempt gets the answer of the first. */
const DECISION: DecisionKind<Attempt, Known> = {
  load: async (tx, attempts) => {
    const rows = await tx.all<{ id: string; seq: number; decision: string }>(
      'SELECT id, seq, decision FROM attempt WHERE id IN (SELECT value FROM json_each(?))',
      JSON.stringify(attempts.map(({ id }) => id)),
    )
    return {
      answers: new Map(rows.map(({ id, seq, decision }) => [id, answersOf(seq, decision)])),
      added: new Map(),
    }
  },
  plan: ({ id, person, tokenId, guest, statement }, { answers, added }, seq) => {
    const earlier = answers.get(id)
    if (earlier !== undefined) return { answer: earlier }
    if (person === 'mallory') return { answer: 'only counted' }
    const reason = person === 'eve' ? 'no_grant' : null
    const result = reason ? 'denied' : 'permitted'
    answers.set(id, answersOf(seq, result))
    added.set(id, result)
    return {
      answer: answersOf(seq, result),
      leaf: {
        id: crypto.randomUUID(),
        attemptId: id,
        grantId: reason ? null : `grant-of-${person}`,
        lock: 'front-door',
        result,
        reason,
        accountPublicId: guest ? NO_ACCOUNT : `account-of-${person}`,
        username: person,
        method: guest ? 'guest' : 'app',
        ...(tokenId === undefined ? {} : { tokenId }),
        ...(guest ? { guest } : {}),
        ...(statement === undefined ? {} : { statement: Uint8Array.fromBase64(statement) }),
      },
    }
  },
  store: async (tx, { added, answers }) => {
    for (const [id, result] of added)
      await tx.run(
        `INSERT INTO attempt (
           id, request_hash, lock_id, account_public_id, session_id, decision, decided_at_ms, seq
         ) VALUES (?, ?, 'lock-1', 'account', 'session', ?, 0, ?)`,
        id,
        new Uint8Array(1),
        result,
        Number(/\d+$/.exec(answers.get(id) ?? '')?.[0]),
      )
    return true
  },
}

/** A log that records decisions. Given a folder, it is in a file there, and otherwise on the server if there is one. */
export const decidedLog = async (given?: string) => {
  const folder = given ?? temporaryFolder()
  const told: AppendedEvent[] = []
  const afterAppend = async (_: unknown, events: readonly AppendedEvent[]) =>
    void told.push(...events)
  const program = unlockProgram(folder, { decision: DECISION, afterAppend })
  const { postgres } = given === undefined ? await testPlace() : {}
  const db = postgres
    ? await openPostgres(postgres, { program })
    : openDatabase(join(folder, 'a.db'), { program })
  const store = unlockStore(db)
  const hasLog = (await store.head()) !== undefined
  const { signer } = keyFile(folder).open({ hasLog })
  const logger = processLogger({ level: 'fatal', format: 'text', write: () => {} })
  const guard = forkGuard({
    dataDir: folder,
    origin: signer.verifierKey.name,
    clock: clockFrom(),
    logger,
  })
  let behindMs = 0
  const clock = unlockLogClock({
    clock: { wallMs: () => Date.UTC(2026, 10, 30, 12) - behindMs, monotonicMs: () => 0 },
    newestMs: await store.newestCertainMs(),
  })
  await db.run(
    `INSERT INTO lock (id, label, name, state, version, created_at_ms)
     VALUES ('lock-1', 'front-door', 'Front door', 'enabled', 1, 0)
     ON CONFLICT DO NOTHING`,
  )
  const unlockLog = await openUnlockLog({ store, signer, clock, guard })
  return {
    folder,
    db,
    /** Whether a text or bytes are anywhere: in any file of the folder, or in any row on the server, whose disk keeps
     * what was there for a while. */
    holds: async (text: string | Uint8Array): Promise<boolean> => {
      const bytes = Buffer.from(text)
      if (!postgres)
        return readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(bytes))
      const tables = await db.all<{ name: string }>(
        'SELECT tablename AS name FROM pg_tables WHERE schemaname = ?',
        postgres.schema,
      )
      for (const { name } of tables) {
        const rows = await db.all<{ row: string }>(
          `SELECT CAST(${name} AS text) AS row FROM ${name}`,
        )
        if (
          rows.some(({ row }) => row.includes(String(text)) || row.includes(bytes.toString('hex')))
        )
          return true
      }
      return false
    },
    store,
    guard,
    unlockLog,
    /** The events that the home heard of. */
    told: told as readonly AppendedEvent[],
    key: signer.verifierKey,
    /** Sets the clock back. */
    setBack: (ms: number): void => void (behindMs = ms),
    decide: (
      person: string,
      id: string = crypto.randomUUID(),
      by: Omit<Attempt, 'id' | 'person'> = {},
    ) =>
      unlockLog.decide({ id, person, ...by } satisfies Attempt, {
        account: `account-of-${person}`,
      }),
    [Symbol.asyncDispose]: async () => {
      await guard[Symbol.asyncDispose]()
      await db.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
