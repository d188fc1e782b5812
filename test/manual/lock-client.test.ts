import { expect, test } from 'bun:test'
import { format } from '@wasm-fmt/dart_fmt'
import { PAGES, textOf } from '../support/manual.ts'

const client = textOf('src/manual/lock_client.dart')

test('the Dart client parses, and stands as Dart’s own formatter writes it', () => {
  expect(format(client, 'lock_client.dart')).toBe(client)
  const broken = client.replace('class LockClient {', 'class LockClient (')
  expect(() => format(broken, 'lock_client.dart')).toThrow()
})

test('the Dart code on the pages parses, and calls only what the client has', () => {
  const blocks = PAGES.flatMap((page) => [...textOf(page).matchAll(/^```dart\n([^]*?)^```$/gm)])
  expect(blocks).not.toBeEmpty()
  for (const [, code = ''] of blocks) {
    const indented = code.replaceAll(/^(?=.)/gm, '  ')
    const whole = `Future<void> example() async {\n${indented}}\n`
    expect(format(whole, 'example.dart')).toBe(whole)
    for (const [, name = ''] of code.matchAll(/\b(\w+)\(/g))
      expect(client).toMatch(new RegExp(`\\b${name}(<\\w+>)?\\(`))
  }
})

test('the phone of the tests has every step and every error of the Dart client', () => {
  const phone = textOf('test/support/phone.ts')
  const steps = [...client.matchAll(/^(?:Future<.*?>|bool|[\w.]+Client) (\w+)(?:<T>)?\(/gm)]
  const errors = [...client.matchAll(/(?:Format|Handshake)Exception\('([^'$]+)'/g)]
  const inMemory = new Set(['pinnedClient'])
  for (const [, step = ''] of steps)
    if (!inMemory.has(step)) expect(phone).toMatch(new RegExp(`\\bconst ${step} = `))
  for (const [, error = ''] of errors) expect(phone).toContain(`'${error}'`)
  expect([steps.length, errors.length]).toStrictEqual([8, 9])
})
