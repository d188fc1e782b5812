import { type TSchema, Type as t } from '@sinclair/typebox'
import { accepting } from '../../http/request/accepted.ts'
import { Next } from '../../http/request/paging.ts'
import { nullable, oneOf, text } from '../../http/request/text.ts'
import { PASS_STATES } from '../core/state.ts'
import { PASS_FILTERS } from '../core/store.ts'

/** Passes per page, by default and at most. */
export const PAGE_DEFAULT = 50
const PAGE_MAX = 100

const ID = '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'

const Cursor = t.String({
  pattern: '^[0-9a-f-]{36}$',
  description: '`next` of the previous page',
  ...accepting('`next` of the previous page'),
})

export const PassesQuery = t.Object({
  state: t.Optional({
    ...oneOf(PASS_FILTERS),
    description:
      '`now` includes passes between their hours, and `ended` those that were revoked or whose visits are used up',
    examples: ['now'],
  }),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT })),
  cursor: t.Optional(Cursor),
})

export const PassUnlocksQuery = t.Object({
  limit: t.Optional(t.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT })),
  cursor: t.Optional(
    t.String({
      pattern: String.raw`^\d{1,15}$`,
      description: '`next` of the previous page',
      ...accepting('`next` of the previous page'),
    }),
  ),
})

export const PassParams = t.Object({ id: t.String({ description: 'UUID', examples: [ID] }) })

export const PassDeviceParams = t.Object({
  id: t.String({ description: 'UUID', examples: [ID] }),
  device: t.String({ description: 'UUID', examples: [ID] }),
})

export const PassPatchBody = t.Object(
  {
    label: t.Optional(
      text({ min: 1, max: 64, description: 'Who the guest is', examples: ['Plumber'] }),
    ),
    devices_max: t.Optional(
      t.Integer({
        minimum: 1,
        maximum: 5,
        description: 'How many phones may use the pass. Phones that already use it keep it',
        examples: [3],
      }),
    ),
    handled: t.Optional(
      t.Literal(true, {
        description: 'Marks a request for help and a refused phone as handled',
        examples: [true],
        ...accepting('true'),
      }),
    ),
  },
  { $id: 'PassUpdate', minProperties: 1 },
)

const Time = t.String({ format: 'date-time', examples: ['2026-11-30T08:02:00.000Z'] })

const PassDevice = t.Object(
  {
    id: t.String(),
    name: nullable(t.String({ examples: ['iPhone'] })),
    bound_at: Time,
    seen_at: Time,
    removed_at: nullable(Time),
  },
  { $id: 'PassDevice', additionalProperties: false },
)

/** Returns the schema of a pass, given that of its grant. */
export const passAnswer = <Grant extends TSchema>(grant: Grant) =>
  t.Object(
    {
      id: t.String(),
      label: t.String({ description: 'Who the guest is' }),
      host: t.Union(
        [
          t.Object(
            { id: t.String({ description: 'Public id' }), name: nullable(t.String()) },
            { $id: 'PassHost', additionalProperties: false },
          ),
          t.Null(),
        ],
        { description: 'Null for the command line, or once the host is erased' },
      ),
      grant,
      state: {
        ...oneOf(PASS_STATES),
        description:
          'That of its grant; `suspended` while the host could not open these doors either, or until an ' +
          'owner confirms it',
      },
      devices: t.Array(PassDevice, { description: 'The phones that use it, or did' }),
      devices_max: t.Integer(),
      looked_at: { ...nullable(Time), description: 'When its link was first opened' },
      asked_at: { ...nullable(Time), description: 'When the guest last asked for help' },
      refused_at: { ...nullable(Time), description: 'When one phone too many was last refused' },
      created_at: Time,
    },
    { $id: 'Pass', additionalProperties: false },
  )

export const passExample = (grant: object) => ({
  id: ID,
  label: 'Plumber',
  host: { id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81', name: 'ada' },
  grant: { ...grant, holder: { pass: { id: ID, label: 'Plumber', devices_max: 2 } } },
  state: 'now',
  devices: [
    {
      id: '0193c6a8-6a10-7d55-8a3e-5c6d7e8f9a0b',
      name: 'iPhone',
      bound_at: '2026-11-30T08:02:00.000Z',
      seen_at: '2026-11-30T08:02:11.125Z',
      removed_at: null,
    },
  ],
  devices_max: 2,
  looked_at: '2026-11-30T08:01:00.000Z',
  asked_at: null,
  refused_at: null,
  created_at: '2026-11-29T18:30:02.125Z',
})

export const passesAnswer = <Pass extends TSchema>(pass: Pass) =>
  t.Object({ passes: t.Array(pass), next: Next }, { $id: 'PassPage', additionalProperties: false })

export const passUnlocksAnswer = <Unlock extends TSchema>(unlock: Unlock) =>
  t.Object(
    { unlocks: t.Array(unlock), next: Next },
    { $id: 'PassUnlocks', additionalProperties: false },
  )
