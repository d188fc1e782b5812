import { type Static, Type as t } from '@sinclair/typebox'
import { DEFAULT_LOCK } from '../../domain/access.ts'
import { type Account, type CallerToken, locksOf } from '../../domain/account.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import { AppError } from '../../errors.ts'
import { invalid, message, problem } from '../../http/answers.ts'
import { type Caller, credentials, requireScope, signedIn } from '../../http/authorization.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { idempotencyKey } from '../../http/request/headers/idempotency-key.ts'
import { checkFields, isObject, readJson } from '../../http/request/json-body.ts'
import { Time, timeMs } from '../../http/request/text.ts'
import { type DeriveUuid, derivedUuid } from '../../storage/derived-uuid.ts'
import { DISK_RESERVED } from '../../storage/disk-space.ts'
import type { RecordDenied } from './denied-access.ts'
import type { SubmittedEvent } from '../log/event.ts'
import { EventBody, OutcomeAnswer, UnlockBody, UnlockHeaders } from '../log/schema.ts'
import type { Outcome, UnlockLog } from './service.ts'

type Dependencies = {
  readonly unlockLog: Pick<UnlockLog, 'append' | 'appendWithReceipts'>
  /** Derives the id of an unlock from the app's own key. */
  readonly deriveUuid: DeriveUuid
  /** Returns the account of a genuine token that is no longer accepted, or undefined. */
  readonly refusedAccount: (token: string) => Promise<RefusedAccount | undefined>
  readonly recordDenied: RecordDenied
  readonly limits: UnlockLimits
}

/** Limits what an account records. Each function throws if there is no room. */
export type UnlockLimits = {
  /** Called before the body is read. */
  readonly requireRoom: (account: Account) => void
  /** Returns a function that takes back most of the duplicates. */
  readonly count: (
    account: Account,
    sending: 'lone' | 'batch',
    events: number,
  ) => (duplicates: number) => void
  /** Returns a function that takes back what was not stored. */
  readonly spend: (
    account: Account,
    caller: Pick<Caller, 'address'>,
    events: readonly Spent[],
  ) => Promise<(unstored: readonly Spent[]) => void>
  /** Throws if the disk has no room for it; a request that is refused counts as one event. */
  readonly requireDisk: (account: Account, sending: 'lone' | 'batch') => void
}

/** What an event counts by. */
type Spent = Pick<SubmittedEvent, 'method'>

type RefusedAccount = { readonly account: Account; readonly isDisabled: boolean }

/** Recording unlocks: as the phone app does it, and under `/v1` with receipts. */
export const unlockRoutes = (deps: Dependencies): readonly Endpoint[] => [
  logUnlocking(deps),
  recordUnlocks(deps),
]

const UNRECORDED =
  'The disk does not accept the write, too many requests wait, or the log is stopped; nothing was written'

/** The beginning of the message if the log is stopped. */
const LOG_STOPPED = 'The unlock log is shorter than what this gateway has signed: …'

const logUnlocking = (deps: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/logUnlocking',
      access: 'member',
      scope: 'unlocks:write',
      limits: ['unlock'],
      tag: 'Unlocks',
      operationId: 'logUnlocking',
      summary: 'Record an unlock',
      description: 'Answers once the unlock is committed to disk.',
      headers: UnlockHeaders,
      body: UnlockBody,
      checksDisk: true,
      guard: ({ caller }) => {
        const account = signedIn(caller.account)
        deps.limits.requireDisk(account, 'lone')
        deps.limits.count(account, 'lone', 1)
      },
      onAnonymous: ({ request }) => recordRefused(deps, request),
      answers: {
        200: message('The unlock is on disk', 'Unlocking process logged successfully'),
        400: message(
          'The body, the field or the Idempotency-Key is not valid',
          'Invalid JSON format',
          'Missing unlocking-method',
          'Invalid unlocking-method',
          'Invalid Idempotency-Key',
        ),
        409: message(
          'The Idempotency-Key was used with another method',
          'This Idempotency-Key was used for another unlock',
        ),
        503: message(
          UNRECORDED,
          'The disk is full',
          { msg: DISK_RESERVED, code: 'disk_reserved' },
          { msg: LOG_STOPPED, code: 'log_stopped' },
        ),
      },
    },
    async ({ request, caller, account, body }) => {
      const key = idempotencyKey(request)
      const ids = key === undefined ? {} : idsFor(key, account, deps.deriveUuid)
      const event = newEvent(caller, { ...ids, account, method: body['unlocking-method'] })
      const [outcome] = await append({ ...deps, account, caller }, [event], 'append')
      if (outcome?.status === 'conflict')
        throw new AppError('conflict', 'This Idempotency-Key was used for another unlock')
      return { msg: 'Unlocking process logged successfully' }
    },
  )

