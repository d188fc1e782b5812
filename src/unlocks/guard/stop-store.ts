import { encodeBase64 } from '#crypto'
import type { Queries } from '../../storage/queries.ts'
import { isSameHead } from '../tlog/continuity.ts'
import { emptyRoot } from '../tlog/merkle-tree.ts'
import { parsedObject } from '../log/entry.ts'
import { type LogBreak, type SignedHead, treeHead } from './head-file.ts'

/** What replicas have signed that the log of a home on a server does not continue. From the first one on, no replica
 * signs, not even one that has seen less, until the loss is accepted. */
export type Stops = {
  /** As it is stored. */
  readonly text: string
  readonly breaks: readonly [LogBreak, ...LogBreak[]]
}

/** Reads the stops of a home on a server; undefined if there are none. */
export const stopsIn = async (
  db: Pick<Queries, 'get'>,
  origin: string,
): Promise<Stops | undefined> => {
  const row = await db.get<{ stopped: string | null }>('SELECT stopped FROM home WHERE id = 1')
  return row?.stopped == null ? undefined : parseStops(row.stopped, origin)
}

/** Adds a head to them, unless it is there. */
export const addStop = async (tx: Queries, found: LogBreak): Promise<void> => {
  const known = (await stopsIn(tx, found.kept.origin))?.breaks ?? []
  if (hasStop(known, found.kept)) return
  const text = formatStops([...known, found])
  await tx.run('UPDATE home SET stopped = ? WHERE id = 1', text)
}

/** Lets replicas sign again. */
export const clearStops = async (tx: Pick<Queries, 'run'>): Promise<void> =>
  void (await tx.run('UPDATE home SET stopped = NULL WHERE id = 1'))

export const hasStop = (breaks: readonly LogBreak[], head: SignedHead): boolean =>
  breaks.some(({ kept }) => isSameHead(kept, head))

const formatStops = (breaks: readonly LogBreak[]): string =>
  JSON.stringify({
    breaks: breaks.map(({ kind, size, kept }) => ({
      kind,
      size,
      signed: {
        size: kept.size,
        root: encodeBase64(kept.root),
        at: new Date(kept.atMs).toISOString(),
      },
    })),
  })

/** Reads what `addStop` has stored. A text that somebody has damaged stops the log too, as another log of no events
 * whose loss may be accepted. */
export const parseStops = (text: string, origin: string): Stops => {
  const stored = parsedObject(text)?.['breaks']
  const breaks = (Array.isArray(stored) ? stored : []).flatMap((one: unknown) => {
    const { kind, size, signed } = (one ?? {}) as Readonly<Record<string, unknown>>
    const { at, ...members } = (signed ?? {}) as Readonly<Record<string, unknown>>
    const head = treeHead(members)
    const atMs = typeof at === 'string' ? Date.parse(at) : Number.NaN
    if (!head || Number.isNaN(atMs) || typeof size !== 'number') return []
    return {
      kind: kind === 'shorter' ? ('shorter' as const) : ('different' as const),
      size,
      kept: { ...head, origin, atMs },
    }
  })
  const unreadable = {
    kind: 'different',
    size: 0,
    kept: { size: 0, root: emptyRoot(), origin, atMs: 0 },
  } as const
  const [first = unreadable, ...others] = breaks
  return { text, breaks: [first, ...others] }
}
