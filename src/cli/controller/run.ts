import { SECOND_MS } from '../../domain/duration.ts'
import { EARLIEST_WALL_MS } from '../../domain/clock.ts'
import { lockClaim } from '../../domain/statement/claims.ts'
import { sha256 } from '../../domain/statement/statement.ts'
import { lockDataDir } from '../../storage/data-dir-lock.ts'
import { makePrivateFolder } from '../../storage/files/private-files.ts'
import { type Terminal, UsageError } from '../command/command.ts'
import { boltOf } from './bolt.ts'
import { doorAt, pause } from './door.ts'
import { enrol } from './enrol.ts'
import { type Gateway, gatewayAt } from './gateway.ts'
import { openJournal } from './journal.ts'
import { pollCommands } from './poll.ts'
import { reporterTo } from './reporter.ts'
import { type ControllerKey, type Identity, identityIn, keyIn, storeIdentity } from './state.ts'

/** What the command line asks for. */
export type Plan = {
  readonly folder: string
  readonly gateway: URL | undefined
  readonly caSha256: string | undefined
  readonly code: string | undefined
  readonly name: string
  readonly isEnrolOnly: boolean
  readonly open: string | undefined
  readonly close: string | undefined
  readonly openMs: number
  readonly sense: string | undefined
  readonly senseMs: number
}

/** How long the end waits for reports to be sent. */
const LAST_REPORTS_MS = 2 * SECOND_MS

/** Runs the controller until it is asked to stop. Returns the exit status. */
export const runController = async (plan: Plan, terminal: Terminal): Promise<number> => {
  const { print, say } = terminal
  makePrivateFolder(plan.folder)
  const unlock = lockDataDir(plan.folder, 'controller')
  const stopping = new AbortController()
  void terminal.stopRequested().then(() => stopping.abort())
  const bolt = boltOf({ ...plan, print, say })
  try {
    // Before anything else: the program may have been killed while the door was open.
    if (!plan.isEnrolOnly) await bolt.close()
    const key = await keyIn(plan.folder)
    const found = await identify(plan, { key, signal: stopping.signal, say })
    if (!found || plan.isEnrolOnly) return 0
    const isClosed = await serve(plan, { ...found, key, bolt, stopping, say })
    return isClosed ? 0 : 1
  } finally {
    unlock()
  }
}

type Identified = { readonly identity: Identity; readonly gateway: Gateway }

/** Returns who this controller is, and enrols it where it is not or has a new code. Returns undefined if it was asked to
 * stop meanwhile. */
const identify = async (
  plan: Plan,
  {
    key,
    signal,
    say,
  }: {
    readonly key: ControllerKey
    readonly signal: AbortSignal
    readonly say: (line: string) => void
  },
): Promise<Identified | undefined> => {
  const { folder, code, name } = plan
  const stored = identityIn(folder)
  const url = plan.gateway ?? (stored && new URL(stored.gateway))
  if (!url) throw new UsageError('--gateway is missing: this controller is not enrolled yet')
  const caSha256 = plan.caSha256 ?? (url.protocol === 'https:' ? stored?.caSha256 : undefined)
  const gateway = gatewayAt(url, caSha256)
  const codeHash = code && (await sha256(new TextEncoder().encode(code))).toBase64()
  if (stored && (codeHash === undefined || codeHash === stored.codeHash)) {
    if (plan.isEnrolOnly)
      say(`Already enrolled at the lock ${stored.lock.label} (${stored.lock.name})`)
    return { identity: { ...stored, gateway: url.href, caSha256 }, gateway }
  }
  if (code === undefined || codeHash === undefined)
    throw new UsageError('--code is missing: this controller is not enrolled yet')
  const backOff = (failures: number) => pause(backOffMs(failures), signal)
  const enrolled = await enrol({ gateway, key, backOff, signal, say }, { code, name })
  if (!enrolled) return undefined
  const identity = { ...enrolled, gateway: url.href, caSha256, codeHash }
  storeIdentity(folder, identity)
  say(`Enrolled at the lock ${enrolled.lock.label} (${enrolled.lock.name})`)
  return { identity, gateway }
}

type Serving = Identified & {
  readonly key: ControllerKey
  readonly bolt: ReturnType<typeof boltOf>
  readonly stopping: AbortController
  readonly say: (line: string) => void
}

/** Obeys commands and sends reports until asked to stop. Returns whether the door is closed then. */
const serve = async (plan: Plan, serving: Serving): Promise<boolean> => {
  const { identity, gateway, key, bolt, stopping, say } = serving
  const monotonicMs = (): number => performance.now()
  const { folder, openMs, sense, senseMs } = plan
  const { token, lock } = identity
  const ending = new AbortController()
  const journal = await openJournal({
    folder,
    key,
    lock: lockClaim(lock.id),
    now: () => timeOf(gateway.lastTime(), monotonicMs()),
  })
  const reporter = reporterTo({
    gateway,
    token,
    journal,
    backOff: (failures) => pause(backOffMs(failures), ending.signal),
    signal: ending.signal,
    say,
  })
  const door = doorAt({
    bolt,
    journal,
    monotonicMs,
    openMs,
    senseMs: sense === undefined ? undefined : senseMs,
    onReport: reporter.wake,
    say,
  })
  await door.start()
  say(`Waiting for commands for the lock ${lock.label} (${lock.name}) from ${identity.gateway}`)
  await pollCommands({
    gateway,
    token,
    lockId: lock.id,
    doorKey: new Uint8Array(Buffer.from(identity.doorKey, 'base64')),
    door,
    reporter,
    monotonicMs,
    storeDoorKey: (publicKey) =>
      storeIdentity(folder, { ...identity, doorKey: publicKey.toBase64() }),
    backOff: (failures) => pause(backOffMs(failures), stopping.signal),
    signal: stopping.signal,
    say,
  })
  const isClosed = await door.stop()
  reporter.wake()
  await Promise.race([reporter.idle(), Bun.sleep(LAST_REPORTS_MS)])
  ending.abort()
  gateway.close()
  return isClosed
}

/** How far the clock may be from the gateway's and still be called sure. */
const CLOCK_TOLERANCE_MS = 60 * SECOND_MS

/** Returns the time of day for a report. It is unsure unless it agrees with the gateway's last answer. */
const timeOf = (last: ReturnType<Gateway['lastTime']>, monotonicMs: number) => {
  const nowMs = Math.max(0, Date.now())
  const expectedMs = last && last.wallMs + (monotonicMs - last.monotonicMs)
  const isSure =
    expectedMs !== undefined &&
    nowMs >= EARLIEST_WALL_MS &&
    Math.abs(nowMs - expectedMs) <= CLOCK_TOLERANCE_MS
  return { issuedAtS: Math.floor(nowMs / SECOND_MS), clockUnsure: !isSure }
}

const BACK_OFF_MS_MAX = 30 * SECOND_MS

/** Milliseconds to wait after a number of failures: from 1 to 30 s, with jitter, so that the controllers of a house do
 * not all come back at once. */
const backOffMs = (failures: number): number =>
  Math.min(SECOND_MS * 2 ** Math.min(failures - 1, 10), BACK_OFF_MS_MAX) *
  (0.8 + 0.4 * Math.random())
