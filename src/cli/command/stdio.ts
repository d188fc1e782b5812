import { isatty } from 'node:tty'
import { shownLines, shownText } from '../../domain/text/shown-text.ts'
import type { Terminal } from './command.ts'

// Asks the descriptors, because touching `process.stdin` opens it as a stream and starts to read.
const IS_TTY = { input: isatty(0), output: isatty(1), error: isatty(2) }

/** The terminal of this process. */
export const processTerminal = (
  env: Terminal['env'],
  settingsFile: Terminal['settingsFile'],
): Terminal => ({
  env,
  settingsFile,
  print: (line) => void process.stdout.write(`${shownLines(line)}\n`),
  say: (line) => void process.stderr.write(`${shownLines(line)}\n`),
  printStyled: (line) => void process.stdout.write(`${line}\n`),
  sayStyled: (line) => void process.stderr.write(`${line}\n`),
  showProgress: IS_TTY.error ? progressLine() : () => {},
  readSecret: IS_TTY.input ? askHidden : nextLine,
  readLine: (prompt) => {
    process.stderr.write(shownText(prompt))
    return nextLine()
  },
  isInteractive: IS_TTY.input,
  isShown: IS_TTY.error,
  isOutputShown: IS_TTY.output,
  hasColours: IS_TTY.output && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  get columns() {
    const { columns } = IS_TTY.output ? process.stdout : process.stderr
    // A terminal that does not know its size says 0.
    return columns || undefined
  },
  onLevelRequest: (work) => void process.on('SIGUSR2', work),
  stopRequested: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve())
      if (IS_TTY.input) process.on('SIGHUP', () => resolve())
    }),
  // At a terminal, the same signal means that the terminal was closed.
  onReloadRequest: (work) => {
    if (!IS_TTY.input) process.on('SIGHUP', work)
  },
})

const PROGRESS_EVERY_MS = 100

const progressLine = (): ((line: string) => void) => {
  let [shown, shownAt] = ['', 0]
  return (line) => {
    // Shows a new step at once, but its percentage no more often than people can read.
    const isSame = shown.split(':')[0] === line.split(':')[0]
    if (line === shown || (isSame && performance.now() - shownAt < PROGRESS_EVERY_MS)) return
    process.stderr.write(`\r\u001b[K${shownText(line)}`)
    ;[shown, shownAt] = [line, performance.now()]
  }
}

let lines: AsyncIterator<string> | undefined

const nextLine = async (): Promise<string> => {
  const { createInterface } = await import('node:readline')
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const { value, done } = await lines.next()
  return done ? '' : value
}

const ENTER = /[\r\n]/
const BACKSPACES = '\b\u007f'

const askHidden = (prompt: string): Promise<string> => {
  process.stderr.write(shownText(prompt))
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

/** Thrown when the person at the prompt presses Ctrl-C or Ctrl-D. */
export class Interrupted extends Error {}
