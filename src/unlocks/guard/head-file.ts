import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { decodeBase64, encodeBase64 } from '#crypto'
import { MINUTE_MS } from '../../domain/duration.ts'
import { SIGNED_HEAD_FILE } from '../../storage/files/data-dir.ts'
import { readPrivateFile, replaceInBackground } from '../../storage/files/private-files.ts'
import { parsedObject } from '../log/entry.ts'
import type { Break, TreeHead } from '../tlog/continuity.ts'
import { HASH_BYTES, isTreeSize } from '../tlog/merkle-tree.ts'

/** The largest head of a log that this gateway has signed. */
export type SignedHead = TreeHead & {
  /** The name of the log's key: another key is another log. */
  readonly origin: string
  /** When it was signed, by the gateway's clock. */
  readonly atMs: number
  /** A larger head that was signed before, and whose loss was accepted. */
  readonly givenUp?: TreeHead
}

/** How a log fails to continue the largest signed head. */
export type LogBreak = Break & { readonly kept: SignedHead }

/** The file in a data folder that keeps the largest signed head. */
export const signedHeadFile = (dataDir: string) => {
  const path = join(dataDir, SIGNED_HEAD_FILE)
  return {
    /** Returns the head, undefined if there is none, or `damaged`. Throws `unavailable` if the path is not
     * a file of this user. */
    read: (): SignedHead | 'damaged' | undefined => {
      const text = readPrivateFile(path)
      return text === undefined ? undefined : (parseSignedHead(text) ?? 'damaged')
    },

    /** Does the same, but changes no rights, and returns `damaged` for a file that cannot be used. */
    peek: (): SignedHead | 'damaged' | undefined => {
      try {
        return existsSync(path)
          ? (parseSignedHead(readFileSync(path, 'utf8')) ?? 'damaged')
          : undefined
      } catch {
        return 'damaged'
      }
    },

    /** Replaces the file. Rejects with `unavailable`. */
    write: (head: SignedHead): Promise<void> => replaceInBackground(path, formatSignedHead(head)),

    /** Removes the unfinished files of killed processes. */
    removeDrafts: (): void => {
      const beginning = `${basename(path)}.`
      for (const name of readdirSync(dataDir)) {
        const draft = join(dirname(path), name)
        if (name.startsWith(beginning) && isOld(draft)) rmSync(draft, { force: true })
      }
    },
  }
}

const isOld = (path: string): boolean =>
  Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > MINUTE_MS

const formatSignedHead = ({ origin, size, root, atMs, givenUp }: SignedHead): string =>
  `${JSON.stringify({
    origin,
    size,
    root: encodeBase64(root),
    at: new Date(atMs).toISOString(),
    ...(givenUp ? { given_up: { size: givenUp.size, root: encodeBase64(givenUp.root) } } : {}),
  })}\n`

/** Returns the head in the text of the file, or undefined if the text is not one. */
const parseSignedHead = (text: string): SignedHead | undefined => {
  const { origin, at, given_up: before, ...members } = parsedObject(text) ?? {}
  const head = treeHead(members)
  const atMs = typeof at === 'string' ? Date.parse(at) : Number.NaN
  if (typeof origin !== 'string' || !head || Number.isNaN(atMs)) return undefined
  if (before === undefined) return { ...head, origin, atMs }
  const givenUp = isObject(before) ? treeHead(before) : undefined
  return givenUp && { ...head, origin, atMs, givenUp }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

export const treeHead = ({
  size,
  root,
}: Readonly<Record<string, unknown>>): TreeHead | undefined => {
  const hash = typeof root === 'string' ? decodeBase64(root) : undefined
  return typeof size === 'number' && isTreeSize(size) && hash?.length === HASH_BYTES
    ? { size, root: hash }
    : undefined
}
