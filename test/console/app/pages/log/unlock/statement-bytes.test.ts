import { expect, test } from 'bun:test'
import {
  hexText,
  statementIn,
} from '../../../../../../src/console/app/pages/log/unlock/statement-bytes.ts'

const receiptWith = (line: object): string =>
  [
    'c2sp.org/tlog-proof@v1',
    `extra ${Buffer.from(JSON.stringify(line)).toString('base64')}`,
    'index 815',
    '',
  ].join('\n')

test('the statement of a receipt, whoever it is about', () => {
  const bytes = Uint8Array.of(0x84, 0x43, 0x00, 0xff)
  const line = {
    entry: '{}',
    person: { username: 'Zoë 鍵' },
    statement: Buffer.from(bytes).toString('base64'),
  }
  const found = statementIn(receiptWith(line))
  expect(found).toEqual(bytes)
  expect(hexText(found ?? new Uint8Array())).toBe('844300ff')
})

test.each([
  ['erased', { entry: '{}', person: null, statement: null }],
  ['never signed', { entry: '{}', person: null }],
])('a receipt without a statement: %s', (_, line) => {
  expect(statementIn(receiptWith(line))).toBeUndefined()
})

test('a receipt without extra data has no statement', () => {
  expect(statementIn('c2sp.org/tlog-proof@v1\nindex 815\n')).toBeUndefined()
})
