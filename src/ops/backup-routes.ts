import type { Static } from '@sinclair/typebox'
import type { Config } from '../config.ts'
import type { Endpoints } from '../http/router.ts'
import { problem } from '../http/answers.ts'
import { operation } from '../http/endpoint.ts'
import type { Backups } from './backups.ts'
import { BackupsAnswer } from './schema.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly backups: Pick<Backups, 'list' | 'state' | 'makeNow'>
  readonly settings: Pick<Config, 'backupDir' | 'backupEveryHours' | 'backupKeep'>
}

/** The backups that the service makes by itself. */
export const backupRoutes = ({ endpoints, backups, settings }: Dependencies) => {
  const answer = async (): Promise<Static<typeof BackupsAnswer>> => {
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

const EXAMPLE: Static<typeof BackupsAnswer> = {
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
      schema: BackupsAnswer,
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
    202: {
      description: 'It is under way',
      schema: BackupsAnswer,
      example: { ...EXAMPLE, running: true },
    },
    403: problem(403, 'forbidden', 'Only an owner may do this'),
    409: problem(409, 'no_backup_dir', 'Set BACKUP_DIR first'),
  },
})
