import { createInterface } from 'node:readline'
import type { Terminal } from './command.ts'

/** The process's own terminal. */
export const processTerminal = (
  env: Terminal['env'],
  settingsFile: string | undefined,
): Terminal => ({
  env,
  settingsFile,
  print: (line) => process.stdout.write(`${line}\n`),
  say: (line) => process.stderr.write(`${line}\n`),
  showProgress: process.stderr.isTTY ? progressLine() : () => {},
  readSecret: process.stdin.isTTY ? askHidden : nextLine,
  readLine: (prompt) => {
    process.stderr.write(prompt)
    return nextLine()
  },
  isInteractive: process.stdin.isTTY,
  isShown: process.stderr.isTTY,
  hasColours: process.stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  onLevelRequest: (work) => void process.on('SIGUSR2', work),
  stopRequested: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve())
      if (process.stdin.isTTY) process.on('SIGHUP', () => resolve())
    }),
  // At a terminal the same signal says that it was closed.
  onReloadRequest: (work) => {
    if (!process.stdin.isTTY) process.on('SIGHUP', work)
  },
})

const PROGRESS_EVERY_MS = 100

const progressLine = (): ((line: string) => void) => {
  let [shown, shownAt] = ['', 0]
  return (line) => {
    // What is under way changes at once, and its percentage not more often than it can be read.
    const isSame = shown.split(':')[0] === line.split(':')[0]
    if (line === shown || (isSame && performance.now() - shownAt < PROGRESS_EVERY_MS)) return
    process.stderr.write(`\r\u001b[K${line}`)
    ;[shown, shownAt] = [line, performance.now()]
  }
}

let lines: AsyncIterator<string> | undefined

const nextLine = async (): Promise<string> => {
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const { value, done } = await lines.next()
  return done ? '' : value
}

const ENTER = /[\r\n]/
const BACKSPACES = '\b\u007f'

const askHidden = (prompt: string): Promise<string> => {
  process.stderr.write(prompt)
  process.stdin.setRawMode(true)
  return new Promise((resolve, reject) => {
    let typed = ''
    const finish = (settle: () => void) => {
      process.stdin.off('data', take).pause().setRawMode(false)
      process.stderr.write('\n')
      settle()
    }
    const take = (chunk: Buffer) => {
      for (const key of chunk.toString('utf8')) {
        if (ENTER.test(key)) return finish(() => resolve(typed))
        if (key === '\u0003' || key === '\u0004') return finish(() => reject(new Interrupted()))
        typed = BACKSPACES.includes(key) ? Array.from(typed).slice(0, -1).join('') : typed + key
      }
    }
    process.stdin.on('data', take).resume()
  })
}

/** The person at the prompt pressed Ctrl-C or Ctrl-D. */
export class Interrupted extends Error {}
