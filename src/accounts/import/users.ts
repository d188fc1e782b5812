import type { TSchema } from '@sinclair/typebox'
import { Value as Schema } from '@sinclair/typebox/value'
import { COMMAND_LINE, type RecordAuditEvent } from '../../domain/audit-event.ts'
import { plainText } from '../../http/request/text.ts'
import { derivedUuid, spelledUuid } from '../../storage/derived-uuid.ts'
import {
  WERKZEUG_WORK_MAX,
  type WerkzeugHash,
  werkzeugWork,
  parseWerkzeugHash,
} from '../passwords/werkzeug-hash.ts'
import type { LegacyUserStore, LegacyUser, Place } from './store.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import { Address, Phone, Username } from '../core/schema.ts'
import { usernameKeyOf } from '../core/username.ts'
import type { AccountStore, NewAccount } from '../core/store.ts'

type Dependencies = {
  readonly store: LegacyUserStore
  readonly accounts: Pick<AccountStore, 'legacySchemes'>
  readonly hasher: Pick<PasswordHasher, 'hash' | 'wrap'>
  readonly record: RecordAuditEvent
}

/** What became of a row; of a person who was `taken`, perhaps not all. */
export type ImportedUser = {
  readonly row: LegacyUser['id']
  /** Where it was taken. */
  readonly name?: string
  readonly outcome: 'taken' | 'here' | 'refused'
  /** Why it was refused, or what is missing. */
  readonly faults: readonly string[]
}

/** Whose the events of a user name are: the public id of an account, or of somebody who was erased. */
export type Holder = { readonly publicId: string; readonly isErased: boolean }

type Candidate = {
  readonly row: LegacyUser['id']
  readonly username: string
  readonly person: Omit<NewAccount, 'passwordHash'> & { readonly publicId: string }
  readonly password: WerkzeugHash | undefined
  readonly faults: readonly string[]
}

/** Rows that are hashed side by side and stored in one transaction. */
const ROWS_AT_ONCE = 16

/** Takes over the people of a legacy server as members, with their public ids, and whatever
 * passwords can be read. `holders` gets whose each user name is. */
export const legacyUserImport = ({ store, accounts, hasher, record }: Dependencies) => {
  const stored = async ({ person, password }: Candidate) => ({
    ...person,
    // A password that nobody knows, where there is none to take.
    passwordHash: await (password ? hasher.wrap(password) : hasher.hash(crypto.randomUUID())),
  })

  /** Adds those who can be added. `schemes` grows by those in which their passwords were hashed. */
  const addAll = async (candidates: readonly Candidate[], schemes: Set<string>) => {
    const placed: { readonly candidate: Candidate; place: Place }[] = []
    for (const candidate of candidates) {
      const place = await store.placeOf(candidate.person)
      placed.push({ candidate: place === 'free' ? limited(candidate, schemes) : candidate, place })
    }
    const free = placed.filter(({ place }) => place === 'free')
    const people = await Promise.all(free.map(({ candidate }) => stored(candidate)))
    const places = await store.addAll(people, ({ publicId: subject }, tx) =>
      record(COMMAND_LINE, { action: 'account.import', result: 'success', subject }, tx),
    )
    for (const [at, one] of free.entries()) one.place = places[at] ?? one.place
    return placed
  }

  return async function* importPeople(
    rows: Iterable<LegacyUser>,
    holders: Map<string, Holder>,
  ): AsyncGenerator<readonly ImportedUser[]> {
    const schemes = new Set(await accounts.legacySchemes())
    for (const some of chunks(rows, ROWS_AT_ONCE)) {
      const read = some.map(candidateOf)
      const candidates = read.filter((one) => 'person' in one)
      const placed = await addAll(candidates, schemes)
      for (const { candidate, place } of placed) {
        const { username, person } = candidate
        const isTheirs = place === 'free' || place === 'here' || place === 'erased'
        if (isTheirs && !holders.has(username))
          holders.set(username, { publicId: person.publicId, isErased: place === 'erased' })
      }
      const outcomes = placed.map(outcomeOf).values()
      yield read.flatMap((one) => ('person' in one ? (outcomes.next().value ?? []) : one))
    }
  }
}

type Placed = { readonly candidate: Candidate; readonly place: Place }

const outcomeOf = ({ candidate, place }: Placed): ImportedUser => {
  const { row, username: name, faults } = candidate
  if (place === 'free') return { row, name, outcome: 'taken', faults }
  if (place === 'here') return { row, outcome: 'here', faults: [] }
  return { row, outcome: 'refused', faults: [PLACES[place]] }
}

const PLACES: Readonly<Record<Exclude<Place, 'free' | 'here'>, string>> = {
  erased: 'this person was imported before and erased here since',
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

/** What would be taken of a row. */
const candidateOf = (row: LegacyUser): Candidate | ImportedUser => {
  const username = fitting(Username, row.username)
  if (typeof row.id !== 'number') return refused(row, 'its id is no whole number')
  if (username === undefined)
    return refused(row, 'its username is missing, over 50 characters, or not plain text')
  const usernameKey = usernameKeyOf(username)
  if (usernameKey === '') return refused(row, 'its username has no visible sign')
  const publicId = spelledUuid(plainText(row.public_id) ?? '')
  const password = parseWerkzeugHash(plainText(row.password) ?? '')
  const [phone, address] = [fitting(Phone, row.phone ?? ''), fitting(Address, row.address ?? '')]
  const faults = [
    ...(publicId ? [] : ['with a new public id, since its own is no UUID']),
    ...(password
      ? []
      : ['without its password, which is no hash that this server reads; see user reset']),
    ...(phone === undefined ? ['without its phone, over 32 characters or not plain text'] : []),
    ...(address === undefined
      ? ['without its address, over 200 characters or not plain text']
      : []),
  ]
  const person = {
    username,
    usernameKey,
    publicId: publicId ?? derivedUuid(`account\n${row.id}\n${JSON.stringify(row.public_id)}`),
    phone: phone ?? '',
    address: address ?? '',
    email: undefined,
  }
  return { row: row.id, username, person, password, faults }
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

/** Leaves out a password that would make all logins too slow. */
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
