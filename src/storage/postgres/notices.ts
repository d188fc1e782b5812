import type { SQL } from 'bun'
import { SECOND_MS } from '../../domain/duration.ts'
import type { PostgresAddress } from '../../config/postgres-address.ts'
import { type Client, connect } from './client.ts'
import type { PromotionWatch } from './replicas/promotion.ts'

/** How often the turn of the home is read, and how long after a notice others are waited for, which then share it. */
const POLL_MS = SECOND_MS
const GATHERING_MS = 20

/** Under load, the time between passing on or sending notices. */
const APART_MS = 50

/** How long after a failure to listen it is tried again. */
const LISTEN_RETRY_MS = 2 * SECOND_MS

type Options = {
  /** Reads, and tells others. */
  readonly client: Client
  readonly schema: string
  readonly promotion: PromotionWatch
  /** Where notices can be listened for; undefined behind a pooler that would swallow them. */
  readonly listenAt: PostgresAddress | undefined
  /** Called soon after someone else has committed, at most every 50 ms, and again if it rejects; never while it
   * runs. */
  readonly onForeignCommit: () => Promise<void>
  /** Called with false when the connection for notices is lost, and with true when they arrive again. */
  readonly onHearing?: (isHeard: boolean) => void
}

/** Tells other replicas and commands about commits, and hears of theirs: at once by NOTIFY, which may be lost, and
 * within a second by the turn of the home, which alone is enough. */
export const commitNotices = ({
  client,
  schema,
  promotion,
  listenAt,
  onForeignCommit,
  onHearing = () => {},
}: Options) => {
  /** A name has 63 bytes at most, as many as a schema's. */
  const channel = `secure_lock_${Bun.hash(schema).toString(36)}`
  let isClosed = false
  let seen: number | undefined

  let waking: Timer | undefined
  let isAwake = false
  let sleptAtMs = -Infinity
  const wake = (): void => {
    if (isClosed || isAwake) return
    const waitMs = Math.max(GATHERING_MS, sleptAtMs + APART_MS - performance.now())
    waking ??= setTimeout(() => {
      waking = undefined
      isAwake = true
      const before = seen
      void onForeignCommit()
        // The next look tries again.
        .catch(() => (seen = undefined))
        .finally(() => {
          isAwake = false
          sleptAtMs = performance.now()
          if (seen !== before) wake()
        })
    }, waitMs)
  }

  const note = (turn: number): void => {
    if (turn === seen) return
    seen = turn
    wake()
  }

  const look = async (): Promise<void> => {
    const [row] = await client.query(
      `SELECT turn, timeline, ${promotion.timeline} AS now FROM ${schema}.home WHERE id = 1`,
      [],
    )
    promotion.note(row?.['timeline'], row?.['now'])
    note(Number(row?.['turn']))
  }

  const listening = listenAt
    ? listener({
        address: listenAt,
        channel,
        onNotice: (turn) => note(Number(turn)),
        onListening: () => void look().catch(() => {}),
        onHearing,
      })
    : undefined

  let looking: Timer | undefined
  const poll = (): void => {
    looking = setTimeout(() => {
      void look()
        // The server cannot be reached now, and the connection for notices may be dead without showing it.
        .catch(() => listening?.doubt())
        .finally(() => {
          if (!isClosed) poll()
        })
    }, POLL_MS)
  }
  poll()

  let isTelling = false
  let isMoreToTell = false
  const tell = async (): Promise<void> => {
    isMoreToTell = !isClosed
    if (isTelling) return
    isTelling = true
    while (isMoreToTell) {
      isMoreToTell = false
      await client.query(TELL, [channel, String(seen)]).catch(() => {})
      await Bun.sleep(APART_MS)
    }
    isTelling = false
  }

  return {
    /** Called after each commit of this process with its turn and the one before it. */
    onTurn: (turn: number, before: number): void => {
      const hasMissed = seen !== undefined && seen !== before
      seen = turn
      if (hasMissed) wake()
      void tell()
    },
    close: async (): Promise<void> => {
      isClosed = true
      isMoreToTell = false
      for (const timer of [waking, looking]) clearTimeout(timer)
      await listening?.close()
    },
  }
}

type Listening = {
  readonly address: PostgresAddress
  readonly channel: string
  readonly onNotice: (payload: string) => void
  /** Called each time it has begun to listen. */
  readonly onListening: () => void
} & Required<Pick<Options, 'onHearing'>>

/** Listens for notices on its own connection, which is replaced when it is lost. Bun would reconnect too, but prints a
 * line for each failed attempt. */
const listener = ({ address, channel, onNotice, onListening, onHearing }: Listening) => {
  let connection: SQL | undefined
  let retrying: Timer | undefined
  let isClosed = false
  let isHeard = true

  const tell = (is: boolean): void => {
    if (is !== isHeard && !isClosed) onHearing(is)
    isHeard = is
  }

  const giveUp = async (lost: SQL | undefined): Promise<void> => {
    if (lost === undefined || lost !== connection) return
    connection = undefined
    // Before Bun connects again.
    const closing = lost.close({ timeout: 0 }).catch(() => {})
    tell(false)
    if (!isClosed) retrying = setTimeout(listen, LISTEN_RETRY_MS)
    await closing
  }

  const listen = (): void => {
    const opened = connect(address, { max: 1, onClose: () => void giveUp(opened) })
    connection = opened
    opened
      .listen(channel, onNotice, () => {
        tell(true)
        onListening()
      })
      .catch(() => giveUp(opened))
  }
  listen()

  return {
    /** Replaces the connection, which may be dead. */
    doubt: (): void => void giveUp(connection),
    close: async (): Promise<void> => {
      isClosed = true
      clearTimeout(retrying)
      await giveUp(connection)
    },
  }
}

/** Announces a turn. This is not part of its transaction, or all homes on the server would commit one after another. It
 * need not reach the disk. */
const TELL = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)"
