import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { insertAccount } from '../../src/accounts/core/store.ts'
import { openApp } from '../../src/app.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import { parseConfig } from '../../src/config/config.ts'
import type { Role } from '../../src/domain/account.ts'
import { COMMAND_LINE } from '../../src/domain/audit-event.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import { UNLIMITED, temporaryFolder } from './binary.ts'
import { testPlace } from './postgres.ts'
import { giveBack } from './test-server.ts'

export const PASSWORD = 'correct horse battery'

export type TestApp = Awaited<ReturnType<typeof startApp>>

/** The cheapest parameters that Bun accepts: few tests are about the cost of a hash. */
export const CHEAP = { memoryCost: 8, timeCost: 1 }

/** A real app on a database in memory, listening on a free port, with its own log, and a clock that
 * only the test moves. */
export const startApp = async (
  env: Readonly<Record<string, string>> = {},
  given: Pick<Parameters<typeof openApp>[1], 'heartbeatSeconds' | 'argon2id' | 'certificate'> & {
    readonly monotonicMs?: () => number
    /** The time at first, without which it is that of the machine. */
    readonly nowMs?: number
  } = {},
) => {
  const folder = temporaryFolder()
  const { nowMs = Date.now(), monotonicMs = () => clock.passedMs, ...options } = given
  const clock = { nowMs, passedMs: 0 }
  const logLines: string[] = []
  const config = { ...parseConfig({ ...UNLIMITED, DATA_DIR: join(folder, 'data'), ...env }) }
  const place = await testPlace()
  const logger = processLogger({
    level: config.logLevel,
    format: 'json',
    write: (line) => logLines.push(line),
  })
  const app = await openApp(
    // A test that names a place gets it.
    env['DATABASE_URI'] === undefined ? { ...config, ...place } : config,
    {
      logger,
      clock: clockFrom({ wallMs: () => clock.nowMs, monotonicMs }),
      argon2id: CHEAP,
      ...options,
    },
  )
  await leads(app)
  app.http.listen({ hostname: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${app.http.server?.port}`
  return {
    ...clientOf(url),
    ...app,
    folder,
    clock,
    logger,
    logLines,
    ...peopleOf(app, () => clock.nowMs),
    [Symbol.asyncDispose]: async () => {
      await app.http.server?.stop(true)
      await app[Symbol.asyncDispose]()
      if (place.postgres) await giveBack(place.postgres.schema)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Adds and logs in people at an app. */
export const peopleOf = (app: Awaited<ReturnType<typeof openApp>>, nowMs: () => number) => {
  const logIn = async (username: string): Promise<string> => {
    const origin = { address: '127.0.0.1', userAgent: 'test', requestId: undefined }
    return (await app.accounts.authentication.login({ username, password: PASSWORD }, origin))
      .accessToken
  }
  return {
    logIn,
    /** Adds an account without an audit event, and logs it in. */
    signIn: async (username: string, role: Role = 'member'): Promise<string> => {
      const person = { username, password: PASSWORD, phone: '1', address: 'x' }
      const account = {
        ...(await app.accounts.newAccounts.check(person, COMMAND_LINE)),
        role,
        admitted: true,
      }
      await app.db.transaction((tx) => insertAccount(tx, account, nowMs()))
      return logIn(username)
    },
  }
}

/** Waits until an app leads, as the only replica of its home does. */
const leads = ({ db }: Pick<Awaited<ReturnType<typeof openApp>>, 'db'>): Promise<void> =>
  new Promise((resolve) => {
    db.leading.onChange((isLeader) => {
      if (isLeader) resolve()
    })
  })

/** Calls a service as the phone app does. */
export const clientOf = (url: string) => {
  const sending =
    (method: string) =>
    (path: string, body?: unknown, headers: Record<string, string> = {}) =>
      fetch(url + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body ?? {}),
      })
  return {
    url,
    get: (path: string, headers: Record<string, string> = {}) => fetch(url + path, { headers }),
    post: sending('POST'),
    put: sending('PUT'),
    patch: sending('PATCH'),
    delete: sending('DELETE'),
  }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

export const basic = (username: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
})

/** The audit events of an action among lines of the process log. */
export const recordsOf = (
  lines: readonly string[],
  action: string,
): readonly Record<string, unknown>[] =>
  lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((record) => record['msg'] === 'audit event' && record['action'] === action)
