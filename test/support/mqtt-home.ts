import { rmSync } from 'node:fs'
import { PASSWORD, bearer, clientOf } from './app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from './binary.ts'
import { homeDatabase } from './home-database.ts'
import { startMosquitto } from './mosquitto.ts'
import { until } from './until.ts'

type Env = Readonly<Record<string, string>>

/** The executable beside a broker, with further settings, perhaps by the port of the broker, with Oli, who owns the home, and the members Ada and Ben. */
export const homeWithBroker = async (
  env: Env | ((port: number) => Env) = {},
  brokerOptions: Parameters<typeof startMosquitto>[0] = {},
) => {
  const folder = temporaryFolder()
  const broker = await startMosquitto(brokerOptions)
  const own = typeof env === 'function' ? env(broker.port) : env
  const settings = { ...UNLIMITED, DATA_DIR: './data', MQTT_URL: broker.url, ...own }
  const command = (args: readonly string[], input = '') =>
    runCommand(args, { folder, env: settings, input })
  for (const [name, role] of [
    ['Oli', 'owner'],
    ['Ada', 'member'],
    ['Ben', 'member'],
  ] as const) {
    const { status, words } = await command(['user', 'add', '--role', role, name], PASSWORD)
    if (status !== 0) throw new Error(words)
  }
  let service = await startService({ folder, env: settings })
  const client = () => clientOf(service.url)
  const logIn = async (username: string): Promise<string> => {
    const answer = await client().post('/login', { username, password: PASSWORD })
    return ((await answer.json()) as { access_token: string }).access_token
  }
  const tokens = new Map<string, string>()
  const as = async (name: string) => {
    const token = tokens.get(name) ?? (await logIn(name))
    tokens.set(name, token)
    return bearer(token)
  }
  const gid = async (): Promise<string> => {
    const topics = async () => Object.keys(await broker.kept('secure-lock/+/status'))
    await until(async () => (await topics()).length > 0)
    return (await topics())[0]?.split('/')[1] ?? ''
  }
  return {
    broker,
    folder,
    settings,
    command,
    as,
    gid,
    client,
    logIn,
    service: () => service,
    /** Waits until nothing is left to be told, and that is on disk: after a crash before that, it is told again. */
    allTold: async () => {
      await using db = await homeDatabase(folder)
      const waiting = `SELECT count(*) AS n FROM delivery WHERE state = 'waiting'`
      await until(async () => Bun.deepEquals(await db.get(waiting), { n: 0 }))
    },
    /** Starts it again after `stop`. */
    restart: async (more: Env = {}) => {
      service = await startService({ folder, env: { ...settings, ...more } })
    },
    unlock: async (name: string, method = 'pin') => {
      const answer = await client().post(
        '/logUnlocking',
        { 'unlocking-method': method },
        await as(name),
      )
      if (answer.status !== 200) throw new Error(await answer.text())
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]()
      await broker[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
