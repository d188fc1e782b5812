import { type Static, Type as t } from '@sinclair/typebox'
import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import { credentials, signedIn } from '../../http/authorization.ts'
import type { Endpoints } from '../../http/router.ts'
import { type ReadBody, checkFields, isObject, readJson } from '../../http/request/json-body.ts'
import { message, problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { timeMs } from '../../http/request/text.ts'
import { derivedUuid } from '../../storage/derived-uuid.ts'
import type { RecordDenied } from './denied-access.ts'
import { DEFAULT_LOCK, type NewUnlockEvent } from './event.ts'
import { EventBody, OutcomeAnswer, UnlockBody, UnlockHeaders } from './schema.ts'
import type { UnlockLog } from './service.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly unlockLog: Pick<UnlockLog, 'append' | 'receipts'>
  /** Whose a genuine token is that opens nothing any more. */
  readonly refusedAccount: (token: string) => Promise<RefusedAccount | undefined>
  readonly recordDenied: RecordDenied
}

type RefusedAccount = { readonly account: Account; readonly isDisabled: boolean }

/** Recording unlocks: as the phone app does it, and under `/v1` with receipts. */
export const unlockRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, unlockLog } = deps
  return endpoints
    .group('unlock')
    .onBeforeHandle(async ({ request, caller }) => {
      if (!caller.account) await noteRefused(deps, request)
    })
    .post(
      '/logUnlocking',
      async ({ request, caller }) => {
        const account = signedIn(caller.account)
        const { 'unlocking-method': method } = await readBody(request, UnlockBody)
        const id = idOf(request.headers.get('idempotency-key'), account)
        const [outcome] = await unlockLog.append([newEvent(account, { id, method })])
        if (outcome?.status === 'conflict')
          throw new AppError('conflict', 'This Idempotency-Key was used for another unlock')
        return { msg: 'Unlocking process logged successfully' }
      },
      LOG_UNLOCKING,
    )
    .post(
      '/v1/unlocks',
      async ({ request, caller }) => {
        const account = signedIn(caller.account)
        const body = await readJson(request, SUBMISSION_BYTES_MAX)
        return Array.isArray(body)
          ? recordAll(unlockLog, account, body)
          : recordOne(unlockLog, account, body)
      },
      RECORD,
    )
}

/** A person whose session or account has ended, and who asks for the door all the same. */
const noteRefused = async (
  { refusedAccount, recordDenied }: Dependencies,
  request: Request,
): Promise<void> => {
  const token = request.method === 'POST' ? credentials(request, 'Bearer') : undefined
  const refused = token ? await refusedAccount(token) : undefined
  if (!refused) return
  const { account, isDisabled } = refused
  await recordDenied({ account, reason: isDisabled ? 'disabled_user_denied' : 'session_ended' })
}

/** Events of one submission: what a phone collects while it is offline. */
const EVENTS_MAX = 500
const SUBMISSION_BYTES_MAX = 512 * 1024

type OutcomeBody = Static<typeof OutcomeAnswer>

const recordOne = async (log: Dependencies['unlockLog'], account: Account, body: unknown) => {
  const [outcome] = await record(log, [eventOf(account, body)])
  if (outcome === undefined || outcome.status === 'conflict')
    throw new AppError('conflict', ID_TAKEN)
  return outcome
}

/** Each event has an outcome of its own; the good ones are stored in one transaction. */
const recordAll = async (
  log: Dependencies['unlockLog'],
  account: Account,
  bodies: readonly unknown[],
): Promise<{ outcomes: OutcomeBody[] }> => {
  if (bodies.length > EVENTS_MAX)
    throw new AppError('invalid', `More than ${EVENTS_MAX} events; send the rest by themselves`)
  const parsed = bodies.map((body) => checked(() => eventOf(account, body)))
  const good = parsed.filter((one) => 'id' in one)
  const recorded = (await record(log, good)).values()
  const outcomes: OutcomeBody[] = []
  for (const one of parsed) {
    const outcome = 'id' in one ? recorded.next().value : undefined
    if (outcome) outcomes.push(outcome)
    else if ('detail' in one) outcomes.push({ status: 'invalid', detail: one.detail })
  }
  return { outcomes }
}

