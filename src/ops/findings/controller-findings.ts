import { type Finding, idAbout } from '../finding.ts'

/** What is known about the controllers of the home. */
export type ControllerChecks = {
  readonly controllers: readonly {
    /** The label of the lock. */
    readonly lock: string
    readonly name: string
    /** Two of its reports have the same counter. */
    readonly isForked: boolean
    /** It has not polled for a while. */
    readonly isSilent: boolean
    /** It trusts a door key that this gateway has never had, or that was stolen. */
    readonly trustsOtherKey: boolean
    /** How many runs of its reports are missing. */
    readonly gaps: number
  }[]
  /** Whether the private half of the door key is missing. */
  readonly isKeyMissing: boolean
}

type Controller = ControllerChecks['controllers'][number]

const PAGE = '/manual/controller'

/** Reports controllers that do not open their locks, or hide something; nothing without controllers. */
export const controllerFindings = ({
  controllers,
  isKeyMissing,
}: ControllerChecks): readonly Finding[] => {
  if (controllers.length === 0) return []
  const found = controllers.flatMap((one) => findingOf(one) ?? [])
  if (isKeyMissing)
    found.unshift({
      check: 'controllers',
      state: 'fault',
      says: 'The key that signs commands to controllers is missing: no lock with a controller opens',
      fix: 'Copy door-signing-key from another replica or a backup. If there is none, run secure-lock-server lock door-key rotate --stolen, and enrol every controller again',
      page: PAGE,
    })
  return found.length > 0
    ? found
    : [{ check: 'controllers', state: 'ok', says: 'Every controller is waiting for commands' }]
}

const findingOf = (controller: Controller): Finding | undefined => {
  const { lock, name, isForked, isSilent, trustsOtherKey, gaps } = controller
  const about = { check: 'controllers', page: PAGE } as const
  const which = `The controller ${name} of the lock ${lock}`
  if (isForked)
    return {
      ...about,
      state: 'fault',
      says: `${which} is no longer trusted: somebody copied its key, or restored an old image of it`,
      fix: 'Look at the device; then remove the controller, and enrol it again with an empty state folder',
    }
  if (trustsOtherKey)
    return {
      ...about,
      state: 'fault',
      says: `${which} does not accept commands: it trusts another door key, perhaps because an older backup was restored`,
      fix: 'Enrol it again, with a code from the page of its door',
    }
  if (isSilent)
    return {
      ...about,
      state: 'warning',
      says: `${which} has stopped answering`,
      fix: 'Check its power and its network, and its own log',
      id: idAbout('controller-silent', lock, name),
    }
  if (gaps === 0) return undefined
  return {
    ...about,
    state: 'warning',
    says: `Reports of the controller ${name} of the lock ${lock} are missing`,
    fix: 'The page of its door names them. If the device was offline for long, they may be lost',
    id: idAbout('controller-reports-missing', lock, name, String(gaps)),
  }
}
