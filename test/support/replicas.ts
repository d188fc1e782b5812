import { afterAll, beforeAll } from 'bun:test'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openApp } from '../../src/app.ts'
import { version } from '../../package.json'
import { whileLeading } from '../../src/cli/serve/leader.ts'
import { joinReplicas } from '../../src/cli/serve/same-settings.ts'
import { parseConfig } from '../../src/config/config.ts'
import { type PostgresAddress, postgresAddress } from '../../src/config/postgres-address.ts'
import { clockFrom } from '../../src/domain/clock.ts'
import { KEY_FILES } from '../../src/storage/files/data-dir.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import type { CreateBackup } from '../../src/ops/backups/backups.ts'
import { CHEAP, clientOf, peopleOf } from './app.ts'
import { UNLIMITED, temporaryFolder } from './binary.ts'
import { startPostgres } from './postgres-server.ts'

export type Replica = Awaited<ReturnType<typeof startReplica>>

/** Where a home is: a schema on a server. */
export type Place = { readonly postgres: PostgresAddress }

/** Uses the server of TEST_POSTGRES for the tests of a file, or starts one for them. Returns a function that returns
 * the place of a new home on it. */
export const useServer = (): (() => Place) => {
  let server: Awaited<ReturnType<typeof startPostgres>> | undefined
  let url = process.env['TEST_POSTGRES']
  beforeAll(async () => {
    if (url !== undefined) return
    server = await startPostgres()
    url = server.url()
  })
  afterAll(() => server?.[Symbol.asyncDispose]())
  return () => ({
    postgres: postgresAddress(`${url}?schema=test_${crypto.randomUUID().replaceAll('-', '')}`),
  })
}

type Options = {
  readonly env?: Readonly<Record<string, string>>
  /** The data folder of a replica whose keys the new ones have. */
  readonly keysOf?: string
  readonly createBackup?: CreateBackup
}

/** Starts several services on one home on a server, each with a data folder of its own and the same keys. */
export const startReplicas = async (
  count: number,
  place: Place,
  { keysOf, clocks = [], ...options }: Options & Clocks = {},
) => {
  const folder = temporaryFolder()
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rmSync(folder, { recursive: true, force: true }))
  const replicas: Replica[] = []
  for (let at = 0; at < count; at += 1) {
    const dataDir = join(folder, String(at))
    const keys = keysOf ?? replicas[0]?.dataDir
    for (const name of keys === undefined ? [] : Object.values(KEY_FILES))
      if (existsSync(join(keys ?? '', name))) cpSync(join(keys ?? '', name), join(dataDir, name))
    replicas.push(opened.use(await startReplica({ place, dataDir, clock: clocks[at], ...options })))
  }
  const kept = opened.move()
  return {
    place,
    replicas,
    /** Returns the replica that leads, once one does. */
    leader: async (): Promise<Replica> => {
      for (;;) {
        const found = replicas.find(({ db }) => db.leading.isLeader())
        if (found) return found
        await Bun.sleep(5)
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** The clocks of the replicas, instead of that of the server. */
type Clocks = { readonly clocks?: readonly Starting['clock'][] }

type Starting = Options & {
  readonly clock: { readonly wallMs: () => number } | undefined
  readonly place: Place
  readonly dataDir: string
}

const startReplica = async ({ place, dataDir, clock, env, createBackup }: Starting) => {
  const logLines: string[] = []
  const logger = processLogger({
    level: 'debug',
    format: 'json',
    write: (line) => logLines.push(line),
  })
  const config = { ...parseConfig({ ...UNLIMITED, DATA_DIR: dataDir, ...env }), ...place }
  const app = await openApp(config, {
    logger,
    use: 'service',
    argon2id: CHEAP,
    ...(clock ? { clock: clockFrom(clock) } : {}),
    ...(createBackup ? { createBackup } : {}),
  })
  app.http.listen({ hostname: '127.0.0.1', port: 0 })
  await joinReplicas(app, {
    config,
    version,
    log: logger,
    stopRequested: new Promise(() => {}),
    onDissent: () => {},
  })
  await whileLeading(app, logger)
  const url = `http://127.0.0.1:${app.http.server?.port}`
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    app.unlocks.eventStream.close()
    await app.http.server?.stop(true)
    await app[Symbol.asyncDispose]()
  }
  return {
    ...clientOf(url),
    ...app,
    ...peopleOf(app, Date.now),
    config,
    dataDir,
    logLines,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
