import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, temporaryFolder } from './binary.ts'
import { until } from './until.ts'

const TOPIC = 'door'

type Push = {
  readonly topic: string
  readonly title: string
  readonly message: string
  readonly priority: number
  readonly tags: readonly string[]
  readonly click: string
}

type Ntfy = AsyncDisposable & {
  readonly url: string
  readonly topic: string
  /** May publish to the topic, and to no other. */
  readonly token: string
  readonly messages: () => Promise<readonly Push[]>
}

/** Starts Debian's ntfy if this machine has it; else a server that answers as ntfy 2.27.0 did. */
export const startNtfy = (): Promise<Ntfy> =>
  Bun.which('ntfy') === null ? startStandIn() : startReal()

const startReal = async (): Promise<Ntfy> => {
  const folder = temporaryFolder()
  mkdirSync(folder, { recursive: true })
  const url = `http://127.0.0.1:${await freePort()}`
  const config = join(folder, 'server.yml')
  const settings = {
    'base-url': url,
    'listen-http': new URL(url).host,
    'cache-file': join(folder, 'cache.db'),
    'auth-file': join(folder, 'user.db'),
    'auth-default-access': 'deny-all',
  }
  writeFileSync(config, JSON.stringify(settings))
  const command = (...args: readonly string[]): string => {
    const [topic = '', ...rest] = args
    const run = Bun.spawnSync(['ntfy', topic, '--config', config, ...rest], {
      env: { ...process.env, NTFY_PASSWORD: 'a password of ntfy' },
    })
    if (run.exitCode !== 0) throw new Error(run.stderr.toString())
    return run.stdout.toString() + run.stderr.toString()
  }
  const server = Bun.spawn(['ntfy', 'serve', '--config', config], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await until(async () => (await fetch(`${url}/v1/health`).catch(() => undefined))?.ok === true)
  command('user', 'add', 'gateway')
  command('access', 'gateway', TOPIC, 'rw')
  const [token = ''] = /tk_\w+/.exec(command('token', 'add', 'gateway')) ?? []
  return {
    url,
    topic: TOPIC,
    token,
    messages: async () => {
      const answer = await fetch(`${url}/${TOPIC}/json?poll=1`, {
        headers: { authorization: `Bearer ${token}` },
      })
      return (await answer.text())
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Push)
    },
    [Symbol.asyncDispose]: async () => {
      server.kill()
      await server.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const MESSAGE_BYTES_MAX = 4096

const startStandIn = async (): Promise<Ntfy> => {
  const messages: Push[] = []
  const token = 'tk_0gka1xy0ghim45638ihtj2gl2hsp3'
  const refused = (code: number, error: string) =>
    Response.json({ code, http: Math.floor(code / 100), error }, { status: Math.floor(code / 100) })
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      if (new URL(request.url).pathname !== '/') return refused(40401, 'page not found')
      const push = (await request.json()) as Push
      const isAllowed = request.headers.get('authorization') === `Bearer ${token}`
      if (!isAllowed || push.topic !== TOPIC) return refused(40301, 'forbidden')
      if (!(push.priority >= 1 && push.priority <= 5))
        return refused(40007, 'invalid request: priority invalid')
      if (Buffer.byteLength(push.message) > MESSAGE_BYTES_MAX)
        return refused(40014, 'invalid request: attachments not allowed')
      messages.push(push)
      return Response.json({ id: 'Hkt7IJ94vfmk', event: 'message', ...push })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    topic: TOPIC,
    token,
    messages: async () => messages,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
