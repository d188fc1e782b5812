import { AppError } from '../../errors.ts'
import { type Answer, type Fault, type Request, asText, fromText, unpacked } from './messages.ts'
import type { Committed, Writer } from './writer.ts'

type Options = {
  /** The absolute URL of the thread's first module: a relative one in a compiled executable is looked for
   * in the current directory, where anyone may have put a program. */
  readonly entry: string
  /** Plain data for `serveWriter`. */
  readonly given: unknown
  /** Called when the thread has died; `isLast` if it is not started again. */
  readonly onDeath: (error: unknown, isLast: boolean) => void
}

type Waiting = {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** How often a thread that has died is started again. */
const RESTARTS_MAX = 1

/** Returns a writer in a separate thread, so that this one never waits for the disk. If that thread dies,
 * everything that waits for it rejects with `unavailable`, and the thread is started once more. */
export const writerThread = ({ entry, given, onDeath }: Options): Writer => {
  let restarts = 0
  let thread: Thread | undefined
  let fault: AppError | undefined

  const start = (): Thread => {
    const started = newThread(entry, given, (died) => {
      thread = undefined
      fault = died
      onDeath(died.cause, restarts >= RESTARTS_MAX)
      if (restarts >= RESTARTS_MAX) return
      restarts += 1
      thread = start()
    })
    return started
  }
  thread = start()

  const ask = async (...request: Request): Promise<unknown> => {
    if (!thread) throw fault ?? stopped(undefined)
    return thread.ask(request)
  }

  return {
    begin: (waitMs) => ask('begin', waitMs) as Promise<void>,
    query: (how, sql, params) => ask('query', how, sql, params),
    mark: () => ask('mark') as Promise<void>,
    undo: () => ask('undo') as Promise<boolean>,
    commit: async (inputs, how) => {
      const committed = (await ask('commit', asText(inputs), how)) as Committed
      return { ...committed, outcomes: fromText(committed.outcomes) }
    },
    rollback: () => ask('rollback') as Promise<void>,
    writeWalBack: () => ask('writeWalBack') as Promise<number>,
    truncateWal: () => ask('truncateWal') as Promise<boolean>,
    stopSyncing: () => ask('stopSyncing') as Promise<void>,
    examine: () => ask('examine') as ReturnType<Writer['examine']>,
    close: async (keepsWal) => {
      await ask('close', keepsWal)
      thread?.end()
    },
  }
}

type Thread = {
  readonly ask: (request: Request) => Promise<unknown>
  /** Ends the thread on purpose. */
  readonly end: () => void
}

const newThread = (entry: string, given: unknown, onDeath: (fault: AppError) => void): Thread => {
  const worker = new Worker(entry)
  const waiting: Waiting[] = []
  let isDead = false
  let hasStarted = false
  let cause: unknown

  const post = (message: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
      worker.postMessage(message)
    })

  const faultOf = (): AppError => (hasStarted ? stopped(cause) : notStarted(cause))

  const die = (): void => {
    if (isDead) return
    isDead = true
    for (const { reject } of waiting.splice(0)) reject(faultOf())
    onDeath(faultOf())
  }

  worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
    hasStarted = true
    const asked = waiting.shift()
    if ('rejected' in data) asked?.reject(unpacked(data.rejected))
    else asked?.resolve(withFault(data.value))
  })
  worker.addEventListener('error', (event) => {
    event.preventDefault()
    cause = new Error(event.message)
  })
  worker.addEventListener('close', die)

  // If this fails, each request tries again; see `serveWriter`.
  post({ given }).catch(() => {})
  return {
    ask: async (request) => {
      if (isDead) throw faultOf()
      return post(request)
    },
    end: () => {
      isDead = true
      worker.terminate()
    },
  }
}

/** Unpacks the error in answers that have one; see `withPlainFault`. */
const withFault = (value: unknown): unknown =>
  isFaulty(value) ? { ...value, fault: unpacked(value.fault) } : value

const isFaulty = (value: unknown): value is { readonly fault: Fault } =>
  typeof value === 'object' && value !== null && 'fault' in value && value.fault !== undefined

const notStarted = (cause: unknown): AppError =>
  new AppError('unavailable', 'The thread that writes to the database did not start; see the log', {
    cause,
  })

const stopped = (cause: unknown): AppError =>
  new AppError(
    'unavailable',
    'The server failed while it wrote this; whether it is recorded is not known. Try again',
    {
      cause,
    },
  )
