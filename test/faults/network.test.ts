import { describe, expect, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PASSWORD } from '../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { CAN_FAULT, faultyCalls } from '../support/faulty-calls.ts'
import { CAN_NETWORK, GATEWAY_ADDRESS, twoMachines } from '../support/network.ts'
import { IS_LONG, tell } from './evidence.ts'
import { until } from '../support/until.ts'

const PORT = '8080'
const URL_OF_GATEWAY = `http://${GATEWAY_ADDRESS}:${PORT}`
const URL_WITHIN = `http://127.0.0.1:${PORT}`
const JSON_HEADER = ['-H', 'content-type: application/json']
const ADA = { username: 'ada', password: PASSWORD }

/** A service on one machine, with requests from another and from itself. */
const doorAndPhone = async (env: Readonly<Record<string, string>> = {}) => {
  const net = await twoMachines()
  const { curl, gateway, phone } = net
  const service = await startService({
    within: gateway,
    env: { ...UNLIMITED, LOG_LEVEL: 'warn', HOST: '0.0.0.0', PORT, ...env },
    isUp: async () => (await curl(gateway, `${URL_WITHIN}/livez`)).includes('ok'),
  })
  const post = (from: readonly string[], path: string, body: unknown, ...more: string[]) => {
    const base = from === gateway ? URL_WITHIN : URL_OF_GATEWAY
    return curl(from, ...JSON_HEADER, ...more, '-d', JSON.stringify(body), base + path)
  }
  let token = ''
  const bearer = () => ['-H', `Authorization: Bearer ${token}`]
  return {
    ...net,
    service,
    walBytes: () => statSync(join(service.folder, 'data/secure-lock.db-wal')).size,
    openFiles: () => readdirSync(`/proc/${service.pid}/fd`).length,
    signIn: async () => {
      const input = `${PASSWORD}\n`
      await runCommand(['user', 'add', '--role', 'owner', 'ada'], { folder: service.folder, input })
      const answer = await post(gateway, '/login', ADA)
      token = (JSON.parse(answer) as { access_token: string }).access_token
    },
    /** Returns the status, or 000 if no answer came. */
    unlock: (from: readonly string[], method: string, ...more: string[]) => {
      const options = [...bearer(), '-o', '/dev/null', '-w', '%{http_code}', ...more]
      return post(from, '/logUnlocking', { 'unlocking-method': method }, ...options)
    },
    /** Where the link of a new invitation leads. */
    invitedTo: async (): Promise<string> => {
      const answer = await post(gateway, '/v1/invitations', { role: 'member' }, ...bearer())
      return new URL((JSON.parse(answer) as { link: string }).link).origin
    },
    recorded: async (): Promise<readonly string[]> => {
      const answer = await curl(
        gateway,
        ...bearer(),
        `${URL_WITHIN}/v1/unlocks?order=oldest&limit=200`,
      )
      const { unlocks } = JSON.parse(answer) as { unlocks: { method: string }[] }
      return unlocks.map(({ method }) => method)
    },
    /** Follows the log on the phone after an event; returns what has arrived so far. */
    follow: (lastSeq?: number) => {
      const from = lastSeq === undefined ? [] : ['-H', `Last-Event-ID: ${lastSeq}`]
      const command = ['curl', '-sN', ...bearer(), ...from, `${URL_OF_GATEWAY}/v1/unlocks/stream`]
      const following = Bun.spawn([...phone, ...command], { stdout: 'pipe' })
      const came = { text: '' }
      void (async () => {
        const decoder = new TextDecoder()
        for await (const chunk of following.stdout) came.text += decoder.decode(chunk)
      })()
      const ids = () => [...came.text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
      return {
        isFollowing: () => came.text.includes(': following'),
        ids,
        /** Ends like a phone that goes out of reach: nobody is notified. */
        vanish: async () => {
          following.kill('SIGKILL')
          await following.exited
        },
      }
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]()
      await net[Symbol.asyncDispose]()
    },
  }
}

