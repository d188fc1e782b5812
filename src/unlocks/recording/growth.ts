import { sha256 } from '#crypto'
import {
  type Frontier,
  type NodeId,
  type TreeNode,
  leafHash,
  nodeKey,
} from '../tlog/merkle-tree.ts'
import type { ClockReading } from '../log/clock.ts'
import { SALT_BYTES, commitment, entryBytes, personHash } from '../log/entry.ts'
import { type NewUnlockEvent, type UnerasedEvent, happenedAtMs, isLate } from '../log/event.ts'
import { type RecordToAdd, type UnerasedRecord, recordBytes } from '../log/record.ts'

/** Returns a number of random bytes. */
export type Random = (bytes: number) => Uint8Array

export type Growth = ReturnType<typeof growth>

/** Grows the tree of the log in memory; the caller stores what was added. */
export const growth = (tree: Frontier, random: Random) => {
  const before = tree.peaks()
  const events: UnerasedEvent[] = []
  const records: UnerasedRecord[] = []
  const added: TreeNode[] = []
  let hashes: Map<number, Uint8Array> | undefined

  return {
    events: events as readonly UnerasedEvent[],
    records: records as readonly UnerasedRecord[],
    /** Returns the inner nodes that the added leaves completed, in order. */
    innerNodes: (): readonly TreeNode[] => added.filter(({ level }) => level > 0),

    size: tree.size,
    rootNow: tree.rootNow,

    /** Adds an event as the next leaf. */
    addEvent: (event: NewUnlockEvent, reading: ClockReading): UnerasedEvent => {
      const { accountPublicId, username, method, grantId, tokenId, guest } = event
      const { attemptId, reporter, reporterCounter, statement } = event
      const salt = random(SALT_BYTES)
      const person = {
        accountPublicId,
        username,
        method,
        salt,
        ...(grantId === undefined ? {} : { grantId }),
        ...(tokenId === undefined ? {} : { tokenId }),
        ...(guest ? { guest } : {}),
      }
      const entry = {
        ...(attemptId === undefined ? {} : { attemptId }),
        ...(reporter === undefined ? {} : { reporter }),
        ...(reporterCounter === undefined ? {} : { reporterCounter }),
        ...(statement ? { statementHash: sha256(statement) } : {}),
        id: event.id,
        lock: event.lock,
        result: event.result,
        reason: event.reason,
        source: event.source,
        occurredAtMs: event.occurredAtMs,
        seq: tree.size(),
        receivedAtMs: reading.nowMs,
        isLate: isLate(event.occurredAtMs, reading.nowMs),
        isTimeUncertain: reading.isUncertain,
        personHash: personHash(salt, person),
      }
      const grown = {
        ...entry,
        ...(statement ? { statement } : {}),
        person,
        happenedAtMs: happenedAtMs(entry, reading.newestMs),
        leafHash: leafHash(entryBytes(entry)),
      }
      events.push(grown)
      added.push(...tree.append(grown.leafHash))
      return grown
    },

    /** Adds a record as the next leaf. */
    addRecord: (record: RecordToAdd, reading: ClockReading): UnerasedRecord => {
      const { id, kind, subject, by, about, text } = record
      const body = { text, salt: random(SALT_BYTES) }
      const entry = {
        seq: tree.size(),
        id,
        kind,
        atMs: reading.nowMs,
        isTimeUncertain: reading.isUncertain,
        bodyHash: commitment(body.salt, body.text),
      }
      const grown = { ...entry, subject, by, about, body, leafHash: leafHash(recordBytes(entry)) }
      records.push(grown)
      added.push(...tree.append(grown.leafHash))
      return grown
    },

    /** Returns the hash of a node that was a peak before, or was added. Proofs of added leaves need no
     * others. */
    hashOf: ({ level, index }: NodeId): Uint8Array | undefined => {
      hashes ??= new Map()
      if (hashes.size < before.length + added.length)
        for (const node of [...before, ...added].slice(hashes.size))
          hashes.set(nodeKey(node), node.hash)
      return hashes.get(nodeKey({ level, index }))
    },
  }
}
