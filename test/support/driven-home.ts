import type { NewReport } from '../../src/domain/access.ts'
import type { Broker, BrokerMessage } from '../../src/domain/broker.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import { driversModule } from '../../src/drivers/module.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import { bearer, startApp } from './app.ts'
import { household } from './household.ts'

/** A broker in this process: what a driver says is kept, and what a test says arrives. */
const brokerHere = () => {
  const said: { readonly topic: string; readonly payload: string; readonly qos: 0 | 1 }[] = []
  const listeners = new Set<{ filter: string; listener: (message: BrokerMessage) => void }>()
  const onConnect = new Set<() => void>()
  let isConnected = true
  const broker: Broker = {
    publish: async (topic, payload, { qos = 1 } = {}) => {
      if (!isConnected) return 'unheard'
      said.push({ topic, payload, qos })
      return 'heard'
    },
    subscribe: (filter, listener) => {
      const one = { filter, listener }
      listeners.add(one)
      return () => void listeners.delete(one)
    },
    onConnect: (listener) => {
      onConnect.add(listener)
      if (isConnected) listener()
      return () => void onConnect.delete(listener)
    },
    isConnected: () => isConnected,
  }
  return {
    broker,
    said,
    /** What was said to the topic of commands. */
    commands: () => said.filter(({ topic }) => /\/(set|action|command)$/.test(topic)),
    hear: (topic: string, payload: unknown, isRetained = false): void => {
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
      for (const { filter, listener } of listeners)
        if (filter === topic) listener({ topic, payload: text, isRetained, atMs: 0 })
    },
    setConnected: (connected: boolean): void => {
      isConnected = connected
      if (connected) for (const listener of onConnect) listener()
    },
    listening: () => listeners.size,
  }
}

/** A home with a front door that everybody may open, whose owner is Ada and whose member is Grace, and with drivers of
 * its own that hear a broker in this process. */
export const drivenHome = async ({
  isShared = false,
  ...options
}: Partial<Pick<Parameters<typeof driversModule>[0], 'deadlineMs' | 'refusalOf'>> & {
  /** As on a server, where other processes lead before and after these drivers. */
  readonly isShared?: boolean
} = {}) => {
  const app = await startApp()
  const person = await household(app, { ada: 'owner', grace: 'member' })
  const ada = bearer(person('ada').token)
  await app.post('/v1/locks', { label: 'front-door', name: 'Front door', open_to: 'members' }, ada)
  const lock = await app.db.get<{ id: string }>("SELECT id FROM lock WHERE label = 'front-door'")
  const lockId = lock?.id ?? ''
  const broker = brokerHere()
  const reports: NewReport[] = []
  const logLines: string[] = []

  const started: Disposable[] = []
  let aheadMs = 0
  const clock = clockFrom({
    wallMs: () => Date.now() + aheadMs,
    monotonicMs: () => performance.now() + aheadMs,
  })

  /** Returns drivers on the same database that have not begun. */
  const make = () => {
    const drivers = driversModule({
      db: isShared ? { ...app.db, isFile: false } : app.db,
      clock,
      logger: processLogger({
        level: 'debug',
        format: 'json',
        write: (line) => logLines.push(line),
      }),
      audit: app.audit,
      broker: broker.broker,
      refusalOf: () => undefined,
      findLock: app.locks.findLock,
      nameOf: async (publicId) =>
        (
          await app.db.get<{ username: string }>(
            'SELECT username FROM account WHERE public_id = ?',
            publicId,
          )
        )?.username,
      report: async (report) => {
        const outcome = await app.unlocks.unlockLog.report(report)
        if (outcome.status === 'stored') reports.push(report)
      },
      returnUseIn: app.locks.returnUseIn,
      // Only tests about the deadline shall meet it, however busy the machine is.
      deadlineMs: 100_000,
      ...options,
    })
    started.push(drivers)
    return drivers
  }

  /** Starts drivers on the same database, as a restart of the service does. */
  const start = async () => {
    const drivers = make()
    await drivers.begin()
    return drivers
  }

  return {
    ...app,
    ...broker,
    broker,
    lockId,
    person,
    ada,
    /** What became a leaf. */
    reports,
    /** Moves the clock of the drivers. */
    later: (ms: number): void => {
      aheadMs += ms
    },
    clock,
    driverLines: logLines,
    make,
    start,
    /** Stores a driver, as the API does. */
    setUp: (kind: string, settings: object, secrets: object = {}) =>
      app.db.run(
        `INSERT INTO lock_driver (lock_id, kind, settings, secrets, version) VALUES (?, ?, ?, ?, 1)`,
        lockId,
        kind,
        JSON.stringify(settings),
        JSON.stringify(secrets),
      ),
    /** Grace asks to open the front door. Returns the id of her attempt. */
    ask: async (id: string = crypto.randomUUID()) => {
      const answer = await app.post(
        '/v1/locks/front-door/unlock',
        { id },
        bearer(person('grace').token),
      )
      const decided = (await answer.json()) as { decision: string; delivery: string }
      return { id, ...decided }
    },
    attempt: async (id: string) => {
      const path = `/v1/locks/front-door/attempts/${id}`
      const answer = await app.get(path, bearer(person('grace').token))
      return (await answer.json()) as { delivery: string; lock_says: string | null }
    },
    [Symbol.asyncDispose]: async () => {
      for (const drivers of started) drivers[Symbol.dispose]()
      await app[Symbol.asyncDispose]()
    },
  }
}