/** Records events in one transaction, and answers each with its receipt. */
const record = async (
  log: Dependencies['unlockLog'],
  events: readonly NewUnlockEvent[],
): Promise<readonly OutcomeBody[]> => {
  if (events.length === 0) return []
  const outcomes = await log.append(events)
  const receipts = await log.receipts(
    outcomes.flatMap((outcome) => (outcome.status === 'conflict' ? [] : outcome.event)),
  )
  return outcomes.map((outcome) => {
    if (outcome.status === 'conflict') return { status: outcome.status, detail: ID_TAKEN }
    const { id, seq } = outcome.event
    return { status: outcome.status, id, seq, receipt: receipts.get(seq) ?? '' }
  })
}

const ID_TAKEN = 'Another unlock has this id'

const checked = <Result>(work: () => Result): Result | { readonly detail: string } => {
  try {
    return work()
  } catch (error) {
    if (error instanceof AppError) return { detail: error.message }
    throw error
  }
}

const eventOf = (account: Account, body: unknown): NewUnlockEvent => {
  if (!isObject(body)) throw new AppError('invalid', 'An event is a JSON object')
  const { occurred_at: occurredAt, ...event } = checkFields(body, EventBody)
  const occurredAtMs = occurredAt === undefined ? null : timeMs(occurredAt)
  if (occurredAtMs === undefined) throw new AppError('invalid', 'Invalid occurred_at')
  if ((event.result === 'denied') !== (event.reason !== undefined))
    throw new AppError('invalid', 'A denied event has a reason, and an unlocked one has none')
  return newEvent(account, { ...event, occurredAtMs })
}

type Given = { readonly method: string } & Partial<NewUnlockEvent>

const newEvent = (account: Account, { id, ...given }: Given): NewUnlockEvent => ({
  lock: DEFAULT_LOCK,
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurredAtMs: null,
  ...given,
  id: id?.toLowerCase() ?? Bun.randomUUIDv7(),
  accountPublicId: account.publicId,
  username: account.username,
})

/** The id that an app's own key stands for: the same for the same account and key. */
const idOf = (key: string | null, account: Account): string => {
  if (key === null) return Bun.randomUUIDv7()
  if (key === '' || key.length > IDEMPOTENCY_KEY_CHARACTERS_MAX)
    throw new AppError('invalid', 'Invalid Idempotency-Key')
  return derivedUuid(`${account.publicId}\n${key}`)
}

const IDEMPOTENCY_KEY_CHARACTERS_MAX = 255

const DISK = 'The disk does not take it now, or too many wait; nothing was written'

const LOG_UNLOCKING = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'Record an unlock',
  description: 'Answered only after the unlock is committed to disk.',
  headers: UnlockHeaders,
  body: UnlockBody,
  answers: {
    200: message('The unlock is on disk', 'Unlocking process logged successfully'),
    400: message(
      'The body or the field cannot be taken',
      'Invalid JSON format',
      'Missing unlocking-method',
      'Invalid unlocking-method',
    ),
    409: message(
      'The Idempotency-Key was used with another method',
      'This Idempotency-Key was used for another unlock',
    ),
    503: message(DISK, 'The disk is full'),
  },
})

const RECORD = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'Record one unlock or up to 500',
  description:
    'One event, or an array of those that a phone collected while it was offline. Each has its own ' +
    'outcome: an id sent again with the same content is a `duplicate` and answered as the first ' +
    'time, with other content a `conflict`; those that are good are stored in one transaction. ' +
    'A receipt has the event within it and proves, without this server, that the log holds it.',
  body: t.Union([EventBody, t.Array(EventBody, { maxItems: EVENTS_MAX })], {
    examples: [{ method: 'fingerprint', occurred_at: '2026-11-22T18:30:00Z' }],
  }),
  answers: {
    200: {
      description: 'Stored, or stored before; for an array, what became of each',
      schema: t.Union([
        OutcomeAnswer,
        t.Object({ outcomes: t.Array(OutcomeAnswer) }, { additionalProperties: false }),
      ]),
      example: {
        status: 'stored',
        id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
        seq: 41,
        receipt: 'c2sp.org/tlog-proof@v1\nextra eyJl…\nindex 41\n…',
      },
    },
    400: problem(400, 'invalid', 'Invalid method'),
    409: problem(409, 'conflict', 'Another unlock has this id'),
    503: problem(503, 'unavailable', 'The disk is full'),
  },
})
