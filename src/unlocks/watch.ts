import { openCheckpoint } from './checkpoint.ts'
import { frontier } from './merkle.ts'
import type { VerifierKey } from './signed-note.ts'
import { type UnlockStore, withNodes } from './store.ts'
import { type Verdict, eventFault, verifyLog } from './verify.ts'

type Options = {
  readonly store: UnlockStore
  readonly key: VerifierKey
  /** Told of each check's verdict. */
  readonly report: (verdict: Verdict) => void
}

export type LogWatch = {
  /** The last verdict; a fault stays until a later check finds none. */
  readonly verdict: () => Verdict | undefined
  /** Checks the newest events and the root. */
  readonly checkNewest: () => Promise<Verdict>
  /** Checks everything, page by page, letting other work go first. */
  readonly checkAll: () => Promise<Verdict>
  readonly stop: () => void
}

/** Events checked at each start. */
const NEWEST_EVENTS = 1000

const DAY_MS = 86_400_000

/** Watches the log's honesty: the newest part at the start, all of it once a day. It repairs
 * nothing; what it finds shows in the readiness and in the process log. */
export const logWatch = ({ store, key, report }: Options): LogWatch => {
  let last: Verdict | undefined
  const concluded = (verdict: Verdict): Verdict => {
    last = verdict
    report(verdict)
    return verdict
  }

  const checkAll = async (): Promise<Verdict> => {
    const head = await store.head()
    if (!head) return concluded({ ok: false, seq: 0, fault: 'The log has no head' })
    return concluded(
      await verifyLog({
        source: store,
        head,
        key,
        afterPage: () => Bun.sleep(1),
      }),
    )
  }

  const daily = setInterval(() => void checkAll(), DAY_MS)
  daily.unref()

  return {
    verdict: () => last,
    checkNewest: async () => concluded(await newestVerdict(store, key)),
    checkAll,
    stop: () => clearInterval(daily),
  }
}

const newestVerdict = async (store: UnlockStore, key: VerifierKey): Promise<Verdict> => {
  const head = await store.head()
  const rows = await store.nextSeq()
  const broken = (fault: string, seq?: number): Verdict => ({ ok: false, seq, fault })
  if (!head) return broken('The log has no head')
  if (rows !== head.size) return broken(`The log has ${rows} events and a head of ${head.size}`)
  const events = await store.page(head.size - NEWEST_EVENTS - 1, NEWEST_EVENTS)
  for (const event of events) {
    const fault = eventFault(event)
    if (fault) return broken(`Event ${event.seq}: ${fault}`, event.seq)
  }
  try {
    const { root, size } = openCheckpoint(head.checkpoint, key)
    const stored = await withNodes(store, (read) => frontier(head.size, read).root())
    if (size === head.size && Buffer.compare(root, stored) === 0)
      return { ok: true, size: head.size }
  } catch (error) {
    return broken(error instanceof Error ? error.message : 'The newest checkpoint does not hold')
  }
  return broken('The tree is not the one that the newest checkpoint was signed for')
}
