import { bearer, clientOf } from '../support/app.ts'
import { CAN_SLOW, slowDisk } from '../support/slow-disk.ts'
import { REST_MS, syncMs } from './disk.ts'
import { type Lines, atMost, figure, median, quantile, say } from './line.ts'
import { besideLoad, loadText, postLoad } from './load.ts'
import { probing } from './probe.ts'
import { SECONDS } from './rounds.ts'
import { INSTALLED, UNLOCK, startSignedIn } from './service.ts'

const WRITERS = 64

/** Milliseconds added to each sync: an SD card, a bad one, and one that is about to fail. */
const ADDED_MS = [20, 100] as const
const FAILING_MS = 3000

const LONE_UNLOCKS = 20
const UNLOCK_PAGES = 8

/** Unlocks, reads and a stop on a disk whose syncs are slow. */
export async function* slowLines(folder: string): Lines {
  if (!CAN_SLOW) {
    say('Left out: a slow disk needs a C compiler (apt-get install gcc libc6-dev)')
    return
  }
  const disk = slowDisk(folder)
  const ownMs = syncMs(folder, { pages: UNLOCK_PAGES, restMs: REST_MS })
  yield { what: 'a sync of this disk, without the added time', measured: `${ownMs.toFixed(2)} ms` }
  const start = () => startSignedIn({ folder, env: { ...INSTALLED, ...disk.env } })
  {
    await using service = await start()
    const { lives } = await besideReads(service, () => write(service))
    yield {
      what: `no delay, ${WRITERS} writers: \`/livez\`, p99`,
      measured: `${figure(quantile(lives, 0.99))} ms`,
    }
    await service.stop()
  }
  for (const addedMs of [...ADDED_MS, FAILING_MS]) {
    say(`syncs that take ${addedMs} ms longer`)
    disk.delay(0)
    await using service = await start()
    await postLoad(service.unlocks, { connections: WRITERS, seconds: 1 })
    disk.delay(addedMs)
    const slow = { service, what: `sync + ${addedMs} ms`, syncedMs: addedMs + ownMs }
    yield* addedMs === FAILING_MS ? failingLines(slow) : slowSyncLines(slow)
    yield await stopLine(slow)
  }
}

const write = ({ unlocks }: SignedIn) =>
  postLoad(unlocks, { connections: WRITERS, seconds: 2 * SECONDS })

type SignedIn = Awaited<ReturnType<typeof startSignedIn>>

type Slow = { readonly service: SignedIn; readonly what: string; readonly syncedMs: number }

async function* slowSyncLines({ service, what, syncedMs }: Slow): Lines {
  const writing = await besideReads(service, () => write(service))
  const { lives, pages, result: load } = writing
  yield { what: `${what}, ${WRITERS} writers: unlocks`, measured: loadText(load) }
  yield readLine(`${what}, ${WRITERS} writers: \`/livez\`, p99`, lives, 10)
  yield readLine(`${what}, ${WRITERS} writers: a page of unlocks, p99`, pages, 10)
  yield atMost(1.3, {
    what: `${what}, ${WRITERS} writers: p50 of an unlock, relative to the sync`,
    value: load.p50Ms / syncedMs,
    unit: ' ×',
  })
  yield atMost(1, {
    what: `${what}: p50 of a lone unlock, above the sync`,
    value: median(await loneUnlocks(service)) - syncedMs,
    unit: ' ms',
  })
}

/** Some writers are refused, because they wait too long. */
async function* failingLines({ service, what }: Slow): Lines {
  const { lives, pages } = await besideReads(service, () =>
    besideLoad(service.unlocks, WRITERS, () => Bun.sleep(4 * FAILING_MS)),
  )
  yield readLine(`${what}, ${WRITERS} writers: \`/livez\`, p99`, lives, 50)
  yield readLine(`${what}, ${WRITERS} writers: a page of unlocks, p99`, pages, 50)
}

const besideReads = async <Result>({ url, token }: SignedIn, work: () => Promise<Result>) => {
  const { get } = clientOf(url)
  const liveness = probing(() => get('/livez'))
  const reading = probing(() => get('/v1/unlocks?limit=50', bearer(token)))
  const result = await work()
  return { result, lives: await liveness(), pages: await reading() }
}

const readLine = (what: string, times: readonly number[], maxMs: number) =>
  atMost(maxMs, {
    what,
    value: quantile(times, 0.99),
    unit: ' ms',
    of: `longest ${figure(Math.max(...times))} ms of ${times.length}`,
  })

const loneUnlocks = async ({ url, token }: SignedIn): Promise<readonly number[]> => {
  const times: number[] = []
  for (let done = 0; done < LONE_UNLOCKS; done += 1) {
    const begun = performance.now()
    const answer = await clientOf(url).post('/logUnlocking', UNLOCK, bearer(token))
    if (answer.status !== 200) throw new Error(`/logUnlocking answered ${answer.status}`)
    times.push(performance.now() - begun)
  }
  return times
}

/** A stop while all writers post. */
const stopLine = ({ service, what, syncedMs }: Slow) =>
  besideLoad(service.unlocks, WRITERS, async () => {
    await Bun.sleep(1.5 * syncedMs)
    const begun = performance.now()
    const status = await service.stop()
    const value = performance.now() - begun
    if (status !== 0) throw new Error(`the stop ended with status ${status}`)
    return atMost(syncedMs + 1000, { what: `${what}: a stop under load`, value, unit: ' ms' })
  })
