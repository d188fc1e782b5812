import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { homeUri } from './test-server.ts'

/** The compiled executable that `bun run build` creates. */
export const BINARY = resolve(import.meta.dir, '../../dist/secure-lock-server')

export type Service = {
  readonly url: string
  readonly folder: string
  readonly pid: number
  /** Everything written to standard output (the log) and standard error (messages for people). */
  readonly output: () => { readonly log: string; readonly words: string }
  /** Sends the signal, waits for the end, returns the exit status. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number>
  [Symbol.asyncDispose]: () => Promise<void>
}

type Options = {
  readonly env?: Readonly<Record<string, string>>
  /** Kept afterwards; without one the service starts in a new empty folder, removed at the end. */
  readonly folder?: string
  readonly args?: readonly string[]
  /** An executable other than the compiled one, such as an older version. */
  readonly binary?: string
  /** The command that runs the executable, with its arguments; it must keep the process id. */
  readonly within?: readonly string[]
  /** Returns whether it answers, if this process cannot reach it itself. */
  readonly isUp?: (url: string) => Promise<boolean>
}

/** Limits high enough for tests that are about something else. */
export const UNLIMITED = {
  RATE_LIMIT_AUTH: 'off',
  RATE_LIMIT_UNLOCK: 'off',
  RATE_LIMIT_CHANGES: 'off',
  RATE_LIMIT_DEFAULT: 'off',
} as const

/** Adds the address of a folder's home on the test server to the environment, unless the test or its settings file says
 * where it is. Older versions support no servers. */
export const withHome = async (
  { env = {}, binary = BINARY, args = [] }: Options,
  folder: string,
): Promise<Readonly<Record<string, string>>> => {
  const isGiven = args.includes('--env-file') || env['DATABASE_URI'] !== undefined
  const uri =
    isGiven || binary !== BINARY
      ? undefined
      : await homeUri(resolve(folder, env['DATA_DIR'] ?? 'data'))
  return uri === undefined ? env : { ...env, DATABASE_URI: uri }
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'secure-lock-'))

/** Starts the executable with nothing of this process's environment, and waits until it answers. */
export const startService = async ({
  env = {},
  folder,
  args = [],
  binary = BINARY,
  within = [],
  isUp = answersHere,
}: Options = {}): Promise<Service> => {
  const cwd = folder ?? temporaryFolder()
  const port = Number(env['PORT'] ?? (await freePort()))
  const started = Bun.spawn([...within, binary, ...args], {
    cwd,
    env: { HOST: '127.0.0.1', PORT: String(port), ...(await withHome({ env, binary, args }, cwd)) },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const output = { log: '', words: '' }
  const collected = Promise.all([
    collect(started.stdout, (text) => (output.log += text)),
    collect(started.stderr, (text) => (output.words += text)),
  ])
  const url = `${env['TLS_CERT_FILE'] ? 'https' : 'http'}://127.0.0.1:${port}`
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    started.kill(signal)
    const status = await started.exited
    await collected
    if (folder === undefined) rmSync(cwd, { recursive: true, force: true })
    return status
  }
  await answering(
    () => isUp(url),
    started.exited,
    () => output,
  )
  return {
    url,
    folder: cwd,
    pid: started.pid,
    output: () => output,
    stop,
    [Symbol.asyncDispose]: async () => {
      if (started.exitCode === null && started.signalCode === null) await stop('SIGKILL')
    },
  }
}

/** The default, but chosen: without DATA_DIR, a command that creates data asks first while another test
 * runs a service. */
export const OWN_FOLDER = { DATA_DIR: './data' } as const

type Run = { readonly status: number; readonly out: string; readonly words: string }

/** Runs a command of the executable to its end. */
export const runCommand = async (
  args: readonly string[],
  {
    env = {},
    folder,
    binary = BINARY,
    within = [],
    input = '',
  }: Options & { readonly input?: string } = {},
): Promise<Run> => {
  const cwd = folder ?? temporaryFolder()
  const run = Bun.spawn([...within, binary, ...args], {
    cwd,
    env: await withHome(
      { env: args.includes('--env-file') ? env : { ...OWN_FOLDER, ...env }, binary, args },
      cwd,
    ),
    stdin: Buffer.from(input),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, words, status] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  if (folder === undefined) rmSync(cwd, { recursive: true, force: true })
  return { status, out, words }
}

/** A port that nothing listens on. Each worker of `bun test --parallel` looks in its own range,
 * below the ports that the kernel gives to outgoing connections, so nobody else takes it meanwhile. A suite that
 * runs beside another has `PORTS_FROM` of its own. */
export const freePort = async (): Promise<number> => {
  const first = PORTS_FROM + (Number(process.env['BUN_TEST_WORKER_ID'] ?? 0) % WORKERS) * PORTS
  for (;;) {
    const port = first + Math.floor(Math.random() * PORTS)
    if (await canListen(port)) return port
  }
}

const PORTS_FROM = Number(process.env['PORTS_FROM'] ?? 11_000)
const PORTS = 1000
const WORKERS = 10

const canListen = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const probe = createServer()
    probe.once('error', () => done(false))
    probe.listen(port, () => probe.close(() => done(true)))
  })

const START_MS_MAX = 120_000

const answersHere = async (url: string): Promise<boolean> => {
  const answer = await fetch(`${url}/livez`, { tls: { rejectUnauthorized: false } }).catch(
    () => null,
  )
  return answer?.ok === true
}

const answering = async (
  isUp: () => Promise<boolean>,
  exited: Promise<number>,
  output: Service['output'],
): Promise<void> => {
  const deadline = performance.now() + START_MS_MAX
  while (performance.now() < deadline) {
    const isAnswered = await isUp()
    // If it has ended, what answers is another.
    if ((await Promise.race([exited, Bun.sleep(isAnswered ? 0 : 10)])) !== undefined) break
    if (isAnswered) return
  }
  const { log, words } = output()
  throw new Error(`the service did not start: ${words}${log.slice(-2000)}`)
}

const collect = async (
  stream: ReadableStream<Uint8Array>,
  take: (text: string) => void,
): Promise<void> => {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}
