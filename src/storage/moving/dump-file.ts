import { AppError } from '../../errors.ts'
import type { OnCopied } from './copy-home.ts'
import { fileFault } from '../files/private-files.ts'
import { newSqliteHome } from './sqlite-home.ts'
import { BATCH_ROWS, type Table, type Value } from './table.ts'

/** Loads a home from SQL that `pg_dump` has written into a new database file, without a server. `onRead` is called with
 * the number of bytes read so far, and of all. The file is complete and on disk when this resolves. Rejects with
 * `unavailable` if the dump is incomplete, lacks a table or has another format. It only reads rows: whatever else the file
 * says is never run. */
export const loadDump = async (dump: string, path: string, onRead: OnCopied): Promise<void> => {
  const to = await newSqliteHome(path)
  try {
    to.suspendTriggers()
    const missing = new Set(to.tables.map(({ name }) => name))
    /** Tables by the name of their sequence. */
    const sequences = new Map<string, string>()
    const numbers = new Map<string, bigint>()
    let altered = ''
    let copying: Copying | undefined
    let isComplete = false
    for await (const line of linesOf(dump, onRead)) {
      if (copying) {
        if (line === END) {
          await copying.end()
          copying = undefined
        } else if (copying.add(line)) await copying.flush()
        continue
      }
      const [, table, columns] = COPY.exec(line) ?? []
      if (table !== undefined) {
        missing.delete(named(table))
        copying = copyingTo(to, named(table), (columns ?? '').split(', ').map(unquoted))
        continue
      }
      isComplete ||= line === COMPLETE
      altered = IDENTITY.exec(line)?.[1] ?? altered
      const [, sequence] = SEQUENCE.exec(line) ?? []
      if (sequence !== undefined) sequences.set(named(sequence), named(altered))
      const [, set, number, isCalled] = SETVAL.exec(line) ?? []
      const owner = sequences.get(named(set ?? ''))
      if (owner !== undefined && isCalled === 'true') numbers.set(owner, BigInt(number ?? 0))
    }
    if (!isComplete) throw new AppError('unavailable', 'The dump is cut short')
    const [first] = missing
    if (first !== undefined) throw new AppError('unavailable', `The dump has no table ${first}`)
    await to.setLastNumbers(numbers)
    to.complete()
  } catch (error) {
    to.discard()
    // Such as a row that is there twice, or refers to one that is not there.
    throw error instanceof AppError
      ? error
      : new AppError('unavailable', `Cannot use the dump: ${fileFault(error)}`, { cause: error })
  }
  to.publish(Date.now())
}

/** Statements as `pg_dump` writes them. */
const COPY = /^COPY (\S+) \((.*)\) FROM stdin;$/
const END = '\\.'
const COMPLETE = '-- PostgreSQL database dump complete'
const IDENTITY = /^ALTER TABLE (?:ONLY )?(\S+) ALTER COLUMN \S+ ADD GENERATED /
const SEQUENCE = /^ {4}SEQUENCE NAME (\S+)$/
const SETVAL = /^SELECT pg_catalog\.setval\('(\S+)', (\d+), (true|false)\);$/

const unquoted = (name: string): string => name.replaceAll('"', '')

/** Returns a name without its schema. */
const named = (name: string): string => unquoted(name).split('.').at(-1) ?? ''

type Copying = {
  /** Reads a row. Returns true if it is time to flush. */
  readonly add: (line: string) => boolean
  readonly flush: () => Promise<void>
  readonly end: () => Promise<void>
}

/** Writes the rows of a table, and skips those of a table that only a server has. */
const copyingTo = (
  to: Awaited<ReturnType<typeof newSqliteHome>>,
  name: string,
  columns: readonly string[],
): Copying => {
  const table = to.tables.find((one) => one.name === name)
  if (!table) return { add: () => false, flush: async () => {}, end: async () => {} }
  if (columns.toSorted().join() !== table.columns.toSorted().join())
    throw new AppError('unavailable', `The columns of the table ${name} differ in the dump`)
  const given: Table = { ...table, columns }
  const types = columns.map((column) => to.typeOf(name, column))
  let rows: Value[][] = []
  const flush = async (): Promise<void> => {
    await to.write(given, rows)
    rows = []
  }
  return {
    add: (line) => {
      const row = line.split('\t')
      if (row.length !== columns.length) throw damaged(`A row of ${name}`)
      rows.push(row.map((field, at) => valueOf(field, types[at])))
      return rows.length === BATCH_ROWS
    },
    flush,
    end: flush,
  }
}

const damaged = (what: string): AppError =>
  new AppError('unavailable', `${what} is damaged in the dump`)

const INTEGER = /^-?\d{1,19}$/
const BYTES = /^\\x(?:[0-9a-f]{2})*$/

/** Reads a field in the text format of COPY (postgresql.org/docs/15/sql-copy.html). */
const valueOf = (field: string, type: string | undefined): Value => {
  if (field === '\\N') return null
  const text = field.includes('\\')
    ? field.replaceAll(/\\(.)/gs, (_, sign: string) => ESCAPES[sign] ?? sign)
    : field
  if (type === 'INTEGER') return integerOf(text)
  if (type !== 'BLOB') return text
  if (!BYTES.test(text)) throw damaged('A value')
  return Uint8Array.fromHex(text.slice(2))
}

const integerOf = (text: string): bigint => {
  const number = INTEGER.test(text) ? BigInt(text) : undefined
  if (number === undefined || number !== BigInt.asIntN(64, number)) throw damaged('A number')
  return number
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

async function* linesOf(path: string, onRead: OnCopied): AsyncGenerator<string> {
  const file = Bun.file(path)
  let done = 0
  let rest = Buffer.alloc(0)
  for await (const chunk of file.stream()) {
    rest = Buffer.concat([rest, chunk])
    let from = 0
    for (let at = rest.indexOf(LINE_FEED); at !== -1; at = rest.indexOf(LINE_FEED, from)) {
      yield rest.toString('utf8', from, at)
      from = at + 1
    }
    rest = rest.subarray(from)
    if (rest.length > LINE_BYTES_MAX) throw damaged('A line')
    done += chunk.length
    onRead(done, file.size)
  }
}

const LINE_FEED = 0x0a

/** Far more than a row of ours takes. */
const LINE_BYTES_MAX = 16 * 1024 ** 2
