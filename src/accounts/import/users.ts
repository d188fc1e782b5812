import type { TSchema } from '@sinclair/typebox'
import { Value as Schema } from '@sinclair/typebox/value'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import type { Clock } from '../../domain/clock.ts'
import { plainText } from '../../http/request/text.ts'
import type { Database } from '../../storage/database.ts'
import { derivedUuid, spelledUuid } from '../../storage/derived-uuid.ts'
import { Address, Phone, Username } from '../core/schema.ts'
import type { AccountStore, NewAccount } from '../core/store.ts'
import { usernameKeyOf } from '../core/username.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import {
  WERKZEUG_WORK_MAX,
  type WerkzeugHash,
  parseWerkzeugHash,
  werkzeugWork,
} from '../passwords/werkzeug-hash.ts'
import { type IdentityState, type LegacyUser, legacyAccountsIn } from './store.ts'

type Dependencies = {
  readonly db: Pick<Database, 'get' | 'run' | 'transaction'>
  readonly accounts: Pick<AccountStore, 'legacySchemes'>
  readonly hasher: Pick<PasswordHasher, 'hash' | 'wrap'>
  readonly auditIn: AuditIn
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
}

/** The outcome of a row: imported (`taken`), perhaps in part, imported earlier (`here`), or
 * refused. */
export type ImportedUser = {
  readonly row: LegacyUser['id']
  /** The username, if the account was imported. */
  readonly name?: string
  readonly outcome: 'taken' | 'here' | 'refused'
  /** Why it was refused, or what is missing. */
  readonly faults: readonly string[]
}

/** The account that the unlocks of a username belong to; it may have been erased. */
export type Holder = { readonly publicId: string; readonly isErased: boolean }

type Candidate = {
  readonly row: LegacyUser['id']
  readonly username: string
  readonly account: Omit<NewAccount, 'passwordHash'> & { readonly publicId: string }
  readonly password: WerkzeugHash | undefined
  readonly faults: readonly string[]
}

/** How many rows are hashed at once and stored in one transaction. */
const BATCH_ROWS = 16

/** Imports the users of a legacy server as members, with their public ids and every password that can
 * be read. Fills `holders` with the account of each username. */
export const legacyUserImport = (deps: Dependencies) => {
  const { db, accounts, hasher, auditIn, clock } = deps

  const hashed = async ({ account, password }: Candidate) => ({
    ...account,
    // If there is no password to import, one that nobody knows.
    passwordHash: await (password ? hasher.wrap(password) : hasher.hash(crypto.randomUUID())),
  })

  /** Adds the accounts whose identity is still free. Returns the states from before. */
  const addAll = (members: readonly Awaited<ReturnType<typeof hashed>>[]) =>
    db.transaction(async (tx) => {
      const legacyAccounts = legacyAccountsIn(tx, clock)
      const states: IdentityState[] = []
      for (const member of members) {
        const state = await legacyAccounts.stateOf(member)
        states.push(state)
        if (state !== 'free') continue
        const { publicId: subject } = await legacyAccounts.add(member)
        const event = { action: 'account.import', result: 'success', subject } as const
        await auditIn(tx).record(COMMAND_LINE, event)
      }
      return states
    })

  /** Imports one batch. Adds the hash schemes of its passwords to `schemes`. */
  const importBatch = async (
    candidates: readonly Candidate[],
    schemes: Set<string>,
  ): Promise<readonly Imported[]> => {
    const batch: { readonly candidate: Candidate; state: IdentityState }[] = []
    for (const candidate of candidates) {
      const state = await legacyAccountsIn(db, clock).stateOf(candidate.account)
      batch.push({ candidate: state === 'free' ? limited(candidate, schemes) : candidate, state })
    }
    const free = batch.filter(({ state }) => state === 'free')
    const members = await Promise.all(free.map(({ candidate }) => hashed(candidate)))
    const states = await addAll(members)
    for (const [index, item] of free.entries()) item.state = states[index] ?? item.state
    return batch
  }

  return async function* importUsers(
    rows: Iterable<LegacyUser>,
    holders: Map<string, Holder>,
  ): AsyncGenerator<readonly ImportedUser[]> {
    const schemes = new Set(await accounts.legacySchemes())
    for (const batch of chunks(rows, BATCH_ROWS)) {
      const items = batch.map(candidateOf)
      const candidates = items.filter((item) => 'account' in item)
      const imported = await importBatch(candidates, schemes)
      for (const { candidate, state } of imported) {
        const { username, account } = candidate
        const isHolder = state === 'free' || state === 'imported' || state === 'erased'
        if (isHolder && !holders.has(username))
          holders.set(username, { publicId: account.publicId, isErased: state === 'erased' })
      }
      const outcomes = imported.map(outcomeOf).values()
      yield items.flatMap((item) => ('account' in item ? (outcomes.next().value ?? []) : item))
    }
  }
}

