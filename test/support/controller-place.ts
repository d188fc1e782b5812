import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BINARY, temporaryFolder } from './binary.ts'
import { until } from './until.ts'

/** A place where a controller keeps its state and its commands leave their traces. */
export const controllerPlace = () => {
  const folder = temporaryFolder()
  const bolt = join(folder, 'bolt')
  const running: Bun.Subprocess[] = []
  return {
    folder,
    state: join(folder, 'state'),
    /** Commands that write what they do into a file. */
    open: `--open=echo open >> ${bolt}`,
    close: `--close=echo close >> ${bolt}`,
    /** What was done at the bolt. */
    bolt: (): readonly string[] =>
      existsSync(bolt) ? readFileSync(bolt, 'utf8').trim().split('\n') : [],

    /** Starts the executable as a controller. */
    start: (
      args: readonly string[],
      env: Readonly<Record<string, string>> = {},
      /** The command that runs it. */
      within: readonly string[] = [],
    ): RunningController => {
      const started = Bun.spawn(
        [...within, BINARY, 'controller', '--state', join(folder, 'state'), ...args],
        {
          cwd: folder,
          env: { PATH: '/usr/bin:/bin', ...env },
          stdin: 'ignore',
          stdout: 'pipe',
          stderr: 'pipe',
        },
      )
      running.push(started)
      const output = { out: '', words: '' }
      const collected = Promise.all([
        collect(started.stdout, (text) => (output.out += text)),
        collect(started.stderr, (text) => (output.words += text)),
      ])
      return {
        output,
        says: (text) => until(() => output.words.includes(text) || output.out.includes(text)),
        stop: async (signal = 'SIGTERM') => {
          started.kill(signal)
          const status = await started.exited
          await collected
          return status
        },
        exited: async () => {
          const status = await started.exited
          await collected
          return status
        },
        pause: () => started.kill('SIGSTOP'),
        go: () => started.kill('SIGCONT'),
      }
    },

    [Symbol.asyncDispose]: async (): Promise<void> => {
      for (const one of running) {
        one.kill('SIGKILL')
        await one.exited
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type RunningController = {
  readonly output: { readonly out: string; readonly words: string }
  /** Waits until it has said something. */
  readonly says: (text: string) => Promise<void>
  readonly stop: (signal?: NodeJS.Signals) => Promise<number>
  readonly exited: () => Promise<number>
  readonly pause: () => void
  readonly go: () => void
}

const collect = async (stream: ReadableStream, add: (text: string) => void): Promise<void> => {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) add(text)
}
