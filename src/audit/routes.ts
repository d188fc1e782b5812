import { HEAVY_READ_REFUSED, invalid, problem } from '../http/answers.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { nextPage, pageOf, spanOf } from '../http/request/paging.ts'
import { auditEventJson } from './event-json.ts'
import { AuditAnswer, AuditQuery } from './schema.ts'
import type { AuditStore } from './store.ts'

type Dependencies = { readonly store: Pick<AuditStore, 'page'> }

/** Reading audit events, for owners. */
export const auditRoutes = (deps: Dependencies): readonly Endpoint[] => [list(deps)]

const list = ({ store }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/audit',
      access: 'owner',
      tag: 'Audit',
      operationId: 'listAuditEvents',
      summary: 'List audit events',
      description:
        'Logins, failures, refusals, changes, exports and erasures: who, what, when, from where ' +
        'and with what result, with the `X-Request-Id` of the answer. Names are current, and ' +
        'null if the account is erased. A page may contain fewer than `limit` events, or none, ' +
        'and still have a `next`: one request looks at up to 100,000 events. `next` is also ' +
        'sent as a `Link` header (RFC 8288), and is valid for the same filter and order only.',
      query: AuditQuery,
      isHeavy: ({ action, result, actor, subject, from, to }) =>
        [action, result, actor, subject, from, to].some((condition) => condition !== undefined),
      answers: {
        200: {
          description: 'A page, newest first by default',
          schema: AuditAnswer,
          example: {
            events: [
              {
                seq: 41,
                at: '2026-11-22T18:30:02.125Z',
                action: 'session.end',
                result: 'success',
                actor: { id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81', name: 'ada' },
                subject: { id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81', name: 'ada' },
                address: '192.168.1.34',
                request_id: '4f0f0a3e-8a52-4b0c-9a0e-3f7a1c5d2b10',
                detail: { session: '0c6f8a52-7d39-4c8f-8a2e-51f0d4b7c913' },
              },
            ],
            next: 'bmV3ZXN0LjQxLnhxN0xkMTJhYkNkRQ',
          },
        },
        400: invalid(AuditQuery, 'action'),
        403: problem(403, 'forbidden', 'Only an owner may do this'),
        ...HEAVY_READ_REFUSED,
      },
    },
    async (context) => {
      const { action, result, actor, subject } = context.query
      const filter = { action, result, actor, subject, ...spanOf(context.query) }
      const page = pageOf(context.query, filter)
      const { events, next } = await store.page({ filter, ...page, signal: context.signal })
      return {
        events: events.map(auditEventJson),
        next: nextPage(context, { filter, order: page.order, after: next }),
      }
    },
  )
