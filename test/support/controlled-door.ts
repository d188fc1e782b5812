import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from './accounts.ts'
import { PASSWORD, bearer, clientOf } from './app.ts'
import { UNLIMITED, freePort, startService, temporaryFolder } from './binary.ts'
import { controllerPlace } from './controller-place.ts'
import { type Rule, middleOf } from './middle.ts'
import { until } from './until.ts'

type Decision = {
  readonly decision: string
  readonly delivery: string
  readonly seq: number
  readonly reason: string | null
  readonly repeat?: boolean
}

type Attempt = Decision & { readonly lock_says: string | null }

type Event = {
  readonly seq: number
  readonly result: string
  readonly reason: string | null
  readonly source: string
  readonly username: string
  readonly attempt: string | null
  readonly occurred_at: string | null
  readonly received_at: string
}

/** A gateway and a controller, both the executable, with somebody on the wire between the two. Oli owns the home, and
 * Mia, a member, may open its front door. */
export const controlledDoor = async ({
  args = [],
  env = {},
}: {
  /** More arguments of the controller. */
  readonly args?: readonly string[]
  /** More environment of the controller. */
  readonly env?: Readonly<Record<string, string>>
} = {}) => {
  await using stack = new AsyncDisposableStack()
  const folder = temporaryFolder()
  const settings = { ...UNLIMITED, PORT: String(await freePort()) }
  await addAccount('oli', { role: 'owner', folder })
  await addAccount('mia', { folder })
  let service = await startService({ folder, env: settings })
  stack.defer(() => service[Symbol.asyncDispose]())
  const { url } = service
  const [oli, mia] = [bearer(await tokenFor(url, 'oli')), bearer(await tokenFor(url, 'mia'))]
  const { get, post, put } = clientOf(url)
  const middle = stack.use(await middleOf(url))
  const place = stack.use(controllerPlace())

  const made = await post('/v1/locks/front-door/controllers', { password: PASSWORD }, oli)
  const { code } = (await made.json()) as { code: string }
  const start = () =>
    place.start(
      [
        `--gateway=${middle.url}`,
        `--code=${code}`,
        '--open-seconds=1',
        place.open,
        place.close,
        ...args,
      ],
      env,
    )
  const isOnline = async (): Promise<boolean> => {
    const answer = await get('/v1/controllers', oli)
    const { controllers } = (await answer.json()) as { controllers: { state: string }[] }
    return controllers[0]?.state === 'online'
  }
  let controller = start()
  const ended = controller.exited().then(() => {
    throw new Error(`the controller ended: ${controller.output.words}`)
  })
  await Promise.race([until(isOnline), ended])
  ended.catch(() => {})
  const read = async <Body>(answer: Promise<Response>): Promise<Body> =>
    (await (await answer).json()) as Body
  const attempt = (id: string) => read<Attempt>(get(`/v1/locks/front-door/attempts/${id}`, mia))

  /** What the controller keeps of its enrolment. */
  const identity = () =>
    JSON.parse(readFileSync(join(place.state, 'identity.json'), 'utf8')) as {
      readonly token: string
      readonly lock: { readonly id: string }
    }
  const poll = (headers: Record<string, string>, wait: number): Promise<Response> => {
    const nonce = crypto.getRandomValues(new Uint8Array(16))
    const text = nonce.toBase64({ alphabet: 'base64url', omitPadding: true })
    return get(`/v1/controller/commands?nonce=${text}&wait=${wait}`, headers)
  }
  const ask = async (id: string = crypto.randomUUID(), at = url) => ({
    id,
    ...(await read<Decision>(clientOf(at).post('/v1/locks/front-door/unlock', { id }, mia))),
  })

  const running = stack.move()
  return {
    url,
    oli,
    mia,
    get,
    post,
    place,
    controller: () => controller,
    /** How often the bolt opened. */
    openings: (): number => place.bolt().filter((line) => line === 'open').length,
    identity,
    /** Oli begins a lockdown of the whole home. */
    lockDown: async (): Promise<number> => (await put('/v1/home/lockdown', {}, oli)).status,
    /** Mia asks to open. */
    ask,
    /** Somebody on the wire between Mia's phone and the gateway. */
    middleForPhone: async (rule: Rule) => {
      const between = await middleOf(url)
      between.rule(rule)
      return {
        ask: (id: string) => ask(id, between.url),
        [Symbol.asyncDispose]: between[Symbol.asyncDispose],
      }
    },
    /** Decides about each request between the two from now on, also of polls: the one that waits ends. */
    between: async (rule: Rule): Promise<void> => {
      middle.rule(rule)
      await (await poll(bearer(identity().token), 0)).arrayBuffer()
    },
    /** Polls with the token of the controller, and returns the commands. */
    takeCommands: async (headers: Record<string, string>): Promise<readonly string[]> => {
      const answer = await poll(headers, 1)
      const text = await answer.text()
      return answer.status === 200 ? (JSON.parse(text) as { commands: string[] }).commands : []
    },
    attempt,
    /** Waits until an attempt has ended, and returns how. */
    ended: async (id: string): Promise<Attempt> => {
      await until(async () => !['asked', 'accepted'].includes((await attempt(id)).delivery))
      return attempt(id)
    },
    /** The events of the log about attempts at the door, oldest first. */
    events: async (): Promise<readonly Event[]> =>
      (await read<{ unlocks: Event[] }>(get('/v1/unlocks?limit=200', oli))).unlocks.toReversed(),
    /** All events of the log, oldest first. */
    allEvents: async (): Promise<readonly Event[]> => {
      const answer = await get('/v1/unlocks/export?format=ndjson', oli)
      return (await answer.text())
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Event)
    },
    online: () => until(isOnline),
    killGateway: () => service.stop('SIGKILL'),
    restartGateway: async (): Promise<void> => {
      service = await startService({ folder, env: settings })
    },
    killController: () => controller.stop('SIGKILL'),
    startController: (): void => {
      controller = start()
    },
    /** Ends both, and checks that both end well. */
    end: async (): Promise<readonly [number, number]> => [
      await controller.stop(),
      await service.stop(),
    ],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
