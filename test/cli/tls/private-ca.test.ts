import { afterEach, expect, setSystemTime, test } from 'bun:test'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Terminal } from '../../../src/cli/command/command.ts'
import { tls } from '../../../src/cli/tls/tls.ts'
import { AppError } from '../../../src/errors.ts'
import { temporaryFolder } from '../../support/binary.ts'

afterEach(() => {
  setSystemTime()
})

const terminalIn = (folder: string) => {
  const printed: string[] = []
  const terminal: Terminal = {
    env: { DATA_DIR: join(folder, 'data') },
    print: (line) => printed.push(line),
    say: () => {},
    printStyled: (line) => printed.push(line),
    sayStyled: () => {},
    readSecret: async () => '',
    readLine: async () => '',
    isInteractive: false,
    isShown: false,
    isOutputShown: false,
    hasColours: false,
    columns: undefined,
    showProgress: () => {},
    stopRequested: async () => {},
    onReloadRequest: () => {},
    onLevelRequest: () => {},
  }
  return { terminal, printed }
}

test('[D6] no certificate is created if the clock is from before this program was written', async () => {
  const folder = temporaryFolder()
  const { terminal } = terminalIn(folder)
  setSystemTime(new Date('1970-01-01T00:10:00Z'))
  const fault = await tls.run(['init'], terminal).catch((error: unknown) => error)
  expect(fault).toBeInstanceOf(AppError)
  expect(String(fault)).toContain('The clock says 1970-01-01, which is wrong')
  expect(existsSync(join(folder, 'data'))).toBe(false)
  rmSync(folder, { recursive: true })
})

test('a renewed certificate does not outlive its CA, and an expired CA signs nothing', async () => {
  const folder = temporaryFolder()
  const { terminal, printed } = terminalIn(folder)
  setSystemTime(new Date('2026-11-22T12:00:00Z'))
  await tls.run(['init'], terminal)
  setSystemTime(new Date('2036-06-01T12:00:00Z'))
  await tls.run(['init'], terminal)
  expect(printed.filter((line) => line.startsWith('Valid until'))).toStrictEqual([
    'Valid until  2028-11-21',
    'Valid until  2036-11-21',
  ])
  setSystemTime(new Date('2036-12-01T12:00:00Z'))
  const fault = await tls.run(['init'], terminal).catch((error: unknown) => error)
  expect(String(fault)).toContain('has expired')
  rmSync(folder, { recursive: true })
})
