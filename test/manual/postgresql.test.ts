import { describe, expect, test } from 'bun:test'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, clientOf } from '../support/app.ts'
import { BINARY, freePort, temporaryFolder } from '../support/binary.ts'
import { type Step, answersOf, patternOf, scriptOf, stepsOf, textOf } from '../support/manual.ts'
import { CAN_POSTGRES, program, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'

const HAPROXY = Bun.which('haproxy', { PATH: `${process.env['PATH']}:/usr/sbin` })
const PAGE = textOf('src/manual/postgresql.md')
/** Without the first, which starts a service in another way, and the last, which removes its data. */
const GETTING_STARTED = stepsOf(textOf('src/manual/getting-started.md')).slice(1, -1)
const PASSWORD = 'four/brown@doors'

const blockOf = (beginning: string): string => {
  const step = stepsOf(PAGE).find(({ command }) => command.startsWith(beginning))
  if (!step) throw new Error(`the page has no block that begins with ${beginning}`)
  return step.command
}

/** A server whose database was created as the page says, and the address of a home there. */
const startServer = async () => {
  const server = await startPostgres({
    access: ['host all postgres all trust', 'host all all all scram-sha-256'],
  })
  const created = Bun.spawn(['setsid', '--wait', 'sh', '-e'], {
    env: {
      PATH: `${join(program('psql'), '..')}:${process.env['PATH']}`,
      PGHOST: '127.0.0.1',
      PGPORT: String(server.port),
      PGUSER: 'postgres',
    },
    // Without a terminal, the password and its repetition are read from here.
    stdin: Buffer.from(
      `${blockOf('createuser').replace('\n', ` <<'END'\n${PASSWORD}\n${PASSWORD}\nEND\n`)}\n`,
    ),
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const words = await new Response(created.stderr).text()
  expect(`${await created.exited} ${words}`).toStartWith('0 ')
  const [, address = ''] = /'(postgres:[^']+)'/.exec(blockOf('install ')) ?? []
  return {
    server,
    address: address
      .replace('PASSWORD', PASSWORD.replaceAll('/', '%2F').replaceAll('@', '%40'))
      .replace('db.example.org', `127.0.0.1:${server.port}`),
  }
}

/** Three free ports in a row. */
const threePorts = async (): Promise<number> => {
  for (;;) {
    const first = await freePort()
    const isFree = (port: number): boolean => {
      try {
        Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => {} } }).stop(true)
        return true
      } catch {
        return false
      }
    }
    if (isFree(first + 1) && isFree(first + 2)) return first
  }
}

/** Pastes commands into a shell of its own, and leaves it running. */
const paste = (command: string, folder: string) => {
  const shell = Bun.spawn(['sh', '-ec', command], {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  })
  let log = ''
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const part of shell.stdout) log += decoder.decode(part, { stream: true })
  })()
  return {
    log: () => log,
    end: async (signal: NodeJS.Signals): Promise<void> => {
      shell.kill(signal)
      await shell.exited
      await reading
    },
    [Symbol.asyncDispose]: async () => {
      shell.kill('SIGKILL')
      await shell.exited
    },
  }
}

/** The configuration of the page, with the addresses that it gives for one machine. */
const haproxyConfig = (port: number, first: number): string => {
  const [, text = ''] = /```haproxy\n(.*?)```/s.exec(PAGE) ?? []
  let at = first
  return text
    .replace(/bind :443 .*/, `bind 127.0.0.1:${port}`)
    .replaceAll(/10\.0\.0\.1\d:8080/g, () => `127.0.0.1:${at++}`)
}

describe.if(CAN_POSTGRES && HAPROXY !== null && Bun.which('curl') !== null)('the page', () => {
  test('leads from an empty folder to three replicas behind HAProxy, of which one is killed', async () => {
    await using opened = new AsyncDisposableStack()
    const { server, address } = await startServer()
    opened.use(server)
    const folder = temporaryFolder()
    opened.defer(() => rmSync(folder, { recursive: true, force: true }))
    symlinkSync(BINARY, join(folder, 'secure-lock-server'))
    writeFileSync(join(folder, 'database'), `${address}\n`, { mode: 0o600 })
    const [first, port] = [await threePorts(), await freePort()]

    const run = (command: string) =>
      // The process of the service instead of a child of the shell: it can be killed.
      opened.use(paste(command.replace(/^\.\/secure-lock-server/m, 'exec $&'), folder))
    const started = ({ log }: ReturnType<typeof run>) =>
      until(() => log().includes('"msg":"started"'))
    const one = run(blockOf('port=8081').replace('8081', String(first)))
    await started(one)
    const second = blockOf('for name in two three;')
    const two = run(second)
    const [last = ''] = second.split('\n').slice(-1)
    await started(two)
    const three = run(last.replace('two', 'three'))
    await started(three)
    writeFileSync(join(folder, 'haproxy.cfg'), haproxyConfig(port, first))
    opened.use(paste(`exec ${HAPROXY} -f haproxy.cfg`, folder))
    const proxy = clientOf(`http://localhost:${port}`)
    await until(async () => (await proxy.get('/readyz').catch(() => undefined))?.status === 200)

    const answers = await pasteAll(GETTING_STARTED, folder, port)
    for (const [at, { answer }] of GETTING_STARTED.entries())
      if (answer !== undefined) expect(answers[at]).toMatch(patternOf(answer))

    await one.end('SIGKILL')
    const login = { username: 'ada', password: 'correct horse battery' }
    // A request that the dying replica had already received may be answered 502.
    const untilOk = async (send: () => Promise<Response>): Promise<Response> => {
      let answer: Response | undefined
      await until(async () => {
        answer = await send().catch(() => undefined)
        if (answer !== undefined && answer.status < 500) return true
        await Bun.sleep(50)
        return false
      })
      expect(answer?.status).toBe(200)
      return answer ?? Response.error()
    }
    const { access_token: token } = (await (
      await untilOk(() => proxy.post('/login', login))
    ).json()) as { access_token: string }
    const ids = Array.from({ length: 6 }, () => crypto.randomUUID())
    for (const id of ids)
      await untilOk(() => proxy.post('/v1/unlocks', { id, method: 'pin' }, bearer(token)))
    const logged = await untilOk(() => proxy.get('/v1/unlocks?limit=50', bearer(token)))
    const { unlocks } = (await logged.json()) as { unlocks: readonly unknown[] }
    expect(unlocks).toHaveLength(1 + ids.length)
    const [verified] = await pasteAll(
      [{ command: './secure-lock-server --env-file two.env log verify' }],
      folder,
      port,
    )
    expect(verified).toBe(`The log is intact: ${1 + ids.length} events`)
  })
})

/** Runs commands in one shell, as the page says: through the proxy, and with the settings of the first replica. */
const pasteAll = async (
  steps: readonly Pick<Step, 'command'>[],
  folder: string,
  port: number,
): Promise<readonly string[]> => {
  const commands = steps.map(({ command }) =>
    command.replaceAll('./dist/secure-lock-server', './secure-lock-server --env-file one.env'),
  )
  const shell = Bun.spawn(['sh'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], NO_PROXY: '*' },
    stdin: Buffer.from(scriptOf(commands, '').replaceAll('localhost:8080', `localhost:${port}`)),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [written, words] = await Promise.all([
    new Response(shell.stdout).text(),
    new Response(shell.stderr).text(),
  ])
  expect(`${await shell.exited} ${(await shell.exited) === 0 ? '' : words}`).toBe('0 ')
  return answersOf(written)
}
