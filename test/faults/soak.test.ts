import { expect, test } from 'bun:test'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService } from '../support/binary.ts'
import { follow } from '../support/stream.ts'
import { until } from '../support/until.ts'
import { SHARE, signIn, tell } from './evidence.ts'
import { descriptors, memoryMiB } from './processes.ts'
import { scraping } from '../support/metrics-token.ts'

/** Ten minutes with `bun run test:long`. */
const SECONDS = 600 * SHARE

/** Until caches are full and everything is compiled. */
const WARM_UP = 0.25

/** What is compared is measured over this part of the time, after the warm-up and at the end. */
const WINDOW = 0.1

const GROWTH_MIB_MAX = 16

const PAGES = ['/', '/join', '/swagger', '/swagger/json', '/readyz', '/nowhere']

test('nothing grows while people come and go', async () => {
  await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  const { url, pid } = service
  const { get, post } = clientOf(url)
  const token = await signIn(url)
  const ends = performance.now() + SECONDS * 1000
  const done: Record<string, number> = {}

  /** Repeats it, with pauses between. */
  const steadily = async (what: string, restMs: number, work: () => Promise<void>) => {
    for (done[what] = 0; performance.now() < ends; done[what] += 1) {
      await work()
      await Bun.sleep(restMs)
    }
  }
  const answered = async (answer: Promise<Response>, statuses: readonly number[] = [200]) => {
    const { status, body } = await answer.then(async (one) => ({
      status: one.status,
      body: await one.text(),
    }))
    expect(statuses).toContain(status)
    return body
  }

  const unlock = () => answered(post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(token)))

  const samples: { at: number; mib: number; descriptors: number }[] = []
  const begun = performance.now()
  await Promise.all([
    steadily('unlocks', 50, async () => {
      await unlock()
    }),
    steadily('pages', 50, async () => {
      for (const path of PAGES) await answered(get(path), [200, 404])
      await answered(get('/metrics', scraping(service.folder)))
      await answered(get('/v1/unlocks?limit=50', bearer(token)))
    }),
    steadily('logins', 1000, async () => {
      const body = await answered(post('/login', { username: 'ada', password: PASSWORD }))
      const { access_token: other } = JSON.parse(body) as { access_token: string }
      await answered(post('/login', { username: 'ada', password: 'wrong' }), [401])
      await answered(post('/v1/session/logout', {}, bearer(other)), [200, 204])
    }),
    steadily('streams', 500, async () => {
      const stream = await follow(url, bearer(token))
      // At the end, nobody else unlocks any more.
      await unlock()
      await stream.until(() => stream.messages.length > 0)
      await stream.leave()
    }),
    steadily('looks', 200, async () => {
      const at = (performance.now() - begun) / (SECONDS * 1000)
      samples.push({ at, mib: memoryMiB(pid), descriptors: descriptors(pid) })
    }),
  ])

  const between = (from: number, to: number) => samples.filter(({ at }) => at >= from && at < to)
  const middle = (values: readonly number[]) =>
    values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
  const seen = (from: number, to: number) => ({
    mib: middle(between(from, to).map(({ mib }) => mib)),
    descriptors: Math.max(...between(from, to).map((one) => one.descriptors)),
  })
  const [early, late] = [seen(WARM_UP, WARM_UP + WINDOW), seen(1 - WINDOW, Infinity)]
  tell(
    `${SECONDS} s: ${JSON.stringify(done)}; memory ${early.mib.toFixed(1)} MiB, then ${late.mib.toFixed(1)} MiB; ` +
      `descriptors at most ${early.descriptors}, then ${late.descriptors}`,
  )
  // Now that nobody is there, memory that is only late to be given back does not count.
  await until(() => descriptors(pid) <= early.descriptors)
  await until(() => memoryMiB(pid) < early.mib + GROWTH_MIB_MAX)
  expect(Object.values(done).every((times) => times > 0)).toBe(true)
  expect(await service.stop()).toBe(0)
})
