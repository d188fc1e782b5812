import { AppError } from '../../errors.ts'
import type { Client } from './client.ts'
import { isStillStarting } from './faults.ts'

/** How long a start waits for a server that is still starting, as after a power cut, and how often it asks. */
export const START_MS_MAX = 60_000
const RETRY_MS = 250

/** The oldest server that the statements are written for, as `server_version_num` says it. */
const VERSION_MIN = 140_000

type Options = {
  /** Called once if the server does not answer yet, with the reason. */
  readonly onWait: (reason: string) => void
  readonly startMs?: number | undefined
}

/** Waits until the server answers. Throws `unavailable` if it does not in time or refuses the login, and
 * another error if it is too old, or the database is not in UTF-8. */
export const waitForServer = async (
  client: Client,
  { onWait, startMs = START_MS_MAX }: Options,
): Promise<void> => {
  const deadlineMs = performance.now() + startMs
  let isWaiting = false
  for (;;) {
    try {
      const [answer] = await client.script(FACTS)
      requireUsable(answer?.[0] ?? {})
      return
    } catch (error) {
      if (!isStillStarting(error) || performance.now() > deadlineMs) throw error
      if (!isWaiting) onWait((error as AppError).message)
      isWaiting = true
      await Bun.sleep(RETRY_MS)
    }
  }
}

const FACTS = `SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding`

/** Throws an error, which no wait can change, unless the server is new enough and the database in UTF-8. */
const requireUsable = (facts: Readonly<Record<string, unknown>>): void => {
  const version = Number(facts['version'])
  if (version < VERSION_MIN)
    throw new Error(
      `PostgreSQL ${Math.floor(version / 10_000)} is too old; version ${VERSION_MIN / 10_000} or newer is needed`,
    )
  // Other encodings lack characters that names may have.
  if (facts['encoding'] !== 'UTF8')
    throw new Error(
      `the database has the encoding ${String(facts['encoding'])}; create it with createdb --encoding UTF8 --template template0`,
    )
}
