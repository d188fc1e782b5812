import type { HomeEventKind, Rule, TargetContents, TargetKind } from '../../domain/home-event.ts'
import { AppError } from '../../errors.ts'
import type { Queries } from '../../storage/database.ts'
import { targetsIn } from '../core/target-store.ts'

/** The kinds of targets by their names. */
export type Kinds = Readonly<Record<string, TargetKind>>

/** Returns a kind. Throws `invalid` if there is none of that name. */
export const kindIn = (kinds: Kinds, kind: string): TargetKind => {
  const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (found) return found
  const accepted = `one of ${Object.keys(kinds).join(', ')}`
  throw new AppError('invalid', `Invalid kind: ${accepted}`, { fields: { kind: accepted } })
}

/** Throws `forbidden` if no target of the home leads there: a member's may lead nowhere else. */
export const requireKnownDestination = async (
  db: Pick<Queries, 'all' | 'get' | 'run'>,
  { destination }: TargetKind,
  { kind, settings }: { readonly kind: string; readonly settings: TargetContents['settings'] },
): Promise<void> => {
  const where = destination(settings)
  if (where === undefined) return
  const targets = await targetsIn(db).all()
  const known = targets.filter((one) => one.accountPublicId === null && one.kind === kind)
  if (!known.some((one) => destination(one.settings) === where))
    throw new AppError('forbidden', ELSEWHERE, { reason: 'destination_unknown' })
}

/** Throws `invalid` for hours without an end, and for what a person's own target does not receive. */
export const requireRules = (rules: readonly Rule[], isPersonal: boolean): void => {
  const isWrong = ({ on, hours }: Rule): boolean =>
    (hours !== undefined && hours.from === hours.to) || (isPersonal && !PERSONAL.has(on))
  if (rules.some(isWrong))
    throw new AppError('invalid', `Invalid rules: ${RULE_WORDS}`, { fields: { rules: RULE_WORDS } })
}

export const ELSEWHERE =
  'Your own target may lead only where one of the home leads; ask an owner to add one'
const RULE_WORDS =
  'hours must begin and end at different times; your own targets receive only `unlocked`, `denied`, `guest.opened` and `guest.problem`'

/** Of oneself, and of one’s own guests. */
const PERSONAL: ReadonlySet<HomeEventKind> = new Set([
  'unlocked',
  'denied',
  'guest.opened',
  'guest.problem',
])
