import { expect, test } from 'bun:test'
import type { Target, SendResult } from '../../src/domain/home-event.ts'
import { serviceKind } from '../../src/notify/kinds.ts'
import { gotify } from '../../src/notify/services/gotify.ts'
import { ntfy } from '../../src/notify/services/ntfy.ts'
import type { Service } from '../../src/notify/services/service.ts'
import { telegram } from '../../src/notify/services/telegram.ts'
import { startReceiver } from '../support/receiver.ts'
import { messageAbout } from '../support/messages.ts'

const BOT = '12345:AAbbCCddEEffGGhhIIjjKKll'

const tell = async (
  service: Service,
  { settings, secrets }: Pick<Target, 'settings' | 'secrets'>,
  signal = AbortSignal.timeout(15_000),
): Promise<SendResult> => {
  const { channel, accept } = serviceKind(service, {
    clock: { wallMs: () => Date.parse('2026-11-28T14:00:00Z') },
    version: '1.0',
    rules: { allowsLoopback: true, own: () => ({ addresses: [], port: 1 }) },
    zone: () => 'UTC',
    linkBase: 'https://lock.home',
  })
  const target = { id: 't', kind: 'k', name: 'n', accountPublicId: null }
  return channel.send(
    { ...target, ...(await accept({ settings, secrets })) },
    messageAbout(),
    signal,
  )
}

const toNtfy = (url: string) => ({
  settings: { url: new URL('/', url).href, topic: 'door' },
  secrets: { token: 'tk_secret' },
})

const json =
  (status: number, body: object, headers: Record<string, string> = {}) =>
  () =>
    Response.json(body, { status, headers })

// What ntfy 2.27.0 answered.
const ACCEPTED = { id: 'Hkt7IJ94vfmk', event: 'message', topic: 'door' }
const TOO_MANY = { code: 42901, http: 429, error: 'limit reached: too many requests' }
const FORBIDDEN = { code: 40301, http: 403, error: 'forbidden' }
const TOO_LARGE = { code: 40014, http: 400, error: 'invalid request: attachments not allowed' }

test.each([
  [json(200, ACCEPTED), { status: 'delivered', code: 200 }],
  [json(429, TOO_MANY), { status: 'failed', code: 429 }],
  [json(429, TOO_MANY, { 'retry-after': '7' }), { status: 'failed', retryAfterMs: 7000 }],
  [json(403, FORBIDDEN), { status: 'failed', code: 403 }],
  [json(400, TOO_LARGE), { status: 'failed', code: 400 }],
  [json(500, {}), { status: 'failed', code: 500, answer: '{}' }],
  [json(410, {}), { status: 'gone', code: 410 }],
])('what ntfy answers is told as it is (%#)', async (answer, told) => {
  await using receiver = startReceiver()
  receiver.answerWith(answer)
  const found = await tell(ntfy, toNtfy(receiver.url))
  expect(found).toMatchObject(told)
  expect('retryAfterMs' in found).toBe('retryAfterMs' in told)
  expect(receiver.received).toMatchObject([
    {
      path: '/',
      headers: { authorization: 'Bearer tk_secret', 'content-type': 'application/json' },
    },
  ])
})

test('a redirect is a failure, and the token goes nowhere else', async () => {
  await using elsewhere = startReceiver()
  await using receiver = startReceiver()
  receiver.answerWith(() => Response.redirect(elsewhere.url, 307))
  expect(await tell(ntfy, toNtfy(receiver.url))).toMatchObject({ status: 'failed', code: 307 })
  expect(elsewhere.received).toHaveLength(0)
})

test('of an answer of a gigabyte only the beginning is read', async () => {
  await using receiver = startReceiver()
  let sent = 0
  receiver.answerWith(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            sent += 1
            if (sent > 16_384) controller.close()
            else controller.enqueue(new Uint8Array(65_536).fill(97))
          },
        }),
      ),
  )
  const told = await tell(ntfy, toNtfy(receiver.url))
  expect(told).toMatchObject({ status: 'delivered', code: 200 })
  expect(told.answer).toBe('a'.repeat(4096))
  expect(sent).toBeLessThan(1000)
})

test('a service that does not answer in time fails', async () => {
  await using receiver = startReceiver()
  receiver.answerWith(() => new Promise(() => {}))
  const told = await tell(ntfy, toNtfy(receiver.url), AbortSignal.timeout(200))
  expect(told).toStrictEqual({ status: 'failed', answer: 'No answer within 15 seconds' })
})

test('the token is not in what is kept of an answer, though a service repeats it', async () => {
  await using receiver = startReceiver()
  const url = new URL('/', receiver.url).href
  receiver.answerWith(({ headers }) => Response.json(headers, { status: 401 }))
  const told = [
    await tell(ntfy, toNtfy(receiver.url)),
    await tell(gotify, { settings: { url }, secrets: { token: 'gotify.secret' } }),
  ]
  expect(receiver.received.map(({ text }) => text.includes('the front door'))).toStrictEqual([
    true,
    true,
  ])
  expect(JSON.stringify(told)).not.toContain('secret')
  expect(JSON.stringify(told)).toContain('…')
})

test('Telegram says how long to wait, and its token is in no answer and no error', async () => {
  await using receiver = startReceiver()
  const base = new URL(receiver.url).origin
  const given = { settings: { chat_id: '-100123' }, secrets: { token: BOT } }
  receiver.answerWith(({ path }) =>
    Response.json(
      { ok: false, error_code: 429, description: path, parameters: { retry_after: 35 } },
      { status: 429 },
    ),
  )
  const told = await tell(telegram(base), given)
  expect(told).toMatchObject({ status: 'failed', code: 429, retryAfterMs: 35_000 })
  expect(receiver.received).toMatchObject([{ path: `/bot${BOT}/sendMessage` }])
  const refused = await tell(telegram('http://127.0.0.1:2'), given)
  expect(refused).toMatchObject({ status: 'failed' })
  expect(JSON.stringify([told, refused])).not.toContain('AAbbCC')
})