type Imported = { readonly candidate: Candidate; readonly state: IdentityState }

const outcomeOf = ({ candidate, state }: Imported): ImportedUser => {
  const { row, username: name, faults } = candidate
  if (state === 'free') return { row, name, outcome: 'taken', faults }
  if (state === 'imported') return { row, outcome: 'here', faults: [] }
  return { row, outcome: 'refused', faults: [REFUSALS[state]] }
}

const REFUSALS: Readonly<Record<Exclude<IdentityState, 'free' | 'imported'>, string>> = {
  erased: 'this person was imported earlier and has been erased since',
  name_taken: 'another account here has this name',
  id_taken: 'another account here has this public id',
}

function* chunks<Item>(items: Iterable<Item>, size: number): Generator<readonly Item[]> {
  let chunk: Item[] = []
  for (const item of items) {
    chunk.push(item)
    if (chunk.length < size) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

/** Returns what to import from a row, or why it is refused. */
const candidateOf = (row: LegacyUser): Candidate | ImportedUser => {
  const username = fitting(Username, row.username)
  if (typeof row.id !== 'number') return refused(row, 'its id is not a whole number')
  if (username === undefined)
    return refused(row, 'its username is missing, over 50 characters, or not plain text')
  const usernameKey = usernameKeyOf(username)
  if (usernameKey === '') return refused(row, 'its username has no visible character')
  const publicId = spelledUuid(plainText(row.public_id) ?? '')
  const password = parseWerkzeugHash(plainText(row.password) ?? '')
  const [phone, address] = [fitting(Phone, row.phone ?? ''), fitting(Address, row.address ?? '')]
  const faults = [
    ...(publicId ? [] : ['with a new public id, since its own is not a UUID']),
    ...(password
      ? []
      : ['without its password, whose hash this server cannot read; see user reset']),
    ...(phone === undefined ? ['without its phone, over 32 characters or not plain text'] : []),
    ...(address === undefined
      ? ['without its address, over 200 characters or not plain text']
      : []),
  ]
  const account = {
    username,
    usernameKey,
    // Without a key: accounts never have an id that a client chose.
    publicId: publicId ?? derivedUuid(`account\n${row.id}\n${JSON.stringify(row.public_id)}`),
    phone: phone ?? '',
    address: address ?? '',
    email: undefined,
  }
  return { row: row.id, username, account, password, faults }
}

const refused = ({ id: row }: LegacyUser, fault: string): ImportedUser => ({
  row,
  outcome: 'refused',
  faults: [fault],
})

const fitting = (schema: TSchema, value: LegacyUser['id']): string | undefined => {
  const text = plainText(value)
  return text !== undefined && Schema.Check(schema, text) ? text : undefined
}

/** Leaves out a password whose scheme would make every login too slow. */
const limited = (candidate: Candidate, schemes: Set<string>): Candidate => {
  const { password, faults } = candidate
  if (!password) return candidate
  if (
    !schemes.has(password.scheme) &&
    werkzeugWork([...schemes, password.scheme]) > WERKZEUG_WORK_MAX
  ) {
    const fault = 'without its password, whose hash would make every login too slow; see user reset'
    return { ...candidate, password: undefined, faults: [...faults, fault] }
  }
  schemes.add(password.scheme)
  return candidate
}
