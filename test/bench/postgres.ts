import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startReplicas } from '../faults/replicas.ts'
import { bearer, clientOf } from '../support/app.ts'
import { BINARY, temporaryFolder } from '../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { type Lines, atLeast, atMost, median, quantile, say } from './line.ts'
import { type Load, type Target, besideLoad, loadText, postLoad, typical } from './load.ts'
import { probing } from './probe.ts'
import { ROUNDS, SECONDS } from './rounds.ts'
import { QUIET, UNLOCK, startSignedIn } from './service.ts'
import { idleMiB } from './small.ts'

const CONNECTIONS = 96
const REPLICAS = 3

/** Unlocks on a PostgreSQL server that has each commit on disk, compared with the same build on SQLite: the data of
 * both is in the folder for temporary files. */
export async function* postgresLines(): Lines {
  if (!CAN_POSTGRES) {
    yield { what: 'on PostgreSQL', measured: 'not measured: it is not installed' }
    return
  }
  const root = temporaryFolder()
  try {
    await using postgres = await startPostgres({ hasFsync: true })
    yield* speedLines(postgres, root)
    yield* memoryLines(postgres, root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

type Server = Awaited<ReturnType<typeof startPostgres>>

async function* speedLines(postgres: Server, root: string): Lines {
  const folder = folderIn(root, 'sqlite')
  await using sqlite = await startSignedIn({ folder, env: QUIET })
  await using one = await startReplicas([postgres.home('one')])
  const homes = Array.from({ length: REPLICAS }, () => postgres.home('many'))
  await using many = await startReplicas(homes)
  const targets = ({ replicas, token }: typeof one): readonly Target[] =>
    replicas.map(({ url }) => ({ url: `${url}/logUnlocking`, BODY: UNLOCK, TOKEN: token }))
  const found = await alternately({
    sqlite: [sqlite.unlocks],
    one: targets(one),
    many: targets(many),
  })
  const [onFile, onServer, onReplicas] = [found('sqlite'), found('one'), found('many')]
  yield { what: `on SQLite, ${CONNECTIONS} connections`, measured: loadText(onFile) }
  yield { what: 'on PostgreSQL, one replica', measured: loadText(onServer) }
  yield { what: `on PostgreSQL, ${REPLICAS} replicas of one log`, measured: loadText(onReplicas) }
  yield atLeast(0.3, {
    what: 'one replica, as a share of SQLite',
    value: onServer.perSecond / onFile.perSecond,
  })
  yield atLeast(0.8, {
    what: `${REPLICAS} replicas, as a share of one`,
    value: onReplicas.perSecond / onServer.perSecond,
  })
  yield* checkpointLines(postgres, one)
}

/** Loads the targets of each kind in turn, shared among its connections; returns the medians of each. */
const alternately = async (
  kinds: Readonly<Record<string, readonly Target[]>>,
): Promise<(name: string) => Load> => {
  const load = async (targets: readonly Target[], seconds: number): Promise<Load> => {
    const connections = CONNECTIONS / targets.length
    const loads = await Promise.all(
      targets.map((target) => postLoad(target, { connections, seconds })),
    )
    const sum = (of: (load: Load) => number) => loads.reduce((total, one) => total + of(one), 0)
    return {
      requests: sum(({ requests }) => requests),
      perSecond: sum(({ perSecond }) => perSecond),
      p50Ms: median(loads.map(({ p50Ms }) => p50Ms)),
      p99Ms: Math.max(...loads.map(({ p99Ms }) => p99Ms)),
    }
  }
  // Until their code is compiled: each of several replicas gets only its share of the requests.
  for (const targets of Object.values(kinds)) await load(targets, 2 * SECONDS)
  const found = new Map(Object.keys(kinds).map((name) => [name, [] as Load[]]))
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`SQLite and PostgreSQL, round ${round} of ${ROUNDS}`)
    for (const [name, targets] of Object.entries(kinds))
      found.get(name)?.push(await load(targets, SECONDS))
  }
  return (name) => typical(found.get(name) ?? [])
}

const WRITERS = 16
const WARMING_REQUESTS = 500

async function* checkpointLines(
  postgres: Server,
  { first, token }: Awaited<ReturnType<typeof startReplicas>>,
): Lines {
  say('checkpoints')
  const { get } = clientOf(first.url)
  const target = { url: `${first.url}/logUnlocking`, BODY: UNLOCK, TOKEN: token }
  const probes = {
    '`/livez`': () => get('/livez'),
    'a page of unlocks': () => get('/v1/unlocks?limit=50', bearer(token)),
  }
  for (const [what, ask] of Object.entries(probes)) {
    for (let asked = 0; asked < WARMING_REQUESTS; asked += 1) await (await ask()).arrayBuffer()
    const times = await besideLoad(target, WRITERS, async () => {
      const end = probing(ask)
      const until = performance.now() + ROUNDS * SECONDS * 500
      while (performance.now() < until) {
        await postgres.query('CHECKPOINT')
        await Bun.sleep(200)
      }
      return end()
    })
    yield atMost(20, {
      what: `${what} while PostgreSQL makes checkpoints beside ${WRITERS} writers, p99`,
      value: quantile(times, 0.99),
      unit: ' ms',
    })
  }
}

async function* memoryLines(postgres: Server, root: string): Lines {
  say('memory')
  const memory = await idleMiB(
    {
      sqlite: () => ({ command: [BINARY], cwd: folderIn(root, 'idle-sqlite') }),
      postgres: () => ({
        command: [BINARY],
        cwd: folderIn(root, 'idle-postgres'),
        env: { DATABASE_URI: postgres.home('idle') },
      }),
    },
    Math.ceil(ROUNDS / 2),
  )
  const [onFile = Number.NaN, onServer = Number.NaN] = [memory['sqlite'], memory['postgres']]
  yield atMost(1.2, {
    what: 'idle memory of a replica on PostgreSQL, relative to that on SQLite',
    value: onServer / onFile,
    unit: ' ×',
    of: `${onServer.toFixed(1)} and ${onFile.toFixed(1)} MiB`,
  })
}

const folderIn = (root: string, name: string): string => {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  return folder
}
