import { readFileSync, readlinkSync } from 'node:fs'
import { BINARY, OWN_FOLDER, withHome } from './binary.ts'
import { until } from './until.ts'

type Options = {
  readonly env?: Readonly<Record<string, string>>
  readonly asks?: RegExp
  /** Called with everything shown so far. */
  readonly onShown?: (shown: string) => void
}

/** Runs a command in a pseudo-terminal (util-linux `script`), and answers each of its questions. */
export const atTerminal = async (
  command: string,
  typed: readonly string[],
  folder: string,
  { env = {}, asks = /: $/, onShown = () => {} }: Options = {},
) => {
  const run = Bun.spawn(['script', '-qec', `exec ${BINARY} ${command}`, '/dev/null'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      TERM: 'xterm',
      ...(await withHome({ env: { ...OWN_FOLDER, ...env }, args: command.split(' ') }, folder)),
    },
    stdin: 'pipe',
    stdout: 'pipe',
  })
  const answers = typed.values()
  const decoder = new TextDecoder()
  let shown = ''
  for await (const part of run.stdout) {
    shown += decoder.decode(part, { stream: true })
    onShown(shown)
    if (!asks.test(shown)) continue
    // The terminal is told to hide a password right after the question.
    if (/password: $/i.test(shown.split('\n').at(-1) ?? '')) await until(() => isHidden(run.pid))
    await run.stdin.write(answers.next().value ?? '')
    await run.stdin.flush()
  }
  return { status: await run.exited, shown }
}

/** True if the terminal of `script` does not show what is typed. */
const isHidden = (pid: number): boolean => {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
  const { stdout } = Bun.spawnSync(['stty', '-F', readlinkSync(`/proc/${child}/fd/0`), '-a'])
  return stdout.includes(' -echo ')
}
