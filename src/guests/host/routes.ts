import { type TProperties, type TSchema, Type as t } from '@sinclair/typebox'
import { HEAVY_READ_REFUSED, invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { qrSvg } from '../../http/page/qr.ts'
import {
  PAGE_DEFAULT,
  PassDeviceParams,
  PassParams,
  PassPatchBody,
  PassUnlocksQuery,
  PassesQuery,
  passAnswer,
  passExample,
  passUnlocksAnswer,
  passesAnswer,
} from './schema.ts'
import {
  GUESTS_BY_ADMINS,
  type HostService,
  NO_SUCH_DEVICE,
  NO_SUCH_PASS,
  PASS_REVOKED,
} from './service.ts'

/** The schema and an example of another room. */
type Documented = { readonly schema: TSchema; readonly example: object }

type Dependencies = {
  readonly hosts: HostService
  readonly answers: {
    readonly grant: Documented
    readonly unlock: Documented
    /** The members of the answer that shows a link once. */
    readonly link: TProperties & { readonly link: TSchema; readonly qr_svg: TSchema }
  }
}

/** What hosts do with the passes of their guests. A pass is created and revoked with its grant. */
export const hostRoutes = (deps: Dependencies): readonly Endpoint[] => {
  const { grant, unlock } = deps.answers
  const schema = passAnswer(t.Unsafe<object>(grant.schema))
  const example = passExample(grant.example) as never
  const given = {
    ...deps,
    pass: { description: 'The pass', schema, example },
    unlock: { schema: t.Unsafe<object>(unlock.schema), example: unlock.example },
  }
  return [
    list(given),
    read(given),
    change(given),
    renewLink(given),
    removeDevice(given),
    unlocks(given),
    erase(given),
  ]
}

type Given = Dependencies & {
  readonly pass: {
    readonly description: string
    readonly schema: ReturnType<typeof passAnswer<ReturnType<typeof t.Unsafe<object>>>>
    readonly example: never
  }
  readonly unlock: {
    readonly schema: ReturnType<typeof t.Unsafe<object>>
    readonly example: object
  }
}

const NO_PASS = problem(404, 'not_found', NO_SUCH_PASS)
const BY_ADMINS = problem(403, 'guests_by_admins', GUESTS_BY_ADMINS)

const list = ({ hosts, pass: { schema, example } }: Given) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/passes',
      access: 'member',
      tag: 'Guests',
      operationId: 'listPasses',
      summary: 'List the passes of guests',
      description:
        'Newest first. Admins and owners see all passes, a member those of their own guests.',
      query: PassesQuery,
      isHeavy: () => true,
      answers: {
        200: {
          description: 'A page',
          schema: passesAnswer(schema),
          example: { passes: [example], next: null },
        },
        400: invalid(PassesQuery, 'state'),
        ...HEAVY_READ_REFUSED,
      },
    },
    ({ account, query: { limit = PAGE_DEFAULT, ...page }, signal }) =>
      hosts.page(account, { ...page, limit, signal }),
  )

const read = ({ hosts, pass }: Given) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/passes/:id',
      access: 'member',
      tag: 'Guests',
      operationId: 'getPass',
      summary: 'Get the pass of a guest',
      params: PassParams,
      answers: { 200: pass, 404: NO_PASS },
    },
    ({ account, params }) => hosts.show(account, params.id),
  )

const change = ({ hosts, pass }: Given) =>
  endpoint(
    {
      method: 'PATCH',
      path: '/v1/passes/:id',
      access: 'member',
      limits: ['changes'],
      tag: 'Guests',
      operationId: 'updatePass',
      summary: 'Change a pass, or mark its notices as handled',
      description: 'What the pass opens is changed with its grant: `PATCH /v1/grants/{id}`.',
      params: PassParams,
      body: PassPatchBody,
      answers: {
        200: pass,
        400: invalid(PassPatchBody, 'label'),
        403: BY_ADMINS,
        404: NO_PASS,
      },
    },
    async ({ account, caller, params, body }) => {
      await hosts.change(caller, params.id, body)
      return hosts.show(account, params.id)
    },
  )

const renewLink = ({ hosts, answers: { link } }: Given) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/passes/:id/link',
      access: 'member',
      limits: ['changes'],
      tag: 'Guests',
      operationId: 'renewPassLink',
      summary: 'Get a new link for a guest',
      description: 'Ends the old link and the phones that use the pass.',
      params: PassParams,
      answers: {
        200: {
          description: 'The link',
          schema: t.Object(link, { $id: 'PassLink', additionalProperties: false }),
          example: {
            link: 'https://lock.example/guest#pass=q0Bl5r7nD2sX9vJ4cW1mZg',
            qr_svg: '<svg',
          },
        },
        403: BY_ADMINS,
        404: NO_PASS,
        409: problem(409, 'grant_revoked', PASS_REVOKED),
      },
    },
    async ({ caller, params }) => {
      const made = await hosts.renewLink(caller, params.id)
      return { link: made, qr_svg: qrSvg(made) }
    },
  )

const removeDevice = ({ hosts }: Given) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/passes/:id/devices/:device',
      access: 'member',
      limits: ['changes'],
      tag: 'Guests',
      operationId: 'removePassDevice',
      summary: 'Remove a phone from a pass',
      description: 'The link can then be used on another phone, or on the same one again.',
      params: PassDeviceParams,
      answers: {
        200: message('The phone is removed', 'Phone removed'),
        404: [problem(404, 'not_found', NO_SUCH_DEVICE)],
      },
    },
    async ({ caller, params }) => {
      await hosts.removeDevice(caller, params.id, params.device)
      return { msg: 'Phone removed' }
    },
  )

const unlocks = ({ hosts, unlock }: Given) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/passes/:id/unlocks',
      access: 'member',
      tag: 'Guests',
      operationId: 'listPassUnlocks',
      summary: 'List what a guest did',
      description: 'Newest first; for the host, and for admins and owners.',
      params: PassParams,
      query: PassUnlocksQuery,
      answers: {
        200: {
          description: 'A page',
          schema: passUnlocksAnswer(unlock.schema),
          example: { unlocks: [unlock.example], next: null },
        },
        400: invalid(PassUnlocksQuery, 'limit'),
        404: NO_PASS,
      },
    },
    ({ account, params, query: { limit = PAGE_DEFAULT, cursor } }) =>
      hosts.unlocks(account, params.id, { cursor, limit }),
  )

const erase = ({ hosts }: Given) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/passes/:id',
      access: 'member',
      limits: ['changes'],
      tag: 'Guests',
      operationId: 'erasePass',
      summary: 'Erase a guest',
      description:
        'Revokes the pass and removes what is stored about the guest, also from the unlock log, whose ' +
        'proofs stay valid. Passes that have ended are erased after `GUEST_KEEP_DAYS`.',
      params: PassParams,
      answers: {
        200: message('The guest is erased', 'Guest erased'),
        404: NO_PASS,
      },
    },
    async ({ account, caller, params }) => {
      await hosts.erase(caller, account, params.id)
      return { msg: 'Guest erased' }
    },
  )
