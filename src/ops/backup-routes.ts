import { type Static, Type as t } from '@sinclair/typebox'
import type { Config } from '../config.ts'
import type { Endpoints } from '../http/endpoints.ts'
import { operation, problem } from '../http/operation.ts'
import type { Backups } from './backups.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly backups: Pick<Backups, 'list' | 'state' | 'makeNow'>
  readonly settings: Pick<Config, 'backupDir' | 'backupEveryHours' | 'backupKeep'>
}

/** The backups that the service makes by itself. */
export const backupRoutes = ({ endpoints, backups, settings }: Dependencies) => {
  const answer = async (): Promise<Static<typeof Answer>> => {
    const { isMaking, failure } = await backups.state()
    return {
      backups: (await backups.list()).map(({ file, madeAtMs, bytes, isEncrypted }) => ({
        file,
        made_at: timeOf(madeAtMs),
        bytes,
        encrypted: isEncrypted,
      })),
      every_hours: settings.backupDir ? settings.backupEveryHours : null,
      keep: settings.backupKeep,
      running: isMaking,
      failure: failure ? { at: timeOf(failure.atMs), reason: failure.reason } : null,
    }
  }
  return endpoints
    .group('default')
    .get('/v1/backups', answer, LIST)
    .use(endpoints.changeLimits())
    .post(
      '/v1/backups',
      ({ caller, set }) => {
        backups.makeNow(caller)
        set.status = 202
        return answer()
      },
      MAKE,
    )
}

const timeOf = (ms: number): string => new Date(ms).toISOString()

const Time = t.String({ format: 'date-time' })

const Answer = t.Object(
  {
    backups: t.Array(
      t.Object(
        {
          file: t.String({ description: 'Its name in BACKUP_DIR' }),
          made_at: Time,
          bytes: t.Integer({ minimum: 0 }),
          encrypted: t.Boolean(),
        },
        { additionalProperties: false },
      ),
    ),
    every_hours: t.Union([t.Integer({ minimum: 1 }), t.Null()], {
      description: 'Hours from one to the next; null where none are made, without BACKUP_DIR',
    }),
    keep: t.Integer({ minimum: 1, description: 'How many are kept' }),
    running: t.Boolean({ description: 'Whether one is being made' }),
    failure: t.Union(
      [t.Object({ at: Time, reason: t.String() }, { additionalProperties: false }), t.Null()],
      { description: 'Why the latest try failed; null where it did not' },
    ),
  },
  { additionalProperties: false },
)

const EXAMPLE: Static<typeof Answer> = {
  backups: [
    {
      file: 'secure-lock-5d3f0a91-000042-20261125T174002Z.tar.age',
      made_at: '2026-11-25T17:40:02.000Z',
      bytes: 1_474_560,
      encrypted: true,
    },
  ],
  every_hours: 24,
  keep: 14,
  running: false,
  failure: null,
}

const LIST = operation({
  access: 'owner',
  tag: 'Backups',
  summary: 'The backups that the service made',
  description:
    'Those in BACKUP_DIR, newest first. Each was verified before it got its name: the pages of the ' +
    'database, and the whole log against its checkpoint.',
  answers: {
    200: {
      description: 'The backups, and how it goes with the next',
      schema: Answer,
      example: EXAMPLE,
    },
    403: problem(403, 'forbidden', 'Only an owner may do this'),
    503: problem(503, 'unavailable', 'Cannot read BACKUP_DIR /mnt/backups'),
  },
})

const MAKE = operation({
  access: 'owner',
  tag: 'Backups',
  summary: 'Make a backup now',
  description:
    'Begins one in the background, or joins the one under way: ask for the list until `running` is false.',
  answers: {
    202: { description: 'It is under way', schema: Answer, example: { ...EXAMPLE, running: true } },
    403: problem(403, 'forbidden', 'Only an owner may do this'),
    409: problem(409, 'no_backup_dir', 'Set BACKUP_DIR first'),
  },
})
