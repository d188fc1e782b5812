import { encodeBase64 } from '#crypto'
import { Type as t } from '@sinclair/typebox'
import { AppError } from '../../errors.ts'
import { problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { leafBytes } from '../log/leaf.ts'
import { listedJson } from '../log/event-json.ts'
import { GivenUuid } from '../../http/request/text.ts'
import { EVENT_EXAMPLE, EventAnswer } from '../log/schema.ts'
import type { UnlockLog } from '../recording/service.ts'
import type { UnlockStore } from '../log/store.ts'
import type { UnlockQueries } from './store.ts'
import type { VisibleSize } from './visible-size.ts'
import { visibleEvent } from './visibility.ts'

type Dependencies = {
  readonly unlockLog: Pick<
    UnlockLog,
    'verifierKey' | 'origin' | 'head' | 'headAt' | 'consistency' | 'receipts'
  >
  readonly store: Pick<UnlockStore, 'find' | 'leaves'>
  readonly queries: Pick<UnlockQueries, 'listed'>
  readonly visibleSize: VisibleSize
}

/** What an auditor needs: the key, a checkpoint, each unlock with its receipt, consistency
 * proofs and leaves. */
export const proofRoutes = (deps: Dependencies): readonly Endpoint[] => [
  key(deps),
  checkpoint(deps),
  consistency(deps),
  unlock(deps),
  receipt(deps),
  entries(deps),
]

const ENTRIES_MAX = 1000

const Size = t.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, examples: [1] })
const Hashes = t.Array(t.String({ description: 'Base64' }))
const UnlockParams = t.Object({ id: GivenUuid })

/** Which checkpoint someone gets, in the words of the API's descriptions. */
const WHO_KNOWS =
  'Admins and owners get the newest checkpoint; members that of their own newest unlock or of the ' +
  'last full hour, whichever is newer, so that it does not tell when somebody else opened the door. '

const NO_SUCH_UNLOCK = problem(404, 'not_found', 'No such unlock')

const text = (content: string): Response =>
  new Response(content, { headers: { 'content-type': 'text/plain; charset=utf-8' } })

const key = ({ unlockLog }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/log/key',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Log',
      operationId: 'getLogKey',
      summary: 'Get the key that verifies checkpoints',
      answers: {
        200: {
          description: 'Name and key as in C2SP signed-note',
          schema: t.Object({ origin: t.String(), verifier_key: t.String() }, { $id: 'LogKey' }),
          example: {
            origin: 'secure-lock-server/2f6f1f0c9b8a7d6e',
            verifier_key: 'secure-lock-server/2f6f1f0c9b8a7d6e+1a2b3c4d+AX0v…',
          },
        },
      },
    },
    () => ({ origin: unlockLog.origin, verifier_key: unlockLog.verifierKey }),
  )

const checkpoint = ({ unlockLog, visibleSize }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/log/checkpoint',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Log',
      operationId: 'getCheckpoint',
      summary: 'Get the newest signed checkpoint',
      description:
        `${WHO_KNOWS}Keep a copy elsewhere: with it, \`secure-lock-server log verify --checkpoint FILE\` detects ` +
        'a log that was cut short or rewritten.',
      answers: { 200: { description: 'C2SP tlog-checkpoint', contentType: 'text/plain' } },
    },
    async ({ account }) => text((await unlockLog.headAt(await visibleSize(account))).checkpoint),
  )

const consistency = ({ unlockLog, visibleSize }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/log/consistency',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Log',
      operationId: 'getConsistencyProof',
      summary: 'Prove that the log only grew between two sizes',
      description: WHO_KNOWS,
      query: t.Object({ from: Size, to: Size }),
      answers: {
        200: {
          description: 'RFC 6962 consistency proof',
          schema: t.Object({ from: Size, to: Size, proof: Hashes }, { $id: 'ConsistencyProof' }),
          example: { from: 1, to: 2, proof: ['47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='] },
        },
        400: problem(400, 'invalid', 'Needs 0 <= from <= to <= 2, the size of the log'),
      },
    },
    async ({ query: { from, to }, account }) => {
      const size = await visibleSize(account)
      if (from > to || to > size)
        throw new AppError('invalid', `Needs 0 <= from <= to <= ${size}, the size of the log`)
      const proof = await unlockLog.consistency(from, to)
      return { from, to, proof: proof.map(encodeBase64) }
    },
  )

const unlock = ({ store, queries }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks/:id',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Unlocks',
      operationId: 'getUnlock',
      summary: 'Get an unlock',
      description: 'Members see their own. Erased fields are null.',
      params: UnlockParams,
      answers: {
        200: { description: 'The unlock', schema: EventAnswer, example: EVENT_EXAMPLE },
        404: NO_SUCH_UNLOCK,
      },
    },
    async ({ params, account }) =>
      listedJson(await queries.listed(await visibleEvent(store, params.id, account))),
  )

const receipt = ({ unlockLog, store, visibleSize }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks/:id/receipt',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Unlocks',
      operationId: 'getReceipt',
      summary: 'Get the receipt of an unlock',
      description:
        'Proves against a checkpoint that the log contains the unlock. Members see their own. ' +
        WHO_KNOWS +
        '`extra` is the Base64 of one line of JSON: `entry` is the text whose UTF-8 bytes are the ' +
        'leaf; `person` has the account, name, method and salt that the leaf commits to, and is null ' +
        'once erased.',
      params: UnlockParams,
      answers: {
        200: { description: 'C2SP tlog-proof', contentType: 'text/plain' },
        404: NO_SUCH_UNLOCK,
      },
    },
    async ({ params, account }) => {
      const event = await visibleEvent(store, params.id, account)
      const head = await unlockLog.headAt(await visibleSize(account))
      const receipts = await unlockLog.receipts([event], head)
      return text(receipts.get(event.seq) ?? '')
    },
  )

const entries = ({ unlockLog, store }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/log/entries',
      access: 'admin',
      tag: 'Log',
      operationId: 'getLogEntries',
      summary: 'Get leaves of the log',
      description:
        `The bytes that the tree is made of, up to ${ENTRIES_MAX} leaves. They contain no personal ` +
        'text.',
      query: t.Object({ start: Size, end: Size }),
      answers: {
        200: {
          description: 'Leaves from `start` up to `end`',
          schema: t.Object({ start: Size, entries: Hashes }, { $id: 'LogEntries' }),
          example: { start: 0, entries: ['eyJpZCI6Ii4uLiJ9'] },
        },
        400: problem(400, 'invalid', 'Needs 0 <= start <= end <= 2, the size of the log'),
        403: problem(403, 'forbidden', 'Only an admin may do this'),
      },
    },
    async ({ query: { start, end } }) => {
      const { size } = await unlockLog.head()
      if (start > end || end > size)
        throw new AppError('invalid', `Needs 0 <= start <= end <= ${size}, the size of the log`)
      const leaves = await store.leaves(start - 1, Math.min(end - start, ENTRIES_MAX))
      return { start, entries: leaves.map((leaf) => encodeBase64(leafBytes(leaf))) }
    },
  )
