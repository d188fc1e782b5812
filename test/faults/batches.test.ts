import { expect, test } from 'bun:test'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService } from '../support/binary.ts'
import { slowRequest } from '../support/slow-request.ts'
import { IS_LONG, tell } from './evidence.ts'

const BATCHES = IS_LONG ? 60 : 30
const BATCH = JSON.stringify(Array.from({ length: 500 }, () => ({ method: 'x'.repeat(80) })))

test('[G7] batches of many accounts that arrive together neither refuse nor hold up a lone unlock', async () => {
  await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  const { url } = service
  const { post } = clientOf(url)
  const signedUp = async (username: string): Promise<string> => {
    const person = { username, password: PASSWORD, phone: '1', address: 'x' }
    expect((await post('/register', person)).status).toBe(200)
    return ((await (await post('/login', person)).json()) as { access_token: string }).access_token
  }
  const ada = bearer(await signedUp('ada'))
  const endings: (() => Promise<number>)[] = []
  for (let number = 0; number < BATCHES; number += 1) {
    const token = await signedUp(`guest ${number}`)
    const request = { method: 'POST', path: '/v1/unlocks', token, body: BATCH }
    endings.push(await slowRequest(url, request))
  }

  const answers = Promise.all(endings.map((end) => end()))
  const tookMs: number[] = []
  const statuses = new Set<number>()
  do {
    const startedAtMs = performance.now()
    statuses.add((await post('/logUnlocking', { 'unlocking-method': 'pin' }, ada)).status)
    tookMs.push(performance.now() - startedAtMs)
  } while (Bun.peek.status(answers) === 'pending')
  const batchStatuses = await answers
  expect([...statuses]).toStrictEqual([200])
  expect(batchStatuses.filter((status) => ![200, 503].includes(status))).toStrictEqual([])
  expect(batchStatuses).toContain(200)
  tookMs.sort((one, two) => one - two)
  tell(
    `${tookMs.length} lone unlocks beside ${BATCHES} batches (${batchStatuses.filter((status) => status === 200).length} stored): ` +
      `median ${Math.round(tookMs[tookMs.length >> 1] ?? 0)} ms, longest ${Math.round(tookMs.at(-1) ?? 0)} ms`,
  )
})
