import { encodeBase64 } from '#crypto'
import { Type as t } from '@sinclair/typebox'
import { AppError } from '../../errors.ts'
import type { Endpoints } from '../../http/router.ts'
import { hasRole } from '../../domain/account.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import { problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { readQuery } from '../../http/request/query.ts'
import { type UnlockEvent, entryBytes } from '../log/event.ts'
import { eventJson } from '../log/event-json.ts'
import { EVENT_EXAMPLE } from './operations.ts'
import { EventAnswer, GivenUuid } from '../log/schema.ts'
import type { UnlockLog } from '../log/service.ts'
import type { UnlockStore } from '../log/store.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly unlockLog: Pick<
    UnlockLog,
    'verifierKey' | 'origin' | 'head' | 'consistency' | 'receipts'
  >
  readonly store: Pick<UnlockStore, 'find' | 'page'>
}

/** What an auditor needs: the key, the newest checkpoint, each event with its receipt, consistency
 * proofs and leaves. */
export const logRoutes = ({ endpoints, unlockLog, store }: Dependencies) =>
  endpoints
    .group('default')
    .get(
      '/v1/log/key',
      () => ({ origin: unlockLog.origin, verifier_key: unlockLog.verifierKey }),
      KEY,
    )
    .get('/v1/log/checkpoint', async () => text((await unlockLog.head()).checkpoint), CHECKPOINT)
    .get(
      '/v1/log/consistency',
      async ({ request }) => {
        const { from, to } = readQuery(request, Range)
        const proof = await unlockLog.consistency(from, to)
        return { from, to, proof: proof.map(encodeBase64) }
      },
      CONSISTENCY,
    )
    .get(
      '/v1/unlocks/:id',
      async ({ params, caller }) => eventJson(await seenEvent(store, params.id, caller)),
      EVENT,
    )
    .get(
      '/v1/unlocks/:id/receipt',
      async ({ params, caller }) => {
        const event = await seenEvent(store, params.id, caller)
        const receipts = await unlockLog.receipts([event])
        return text(receipts.get(event.seq) ?? '')
      },
      RECEIPT,
    )
    .get(
      '/v1/log/entries',
      async ({ request }) => {
        const { start, end } = readQuery(request, Entries)
        const { size } = await unlockLog.head()
        if (start > end || end > size)
          throw new AppError('invalid', `Needs 0 <= start <= end <= ${size}, the size of the log`)
        const limit = Math.min(end - start, ENTRIES_MAX)
        const events = await store.page(start - 1, limit)
        return { start, entries: events.map((event) => encodeBase64(entryBytes(event))) }
      },
      ENTRIES,
    )

/** The event of an id, as far as the caller may see it: a member their own. Throws `not_found`. */
const seenEvent = async (
  store: Pick<UnlockStore, 'find'>,
  id: string,
  caller: Caller,
): Promise<UnlockEvent> => {
  const account = signedIn(caller.account)
  const event = await store.find(id.toLowerCase())
  const isOwn = event?.person?.accountPublicId === account.publicId
  if (!event || !(isOwn || hasRole(account, 'admin')))
    throw new AppError('not_found', 'No such unlock')
  return event
}

const ENTRIES_MAX = 1000

const Size = t.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, examples: [1] })
const Range = t.Object({ from: Size, to: Size })
const Entries = t.Object({ start: Size, end: Size })
const Hashes = t.Array(t.String({ description: 'Base64' }))

const text = (content: string): Response =>
  new Response(content, { headers: { 'content-type': 'text/plain; charset=utf-8' } })

const KEY = operation({
  access: 'member',
  tag: 'Log',
  summary: 'The key that checkpoints are verified with',
  answers: {
    200: {
      description: 'Name and key, as C2SP signed-note has them',
      schema: t.Object({ origin: t.String(), verifier_key: t.String() }),
      example: {
        origin: 'secure-lock-server/2f6f1f0c9b8a7d6e',
        verifier_key: 'secure-lock-server/2f6f1f0c9b8a7d6e+1a2b3c4d+AX0v…',
      },
    },
  },
})

const CHECKPOINT = operation({
  access: 'member',
  tag: 'Log',
  summary: 'The newest checkpoint, signed',
  description:
    'Keep it somewhere else: against it, `secure-lock-server log verify --checkpoint FILE` finds a ' +
    'log that was cut short or written anew.',
  answers: { 200: { description: 'C2SP tlog-checkpoint', contentType: 'text/plain' } },
})

const CONSISTENCY = operation({
  access: 'member',
  tag: 'Log',
  summary: 'Proof that the log only grew between two sizes',
  query: Range,
  answers: {
    200: {
      description: 'RFC 6962 consistency proof',
      schema: t.Object({ from: Size, to: Size, proof: Hashes }),
      example: { from: 1, to: 2, proof: ['47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='] },
    },
    400: problem(400, 'invalid', 'Needs 0 <= from <= to <= 2, the size of the log'),
  },
})

const EVENT = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'One unlock',
  description: 'Members see their own. What was erased is null.',
  params: t.Object({ id: GivenUuid }),
  answers: {
    200: { description: 'The unlock', schema: EventAnswer, example: EVENT_EXAMPLE },
    404: problem(404, 'not_found', 'No such unlock'),
  },
})

const RECEIPT = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'The receipt of an unlock',
  description:
    'Proof against the newest checkpoint that the log holds it. Members see their own. Its `extra` ' +
    'is the Base64 of a line of JSON: `entry`, the text whose UTF-8 bytes are the leaf, and ' +
    '`person`, the account, name, method and salt that the leaf commits to, null once erased.',
  params: t.Object({ id: GivenUuid }),
  answers: {
    200: { description: 'C2SP tlog-proof', contentType: 'text/plain' },
    404: problem(404, 'not_found', 'No such unlock'),
  },
})

const ENTRIES = operation({
  access: 'admin',
  tag: 'Log',
  summary: 'The leaves of the log',
  description: `The bytes that the tree is made of, ${ENTRIES_MAX} at the most; none holds a person’s text.`,
  query: Entries,
  answers: {
    200: {
      description: 'Entries from start, up to end',
      schema: t.Object({ start: Size, entries: t.Array(t.String({ description: 'Base64' })) }),
      example: { start: 0, entries: ['eyJpZCI6Ii4uLiJ9'] },
    },
    400: problem(400, 'invalid', 'Needs 0 <= start <= end <= 2, the size of the log'),
    403: problem(403, 'forbidden', 'Only an admin may do this'),
  },
})
