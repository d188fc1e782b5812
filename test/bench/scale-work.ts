import { Database } from 'bun:sqlite'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { HOUR_MS } from '../../src/domain/duration.ts'
import { tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { BINARY, OWN_FOLDER, type Service } from '../support/binary.ts'
import { UNLOCK } from './service.ts'
import { type Lines, atMost, count, figure, quantile, say } from './line.ts'
import { probing } from './probe.ts'
import { memoryMiB, resetPeak } from './process.ts'
import { BUSY, DAYS, OWNER } from './scale-fill.ts'
import { startScale } from './scale-service.ts'

/** How long other requests may wait during bulk work, and how much memory it may take. */
const WAIT_MS_MAX = 100
const MIB_MAX = 256

const LOOK_MS = 200
const WORK_MS_MAX = 2 * HOUR_MS

/** Backup, erasing and retention during writes, in a folder that they change. */
export async function* workLines(folder: string): Lines {
  const retention = { LOG_RETENTION_DAYS: String(DAYS / 2) }
  const backup = join(folder, 'backup.tar')
  yield* besideLines('backup', await startScale(folder), () => backedUp(folder, backup))
  rmSync(backup)
  yield* besideLines('erasing the busiest account', await startScale(folder), eraseBusiest)
  yield* besideLines('retention of half the log', await startScale(folder, retention), retained)
}

/** What bulk work did: how many of what, and its peak if it was a separate process. */
type Done = { readonly items: number; readonly of: string; readonly peakMiB?: number }

async function* besideLines(
  what: string,
  started: Service,
  work: (service: Service) => Promise<Done>,
): Lines {
  say(what)
  await using service = started
  const { get, post } = clientOf(service.url)
  const phone = bearer(await tokenFor(service.url, 'person-1'))
  resetPeak(service.pid)
  const begun = performance.now()
  const unlocking = probing(() => post('/logUnlocking', UNLOCK, phone))
  const living = probing(() => get('/livez'))
  const { items, of, peakMiB } = await work(service)
  const seconds = (performance.now() - begun) / 1000
  const [unlocks, lives] = [await unlocking(), await living()]
  const each = `${count(writtenBytes(service.pid) / items)} bytes written for each`
  yield {
    what,
    measured: `${count(items)} ${of} in ${figure(seconds)} s${peakMiB === undefined ? `, ${each}` : ''}`,
  }
  yield atMost(WAIT_MS_MAX, {
    what: `${what}: p99 of \`/logUnlocking\` meanwhile`,
    value: quantile(unlocks, 0.99),
    unit: ' ms',
    of: `${unlocks.length}, longest ${figure(Math.max(...unlocks))} ms`,
  })
  yield atMost(WAIT_MS_MAX, {
    what: `${what}: longest wait of \`/livez\``,
    value: Math.max(...lives),
    unit: ' ms',
    of: `p99 ${figure(quantile(lives, 0.99))} ms`,
  })
  const value = peakMiB ?? memoryMiB(service.pid, 'VmHWM')
  yield atMost(MIB_MAX, { what: `${what}: memory at the peak`, value, unit: ' MiB' })
  await service.stop()
}

/** Returns how many bytes a process has written. `write_bytes` would count several pages for each one written to a
 * file that the kernel caches in large folios. */
const writtenBytes = (pid: number): number =>
  Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])

const backedUp = async (folder: string, file: string): Promise<Done> => {
  const backup = Bun.spawn([BINARY, 'backup', file], {
    cwd: folder,
    env: OWN_FOLDER,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const said = await new Response(backup.stdout).text()
  if ((await backup.exited) !== 0) throw new Error(`backup: ${said}`)
  const items = Number(/Backed up (\d+) event/.exec(said)?.[1])
  return { items, of: 'events', peakMiB: (backup.resourceUsage()?.maxRSS ?? NaN) / 1024 ** 2 }
}

const eraseBusiest = async (service: Service): Promise<Done> => {
  const { url, folder } = service
  const database = join(folder, 'data/secure-lock.db')
  const items = countOf(
    database,
    `SELECT count(*) AS n FROM unlock_event WHERE account_number =
       (SELECT number FROM unlock_account WHERE public_id = (${BUSIEST}))`,
  )
  using db = new Database(database, { readonly: true })
  const { id } = db.query<{ id: string }, []>(BUSIEST).get() ?? { id: '' }
  const owner = bearer(await tokenFor(url, OWNER))
  const answer = await clientOf(url).delete(`/v1/people/${id}`, {}, owner)
  if (answer.status !== 200) throw new Error(`erasing answered ${answer.status}`)
  const isLeft = `SELECT count(*) AS n FROM unlock_account WHERE public_id = '${id}'`
  await until(service, () => countOf(database, isLeft) === 0)
  return { items, of: 'unlocks' }
}

const BUSIEST = `SELECT public_id AS id FROM account WHERE username = '${BUSY}'`

const retained = async (service: Service): Promise<Done> => {
  const log = join(service.folder, 'log')
  const events = () => {
    const lines = readFileSync(log, 'utf8').split('\n')
    const line = lines.find((one) => one.includes('"unlocks.retention"'))
    return line && (JSON.parse(line) as { detail: { events: number } }).detail.events
  }
  await until(service, () => events() !== undefined)
  return { items: Number(events()), of: 'names' }
}

/** Checks seldom, so as not to slow down the work it waits for. Throws if the service is gone. */
const until = async ({ pid }: Service, holds: () => boolean): Promise<void> => {
  for (const deadline = performance.now() + WORK_MS_MAX; !holds(); await Bun.sleep(LOOK_MS))
    if (!process.kill(pid, 0) || performance.now() > deadline)
      throw new Error(`not done after ${WORK_MS_MAX / HOUR_MS} h`)
}

const countOf = (path: string, sql: string): number => {
  using db = new Database(path, { readonly: true })
  return db.query<{ n: number }, []>(sql).get()?.n ?? 0
}