describe.if(CAN_NETWORK)('a network that goes away', () => {
  test('[D1] during a live stream: it resumes where it was, without a gap, and connections come back', async () => {
    await using door = await doorAndPhone()
    const { gateway, onPhone, unlock, follow, openFiles } = door
    await door.plugIn()
    await door.signIn()
    const before = openFiles()
    const first = follow()
    await until(first.isFollowing)
    for (const method of ['one', 'two']) expect(await unlock(gateway, method)).toBe('200')
    await until(() => first.ids().length === 2)
    await onPhone('link set wlan0 down')
    for (const method of ['three', 'four']) expect(await unlock(gateway, method)).toBe('200')
    await first.vanish()
    await onPhone('link set wlan0 up')
    const second = follow(first.ids().at(-1))
    await until(() => second.ids().length === 2)
    expect(await unlock(gateway, 'five')).toBe('200')
    await until(() => second.ids().length === 3)
    expect([...first.ids(), ...second.ids()]).toStrictEqual([0, 1, 2, 3, 4])
    await second.vanish()
    await until(() => openFiles() <= before)
    expect(await door.service.stop()).toBe(0)
  })

  test.if(CAN_FAULT)(
    '[D1] between an unlock and its answer: the unlock, sent again with its key, is in the log once',
    async () => {
      await using door = await doorAndPhone()
      const { phone, onPhone, unlock, recorded, walBytes } = door
      await door.plugIn()
      await door.signIn()
      const key = ['-H', `Idempotency-Key: ${crypto.randomUUID()}`]
      {
        await using slow = await faultyCalls(
          door.service.pid,
          'fsync,fdatasync',
          'delay_enter=3000000',
        )
        const before = walBytes()
        const pending = unlock(phone, 'pin', ...key, '--max-time', '2')
        // It is written, and being synced.
        await until(() => walBytes() > before)
        await onPhone('link set wlan0 down')
        expect(await pending).toBe('000')
        await slow.mend()
      }
      expect(await recorded()).toStrictEqual(['pin'])
      await onPhone('link set wlan0 up')
      expect(await unlock(phone, 'pin', ...key)).toBe('200')
      expect(await recorded()).toStrictEqual(['pin'])
    },
  )

  test('[D1] again and again: a phone that retries with its keys has each unlock in the log once, in order', async () => {
    await using door = await doorAndPhone()
    const { phone, onPhone, unlock, recorded } = door
    await door.plugIn()
    await door.signIn()
    const trying = { isOver: false }
    const flapping = (async () => {
      while (!trying.isOver) {
        await onPhone('link set wlan0 down')
        await Bun.sleep(Math.random() * 100)
        await onPhone('link set wlan0 up')
        await Bun.sleep(Math.random() * 200)
      }
    })()
    const methods = Array.from({ length: 15 }, (_, at) => `method ${at}`)
    let tries = 0
    for (const method of methods) {
      const key = ['-H', `Idempotency-Key: ${crypto.randomUUID()}`, '--max-time']
      // Longer each time, since a busy machine may need longer.
      for (let seconds = 0.4; ; seconds *= 1.2) {
        tries += 1
        if ((await unlock(phone, method, ...key, String(seconds))) === '200') break
      }
    }
    trying.isOver = true
    await flapping
    expect(await recorded()).toStrictEqual(methods)
    tell(
      `a network that comes and goes: ${methods.length} unlocks in ${tries} tries, each there once`,
    )
  })

  test('missing at first: the service starts, says that links lead nowhere, and is reachable once there is one', async () => {
    await using door = await doorAndPhone()
    const { phone, curl, onGateway, service, invitedTo } = door
    // It answers a moment before it says so.
    await until(() => service.output().words.includes('no network address yet'))
    expect(service.output().words).toContain(`listening  http://localhost:${PORT}\n`)
    await door.plugIn()
    expect(await curl(phone, `${URL_OF_GATEWAY}/livez`)).toBe('{"status":"ok"}')
    // Links use the address at that time.
    await door.signIn()
    while ((await invitedTo()) !== URL_OF_GATEWAY) await Bun.sleep(20)
    await onGateway(`addr del ${GATEWAY_ADDRESS}/24 dev eth0`)
    await door.plugIn('10.9.8.7')
    while ((await invitedTo()) !== `http://10.9.8.7:${PORT}`) await Bun.sleep(20)
    expect(await curl(phone, `http://10.9.8.7:${PORT}/livez`)).toBe('{"status":"ok"}')
  })

  if (IS_LONG)
    test('for good: connections of phones that vanished are closed within minutes', async () => {
      await using door = await doorAndPhone()
      await door.plugIn()
      await door.signIn()
      const before = door.openFiles()
      const streams = Array.from({ length: 5 }, () => door.follow())
      await until(() => streams.every(({ isFollowing }) => isFollowing()))
      expect(door.openFiles()).toBeGreaterThan(before)
      await door.onPhone('link set wlan0 down')
      await Promise.all(streams.map(({ vanish }) => vanish()))
      const begun = performance.now()
      await until(() => door.openFiles() <= before, 240_000)
      tell(
        `five phones out of reach: forgotten after ${((performance.now() - begun) / 1000).toFixed(0)} s`,
      )
      await door.onPhone('link set wlan0 up')
      const again = door.follow()
      await until(again.isFollowing)
      await again.vanish()
    })
})
