import { expect, test } from 'bun:test'
import { sharedWork } from '../../src/domain/shared-work.ts'

/** Work that ends on demand, and remembers the signals it was started with. */
const work = () => {
  const begun: { readonly signal: AbortSignal; readonly end: (result: string) => void }[] = []
  const share = sharedWork<string>()
  const ask = (client: AbortSignal, key = 'a'): Promise<string> =>
    share(key, client, (signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      signal.addEventListener('abort', () => reject(signal.reason))
      begun.push({ signal, end: resolve })
      return promise
    })
  return { begun, ask }
}

test('work is done once for all who ask for the same, and again for those who ask later', async () => {
  const { begun, ask } = work()
  const { signal } = new AbortController()
  const answers = [ask(signal), ask(signal), ask(signal, 'b')]
  expect(begun).toHaveLength(2)
  begun[0]?.end('first')
  begun[1]?.end('other')
  expect(await Promise.all(answers)).toStrictEqual(['first', 'first', 'other'])
  const later = ask(signal)
  begun[2]?.end('later')
  expect(await later).toBe('later')
})

test('work continues while anyone waits for it, and is aborted when the last client leaves', async () => {
  const { begun, ask } = work()
  const clients = [new AbortController(), new AbortController()]
  const answers = clients.map(({ signal }) => ask(signal).catch((error: unknown) => error))
  clients[0]?.abort('gone')
  expect(await answers[0]).toBe('gone')
  expect(begun[0]?.signal.aborted).toBe(false)
  clients[1]?.abort('gone too')
  expect(await answers[1]).toBe('gone too')
  expect(begun[0]?.signal.aborted).toBe(true)
  // A client that asks then gets a new result.
  const next = ask(new AbortController().signal)
  begun[1]?.end('again')
  expect(await next).toBe('again')
  expect(await ask(AbortSignal.abort('before'), 'c').catch((error: unknown) => error)).toBe(
    'before',
  )
  expect(begun).toHaveLength(2)
})

test('a failure reaches everyone who waits, and is not kept', async () => {
  const share = sharedWork<string>()
  const { signal } = new AbortController()
  const failing = () => Promise.reject(new Error('no disk'))
  const answers = [share('a', signal, failing), share('a', signal, failing)]
  for (const answer of answers) expect(await answer.catch(String)).toBe('Error: no disk')
  expect(await share('a', signal, async () => 'well')).toBe('well')
})
