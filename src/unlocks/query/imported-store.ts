import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'

type Span = {
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

/** Events that one statement looks at before other work continues. */
const STEP_ROWS = 2000

/** True if the log has imported events. */
export const hasImported = async (db: Pick<Queries, 'get'>): Promise<boolean> => {
  const row = await db.get<{ newest: number | null }>(
    "SELECT max(occurred_at_ms) AS newest FROM unlock_event WHERE source = 'imported'",
  )
  return typeof row?.newest === 'number'
}

/** Returns the lowest and highest sequence numbers of the imported events that happened from `fromMs`
 * up to, not including, `toMs`. Imported events are in the legacy server's order, which need not be
 * that of their times. */
export const importedRange = async (
  db: Pick<Queries, 'all'>,
  { fromMs = Number.MIN_SAFE_INTEGER, toMs = Number.MAX_SAFE_INTEGER }: Span,
  signal?: AbortSignal,
): Promise<{ readonly first: number; readonly last: number } | undefined> => {
  let [first, last] = [Infinity, -Infinity]
  let edge: Edge = { seq: -1, ms: fromMs }
  for (;;) {
    const step: readonly Edge[] = await db.all<Edge>(
      `SELECT seq, occurred_at_ms AS ms
       FROM unlock_event
       WHERE source = 'imported'
         AND (occurred_at_ms, seq) > (?, ?)
         AND occurred_at_ms < ?
       ORDER BY occurred_at_ms, seq
       LIMIT ?`,
      edge.ms,
      edge.seq,
      toMs,
      STEP_ROWS,
    )
    for (const { seq } of step) [first, last] = [Math.min(first, seq), Math.max(last, seq)]
    edge = step.at(-1) ?? edge
    if (step.length < STEP_ROWS) return first <= last ? { first, last } : undefined
    await takeTurn(signal)
  }
}

type Edge = { readonly seq: number; readonly ms: number }
