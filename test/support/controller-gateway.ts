import { lockClaim } from '../../src/domain/statement/claims.ts'
import type { ClaimsOf } from '../../src/domain/statement/claims.ts'
import { codeNonce, openStatement, signStatement } from '../../src/domain/statement/statement.ts'
import { type TestKey, testKey } from './statements.ts'
import { until } from './until.ts'

const CODE = '4f1c0d9e8b7a65544332211000ffeedd'
const LOCK = { id: '0198a3f0-7c1d-7e52-8a5b-e4c76e2f13d0', label: 'front-door', name: 'Front door' }

type Poll = { readonly nonce: Uint8Array; readonly answer: (response: Response) => void }

type ReportClaims = ClaimsOf<'report'>

/** The gateway's side of a controller, as hostile as a test wants it. The real one is used where it can do what the
 * test needs. */
export const controllerGateway = async (options: { readonly tls?: Bun.TLSOptions } = {}) => {
  let doorKey = await testKey()
  let publicKey: Uint8Array | undefined
  let polls: Poll[] = []
  const reports: ReportClaims[] = []
  const statements: Uint8Array[] = []
  const received: number[] = []
  const seen: string[] = []
  const state = {
    /** Answers reports with this instead of taking them. */
    refusesReports: undefined as (() => Response) | undefined,
    isAway: false,
    want: [] as [number, number][],
    missing: [] as [number, number][],
    successions: [] as Uint8Array[],
  }

  const enrol = async (request: Request): Promise<Response> => {
    const body = (await request.json()) as Readonly<Record<string, string>>
    const key = new Uint8Array(Buffer.from(body['public_key'] ?? '', 'base64'))
    const proof = new Uint8Array(Buffer.from(body['proof'] ?? '', 'base64'))
    const claims = await openStatement('enrolment', proof, key)
    const nonce = await codeNonce(CODE)
    if (body['code'] !== CODE || !claims || !Buffer.from(claims.nonce).equals(nonce))
      return Response.json({ detail: 'The code is wrong' }, { status: 404 })
    publicKey = key
    return Response.json({
      id: 'c1',
      token: 'slc_test',
      lock: LOCK,
      door_key: doorKey.publicKey.toBase64(),
      gateway_time: new Date().toISOString(),
    })
  }

  const poll = (url: URL, signal: AbortSignal): Promise<Response> =>
    new Promise((answer) => {
      signal.addEventListener('abort', () => {
        polls = polls.filter((one) => one.answer !== answer)
      })
      const text = url.searchParams.get('nonce') ?? ''
      const nonce = Uint8Array.fromBase64(text, { alphabet: 'base64url' })
      for (const older of polls) older.answer(new Response(null, { status: 204 }))
      polls = [{ nonce, answer }]
      if (state.successions.length > 0 || state.want.length > 0) send([])
    })

  const takeReports = async (request: Request): Promise<Response> => {
    const body = (await request.json()) as { readonly statements: readonly string[] }
    if (state.refusesReports) return state.refusesReports()
    for (const text of body.statements) {
      const bytes = Uint8Array.fromBase64(text)
      const claims = publicKey && (await openStatement('report', bytes, publicKey))
      if (claims?.lock !== lockClaim(LOCK.id)) return Response.json({}, { status: 400 })
      received.push(claims.counter)
      const known = reports.findIndex(({ counter }) => counter === claims.counter)
      if (known === -1) {
        reports.push(claims)
        statements.push(bytes)
      } else if (!Bun.deepEquals(reports[known], claims)) throw new Error('The chain has forked')
    }
    return Response.json({ through: reports.at(-1)?.counter ?? 0, missing: state.missing })
  }

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    ...(options.tls ? { tls: options.tls } : {}),
    fetch: (request) => {
      const url = new URL(request.url)
      seen.push(`${request.method} ${url.pathname} ${request.headers.get('authorization') ?? ''}`)
      if (state.isAway) return new Response('away', { status: 503 })
      if (url.pathname === '/v1/controller/enrol') return enrol(request)
      if (request.headers.get('authorization') !== 'Bearer slc_test')
        return Response.json({ detail: 'Unknown token' }, { status: 401 })
      return url.pathname === '/v1/controller/commands'
        ? poll(url, request.signal)
        : takeReports(request)
    },
  })

  const send = (commands: readonly Uint8Array[]): void => {
    for (const { answer } of polls)
      answer(
        Response.json({
          commands: commands.map((command) => command.toBase64()),
          successions: state.successions.splice(0).map((one) => one.toBase64()),
          want: state.want.splice(0),
        }),
      )
    polls = []
  }

  /** Waits for a poll, and returns its nonce. */
  const polled = async (): Promise<Uint8Array> => {
    await until(() => polls.length > 0)
    return polls[0]?.nonce ?? new Uint8Array()
  }

  const sign = async (
    attempt: string,
    nonce: Uint8Array,
    { key = doorKey, lock = LOCK.id }: { readonly key?: TestKey; readonly lock?: string } = {},
  ): Promise<Uint8Array> =>
    signStatement(
      { kind: 'command', lock: lockClaim(lock), issuedAtS: 1_796_025_600, nonce, attempt },
      key.sign,
    )

  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${server.port}`
  return {
    /** What enrols a controller here. */
    args: ['--gateway', url, '--code', CODE],
    url,
    state,
    seen,
    /** Each report once, in the order in which they first came. */
    reports,
    statements,
    /** The counters of all that came, repeated or not. */
    received,
    polled,
    sign,
    /** Answers the poll that waits. */
    send,
    /** Sends a command for the poll that waits. */
    command: async (attempt: string): Promise<Uint8Array> => {
      const command = await sign(attempt, await polled())
      send([command])
      return command
    },
    /** The results of reports about attempts, or of all of them. */
    results: (attempt?: string): readonly string[] =>
      reports
        .filter((one) => attempt === undefined || one.attempt === attempt)
        .map((one) => one.result),
    doorKey: () => doorKey,
    /** Replaces the door key; the next poll gets the old key's word for it. */
    rotate: async (): Promise<void> => {
      const next = await testKey()
      const claims = { kind: 'succession', issuedAtS: 1, publicKey: next.publicKey } as const
      state.successions.push(await signStatement(claims, doorKey.sign))
      doorKey = next
    },
    /** Answers the poll that waits as a broken proxy would. */
    hangUp: (): void => {
      for (const { answer } of polls) answer(new Response('', { status: 502 }))
      polls = []
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      for (const { answer } of polls) answer(new Response(null, { status: 204 }))
      await server.stop(true)
    },
  }
}
