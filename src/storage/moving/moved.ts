import { Type as t, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { AppError } from '../../errors.ts'
import type { Database } from '../database.ts'
import type { Queries } from '../queries.ts'
import { settingsIn, storedSetting } from '../sqlite/setting-store.ts'

/** Where a home moves or has moved to, as it is stored there where it leaves. */
const Move = t.Object({
  id: t.String(),
  /** The new place, for people: a path or an address without its password. */
  to: t.String(),
  atMs: t.Integer(),
  /** Whether all of it has arrived. */
  isDone: t.Boolean(),
})

export type Move = Static<typeof Move>

const MOVED_TO = 'moved_to'
const MOVED_FROM = 'moved_from'

/** Returns the move with which a home left this place, or undefined if it is here. */
export const moveIn = async (db: Pick<Queries, 'get'>): Promise<Move | undefined> => {
  const text = await storedSetting(db, MOVED_TO)
  if (text === undefined) return undefined
  const move: unknown = JSON.parse(text)
  if (!Value.Check(Move, move)) throw new AppError('unavailable', 'The setting moved_to is damaged')
  return move
}

type Left = Pick<Database, 'isFile'>

/** Stores where a home moves to. On a server, no replica that may still run can write from then on. */
export const storeMove = async (tx: Queries, move: Move, { isFile }: Left): Promise<void> => {
  await settingsIn(tx).put(MOVED_TO, JSON.stringify(move))
  if (!isFile) await tx.run('UPDATE home SET has_left = true WHERE id = 1')
}

export const forgetMove = async (tx: Queries, { isFile }: Left): Promise<void> => {
  await forget(tx)
  if (!isFile) await returnHere(tx)
}

/** Lets replicas write to a home on a server again, and judge its log anew. */
export const returnHere = async (tx: Queries): Promise<void> =>
  void (await tx.run('UPDATE home SET has_left = false, stopped = NULL WHERE id = 1'))

const forget = (tx: Queries): Promise<number> =>
  tx.run('DELETE FROM setting WHERE name = ?', MOVED_TO)

/** Stores in the new place which move brought the home there. */
export const storeArrival = async (tx: Queries, id: string): Promise<void> => {
  await forget(tx)
  await settingsIn(tx).put(MOVED_FROM, id)
}

/** Returns the id of the move that brought a home to a place. */
export const arrivalIn = (db: Pick<Queries, 'get'>): Promise<string | undefined> =>
  storedSetting(db, MOVED_FROM)

/** Throws `unavailable` if the home has left this place, or a move was interrupted. */
export const requireHere = async (db: Pick<Queries, 'get'>): Promise<void> => {
  const move = await moveIn(db)
  if (move) throw new AppError('unavailable', leftWords(move))
}

/** Says where a home is now, and how to return to this place. */
export const leftWords = (move: Move): string => {
  const { says, fix } = leftParts(move)
  return `${says}: ${fix}`
}

/** True for the path of a file, which DATABASE_URI does not take as it is. */
export const isPath = (to: string): boolean => to.startsWith('/')

/** The same as `leftWords`, in two parts. */
export const leftParts = ({
  to,
  atMs,
  isDone,
}: Move): { readonly says: string; readonly fix: string } =>
  isDone
    ? {
        says: `This home moved to ${to} on ${new Date(atMs).toISOString()}`,
        fix: `set DATABASE_URI to ${isPath(to) ? `sqlite:///${to}` : 'that address'}. To use this database again, without what was recorded there since, run secure-lock-server migrate --undo`,
      }
    : {
        says: `The move of this home to ${to} was interrupted`,
        fix: 'run the same secure-lock-server migrate command again or, to stay here, migrate --undo',
      }
