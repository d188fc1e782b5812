import { openStatement, sha256 } from '../../domain/statement/statement.ts'
import { lockClaim } from '../../domain/statement/claims.ts'
import { COMMAND_FRESH_MS, type Door, pause, wordsOf } from './door.ts'
import type { Gateway } from './gateway.ts'
import { messageOf, type Reporter, runsIn } from './reporter.ts'

type Dependencies = {
  readonly gateway: Pick<Gateway, 'ask'>
  readonly token: string
  readonly lockId: string
  readonly doorKey: Uint8Array
  readonly door: Pick<Door, 'ask'>
  readonly reporter: Pick<Reporter, 'idle' | 'want'>
  readonly monotonicMs: () => number
  /** Stores the door key that follows. */
  readonly storeDoorKey: (publicKey: Uint8Array) => void
  readonly backOff: (failures: number) => Promise<void>
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

const WAIT_SECONDS = 25
const TIMEOUT_MS = 35_000
const NONCE_BYTES = 16

/** The shortest time between two polls without a command. */
const PAUSE_MS = 500

/** How long the next poll waits for the reports of a command: the gateway sends a command again until it was reported. */
const REPORTED_MS = 500

/** Asks the gateway for commands, each time with a new nonce, until the signal. A command counts if the door key signed
 * it for this lock and for the nonce of the newest poll, and that poll was begun at most 30 s ago. */
export const pollCommands = async (deps: Dependencies): Promise<void> => {
  const { gateway, token, lockId, door, reporter, monotonicMs, backOff, signal, say } = deps
  let { doorKey } = deps
  let failures = 0

  /** Follows the signatures that lead from the key that is trusted to the one in use. */
  const succeed = async (successions: readonly Uint8Array[]): Promise<void> => {
    for (const statement of successions) {
      const next = await openStatement('succession', statement, doorKey)
      if (!next) return
      doorKey = next.publicKey
      deps.storeDoorKey(doorKey)
      say('The gateway has a new door key, and the old one signed that it follows')
    }
  }

  const obey = async (
    commands: readonly Uint8Array[],
    { nonce, begunAtMs }: { readonly nonce: Uint8Array; readonly begunAtMs: number },
  ): Promise<void> => {
    const isFresh = () => monotonicMs() - begunAtMs <= COMMAND_FRESH_MS
    for (const statement of commands) {
      const command = await openStatement('command', statement, doorKey)
      if (!command) say('A command was not signed by the door key: ignored')
      else if (command.lock !== lockClaim(lockId)) say('A command is for another lock: ignored')
      else if (!Buffer.from(command.nonce).equals(nonce))
        say('A command is for another poll, perhaps a recorded one: ignored')
      else if (!isFresh()) say('A command came too late: ignored')
      else door.ask({ attempt: command.attempt, isFresh })
    }
  }

  const pollOnce = async (): Promise<void> => {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
    const begunAtMs = monotonicMs()
    const query = new URLSearchParams({
      nonce: base64Url(nonce),
      wait: String(WAIT_SECONDS),
      door_key: base64Url(await sha256(doorKey)),
    })
    const path = `/v1/controller/commands?${query.toString()}`
    const answer = await gateway.ask({ method: 'GET', path, token, signal, timeoutMs: TIMEOUT_MS })
    if (answer.status !== 200 && answer.status !== 204) throw new Error(messageOf(answer))
    if (failures > 0) say('The gateway answers again')
    failures = 0
    const commands = answer.status === 200 ? statementsIn(answer.body, 'commands') : []
    // Somebody who polls with a stolen token ends this poll at once, and must not make it a busy loop.
    const isEarly = monotonicMs() - begunAtMs < PAUSE_MS
    if (commands.length === 0 && isEarly) await pause(PAUSE_MS, signal)
    if (answer.status === 204) return
    await succeed(statementsIn(answer.body, 'successions'))
    reporter.want(runsIn(answer.body, 'want'))
    await obey(commands, { nonce, begunAtMs })
    if (commands.length > 0) await pause(REPORTED_MS / 10, signal)
    await Promise.race([reporter.idle(), pause(REPORTED_MS, signal)])
  }

  while (!signal.aborted)
    try {
      await pollOnce()
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      if (failures === 1) say(`No commands from the gateway: ${wordsOf(error)}. Trying again`)
      await backOff(failures)
    }
}

const base64Url = (bytes: Uint8Array): string =>
  bytes.toBase64({ alphabet: 'base64url', omitPadding: true })

/** No gateway sends more at once. */
const STATEMENTS_MAX = 100

const statementsIn = (body: unknown, name: string): readonly Uint8Array[] => {
  const list = (body as Readonly<Record<string, unknown>> | null | undefined)?.[name]
  if (!Array.isArray(list)) return []
  return (list as readonly unknown[])
    .slice(0, STATEMENTS_MAX)
    .filter((text) => typeof text === 'string')
    .map((text) => new Uint8Array(Buffer.from(text, 'base64')))
}
