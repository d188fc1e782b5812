import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'

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
  const file = openSync(path, 'r')
  try {
    return lostIn(file)
  } finally {
    closeSync(file)
  }
}

const lostIn = (file: number): string | undefined => {
  const header = wordsFor(HEADER_WORDS)
  const frames = wordsFor(FRAMES_READ * FRAME_WORDS)
  readSync(file, header.bytes)
  let count = framesRead(file, frames)
  const sums = new Int32Array(2)
  add(sums, header, 0, 6)
  let isWhole = isSum(sums, header, 6)
  const salts = isWhole ? header.salts(4) : frames.salts(2)
  setSum(sums, header, 6)
  let commits = 0
  for (let position = 0; count > 0; count = framesRead(file, frames))
    for (let at = 0; at < count * FRAME_WORDS; at += FRAME_WORDS) {
      add(sums, frames, at, at + 2)
      add(sums, frames, at + FRAME_HEADER_WORDS, at + FRAME_WORDS)
      // Frames from before the last reset have other salts.
      const follows = frames.salts(at + 2) === salts && isSum(sums, frames, at + 4)
      if (!follows) [isWhole, commits] = [false, 0]
      // Only the last frame of a commit contains the size of the database.
      else if (frames.number(at + 1) !== 0) commits += 1
      if (!isWhole && commits === 2) return `${salts} ${position}`
      setSum(sums, frames, at + 4)
      position += 1
    }
  return undefined
}

/** About a megabyte. */
const FRAMES_READ = 256

/** Reads the next frames; returns how many. */
const framesRead = (file: number, { bytes }: Words): number =>
  Math.floor(readSync(file, bytes) / (4 * FRAME_WORDS))

type Words = ReturnType<typeof wordsFor>

/** Numbers in headers are big-endian; checksums are over words in the machine's order. Signed integers have the
 * same bits, and take a third of the time. */
const wordsFor = (length: number) => {
  const words = new Int32Array(length)
  const numbers = new DataView(words.buffer)
  return {
    words,
    bytes: new Uint8Array(words.buffer),
    number: (word: number): number => numbers.getInt32(4 * word),
    salts: (word: number): bigint => numbers.getBigUint64(4 * word),
  }
}

/** The two halves of a checksum. */
type Sums = Int32Array

const isSum = (sums: Sums, { number }: Words, word: number): boolean =>
  sums[0] === number(word) && sums[1] === number(word + 1)

const setSum = (sums: Sums, { number }: Words, word: number): void => {
  sums[0] = number(word)
  sums[1] = number(word + 1)
}

/** Continues SQLite's checksum over some words. Begins slowly, unless it is a plain loop over numbers. */
const add = (sums: Sums, { words }: Words, from: number, to: number): void => {
  let s1 = sums[0] ?? 0
  let s2 = sums[1] ?? 0
  for (let at = from; at < to; at += 2) {
    s1 = (s1 + (words[at] ?? 0) + s2) | 0
    s2 = (s2 + (words[at + 1] ?? 0) + s1) | 0
  }
  sums[0] = s1
  sums[1] = s2
}
