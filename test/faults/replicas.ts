import { expect } from 'bun:test'
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { KEY_FILES } from '../../src/storage/files/data-dir.ts'
import { bearer, clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  freePort,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { signIn } from './evidence.ts'

const ENV = { ...UNLIMITED, LOG_LEVEL: 'warn', JWT_ACCESS_TOKEN_EXPIRES: '1440' }

type Env = Readonly<Record<string, string>>

export type Replica = ReturnType<typeof replicaIn>

/** A replica with a data folder of its own, and always the same port. */
const replicaIn = (folder: string, port: number, env: Env) => {
  let service: Service | undefined
  return {
    url: `http://127.0.0.1:${port}`,
    folder,
    /** Starts it, with some settings changed for this start. */
    start: async (changed: Env = {}): Promise<void> => {
      service = await startService({ folder, env: { ...env, PORT: String(port), ...changed } })
    },
    /** Ends it; returns its exit status. */
    stop: async (signal?: NodeJS.Signals): Promise<number | undefined> => service?.stop(signal),
    output: () => service?.output() ?? { log: '', words: '' },
    /** Runs a command in its folder. */
    run: (...args: string[]) => runCommand(args, { folder, env }),
    end: async (): Promise<void> => service?.[Symbol.asyncDispose](),
  }
}

/** Whether a replica leads according to its log, which says so from level `info` on. */
export const leads = ({ output }: Replica): boolean => {
  const { log } = output()
  return log.lastIndexOf('this replica leads') > log.lastIndexOf('this replica no longer leads')
}

/** Starts compiled replicas of one home on a server, with the same keys, each at an address of the home; `envs` has
 * the settings in which each differs. */
export const startReplicas = async (homes: readonly string[], envs: readonly Env[] = []) => {
  const root = temporaryFolder()
  const replicas: Replica[] = []
  for (const [at, home] of homes.entries()) {
    const folder = join(root, String(at))
    mkdirSync(join(folder, 'data'), { recursive: true })
    for (const name of Object.values(KEY_FILES)) {
      const key = join(root, '0/data', name)
      if (at > 0 && existsSync(key)) cpSync(key, join(folder, 'data', name))
    }
    const env = { ...ENV, DATA_DIR: './data', DATABASE_URI: home, ...envs[at] }
    const replica = replicaIn(folder, await freePort(), env)
    await replica.start()
    replicas.push(replica)
    if (at === 0) await signIn(replica.url)
  }
  const [first] = replicas
  if (!first) throw new Error('there is no replica')
  return {
    replicas,
    first,
    token: await signIn(first.url),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(replicas.map(({ end }) => end()))
      rmSync(root, { recursive: true, force: true })
    },
  }
}

type Sent = { readonly id: string; readonly method: string }

type Recorded = { readonly seq: number; readonly receipt: string }

/** What phones sent and were answered. */
export type Phones = {
  /** By the id of the first event, everything that a submission was acknowledged with. */
  readonly acknowledged: Map<
    string,
    { readonly sent: readonly Sent[]; readonly as: readonly Recorded[] }
  >
  readonly lone: Set<string>
  /** How many answers told of an earlier commit that had not been answered. */
  duplicates: number
  repeats: number
}

const PHONES = 6
const BATCH = 10
const PATIENCE_MS = 15_000

type Answer = {
  readonly status: number
  readonly body: {
    readonly outcomes?: readonly {
      readonly status: string
      readonly seq: number
      readonly receipt: string
    }[]
  }
}

const answerOf = async (
  url: string,
  token: string,
  path: string,
  body: unknown,
  headers: Env = {},
): Promise<Answer | undefined> => {
  try {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(token), ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    return { status: answer.status, body: (await answer.json()) as Answer['body'] }
  } catch {
    return undefined
  }
}

/** Phones at all replicas in turn, each of which repeats a submission with the same ids until it is acknowledged. The
 * returned function ends them once all are. */
