import { Value } from '@sinclair/typebox/value'
import { problem } from '../../http/answers.ts'
import type { AuthenticateRequest } from '../../http/authorization.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { clientKey } from '../../http/request/client-address.ts'
import { type EventStream, HEARTBEAT_SECONDS, STREAMS_PER_ACCOUNT_MAX } from './event-stream.ts'
import { StreamHeaders, StreamQuery } from './schema.ts'
import { SEARCH_FAULTS, WHO_SEES, visibleFilter } from './visibility.ts'

type Dependencies = {
  readonly eventStream: Pick<EventStream, 'subscribe' | 'stalledSecondsMax'>
  readonly authenticateRequest: AuthenticateRequest
  /** Called for a request whose answer has no end. */
  readonly holdConnection: (request: Request) => void
}

/** Unlocks as server-sent events. */
export const streamRoutes = (deps: Dependencies): readonly Endpoint[] => [stream(deps)]

const stream = ({ eventStream, authenticateRequest, holdConnection }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks/stream',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Unlocks',
      operationId: 'streamUnlocks',
      summary: 'Stream unlocks as they happen',
      description:
        `${WHO_SEES}Server-sent events: \`id\` is the sequence number, \`event\` is \`unlock\`, and ` +
        '`data` is an unlock as JSON. Without `Last-Event-ID` only new unlocks are sent, with it all ' +
        'that follow that number; imported unlocks never are. A comment is sent after ' +
        `${HEARTBEAT_SECONDS} seconds of silence. The stream ends when the session ends, when the ` +
        'role changes, or when the client reads nothing for the time of three comments. When all ' +
        'places are taken, the stream that was silent for longest ends to make room: that of a waiting ' +
        'account for a member, and that of either for an admin or owner.',
      query: StreamQuery,
      headers: StreamHeaders,
      answers: {
        200: { description: 'An endless stream', contentType: 'text/event-stream' },
        ...SEARCH_FAULTS,
        429: problem(429, 'rate_limited', `More than ${STREAMS_PER_ACCOUNT_MAX} streams; end one`),
        503: problem(503, 'unavailable', 'Too many streams, try again'),
      },
    },
    async ({ request, query, account, caller, server }) => {
      const body = await eventStream.subscribe({
        account,
        client: clientKey(caller.address),
        filter: visibleFilter(query, account),
        lastSeq: lastEventId(request),
        signal: request.signal,
        isAllowed: async () => (await authenticateRequest(request))?.account.role === account.role,
      })
      holdConnection(request)
      server?.timeout(request, eventStream.stalledSecondsMax)
      // nginx would hold back events until its buffer is full.
      const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }
      return new Response(body, { headers })
    },
  )

const lastEventId = (request: Request): number | undefined => {
  const id = request.headers.get('last-event-id')
  if (id === null) return undefined
  if (!Value.Check(StreamHeaders, { 'last-event-id': id }))
    throw notAccepted({ 'Last-Event-ID': acceptedBy(StreamHeaders.properties['last-event-id']) })
  return Number(id)
}
