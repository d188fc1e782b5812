import { foldedText } from '../../domain/text/folded-text.ts'
import { BUCKET_KEY, textBucket } from '../../domain/text/text-bucket.ts'
import type { Queries } from '../../storage/database.ts'

/** The numbers by which `unlock_event` refers to an account and to a method. */
export type Numbers = { readonly account: number | null; readonly method: number | null }

/** The key of the buckets of a database, once it was read; it never changes. */
export type BucketKey = { value?: string }

/** The keys read so far, by database. */
const keys = new WeakMap<object, BucketKey>()

const keyOf = (db: object): BucketKey => {
  const known = keys.get(db) ?? {}
  keys.set(db, known)
  return known
}

/** Returns a function that returns the bucket of a text. */
const bucketsOf =
  (db: Pick<Queries, 'get'>, key: BucketKey = keyOf(db)) =>
  async (text: string): Promise<number> => {
    if (key.value === undefined) {
      const row = await db.get<{ value: string }>(
        'SELECT value FROM setting WHERE name = ?',
        BUCKET_KEY,
      )
      // Databases of some builds between versions have none.
      key.value = row?.value ?? ''
    }
    return textBucket(text, key.value)
  }

const NUMBER_OF_ACCOUNT = 'SELECT number FROM unlock_account WHERE bucket = ? AND public_id = ?'

/** Looks up the numbers that stand for accounts and methods in `unlock_event`. */
export const nameReads = (db: Pick<Queries, 'get'>, bucketOf = bucketsOf(db)) => ({
  /** Returns the condition that an event is of an account, so that a server need not be asked for its number first. */
  ofAccount: async (publicId: string) => ({
    sql: `account_number = (${NUMBER_OF_ACCOUNT})`,
    values: [await bucketOf(publicId), publicId],
  }),

  /** Returns the number of an account, or undefined if the log has none of its unlocks. */
  accountNumber: async (publicId: string): Promise<number | undefined> =>
    (await db.get<{ number: number }>(NUMBER_OF_ACCOUNT, await bucketOf(publicId), publicId))
      ?.number,

  /** Returns the number of a method, however it is written, or undefined if no unlock has it. */
  methodNumber: async (method: string): Promise<number | undefined> => {
    const folded = foldedText(method)
    const row = await db.get<{ number: number }>(
      'SELECT number FROM unlock_method WHERE bucket = ? AND folded = ?',
      await bucketOf(folded),
      folded,
    )
    return row?.number
  },
})

/** Numbers below this have six bytes in SQLite, and are exact in JavaScript. */
const NUMBERS = 2 ** 47

/** Numbers accounts and methods, and forgets those that no unlock has any more. For one
 * transaction: what it looked up, it knows. */
export const nameWrites = (tx: Queries, key?: BucketKey) => {
  const bucketOf = bucketsOf(tx, key)
  const { accountNumber, methodNumber } = nameReads(tx, bucketOf)

  const addAccount = async (publicId: string): Promise<number> => {
    for (;;) {
      const number = Math.floor(Math.random() * NUMBERS)
      const added = await tx.run(
        `INSERT INTO unlock_account (number, bucket, public_id) VALUES (?, ?, ?)
         ON CONFLICT (number) DO NOTHING`,
        number,
        await bucketOf(publicId),
        publicId,
      )
      if (added === 1) return number
    }
  }

  const addMethod = async (method: string): Promise<number> => {
    const folded = foldedText(method)
    const row = await tx.get<{ number: number }>(
      'INSERT INTO unlock_method (bucket, folded) VALUES (?, ?) RETURNING number',
      await bucketOf(folded),
      folded,
    )
    if (!row) throw new Error('a method got no number')
    return row.number
  }

  const accounts = new Map<string, number>()
  const methods = new Map<string, number>()

  return {
    /** Looks up the numbers of accounts and methods in one statement. */
    lookUp: async (
      people: readonly { readonly accountPublicId: string; readonly method: string }[],
    ): Promise<void> => {
      if (people.length === 0) return
      await bucketOf('')
      const publicIds = [...new Set(people.map(({ accountPublicId }) => accountPublicId))]
      const folded = new Map(people.map(({ method }) => [method, foldedText(method)]))
      const texts = [...new Set(folded.values())]
      const bucketsOfAll = async (all: readonly string[]) =>
        JSON.stringify(await Promise.all(all.map(bucketOf)))
      const rows = await tx.all<{ text: string; number: number; isMethod: number }>(
        `SELECT public_id AS text, number, 0 AS "isMethod"
         FROM unlock_account
         WHERE bucket IN (SELECT CAST(value AS bigint) FROM json_each(?1))
           AND public_id IN (SELECT value FROM json_each(?2))
         UNION ALL
         SELECT folded, number, 1
         FROM unlock_method
         WHERE bucket IN (SELECT CAST(value AS bigint) FROM json_each(?3))
           AND folded IN (SELECT value FROM json_each(?4))`,
        await bucketsOfAll(publicIds),
        JSON.stringify(publicIds),
        await bucketsOfAll(texts),
        JSON.stringify(texts),
      )
      const numbers = new Map<string, number>()
      for (const { text, number, isMethod } of rows)
        (isMethod === 1 ? numbers : accounts).set(text, number)
      for (const [method, text] of folded) {
        const number = numbers.get(text)
        if (number !== undefined) methods.set(method, number)
      }
    },

    /** Returns the numbers of an account and a method, new ones if they have none. */
    numbersOf: async (publicId: string, method: string): Promise<Numbers> => {
      const account =
        accounts.get(publicId) ?? (await accountNumber(publicId)) ?? (await addAccount(publicId))
      const how = methods.get(method) ?? (await methodNumber(method)) ?? (await addMethod(method))
      accounts.set(publicId, account)
      methods.set(method, how)
      return { account, method: how }
    },

    /** Blanks accounts and methods that no unlock has any more. Their rows stay: removing one may make
     * SQLite move others, and leave copies of them behind. */
    forget: async (numbers: readonly Partial<Numbers>[]): Promise<void> => {
      accounts.clear()
      methods.clear()
      await tx.run(
        `UPDATE unlock_account
         SET bucket = NULL, public_id = NULL
         WHERE number IN (SELECT CAST(value AS bigint) FROM json_each(?)) AND NOT EXISTS (
           SELECT 1 FROM unlock_event WHERE account_number = unlock_account.number
         )`,
        distinct(numbers.map(({ account }) => account)),
      )
      await tx.run(
        `UPDATE unlock_method
         SET bucket = NULL, folded = NULL
         WHERE number IN (SELECT CAST(value AS bigint) FROM json_each(?))
           AND NOT EXISTS (SELECT 1 FROM unlock_of_method WHERE method = unlock_method.number)
           AND NOT EXISTS (
             SELECT 1
             FROM unlock_event
             WHERE seq >= (SELECT size FROM unlock_summary WHERE id = 1)
               AND method_number = unlock_method.number
           )`,
        distinct(numbers.map(({ method }) => method)),
      )
    },
  }
}

/** Returns the numbers as a JSON array, each once. */
const distinct = (numbers: readonly (number | null | undefined)[]): string =>
  JSON.stringify([...new Set(numbers.filter((number) => typeof number === 'number'))])
