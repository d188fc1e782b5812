import { existsSync, readFileSync, statSync } from 'node:fs'

/** Sizes in SQLite's write-ahead log (sqlite.org/fileformat2.html#walformat), in words of 32 bits: a
 * header, then frames of one page each. */
const HEADER_WORDS = 8
const FRAME_HEADER_WORDS = 6
const FRAME_WORDS = FRAME_HEADER_WORDS + 4096 / 4

/** Returns whether a write-ahead log is damaged before its end, so that SQLite would silently drop
 * commits that were synced and acknowledged. A power cut tears at most the last commit, since each is
 * synced before the next is written, so two intact commits in a row after a bad position are proof of
 * damage. Damage in the last two looks like a power cut. A file above `bytesMax` is not examined. */
export const isWalDamaged = (path: string, bytesMax: number): boolean => {
  const position = firstLost(path, bytesMax)
  // Another process may have restarted the log while it was read, but not twice at the same position.
  return position !== undefined && position === firstLost(path, bytesMax)
}

/** Returns the position of the second intact commit after a bad position, if there is one. */
const firstLost = (path: string, bytesMax: number): string | undefined => {
  if (!existsSync(path) || statSync(path).size > bytesMax) return undefined
  const bytes = new Uint8Array(readFileSync(path))
  // Numbers in headers are big-endian; checksums are over words in the machine's order.
  const numbers = new DataView(bytes.buffer)
  const words = new Int32Array(bytes.buffer, 0, Math.floor(bytes.length / 4))
  const number = (word: number) => numbers.getInt32(4 * word)
  const isSum = ([one, two]: Sums, word: number) => one === number(word) && two === number(word + 1)
  if (words.length < HEADER_WORDS + FRAME_WORDS) return undefined

  let isWhole = isSum(added(words, { from: 0, to: 6 }, [0, 0]), 6)
  const salts = numbers.getBigUint64(4 * (isWhole ? 4 : HEADER_WORDS + 2))
  let before: Sums = [number(6), number(7)]
  let commits = 0
  for (let at = HEADER_WORDS; at + FRAME_WORDS <= words.length; at += FRAME_WORDS) {
    const page = { from: at + FRAME_HEADER_WORDS, to: at + FRAME_WORDS }
    // Frames from before the last reset have other salts.
    const follows =
      numbers.getBigUint64(4 * (at + 2)) === salts &&
      isSum(added(words, page, added(words, { from: at, to: at + 2 }, before)), at + 4)
    if (!follows) [isWhole, commits] = [false, 0]
    // Only the last frame of a commit contains the size of the database.
    else if (number(at + 1) !== 0) commits += 1
    if (!isWhole && commits === 2) return `${salts} ${at}`
    before = [number(at + 4), number(at + 5)]
  }
  return undefined
}

type Sums = readonly [number, number]

/** Continues SQLite's checksum over some words. Signed integers have the same bits, and take a third of the
 * time. */
const added = (
  words: Int32Array,
  { from, to }: { readonly from: number; readonly to: number },
  [one, two]: Sums,
): Sums => {
  let [s1, s2] = [one, two]
  for (let at = from; at < to; at += 2) {
    s1 = (s1 + (words[at] ?? 0) + s2) | 0
    s2 = (s2 + (words[at + 1] ?? 0) + s1) | 0
  }
  return [s1, s2]
}
