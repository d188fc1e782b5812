import type { Endpoint } from '../../http/endpoint.ts'
import { accessService } from './access.ts'
import { guestAccess } from './guest-access.ts'
import { attemptRetention } from './retention.ts'
import { decisionRoutes } from './routes.ts'
import { attemptService } from './service.ts'

type Dependencies = Omit<Parameters<typeof attemptService>[0], 'nextAtMs' | 'nextAtMsOfGuest'> &
  Parameters<typeof accessService>[0] &
  Parameters<typeof guestAccess>[0] &
  Parameters<typeof attemptRetention>[0] &
  Pick<Parameters<typeof decisionRoutes>[0], 'requireRoom' | 'recordRefused'>

/** Decides who may open which lock, and explains it. */
export const decisionModule = (deps: Dependencies) => {
  const access = accessService(deps)
  const guests = guestAccess(deps)
  const attempts = attemptService({
    ...deps,
    nextAtMs: access.nextAtMs,
    nextAtMsOfGuest: guests.nextAtMs,
  })
  const routes: readonly Endpoint[] = decisionRoutes({ ...deps, attempts, access, guests })
  return { access, guests, attempts, retention: attemptRetention(deps), routes }
}
