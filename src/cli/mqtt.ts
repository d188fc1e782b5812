import { parseArgs } from 'node:util'
import type { App } from '../app.ts'
import type { Config } from '../config/config.ts'
import { AppError } from '../errors.ts'
import type { Link } from '../mqtt/link.ts'
import { gatewayId } from '../mqtt/memory.ts'
import { retainedTopics } from '../mqtt/retained.ts'
import { type Topics, topicsOf } from '../mqtt/topics.ts'
import { brokerFacts, visitBroker } from '../mqtt/visit.ts'
import { type Actions, type Command, UsageError, runAction } from './command/command.ts'
import { commandConfig } from './command/running-service.ts'
import { listing } from './command/table.ts'
import { withExistingData } from './command/with-app.ts'

type Visit = {
  readonly app: App
  readonly link: Link
  readonly topics: Topics
  readonly config: Config
  readonly address: Parameters<typeof brokerFacts>[0]
}

/** Runs `work` with the data of the service and a connection to its broker. */
const visiting =
  (
    action: string,
    work: (visit: Visit, terminal: Parameters<Command['run']>[1]) => Promise<void>,
  ): Command['run'] =>
  async (args, terminal) => {
    if (parseArgs({ args: [...args], allowPositionals: true }).positionals.length > 0)
      throw new UsageError(`mqtt ${action} takes no arguments`)
    const config = commandConfig(terminal)
    const { mqttUrl, mqttCaFile: caFile } = config
    if (mqttUrl === undefined)
      throw new AppError('invalid', 'MQTT_URL is not set: set it as for the service')
    return withExistingData(config, async (app) => {
      const topics = topicsOf({ ...config, gid: await gatewayId(app) })
      const address = { address: mqttUrl, caFile }
      await visitBroker(address, (link) => work({ app, link, topics, config, address }, terminal))
    })
  }

const status = visiting('status', async ({ app, link, topics, config, address }, terminal) => {
  const locks = (await app.locks.locks.all()).filter(({ state }) => state !== 'retired')
  const kept = await keptAt(link, [topics.all, ...locks.map(({ label }) => topics.config(label))])
  const facts = await brokerFacts(address)
  const isAnnounced = (label: string) => kept.has(topics.config(label))
  const rows = [
    ['broker', `${facts.address}, MQTT ${facts.protocol ?? 'unknown'}`],
    [
      'password',
      facts.isOpen ? 'not needed: anyone on its network can read and publish' : 'needed',
    ],
    ['topics', topics.all],
    ['service', kept.get(topics.status) ?? 'never connected'],
    ...locks.map(({ label }) => [
      label,
      config.mqttDiscovery === 'off' || isAnnounced(label)
        ? (lastWords(kept.get(topics.last(label))) ?? 'no unlock yet')
        : 'not announced',
    ]),
  ]
  for (const line of listing(rows, terminal)) terminal.print(line)
})

/** How long the broker may take to send retained messages. */
const KEPT_MS = 500

/** Returns the retained messages on some topics. */
const keptAt = async (
  link: Link,
  filters: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const kept = new Map<string, string>()
  for (const filter of filters)
    link.subscribe(filter, ({ topic, payload, isRetained }) => {
      if (isRetained) kept.set(topic, payload)
    })
  await Bun.sleep(KEPT_MS)
  return kept
}

const lastWords = (payload: string | undefined): string | undefined => {
  if (payload === undefined) return undefined
  const { seq, received_at: at } = JSON.parse(payload) as { seq: number; received_at: string }
  return `announced; last unlock ${seq}, received ${at}`
}

const announce = visiting('announce', async ({ link, topics }, { print }) => {
  // Only the service knows the states of the locks.
  if ((await link.publish(topics.announce, 'announce')) === 'unheard')
    throw new AppError('unavailable', 'The service is not connected to the broker')
  print('Asked the service to announce all locks again')
})

const remove = visiting('remove', async ({ app, link, topics }, { print, say }) => {
  const labels = (await app.locks.locks.all()).map(({ label }) => label)
  const isOnline = (await keptAt(link, [topics.status])).get(topics.status) === 'online'
  for (const topic of retainedTopics(topics, labels))
    if ((await link.publish(topic, '', { retain: true })) === 'unknown')
      throw new AppError('unavailable', 'The connection to the broker broke; try again')
  print(
    `Removed ${labels.length === 1 ? 'the lock' : `all ${labels.length} locks`} from Home Assistant`,
  )
  if (isOnline)
    say(
      'The service is connected and will announce them again: stop it, or start it without MQTT_URL',
    )
})

const ACTIONS: Actions = {
  status: { summary: 'show what the broker has stored for this gateway', run: status },
  announce: { summary: 'ask the service to announce all locks again', run: announce },
  remove: {
    summary: 'remove all locks from Home Assistant, and their retained messages',
    run: remove,
  },
}

/** Shows, republishes and removes the retained messages about the locks. */
export const mqtt: Command = {
  summary: 'show or remove what the MQTT broker stores about the locks',
  details: 'Needs MQTT_URL or MQTT_URL_FILE, set as for the service.',
  actions: ACTIONS,
  run: runAction('mqtt', ACTIONS),
}
