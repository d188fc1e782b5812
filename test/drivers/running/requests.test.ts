import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { requestRunner } from '../../../src/drivers/running/requests.ts'
import { shelly } from '../../../src/drivers/shelly.ts'
import { drivenHome } from '../../support/driven-home.ts'
import { freePort } from '../../support/binary.ts'
import { until } from '../../support/until.ts'

type Home = Awaited<ReturnType<typeof drivenHome>>

const asks = async (home: Home) => {
  const drivers = await home.start()
  const { id } = await home.ask()
  await drivers.operate({ id, lockId: home.lockId })
  return {
    id,
    drivers,
    ended: async (state: string) => {
      await until(async () => (await home.attempt(id)).delivery === state)
      await until(async () => {
        const row = await home.db.get<{ settled: number | null }>(
          'SELECT settled_at_ms AS settled FROM lock_operation WHERE attempt_id = ?',
          id,
        )
        return row?.settled !== null
      })
      return home.attempt(id)
    },
    [Symbol.dispose]: drivers[Symbol.dispose],
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A relay as Shelly's are, that asks for a digest and counts how often it was switched. */
const relayHere = (password: string) => {
  const state = { switched: 0, running: 0, most: 0, params: {} as unknown }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      state.running += 1
      state.most = Math.max(state.most, state.running)
      try {
        const proof = request.headers.get('authorization') ?? ''
        const part = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(proof)?.[1] ?? ''
        const response = sha256(
          `${sha256(`admin:shelly:${password}`)}:n1:${part('nc')}:${part('cnonce')}:auth:${sha256('POST:/rpc')}`,
        )
        if (part('response') !== response)
          return new Response('', {
            status: 401,
            headers: {
              'www-authenticate':
                'Digest qop="auth", realm="shelly", nonce="n1", algorithm=SHA-256',
            },
          })
        const { method, params } = (await request.json()) as { method: string; params: unknown }
        if (method !== 'Switch.Set') return Response.json({ id: 1, result: { output: false } })
        state.switched += 1
        state.params = params
        return Response.json({ id: 1, src: 'shelly', result: { was_on: false } })
      } finally {
        state.running -= 1
      }
    },
  })
  return {
    state,
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.dispose]: () => server.stop(true),
  }
}

describe('a relay of Shelly', () => {
  test('is switched once, with the digest of its password, and never says that the door opened', async () => {
    await using home = await drivenHome()
    using relay = relayHere('relay password')
    await home.setUp('shelly', { url: relay.url, seconds: 2 }, { password: 'relay password' })
    using asked = await asks(home)
    expect(await asked.ended('accepted')).toMatchObject({ lock_says: 'the relay switched' })
    expect(relay.state).toMatchObject({
      switched: 1,
      most: 1,
      params: { id: 0, on: true, toggle_after: 2 },
    })
    expect(home.reports).toBeEmpty()
    expect(asked.drivers.stateOf('front-door')).toMatchObject({ isOnline: true, state: null })
  })

  test('refuses a wrong password, which is a failure', async () => {
    await using home = await drivenHome()
    using relay = relayHere('relay password')
    await home.setUp('shelly', { url: relay.url }, { password: 'wrong' })
    using asked = await asks(home)
    expect(await asked.ended('failed')).toMatchObject({ lock_says: 'HTTP status 401' })
    expect(relay.state.switched).toBe(0)
  })

  test('that is not there is a failure, and one that does not answer is unknown', async () => {
    await using gone = await drivenHome()
    await gone.setUp('shelly', { url: `http://127.0.0.1:${await freePort()}` })
    using asked = await asks(gone)
    expect(await asked.ended('failed')).toMatchObject({ lock_says: 'Connection refused' })
    await using silent = await drivenHome({ deadlineMs: 100 })
    using server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket) => void socket.end() },
    })
    await silent.setUp('shelly', { url: `http://127.0.0.1:${server.port}` })
    using other = await asks(silent)
    expect(await other.ended('unknown')).toMatchObject({ lock_says: null })
    server.stop(true)
  })

  test('at an address that nothing may connect to is not asked', async () => {
    using relay = relayHere('')
    await using home = await drivenHome({ refusalOf: () => 'a link-local address' })
    await home.setUp('shelly', { url: relay.url })
    using asked = await asks(home)
    expect(await asked.ended('failed')).toMatchObject({
      lock_says: 'Not sent: the address is a link-local address',
    })
    expect(relay.state.most).toBe(0)
  })

  test('that redirects is not followed', async () => {
    await using home = await drivenHome()
    using relay = relayHere('')
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => Response.redirect(`${relay.url}/rpc`, 307),
    })
    await home.setUp('shelly', { url: `http://127.0.0.1:${server.port}` })
    using asked = await asks(home)
    expect(await asked.ended('failed')).toMatchObject({ lock_says: 'HTTP status 307' })
    expect(relay.state.switched).toBe(0)
    await server.stop(true)
  })
})

