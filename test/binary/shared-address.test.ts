import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { addAccount } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { scraping } from '../support/metrics-token.ts'

/** The usual limits, in windows that do not end before the test does. */
const LIMITS = { RATE_LIMIT_AUTH: '20/day', RATE_LIMIT_DEFAULT: '600/day' }

/** Asks until the address is refused. */
const flood = async (ask: () => Promise<Response>, times: number): Promise<void> => {
  const statuses: number[] = []
  const one = async () => {
    while (statuses.length < times) statuses.push((await ask()).status)
  }
  await Promise.all(Array.from({ length: 10 }, one))
  expect(statuses).toContain(429)
}

test('[P5] behind one address with a stranger who uses up every limit of it, a household keeps its door, its logins and its monitoring', async () => {
  const folder = temporaryFolder()
  await addAccount('oli', { role: 'owner', folder })
  await using service = await startService({ folder, env: { LOG_LEVEL: 'error', ...LIMITS } })
  const { get, post, patch } = clientOf(service.url)
  const credentials = { username: 'oli', password: PASSWORD }
  const login = (more: object = {}) => post('/login', { ...credentials, ...more })
  const phone = (await (await login()).json()) as Record<string, string>

  await flood(() => post('/login', '{'), 30)
  await flood(() => get('/nothing'), 620)
  expect((await login()).status).toBe(429)

  const again = await login({ device_token: phone['device_token'] })
  expect(again.status).toBe(200)
  const { access_token: token = '' } = (await again.json()) as Record<string, string>
  const oli = bearer(token)
  const refreshed = await post('/v1/session/refresh', { refresh_token: phone['refresh_token'] })
  expect(refreshed.status).toBe(200)
  const unlock = await post('/logUnlocking', { 'unlocking-method': 'pin' }, oli)
  expect(unlock.status).toBe(200)
  expect((await get('/v1/unlocks?limit=1', oli)).status).toBe(200)
  expect((await patch('/v1/settings', { registration: 'closed' }, oli)).status).toBe(200)
  for (const path of ['/livez', '/readyz', '/console']) expect((await get(path)).status).toBe(200)
  expect((await get('/metrics', scraping(folder))).status).toBe(200)
  const health = await runCommand(['healthcheck'], {
    folder,
    env: { PORT: new URL(service.url).port },
  })
  expect(health.status).toBe(0)
  await service.stop()
  rmSync(folder, { recursive: true })
})
