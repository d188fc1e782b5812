import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { discoveryJson } from '../../src/mqtt/discovery.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { type Service, UNLIMITED, freePort, runCommand, startService } from '../support/binary.ts'
import { textOf } from '../support/manual.ts'
import { startReceiver } from '../support/receiver.ts'
import { until } from '../support/until.ts'

const HOME = textOf('src/manual/home.md')
const ASSISTANT = textOf('src/manual/home-assistant.md')

/** The blocks of a page in a language; none for plain ones. */
const blocksOf = (text: string, language: string): readonly string[] =>
  [...text.matchAll(/^( *)```(\w*)\n([^]*?)\n\1```$/gm)]
    .filter(([, , name]) => name === language)
    .map(([, , , code = '']) => code)

/** The arguments of each command that a page shows to be typed on the gateway. */
const commandsOf = (text: string): readonly (readonly string[])[] =>
  blocksOf(text, '')
    .flatMap((block) => block.split('\n'))
    .map((line) => line.trim())
    .filter((line) => line.startsWith('secure-lock-server '))
    .map((line) =>
      [...line.matchAll(/'([^']*)'|(\S+)/g)]
        .slice(1)
        .map(([, quoted, word]) => quoted ?? word ?? ''),
    )

let service: Service
let member: string

beforeAll(async () => {
  service = await startService({ env: { ...UNLIMITED, WEBHOOK_LOOPBACK: 'on' } })
  const { folder, url } = service
  for (const name of ['ada', 'eva']) await addAccount(name, { folder })
  member = await tokenFor(url, 'ada')
})

afterAll(async () => {
  await service.stop()
})

const unlock = async () => {
  const body = { 'unlocking-method': 'fingerprint' }
  const answer = await clientOf(service.url).post('/logUnlocking', body, bearer(member))
  expect(answer.status).toBe(200)
}

const run = (args: readonly string[], input = '') =>
  runCommand(args, {
    folder: service.folder,
    input,
    env: { SMTP_URL: blocksOf(HOME, 'ini')[0]?.replace('SMTP_URL=', '') ?? '' },
  })

/** What somebody types where a command asks for a secret. */
const secretFor = (args: readonly string[]): string =>
  args.includes('telegram')
    ? '12345:abcdefghijklmnopqrstuvwxyz012345\n'
    : 'four-brown-doors-and-a-chair\n'

describe.each([
  ['home.md', HOME, 8],
  ['home-assistant.md', ASSISTANT, 11],
] as const)('%s', (_, text, count) => {
  test(`the server takes each of its ${count} commands, one after another`, async () => {
    const commands = commandsOf(text)
    expect(commands).toHaveLength(count)
    for (const args of commands) {
      const { status, words } = await run(args, secretFor(args))
      expect(`${args.join(' ')}: ${status} ${status === 0 ? '' : words}`).toBe(
        `${args.join(' ')}: 0 `,
      )
    }
    if (text === HOME) {
      const [, hears = ''] = /`target list` shows the rules in words: _(.+?)_/.exec(HOME) ?? []
      expect((await run(['target', 'list'])).out).toContain(`\t${hears}\n`)
    }
    // They lead to homes that are not this one.
    for (const args of commands)
      if (args[0] === 'target') await run(['target', 'remove', args[3] ?? ''])
  })
})

test('a webhook has the members that home.md shows', async () => {
  await using receiver = startReceiver()
  await run(['target', 'add', 'webhook', 'Shown', '--set', `url=${receiver.url}`])
  await unlock()
  await until(() => receiver.received.length === 1)
  const [example = ''] = blocksOf(HOME, 'json')
  const { type, data } = JSON.parse(example) as { type: string; data: object }
  const [told] = receiver.received
  expect(told?.type).toBe(type)
  expect(Object.keys(told?.data ?? {}).toSorted()).toStrictEqual(Object.keys(data).toSorted())
  await run(['target', 'remove', 'Shown'])
})

test.skipIf(!Bun.which('python3'))(
  'the receiver of home.md takes what is signed, and nothing else',
  async () => {
    const [receiver = ''] = blocksOf(HOME, 'python')
    const path = join(service.folder, 'receiver.py')
    writeFileSync(path, receiver)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/unlocks`
    const added = await run(['target', 'add', 'webhook', 'Python', '--set', `url=${url}`])
    const [, secret = ''] = added.out.split('\n')
    const python = Bun.spawn(['python3', path], {
      env: { ...process.env, SECRET: secret, PORT: String(port) },
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const printed = new Response(python.stdout).text()
    try {
      const forged = () =>
        fetch(url, {
          method: 'POST',
          body: '{"type":"unlock.recorded","data":{"who":"eve"}}',
          headers: {
            'webhook-id': 'x',
            'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
            'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
          },
        }).catch(() => undefined)
      await until(async () => (await forged())?.status === 401)
      await unlock()
      const deliveries = async () => (await run(['target', 'deliveries', 'Python'])).out
      await until(async () => (await deliveries()).includes('\tdelivered\t'))
    } finally {
      python.kill()
    }
    expect((await printed).trim()).toMatch(/^\S+ unlock\.recorded ada$/)
    await run(['target', 'remove', 'Python'])
  },
)

test('home-assistant.md names the entities and topics that the gateway announces', () => {
  const topics = topicsOf({ mqttTopic: 'secure-lock', mqttDiscovery: 'homeassistant', gid: 'g' })
  const { dev, cmps } = discoveryJson({
    topics,
    lock: { label: 'front-door', name: 'Front door' },
    version: '1.0.0',
    page: undefined,
    isOperated: true,
  })
  const slug = (words: string) => words.toLowerCase().replaceAll(' ', '_')
  const entities = Object.values(cmps).map((entity) =>
    [
      `${entity.p}.${slug(dev.name)}`,
      ...('name' in entity && entity.name ? [slug(entity.name)] : []),
    ].join('_'),
  )
  const [table = ''] = ASSISTANT.split('## What appears')[1]?.split('\n\n').slice(1) ?? []
  const named = [...table.matchAll(/^\| `([a-z_.]+)`/gm)].map(([, name = '']) => name)
  expect(named.toSorted()).toStrictEqual(entities.toSorted())
  for (const [, filter = ''] of ASSISTANT.matchAll(/^ +topic: (\S+)$/gm)) {
    const pattern = new RegExp(`^${filter.replaceAll('+', '[^/]+')}$`)
    expect(
      [topics.unlocks('front-door'), topics.denials('front-door')].some((topic) =>
        pattern.test(topic),
      ),
    ).toBe(true)
  }
})
