import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { bearer, clientOf } from '../support/app.ts'
import {
  type Service,
  UNLIMITED,
  runCommand,
  startService,
  temporaryFolder,
} from '../support/binary.ts'
import { type Operation, fits, operationsOf, specOf } from '../support/openapi.ts'
import { type Call, callsOf } from '../support/schema-values.ts'
import { until } from '../support/until.ts'

/** How many requests each operation gets from each caller; enough for minutes in `bun run test:long`. */
const ROUNDS = Number(process.env['FAULT_ROUNDS'] ?? 2)

/** Not the example in the document, with which a caller could erase itself. */
const PASSWORD = 'nine purple lamps'

const CALLERS = ['anonymous', 'member', 'admin', 'owner'] as const
type Caller = (typeof CALLERS)[number]

/** Far above uncollected garbage, far below one leak per request. */
const GROWTH_BYTES_MAX = 128 * 1024 ** 2

describe('requests generated from the OpenAPI document', () => {
  let service: Service
  let db: Database
  let operations: [string, Operation][]
  let knownIds: string[]
  const folder = temporaryFolder()
  const tokens = new Map<Caller, string>()

  /** Some requests end the caller's session, and wrong passwords lock its name out. */
  const signIn = async (caller: Caller) => {
    db.run('DELETE FROM failed_login')
    const answer = await clientOf(service.url).post('/login', {
      username: caller,
      password: PASSWORD,
    })
    tokens.set(caller, ((await answer.json()) as { access_token: string }).access_token)
  }

  beforeAll(async () => {
    service = await startService({ folder, env: { ...UNLIMITED, LOG_LEVEL: 'warn' } })
    const add = (role: string, name: string) =>
      runCommand(['user', 'add', '--role', role, name], { folder, input: `${PASSWORD}\n` })
    for (const role of CALLERS.slice(1)) await add(role, role)
    for (const name of ['ann', 'ben', 'cem']) await add('member', name)
    db = new Database(join(folder, 'data/secure-lock.db'))
    db.run('PRAGMA busy_timeout = 5000')
    for (const caller of CALLERS.slice(1)) await signIn(caller)
    const { post, get } = clientOf(service.url)
    const member = bearer(tokens.get('member') ?? '')
    const unlock = await post('/v1/unlocks', { method: 'pin' }, member)
    knownIds = [
      ...JSON.stringify(await unlock.json()).matchAll(
        /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
      ),
    ].map(([id]) => id)
    // The victims, and not the callers.
    for (const { public_id: id } of db
      .query("SELECT public_id FROM account WHERE username IN ('ann', 'ben', 'cem')")
      .all() as { public_id: string }[])
      knownIds.push(id)
    expect(knownIds.length).toBeGreaterThan(3)
    operations = operationsOf(await specOf(await get('/swagger/json')))
  })

  afterAll(async () => {
    db.close()
    await service[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  const send = async (name: string, caller: Caller, { path, headers, body }: Call) => {
    const answer = await fetch(service.url + path, {
      method: name.split(' ')[0] ?? '',
      headers: {
        ...headers,
        ...(caller === 'anonymous' ? {} : bearer(tokens.get(caller) ?? '')),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    })
    const type = answer.headers.get('content-type')?.split(';')[0] ?? 'none'
    // A stream has no end.
    if (type === 'text/event-stream') await answer.body?.cancel()
    const text = type === 'text/event-stream' ? '' : await answer.text()
    return { status: answer.status, type, text }
  }

  const fault = (
    operation: Operation,
    { status, type, text }: Awaited<ReturnType<typeof send>>,
  ) => {
    // Busy with hashing, which is not a fault.
    if (status >= 500 && status !== 503) return 'a fault of the server'
    const documented = operation.responses[status]
    if (!documented) return `status ${status} is not documented`
    const content = documented.content[type]
    if (!content) return `${type} is not documented for ${status}`
    if (!/[/+]json$/.test(type)) return undefined
    return fits(content.schema, JSON.parse(text)) ? undefined : `${status} does not fit its schema`
  }

  const footprint = () => ({
    bytes:
      1024 *
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1]),
    descriptors: readdirSync(`/proc/${service.pid}/fd`).length,
  })

  const fuzz = async (caller: Caller, rounds: number) => {
    for (const [name, operation] of operations)
      await fc.assert(
        fc.asyncProperty(callsOf(name, operation, knownIds), async (call) => {
          const answer = await send(name, caller, call)
          const found = fault(operation, answer)
          if (found) throw new Error(`${name}: ${found}: ${answer.text.slice(0, 500)}`)
          if (answer.status === 401 && caller !== 'anonymous') await signIn(caller)
        }),
        { numRuns: rounds, interruptAfterTimeLimit: 60_000 },
      )
  }

  test.each(CALLERS)(
    '[O6] from %s are answered as documented, whatever they contain',
    async (caller) => {
      await fuzz(caller, ROUNDS)
      expect(service.output().log).not.toContain('"level":"error"')
    },
    240_000 + ROUNDS * 20_000,
  )

  test(
    '[O6] do not make the service grow, and it keeps working',
    async () => {
      const before = footprint()
      for (const caller of CALLERS) await fuzz(caller, ROUNDS)
      await until(() => footprint().bytes < before.bytes + GROWTH_BYTES_MAX)
      await until(() => footprint().descriptors <= before.descriptors + 10)
      expect((await clientOf(service.url).get('/readyz')).status).toBe(200)
      expect((await runCommand(['log', 'verify'], { folder })).status).toBe(0)
      expect(await service.stop()).toBe(0)
    },
    240_000 + ROUNDS * 80_000,
  )
})