export const phonesAt = (replicas: readonly Replica[], token: string) => {
  const phones: Phones = { acknowledged: new Map(), lone: new Set(), duplicates: 0, repeats: 0 }
  const trying = { isOver: false }
  let turn = 0
  const untilAcknowledged = async (path: string, body: unknown, headers?: Env): Promise<Answer> => {
    for (;;) {
      const { url } = replicas[(turn += 1) % replicas.length] ?? { url: '' }
      const answer = await answerOf(url, token, path, body, headers)
      if (answer?.status === 200) return answer
      if (answer && answer.status !== 503)
        throw new Error(
          `an unlock was answered ${answer.status} ${JSON.stringify(answer.body)}: ${lastErrors(replicas)}`,
        )
      phones.repeats += 1
      await Bun.sleep(5)
    }
  }
  const withReceipts = async (count: number): Promise<void> => {
    const sent = Array.from({ length: count }, () => {
      const id = crypto.randomUUID()
      return { id, method: `method ${id}` }
    })
    const { body } = await untilAcknowledged('/v1/unlocks', sent)
    const outcomes = body.outcomes ?? []
    if (outcomes.some(({ status }) => status === 'duplicate')) phones.duplicates += 1
    phones.acknowledged.set(sent[0]?.id ?? '', {
      sent,
      as: outcomes.map(({ seq, receipt }) => ({ seq, receipt })),
    })
  }
  const withKey = async (): Promise<void> => {
    const method = `method ${crypto.randomUUID()}`
    const headers = { 'idempotency-key': crypto.randomUUID() }
    await untilAcknowledged('/logUnlocking', { 'unlocking-method': method }, headers)
    phones.lone.add(method)
  }
  const kinds = [() => withReceipts(1), withKey, () => withReceipts(BATCH)]
  const calling = Array.from({ length: PHONES }, async (_, at) => {
    while (!trying.isOver) await kinds[at % kinds.length]?.()
  })
  const all = Promise.all(calling)
  let fault: unknown
  all.catch((error: unknown) => (fault = error))
  return {
    phones,
    /** How many events were acknowledged so far. */
    count: (): number => {
      if (fault !== undefined) throw fault
      return countOf(phones)
    },
    end: async (): Promise<Phones> => {
      trying.isOver = true
      await all
      return phones
    },
  }
}

/** The errors that replicas have logged. */
const lastErrors = (replicas: readonly Replica[]): string =>
  replicas
    .flatMap(({ output }) => output().log.split('\n'))
    .filter((line) => line.includes('"level":"error"'))
    .slice(-ERRORS)
    .join('\n')

const ERRORS = 10

const countOf = ({ acknowledged, lone }: Phones): number =>
  lone.size + [...acknowledged.values()].reduce((sum, { sent }) => sum + sent.length, 0)

/** The beginning of methods whose sender was answered 503 and did not repeat them: they may be in the log. */
export const PERHAPS = 'perhaps '

type Row = { readonly seq: string; readonly method: string; readonly received_at_ms: string }

type Query = <T>(sql: string) => Promise<readonly T[]>

/** Expects that the log has each acknowledged event once and nothing else but what is `PERHAPS`, where the phones were
 * told; that every replica answers a repeated submission with the same numbers and receipts; that times never decrease;
 * and that the log verifies. Returns its size. */
export const expectOneLog = async (
  { replicas, token }: Pick<Awaited<ReturnType<typeof startReplicas>>, 'replicas' | 'token'>,
  query: Query,
  phones: Phones,
): Promise<number> => {
  const rows = await query<Row>(
    'SELECT seq, method, received_at_ms FROM home.unlock_event ORDER BY seq',
  )
  expect(rows.findIndex(({ seq }, at) => Number(seq) !== at)).toBe(-1)
  const told = [...phones.acknowledged.values()].flatMap(({ sent, as }) =>
    sent.map(({ method }, at) => ({ method, seq: as[at]?.seq })),
  )
  const moved = told.filter(({ method, seq }) => seq === undefined || rows[seq]?.method !== method)
  expect(moved).toStrictEqual([])
  const methods = rows
    .map(({ method }) => method)
    .filter((method) => !method.startsWith(PERHAPS))
    .toSorted()
  const expected = [...told.map(({ method }) => method), ...phones.lone].toSorted()
  expect(methods.length).toBe(expected.length)
  expect(methods).toStrictEqual(expected)
  const times = rows.map(({ received_at_ms: atMs }) => Number(atMs))
  expect(times.findIndex((atMs, at) => atMs < (times[at - 1] ?? 0))).toBe(-1)

  let turn = 0
  for (const { sent, as } of phones.acknowledged.values()) {
    const { url } = replicas[(turn += 1) % replicas.length] ?? { url: '' }
    const again = await answerOf(url, token, '/v1/unlocks', sent)
    expect(again?.status).toBe(200)
    const outcomes = again?.body.outcomes ?? []
    expect(outcomes.map(({ status }) => status)).toStrictEqual(sent.map(() => 'duplicate'))
    expect(outcomes.map(({ seq, receipt }) => ({ seq, receipt }))).toStrictEqual([...as])
  }
  for (const { url } of replicas) expect((await clientOf(url).get('/readyz')).status).toBe(200)
  const [replica] = replicas
  const { status, out, words } = (await replica?.run('log', 'verify')) ?? {}
  expect({ status, words }).toStrictEqual({ status: 0, words: '' })
  expect(out).toContain(`${rows.length} events`)
  return rows.length
}
