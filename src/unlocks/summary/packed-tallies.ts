import { MINUTE_MS } from '../../domain/duration.ts'

/** Statistics count by quarters of an hour in UTC: in every time zone, days and hours begin at a full one. */
export const QUARTER_MS = 15 * MINUTE_MS
export const QUARTERS_PER_DAY = 96

/** How many unlocks there were of an account (`unlock_account.id`) by a method (`unlock_method.number`) in a
 * quarter of an hour since 1970. Both are 0 once erased. */
export type Tally = {
  readonly quarter: number
  readonly account: number
  readonly method: number
  readonly unlocks: number
}

/** Called with each tally: its quarter, its account, its method and how many unlocks. */
export type OnTally = (quarter: number, account: number, method: number, unlocks: number) => void

/** Returns the tallies of one day as bytes. They must be sorted by quarter and account, with each quarter,
 * account and method once. For each quarter that has tallies: the quarter of the day, the number of tallies,
 * and for each the distance from the previous account, the method and the count, all as LEB128. */
export const packedTallies = (tallies: readonly Tally[]): Uint8Array<ArrayBuffer> => {
  const { bytes, write } = writer()
  for (let at = 0; at < tallies.length;) {
    const quarter = tallies[at]?.quarter ?? 0
    let end = at
    while (tallies[end]?.quarter === quarter) end += 1
    write(quarter - dayOf(quarter) * QUARTERS_PER_DAY)
    write(end - at)
    let before = 0
    for (const { account, method, unlocks } of tallies.slice(at, end)) {
      write(account - before)
      write(method)
      write(unlocks)
      before = account
    }
    at = end
  }
  return new Uint8Array(bytes)
}

/** Returns the day, since 1970, of a quarter of an hour. */
export const dayOf = (quarter: number): number => Math.floor(quarter / QUARTERS_PER_DAY)

/** Calls `onTally` with each tally of a packed day. Throws RangeError if the bytes end too soon. */
export const unpackTallies = (day: number, bytes: Uint8Array, onTally: OnTally): void => {
  const { read, isAtEnd } = reader(bytes)
  while (!isAtEnd()) {
    const quarter = day * QUARTERS_PER_DAY + read()
    let account = 0
    for (let left = read(); left > 0; left -= 1) {
      account += read()
      const method = read()
      onTally(quarter, account, method, read())
    }
  }
}

/** The number of unlocks by quarter (from `firstQuarter` on), by method and by account. */
export type Sums = {
  readonly firstQuarter: number
  readonly quarters: number[]
  readonly methods: number[]
  readonly accounts: number[]
}

export const newSums = (firstQuarter: number): Sums => ({
  firstQuarter,
  quarters: [],
  methods: [],
  accounts: [],
})

export const addTally = (sums: Sums, { quarter, account, method, unlocks }: Tally): void => {
  add(sums.quarters, quarter - sums.firstQuarter, unlocks)
  add(sums.methods, method, unlocks)
  add(sums.accounts, account, unlocks)
}

/** Adds to a count, and fills the array up to it: adding to an array with holes is slow. */
const add = (counts: number[], at: number, count: number): void => {
  while (counts.length <= at) counts.push(0)
  counts[at] = (counts[at] ?? 0) + count
}

/** Returns the sums of one day as bytes. By quarter of the day, by method and by account: how many numbers
 * have unlocks, and for each the distance from the previous number and the count, all as LEB128. */
export const packedSums = (tallies: readonly Tally[]): Uint8Array<ArrayBuffer> => {
  const { bytes, write } = writer()
  const sums = newSums(dayOf(tallies[0]?.quarter ?? 0) * QUARTERS_PER_DAY)
  for (const tally of tallies) addTally(sums, tally)
  for (const counts of [sums.quarters, sums.methods, sums.accounts]) {
    const counted = [...counts.entries()].filter(([, count]) => count > 0)
    write(counted.length)
    let before = 0
    for (const [number, count] of counted) {
      write(number - before)
      write(count)
      before = number
    }
  }
  return new Uint8Array(bytes)
}

/** Adds the packed sums of a day to sums whose first quarter is not after that day's. */
export const addPackedSums = (sums: Sums, day: number, bytes: Uint8Array): void => {
  const { read } = reader(bytes)
  const addAll = (counts: number[], first: number): void => {
    let number = first
    for (let left = read(); left > 0; left -= 1) {
      number += read()
      add(counts, number, read())
    }
  }
  addAll(sums.quarters, day * QUARTERS_PER_DAY - sums.firstQuarter)
  addAll(sums.methods, 0)
  addAll(sums.accounts, 0)
}

const writer = () => {
  const bytes: number[] = []
  const write = (value: number): void => {
    let rest = value
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
    bytes.push(rest)
  }
  return { bytes, write }
}

const reader = (bytes: Uint8Array) => {
  let at = 0
  const next = (): number => {
    const byte = bytes[at]
    if (byte === undefined) throw new RangeError('packed tallies end too soon')
    at += 1
    return byte
  }
  /** Reads the rest of a number that has more than one byte. */
  const long = (first: number): number => {
    let value = first - 0x80
    for (let scale = 0x80; ; scale *= 0x80) {
      const byte = next()
      if (byte < 0x80) return value + byte * scale
      value += (byte - 0x80) * scale
    }
  }
  return {
    read: (): number => {
      const byte = next()
      return byte < 0x80 ? byte : long(byte)
    },
    isAtEnd: (): boolean => at >= bytes.length,
  }
}
