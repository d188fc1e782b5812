import { expect, test } from 'bun:test'
import { resolve } from 'node:path'

const SCRIPT = resolve(import.meta.dir, '../../.ci/failures.awk')

const shown = (log: readonly string[]): string =>
  Bun.spawnSync(['awk', '-f', SCRIPT], {
    stdin: Buffer.from(`${log.join('\n')}\n`),
  }).stdout.toString()

const numbered = (count: number) => Array.from({ length: count }, (_, at) => `line ${at}`)

test('the end of a CI log names what failed, after what each said', () => {
  expect(
    shown([
      'ok      format, lint, types, dead code',
      'test/a.test.ts:',
      'said by another',
      '(pass) one [1.00ms]',
      'error: expected 1',
      '(fail) two [2.00ms]',
      '  ^ this test timed out after 100ms.',
      '',
      'test/b.test.ts:',
      '# Unhandled error between tests',
      'error: cannot load',
      '(fail) two [2.00ms]',
      '--- arm64',
      '\u001B[31m        ended\u001B[0m with status 1',
      'FAILED  arm64: SIGTERM ends it with status 0',
    ]).split('\n'),
  ).toStrictEqual([
    '',
    '=== test/a.test.ts: (fail) two [2.00ms]',
    'error: expected 1',
    '(fail) two [2.00ms]',
    '  ^ this test timed out after 100ms.',
    '',
    '',
    '=== test/b.test.ts: # Unhandled error between tests',
    '  ^ this test timed out after 100ms.',
    '',
    'test/b.test.ts:',
    '# Unhandled error between tests',
    'error: cannot load',
    '',
    '=== FAILED  arm64: SIGTERM ends it with status 0',
    '        ended with status 1',
    'FAILED  arm64: SIGTERM ends it with status 0',
    '',
    'Failed:',
    'test/a.test.ts: (fail) two [2.00ms]',
    'test/b.test.ts: # Unhandled error between tests',
    'FAILED  arm64: SIGTERM ends it with status 0',
    '',
  ])
})

test('however much failed, it is short', () => {
  const failed = numbered(100).flatMap((name) => [
    ...numbered(1000),
    'x'.repeat(9999),
    `(fail) ${name}`,
  ])
  const lines = shown(failed).trimEnd().split('\n')
  expect(lines.length).toBeLessThan(700)
  expect(Math.max(...lines.map((line) => line.length))).toBe(200)
  expect(lines.slice(-2)).toStrictEqual([': (fail) line 59', 'and 40 more'])
  expect(shown(numbered(100))).toBe('')
})
