import { wordsOf } from './door.ts'
import type { Answer, Gateway } from './gateway.ts'
import type { Journal, Run } from './journal.ts'

export type Reporter = ReturnType<typeof reporterTo>

type Dependencies = {
  readonly gateway: Pick<Gateway, 'ask'>
  readonly token: string
  readonly journal: Pick<Journal, 'unsent' | 'within' | 'markSent'>
  /** Waits after a failure. */
  readonly backOff: (failures: number) => Promise<void>
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** As many as the gateway takes at once. */
const BATCH = 100

const TIMEOUT_MS = 20_000

/** Sends reports, in their order, until the gateway has them all. */
export const reporterTo = (deps: Dependencies) => {
  const { gateway, token, journal, backOff, signal, say } = deps
  let wanted: readonly Run[] = []
  let isSending = false
  /** True if reports may have been added since the last look. */
  let isWoken = false
  let sending: Promise<void> = Promise.resolve()

  const post = (reports: readonly { readonly statement: Uint8Array }[]): Promise<Answer> =>
    gateway.ask({
      method: 'POST',
      path: '/v1/controller/reports',
      token,
      body: { statements: reports.map(({ statement }) => statement.toBase64()) },
      timeoutMs: TIMEOUT_MS,
      signal,
    })

  /** Returns the runs of which a report is still here; what is not stays missing. */
  const available = (runs: readonly Run[]): readonly Run[] =>
    runs.filter((run) => journal.within([run], 1).length > 0)

  /** Sends a batch. Returns true if there may be more, and false if the gateway refuses. */
  const sendBatch = async (size: number): Promise<boolean> => {
    const asked = journal.within(wanted, size)
    const reports = asked.length > 0 ? asked : journal.unsent(size)
    const last = reports.at(-1)
    if (!last) return false
    const { status, body } = await post(reports)
    if (status === 200) {
      if (!saysThrough(body)) throw new Error('It does not answer as a gateway')
      // What was just sent is not sent again, whatever the gateway says.
      const from = asked.length > 0 ? last.counter + 1 : 1
      wanted = available(
        runsIn(body, 'missing').map(([first, end]) => [Math.max(first, from), end]),
      )
      if (asked.length === 0) journal.markSent(last.counter)
      return true
    }
    // Which one is it?
    if (status === 400 && size > 1) return sendBatch(1)
    if (status !== 400) throw new Error(messageOf({ status, body }))
    say(`The gateway refuses report ${last.counter}: ${messageOf({ status, body })}`)
    if (asked.length === 0) journal.markSent(last.counter)
    else wanted = []
    return true
  }

  const send = async (): Promise<void> => {
    let failures = 0
    let hasMore = true
    while ((hasMore || isWoken) && !signal.aborted)
      try {
        isWoken = false
        hasMore = await sendBatch(BATCH)
        if (failures > 0) say('The gateway takes reports again')
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        hasMore = true
        failures += 1
        if (failures === 1) say(`Cannot send reports: ${wordsOf(error)}. Trying again`)
        await backOff(failures)
      }
    isSending = false
  }

  const wake = (): void => {
    isWoken = true
    if (isSending) return
    isSending = true
    sending = send()
  }

  return {
    /** Begins to send what the gateway does not have. */
    wake,
    /** Begins to send reports that the gateway asks for. */
    want: (runs: readonly Run[]): void => {
      wanted = available(runs)
      if (wanted.length > 0) wake()
    },
    /** Resolves once everything is sent, or the program ends. */
    idle: (): Promise<void> => sending,
  }
}

/** Somebody else may say 200 to everything, such as the login page of a network. */
const saysThrough = (body: unknown): boolean =>
  Number.isSafeInteger((body as { readonly through?: unknown } | null | undefined)?.through)

const RUNS_MAX = 100

/** Returns runs of counters in an answer. */
export const runsIn = (body: unknown, name: string): readonly Run[] => {
  const list = (body as Readonly<Record<string, unknown>> | null | undefined)?.[name]
  if (!Array.isArray(list)) return []
  // More than a gateway asks for at once would keep the program from closing the door in time.
  return (list as readonly unknown[])
    .slice(0, RUNS_MAX)
    .filter(
      (run): run is Run =>
        Array.isArray(run) && run.length === 2 && run.every((end) => Number.isSafeInteger(end)),
    )
}

/** Returns what an answer says that is no success. */
export const messageOf = ({ status, body }: Answer): string => {
  const { detail, msg, title } = (body ?? {}) as Readonly<Record<string, unknown>>
  const said = [detail, msg, title].find((text) => typeof text === 'string')
  return `HTTP ${status}${typeof said === 'string' ? `, ${said}` : ''}`
}