/** Events in one submission: what a phone collects while it is offline. */
const EVENTS_MAX = 500
const SUBMISSION_BYTES_MAX = 512 * 1024

const ID_TAKEN = 'Another unlock has this id'

const recordUnlocks = (deps: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/unlocks',
      access: 'member',
      scope: 'unlocks:write',
      limits: ['unlock'],
      tag: 'Unlocks',
      operationId: 'recordUnlocks',
      summary: `Record one unlock or up to ${EVENTS_MAX}`,
      description:
        'Takes one unlock, or an array of unlocks that a phone collected while it was offline. Each ' +
        'gets its own outcome. An id that was sent before with the same content is a `duplicate` ' +
        'and gets the same answer as the first time; with other content it is a `conflict`. The ' +
        'valid ones are stored in one transaction. A receipt contains its unlock and proves, without ' +
        'this server, that the log contains it.',
      body: t.Union([EventBody, t.Array(EventBody, { maxItems: EVENTS_MAX })], {
        $id: 'UnlockSubmission',
        examples: [{ method: 'fingerprint', occurred_at: '2026-11-22T18:30:00Z' }],
      }),
      bodyBytesMax: SUBMISSION_BYTES_MAX,
      checksDisk: true,
      guard: ({ caller }) => deps.limits.requireRoom(signedIn(caller.account)),
      onAnonymous: ({ request }) => recordRefused(deps, request),
      answers: {
        200: {
          description: 'Stored now or before; for an array, the outcome of each',
          schema: t.Union(
            [
              OutcomeAnswer,
              t.Object(
                { outcomes: t.Array(OutcomeAnswer) },
                { $id: 'UnlockOutcomeList', additionalProperties: false },
              ),
            ],
            { $id: 'UnlockSubmissionOutcome' },
          ),
          example: {
            status: 'stored',
            id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
            seq: 41,
            receipt: 'c2sp.org/tlog-proof@v1\nextra eyJl…\nindex 41\n…',
          },
        },
        400: invalid(EventBody, 'method'),
        409: problem(409, 'conflict', ID_TAKEN),
        503: problem(
          503,
          'disk_reserved',
          `${DISK_RESERVED} (\`disk_reserved\`), the disk is full (\`unavailable\`), or an older or ` +
            'another database was put in place (`log_stopped`)',
        ),
      },
    },
    async ({ request, caller, account }) => {
      const body = await readJson(request, SUBMISSION_BYTES_MAX).catch((error: unknown) => {
        deps.limits.count(account, 'lone', 1)
        throw error
      })
      const recording = { ...deps, account, caller }
      return Array.isArray(body) ? recordAll(recording, body) : recordOne(recording, body)
    },
  )

/** Who records, and what that takes. */
type Recording = Pick<Dependencies, 'unlockLog' | 'limits'> & {
  readonly account: Account
  readonly caller: Caller
}

/** Records events in one transaction, if the account may record that many today. */
const append = async (
  { unlockLog, limits, account, caller }: Recording,
  events: readonly SubmittedEvent[],
  how: 'append' | 'appendWithReceipts',
): Promise<readonly Outcome[]> => {
  const takeBack = await limits.spend(account, caller, events)
  try {
    const outcomes = await unlockLog[how](events)
    takeBack(events.filter((_, at) => outcomes[at]?.status !== 'stored'))
    return outcomes
  } catch (error) {
    takeBack(events)
    throw error
  }
}

/** Records in the unlock log that someone whose session or account has ended tried to unlock. `findLock` returns
 * the label of the lock that was asked for. */
export const recordRefused = async (
  { refusedAccount, recordDenied }: Pick<Dependencies, 'refusedAccount' | 'recordDenied'>,
  request: Request,
  findLock?: () => Promise<string | undefined>,
): Promise<void> => {
  const token = credentials(request, 'Bearer')
  const refused = token ? await refusedAccount(token) : undefined
  if (!refused) return
  const { account, isDisabled } = refused
  const reason = isDisabled ? 'disabled_user_denied' : 'session_ended'
  await recordDenied({ account, reason, lock: await findLock?.() })
}

type OutcomeBody = Static<typeof OutcomeAnswer>

