import { foldedText } from '../../domain/text/folded-text.ts'
import type { Queries } from '../../storage/database.ts'
import type { UnlockEvent } from '../log/event.ts'
import { nameReads } from '../log/names-store.ts'

/** Returns the condition that the account of an event belongs to a unit now, with the numbers of those
 * accounts. The log itself has no units. */
export const ofUnit = async (db: Pick<Queries, 'all' | 'get'>, unit: string) => {
  const { accountNumber } = nameReads(db)
  const numbers: number[] = []
  for (const account of await accountsOfUnit(db, unit)) {
    const number = await accountNumber(account)
    if (number !== undefined) numbers.push(number)
  }
  return {
    sql: 'account_number IN (SELECT CAST(value AS bigint) FROM json_each(?))',
    values: [JSON.stringify(numbers)],
    accounts: numbers,
  }
}

/** Returns the public ids of the accounts that belong to a unit. */
export const accountsOfUnit = async (
  db: Pick<Queries, 'all'>,
  unit: string,
): Promise<readonly string[]> => {
  const rows = await db.all<{ id: string }>(
    'SELECT public_id AS id FROM account WHERE unit_key = ? ORDER BY id',
    foldedText(unit),
  )
  return rows.map(({ id }) => id)
}

/** Returns whether any account belongs to a unit. */
export const hasUnits = async (db: Pick<Queries, 'get'>): Promise<boolean> =>
  (await db.get('SELECT 1 FROM account WHERE unit_key IS NOT NULL LIMIT 1')) !== undefined

/** Returns a function that returns the unit to which the account of one of these events belongs now, or null. */
export const unitsOf = async (
  db: Pick<Queries, 'all'>,
  events: readonly Pick<UnlockEvent, 'person'>[],
): Promise<(event: Pick<UnlockEvent, 'person'>) => string | null> => {
  const accounts = new Set(events.flatMap(({ person }) => person?.accountPublicId ?? []))
  const rows = await db.all<{ id: string; unit: string | null }>(
    'SELECT public_id AS id, unit FROM account WHERE public_id IN (SELECT value FROM json_each(?))',
    JSON.stringify([...accounts]),
  )
  const units = new Map(rows.map(({ id, unit }) => [id, unit]))
  return ({ person }) => units.get(person?.accountPublicId ?? '') ?? null
}
