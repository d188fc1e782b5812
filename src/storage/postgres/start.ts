import { AppError } from '../../errors.ts'
import type { Client } from './client.ts'
import { isStillStarting } from './faults.ts'

/** How long a start waits for a server that is still starting, as after a power cut, and how often it asks. */
const START_MS_MAX = 60_000
const RETRY_MS = 250

/** The oldest server that the statements are written for, as `server_version_num` says it. */
const VERSION_MIN = 140_000

type Options = {
  /** Called once if the server does not answer yet, with the reason. */
  readonly onWait: (reason: string) => void
  readonly startMs?: number | undefined
}

/** Waits until the server answers. Throws `unavailable` if it does not in time, refuses the login, or is too old. */
export const waitForServer = async (
  client: Client,
  { onWait, startMs = START_MS_MAX }: Options,
): Promise<void> => {
  const deadlineMs = performance.now() + startMs
  let isWaiting = false
  for (;;) {
    try {
      return await requireVersion(client)
    } catch (error) {
      if (!isStillStarting(error) || performance.now() > deadlineMs) throw error
      if (!isWaiting) onWait((error as AppError).message)
      isWaiting = true
      await Bun.sleep(RETRY_MS)
    }
  }
}

const requireVersion = async (client: Client): Promise<void> => {
  const [answer] = await client.script('SHOW server_version_num')
  const version = Number(answer?.[0]?.['server_version_num'])
  if (version < VERSION_MIN)
    throw new AppError(
      'unavailable',
      `PostgreSQL ${Math.floor(version / 10_000)} is too old; version ${VERSION_MIN / 10_000} or newer is needed`,
    )
}
