import { expect, test } from 'bun:test'
import { readCommand } from '../../src/mqtt/command.ts'

const NOW = Date.parse('2026-11-29T10:25:30.000Z')
const read = (payload: string, isRetained = false) =>
  readCommand({ payload, isRetained, atMs: NOW })

test('a command is what Home Assistant sends, at most ten seconds old', () => {
  for (const action of ['lock', 'unlock', 'open'])
    expect(read(`{"action":"${action}","at":"2026-11-29T10:25:28.080879+00:00"}`)).toEqual({
      command: action as 'lock',
      givenAtMs: Date.parse('2026-11-29T10:25:28.080Z'),
    })
  for (const at of ['10:25:20.000Z', '10:25:40.000Z', '12:25:30+02:00'])
    expect(read(`{"action":"unlock","at":"2026-11-29T${at}"}`)).toHaveProperty('command')
})

test('whatever is old, kept, empty or unclear is no command', () => {
  const at = '"at":"2026-11-29T10:25:30Z"'
  expect(read(`{"action":"unlock",${at}}`)).toHaveProperty('command')
  expect(read(`{"action":"unlock",${at}}`, true)).toHaveProperty('fault')
  for (const payload of [
    '',
    'UNLOCK',
    'null',
    '"unlock"',
    '[1]',
    '{"action":"unlock"}',
    '{"action":"unlock","at":null}',
    '{"action":"unlock","at":1764411930000}',
    '{"action":"unlock","at":"now"}',
    '{"action":"unlock","at":"2026-11-29"}',
    '{"action":"unlock","at":"2026-11-29T10:25:30"}',
    '{"action":"unlock","at":"2026-13-29T10:25:30Z"}',
    '{"action":"unlock","at":"2026-11-29T10:25:19.999Z"}',
    '{"action":"unlock","at":"2026-11-29T10:25:40.001Z"}',
    '{"action":"unlock","at":"2020-01-01T00:00:00+00:00"}',
    `{"action":"UNLOCK",${at}}`,
    `{"action":"toString",${at}}`,
    `{"action":"unlock",${at},"x":"${'x'.repeat(1000)}"}`,
  ])
    expect([payload, 'fault' in read(payload)]).toStrictEqual([payload, true])
})
