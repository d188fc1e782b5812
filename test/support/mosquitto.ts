import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePort, temporaryFolder } from './binary.ts'
import { cable } from './cable.ts'
import { until } from './until.ts'

const USER = 'gateway'
const PASSWORD = 'broker-secret'

type Options = {
  /** Whether clients need no password. */
  readonly isOpen?: boolean
  /** The certificate of the broker, its key, and the authority to trust. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

type Heard = { readonly topic: string; readonly isRetained: boolean; readonly payload: string }

/** A real broker, Debian's mosquitto, that keeps nothing over a restart. */
export const startMosquitto = async ({ isOpen = false, tls }: Options = {}) => {
  const folder = temporaryFolder()
  const port = await freePort()
  const passwords = join(folder, 'passwords')
  mkdirSync(folder, { recursive: true })
  done(['mosquitto_passwd', '-c', '-b', passwords, USER, PASSWORD])
  const config = join(folder, 'mosquitto.conf')
  writeFileSync(
    config,
    [
      `user ${process.env['USER'] ?? 'root'}`,
      'persistence false',
      `listener ${port} 127.0.0.1`,
      `allow_anonymous ${String(isOpen)}`,
      `password_file ${passwords}`,
      ...(tls ? [`certfile ${tls.cert}`, `keyfile ${tls.key}`] : []),
    ].join('\n'),
  )
  const run = () =>
    Bun.spawn(['mosquitto', '-c', config], { stdout: 'ignore', stderr: 'ignore', stdin: 'ignore' })
  let broker = run()
  await until(() => answers(port))
  const listeners: Bun.Subprocess[] = []
  const client = ['-h', tls ? 'localhost' : '127.0.0.1', '-p', String(port), '-V', '5']
  const trust = tls ? ['--cafile', tls.cert] : []
  const user = ['-u', USER, '-P', PASSWORD]
  const stop = async (signal: NodeJS.Signals = 'SIGKILL') => {
    broker.kill(signal)
    await broker.exited
  }

  /** Collects the messages on topics, the kept ones among them, until the end of the test or `end`. */
  const listen = async (...filters: readonly string[]) => {
    const heard: Heard[] = []
    // The marker says that the subscriptions are in force.
    const marker = `test/${crypto.randomUUID()}`
    const topics = [...filters, marker].flatMap((filter) => ['-t', filter])
    const listener = Bun.spawn(
      ['mosquitto_sub', ...client, ...trust, ...user, '-q', '1', '-F', '%t\t%r\t%p', ...topics],
      { stdout: 'pipe', stderr: 'ignore', stdin: 'ignore' },
    )
    listeners.push(listener)
    let isListening = false
    void collect(listener.stdout, (line) => {
      const [topic = '', retained, ...rest] = line.split('\t')
      if (topic === marker) isListening = true
      else heard.push({ topic, isRetained: retained === '1', payload: rest.join('\t') })
    })
    await until(async () => {
      publish(marker, 'x')
      await Bun.sleep(20)
      return isListening
    })
    return {
      heard,
      of: (topic: string) => heard.filter((message) => message.topic === topic),
      end: async () => {
        listener.kill()
        await listener.exited
      },
    }
  }

  const publish = (topic: string, payload: string, { retain = false } = {}): void =>
    done([
      'mosquitto_pub',
      ...client,
      ...trust,
      ...user,
      '-q',
      '1',
      '-t',
      topic,
      ...(payload === '' ? ['-n'] : ['-m', payload]),
      ...(retain ? ['-r'] : []),
    ])

  return {
    port,
    url: `${tls ? 'mqtts' : 'mqtt'}://${USER}:${PASSWORD}@${tls ? 'localhost' : '127.0.0.1'}:${port}`,
    listen,
    publish,
    /** Returns what the broker keeps on topics. */
    kept: async (...filters: readonly string[]): Promise<Readonly<Record<string, string>>> => {
      const { heard, end } = await listen(...filters)
      await end()
      const kept = heard.filter(({ isRetained }) => isRetained)
      return Object.fromEntries(kept.map(({ topic, payload }) => [topic, payload]))
    },
    stop,
    /** Starts it again after `stop`: it has forgotten everything. */
    start: async () => {
      broker = run()
      await until(() => answers(port))
    },
    [Symbol.asyncDispose]: async () => {
      for (const listener of listeners) listener.kill()
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const done = (command: string[]): void => {
  const { exitCode, stderr } = Bun.spawnSync(command)
  if (exitCode !== 0) throw new Error(`${command[0]}: ${stderr.toString()}`)
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

const collect = async (
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
): Promise<void> => {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}

/** A proxy that answers MQTT 5 as a broker does that only knows 3.1.1. */
export const olderBroker = (toPort: () => number) =>
  cable(toPort, {
    refusal: (first) =>
      first[0] === 0x10 && versionOf(first) === 5
        ? Uint8Array.of(0x20, 0x02, 0x00, 0x01)
        : undefined,
  })

/** The version in a CONNECT packet: after the fixed header and the name `MQTT`. */
const versionOf = (bytes: Buffer): number | undefined => bytes[bytes.indexOf('MQTT') + 4]