test('a command is not sent if nobody waits for it any more when its turn comes', async () => {
  const held = Promise.withResolvers<void>()
  const sent: string[] = []
  const device = shelly({ url: 'http://relay', switch: 0, seconds: 3, password: undefined })
  const runner = requestRunner(device, {
    reach: async ({ body = '' }) => {
      sent.push((JSON.parse(body) as { method: string }).method)
      await held.promise
      return { status: 200, body: '{"result":{}}', challenge: null }
    },
    hear: async () => {},
    isAnyOpen: () => true,
  })
  let isWanted = true
  const said = [runner.send(() => isWanted), runner.send(() => true)]
  isWanted = false
  held.resolve()
  expect(await said[0]).toBeEmpty()
  expect(await said[1]).not.toBeEmpty()
  expect(sent).toStrictEqual(['Switch.GetStatus', 'Switch.Set'])
  runner.stop()
})

/** Home Assistant with one lock, which goes through these states once it was told to unlock. */
const homeAssistantHere = (first: string, then: readonly string[], answer: unknown = []) => {
  const seen = { posts: [] as string[], tokens: new Set<string | null>() }
  let states: string[] = [first]
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const token = request.headers.get('authorization')
      seen.tokens.add(token)
      if (token !== 'Bearer long-lived') return new Response('401: Unauthorized', { status: 401 })
      if (request.method === 'POST') {
        seen.posts.push(`${pathname} ${await request.text()}`)
        states = [...then]
        return Response.json(answer)
      }
      const state = states.length > 1 ? states.shift() : states[0]
      return Response.json({ entity_id: 'lock.front_door', state })
    },
  })
  return { seen, url: `http://127.0.0.1:${server.port}`, [Symbol.dispose]: () => server.stop(true) }
}

const withHomeAssistant = async (
  lock: ReturnType<typeof homeAssistantHere>,
  options: Parameters<typeof drivenHome>[0] = {},
  token = 'long-lived',
) => {
  const home = await drivenHome(options)
  const settings = { url: lock.url, entity: 'lock.front_door' }
  await home.setUp('home_assistant', settings, { token })
  return home
}

describe('a lock of Home Assistant', () => {
  test('has opened once its state says so, and not when the service answers', async () => {
    using lock = homeAssistantHere('locked', ['locked', 'unlocking', 'unlocked'])
    await using home = await withHomeAssistant(lock)
    using asked = await asks(home)
    await asked.ended('happened')
    expect(lock.seen.posts).toStrictEqual([
      '/api/services/lock/unlock {"entity_id":"lock.front_door"}',
    ])
    expect([...lock.seen.tokens]).toStrictEqual(['Bearer long-lived'])
    expect(home.reports).toMatchObject([{ username: 'grace', reporter: 'home_assistant' }])
  })

  test('pitfall 10: 200 and [] mean nothing: without a new state it is unknown', async () => {
    using lock = homeAssistantHere('locked', ['locked'])
    await using home = await withHomeAssistant(lock, { deadlineMs: 1500 })
    using asked = await asks(home)
    await asked.ended('unknown')
    expect(lock.seen.posts).toHaveLength(1)
    expect(home.reports).toBeEmpty()
  })

  test('that is unavailable is not asked', async () => {
    using lock = homeAssistantHere('unavailable', ['unavailable'])
    await using home = await withHomeAssistant(lock)
    using asked = await asks(home)
    expect(await asked.ended('failed')).toMatchObject({ lock_says: 'unavailable' })
    expect(lock.seen.posts).toBeEmpty()
  })

  test('that does not take the token says so', async () => {
    using lock = homeAssistantHere('locked', ['unlocked'])
    await using home = await withHomeAssistant(lock, {}, 'expired')
    using asked = await asks(home)
    expect(await asked.ended('failed')).toMatchObject({ lock_says: 'HTTP status 401' })
    expect(lock.seen.posts).toBeEmpty()
  })

  test('that was unlocked before has not opened', async () => {
    using lock = homeAssistantHere('unlocked', ['unlocked'])
    await using home = await withHomeAssistant(lock)
    using asked = await asks(home)
    expect(await asked.ended('accepted')).toMatchObject({ lock_says: 'already unlocked' })
    expect(home.reports).toBeEmpty()
  })

  test('is not asked once its driver has gone, though it was on its way', async () => {
    const held = Promise.withResolvers<void>()
    const posts: string[] = []
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async ({ method, url }) => {
        if (method === 'POST') posts.push(url)
        await held.promise
        return Response.json({ entity_id: 'lock.front_door', state: 'locked' })
      },
    })
    await using home = await drivenHome()
    const settings = { url: `http://127.0.0.1:${server.port}`, entity: 'lock.front_door' }
    await home.setUp('home_assistant', settings, { token: 'long-lived' })
    using asked = await asks(home)
    asked.drivers[Symbol.dispose]()
    held.resolve()
    await asked.ended('unknown')
    expect(posts).toBeEmpty()
  })

  test('that jams is a failure', async () => {
    using lock = homeAssistantHere('locked', ['unlocking', 'jammed'])
    await using home = await withHomeAssistant(lock)
    using asked = await asks(home)
    expect(await asked.ended('failed')).toMatchObject({ lock_says: 'jammed' })
  })
})
