import { AppError } from '../../errors.ts'
import type { grantsIn } from './store.ts'

/** How many grants there may be that have neither ended nor been revoked: in the home, and for one holder. */
const LIVE_MAX = 10_000
const LIVE_OF_HOLDER_MAX = 200

export const TOO_MANY = `There can be ${LIVE_MAX} grants, and ${LIVE_OF_HOLDER_MAX} for one holder; revoke some first`

/** Throws `conflict` unless there is room for another live grant, and for one of this holder. */
export const requireRoom = async (
  { countLive }: Pick<ReturnType<typeof grantsIn>, 'countLive'>,
  holder: string,
): Promise<void> => {
  const isFull =
    (await countLive(LIVE_OF_HOLDER_MAX, holder)) === LIVE_OF_HOLDER_MAX ||
    (await countLive(LIVE_MAX)) === LIVE_MAX
  if (isFull) throw new AppError('conflict', TOO_MANY, { reason: 'too_many_grants' })
}
