import { expect, test } from 'bun:test'
import { type IncomingMessage, get } from 'node:http'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService } from '../support/binary.ts'

const STREAMS_PER_ACCOUNT = 5
const ACCOUNTS_PER_ADDRESS = 4
const NEWCOMERS = 20

test('[G8] newcomers at many addresses take all the streams they get; an owner still has five', async () => {
  await using service = await startService({ env: UNLIMITED })
  const { url, folder } = service
  await addAccount('oli', { role: 'owner', folder })
  const owner = await tokenFor(url, 'oli')
  const streams: IncomingMessage[] = []
  /** Opens a stream from one of the many addresses of the loopback interface; returns its status. */
  const open = (token: string, address: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = bearer(token)
      get(
        `${url}/v1/unlocks/stream`,
        { headers, localAddress: address, agent: false },
        (answer) => {
          if (answer.statusCode === 200) streams.push(answer)
          answer.on('error', () => {}).resume()
          resolve(answer.statusCode)
        },
      ).on('error', reject)
    })
  const statuses = new Set<number | undefined>()
  for (let number = 0; number < NEWCOMERS; number += 1) {
    const username = `guest-${number}`
    await clientOf(url).post('/register', {
      username,
      password: PASSWORD,
      phone: '1',
      address: 'x',
    })
    const token = await tokenFor(url, username)
    const address = `127.0.1.${1 + Math.floor(number / ACCOUNTS_PER_ADDRESS)}`
    for (let times = 0; times < STREAMS_PER_ACCOUNT; times += 1)
      statuses.add(await open(token, address))
  }
  expect([streams.length, statuses]).toStrictEqual([90, new Set([200, 503])])
  const owners = Array.from({ length: STREAMS_PER_ACCOUNT }, () => open(owner, '127.0.0.1'))
  expect(await Promise.all(owners)).toStrictEqual(owners.map(() => 200))
  expect(await open(owner, '127.0.0.1')).toBe(429)
  for (const stream of streams) stream.destroy()
  await service.stop()
})

test('[G11] whoever registers and watches the checkpoint does not see the owner come home', async () => {
  await using service = await startService({ env: UNLIMITED })
  const { url, folder } = service
  const { get: ask, post } = clientOf(url)
  await addAccount('oli', { role: 'owner', folder })
  await post('/register', { username: 'eve', password: PASSWORD, phone: '1', address: 'x' })
  const [owner, guest] = [await tokenFor(url, 'oli'), await tokenFor(url, 'eve')]
  const checkpointOf = async (token: string) =>
    (await ask('/v1/log/checkpoint', bearer(token))).text()
  await post('/v1/unlocks', { method: 'pin' }, bearer(guest))
  // A full hour may just have begun; then the checkpoint changes once.
  const seen = new Set<string>()
  for (let times = 0; times < 10; times += 1) {
    await post('/logUnlocking', { 'unlocking-method': 'pin' }, bearer(owner))
    seen.add(await checkpointOf(guest))
  }
  expect(seen.size).toBeLessThanOrEqual(2)
  expect((await checkpointOf(owner)).split('\n')[1]).toBe('11')
  await service.stop()
})
