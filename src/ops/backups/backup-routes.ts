import type { Static } from '@sinclair/typebox'
import type { Actor } from '../../domain/audit-event.ts'
import { HOUR_MS } from '../../domain/duration.ts'
import { problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import type { Backups } from './backups.ts'
import { BackupsAnswer } from '../schema.ts'

type Dependencies = {
  readonly backups: Pick<Backups, 'state'> & {
    readonly createNow: (from: Actor) => Promise<void> | void
  }
}

/** The backups that the server creates itself. */
export const backupRoutes = (deps: Dependencies): readonly Endpoint[] => [list(deps), create(deps)]

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

const FORBIDDEN = problem(403, 'forbidden', 'Only an owner may do this')

const list = (deps: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/backups',
      access: 'owner',
      tag: 'Backups',
      operationId: 'listBackups',
      summary: 'List backups',
      description:
        'Those in BACKUP_DIR, newest first. Each was verified before it got its name: the pages of the ' +
        'database, and the whole unlock log against its checkpoint.',
      answers: {
        200: {
          description: 'The backups, and whether one is being created',
          schema: BackupsAnswer,
          example: EXAMPLE,
        },
        403: FORBIDDEN,
        503: problem(503, 'unavailable', 'Cannot read BACKUP_DIR /mnt/backups'),
      },
    },
    () => describe(deps),
  )

const create = (deps: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/backups',
      access: 'owner',
      limits: ['changes'],
      tag: 'Backups',
      operationId: 'createBackup',
      summary: 'Create a backup now',
      description:
        'Starts one in the background, or joins the one that is running. Get the list until `running` ' +
        'is false.',
      answers: {
        202: {
          description: 'It is running',
          schema: BackupsAnswer,
          example: { ...EXAMPLE, running: true },
        },
        403: FORBIDDEN,
        409: problem(409, 'no_backup_dir', 'Set BACKUP_DIR first'),
        503: problem(
          503,
          'log_stopped',
          'The unlock log is shorter than what this gateway has signed: an older database was put back, ' +
            'so nothing is recorded until the right database is back',
        ),
      },
    },
    async ({ caller, set }) => {
      await deps.backups.createNow(caller)
      set.status = 202
      return describe(deps)
    },
  )

const describe = async ({ backups }: Dependencies): Promise<Static<typeof BackupsAnswer>> => {
  const { isRunning, files, everyMs, keep, failure } = await backups.state()
  return {
    backups: files.map(({ file, createdAtMs, bytes, isEncrypted }) => ({
      file,
      made_at: timeOf(createdAtMs),
      bytes,
      encrypted: isEncrypted,
    })),
    every_hours: everyMs === undefined ? null : everyMs / HOUR_MS,
    keep,
    running: isRunning,
    failure: failure ? { at: timeOf(failure.atMs), reason: failure.reason } : null,
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString()