const recordOne = async (recording: Recording, body: unknown): Promise<OutcomeBody> => {
  const { account, limits } = recording
  limits.requireDisk(account, 'lone')
  limits.count(account, 'lone', 1)
  const [outcome] = await appendWithReceipts(recording, [parseEvent(recording, body)])
  if (outcome === undefined || outcome.status === 'conflict')
    throw new AppError('conflict', ID_TAKEN)
  return outcome
}

/** Each event has its own outcome; the valid ones are stored in one transaction. */
const recordAll = async (
  recording: Recording,
  bodies: readonly unknown[],
): Promise<{ outcomes: OutcomeBody[] }> => {
  const { account, limits } = recording
  limits.requireDisk(account, 'batch')
  const takeBack = limits.count(account, 'batch', Math.max(bodies.length, 1))
  if (bodies.length > EVENTS_MAX)
    throw new AppError('invalid', `More than ${EVENTS_MAX} events; send the rest separately`)
  // Batches of many clients may arrive at once, and each takes milliseconds to read and to answer.
  await takeTurn()
  const parsed = bodies.map((body) => parsedOrDetail(recording, body))
  const events = parsed.filter((item) => 'method' in item)
  const answered = await appendWithReceipts(recording, events)
  takeBack(answered.filter(({ status }) => status === 'duplicate').length)
  const recorded = answered.values()
  const outcomes: OutcomeBody[] = []
  for (const item of parsed) {
    const outcome = 'method' in item ? recorded.next().value : undefined
    if (outcome) outcomes.push(outcome)
    else if ('detail' in item) outcomes.push({ status: 'invalid', detail: item.detail })
  }
  return { outcomes }
}

/** Records events in one transaction; returns the outcome of each with its receipt. */
const appendWithReceipts = async (
  recording: Recording,
  events: readonly SubmittedEvent[],
): Promise<readonly OutcomeBody[]> => {
  if (events.length === 0) return []
  const outcomes = await append(recording, events, 'appendWithReceipts')
  return outcomes.map((outcome) => {
    const { status, id, seq, receipt = '' } = outcome
    if (status === 'conflict') return { status, detail: ID_TAKEN }
    return { status, id, seq, receipt }
  })
}

const parsedOrDetail = (
  recording: Recording,
  body: unknown,
): SubmittedEvent | { readonly detail: string } => {
  try {
    return parseEvent(recording, body)
  } catch (error) {
    if (error instanceof AppError) return { detail: error.message }
    throw error
  }
}

const parseEvent = ({ account, caller }: Recording, body: unknown): SubmittedEvent => {
  if (!isObject(body)) throw new AppError('invalid', 'An unlock is a JSON object')
  const { occurred_at: occurredAt, ...event } = checkFields(body, EventBody)
  const occurredAtMs = occurredAt === undefined ? null : timeMs(occurredAt)
  if (occurredAtMs === undefined) throw notAccepted({ occurred_at: acceptedBy(Time) })
  if ((event.result === 'denied') !== (event.reason !== undefined))
    throw new AppError('invalid', 'A denied event has a reason, and an unlocked one has none')
  if (caller.token && event.lock !== undefined)
    requireScope(caller.token, 'unlocks:write', event.lock)
  return newEvent(caller, { ...event, account, occurredAtMs })
}

type Given = { readonly account: Account; readonly method: string } & Partial<SubmittedEvent>

const newEvent = ({ token }: Caller, { account, id, ...given }: Given): SubmittedEvent => ({
  lock: token ? lockOf(token) : DEFAULT_LOCK,
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurredAtMs: null,
  ...given,
  ...(id !== undefined && { id: id.toLowerCase() }),
  accountPublicId: account.publicId,
  username: account.username,
  ...(token && { tokenId: token.id }),
})

/** Returns the lock of an unlock that names none, recorded with an access token: the default lock if the token is
 * for it, otherwise its first one. */
const lockOf = (token: CallerToken): string => {
  const [first = DEFAULT_LOCK, ...others] = locksOf(token, 'unlocks:write')
  return others.includes(DEFAULT_LOCK) ? DEFAULT_LOCK : first
}

/** Returns the id for an app's own key, the same for the same account and key, and the one of earlier
 * versions: an app may send again after an update what it sent before. */
const idsFor = (key: string, account: Account, deriveUuid: DeriveUuid) => {
  const text = `${account.publicId}\n${key}`
  return { id: deriveUuid(text), formerId: derivedUuid(text) }
}
