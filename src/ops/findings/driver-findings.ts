import { DAY_MS } from '../../domain/duration.ts'
import { type Finding, idAbout } from '../finding.ts'

/** A lock with a driver. */
export type DrivenLock = {
  readonly label: string
  /** False if it needs an MQTT broker and none is set. */
  readonly isConnected: boolean
  /** Null if unknown. */
  readonly isOnline: boolean | null
  /** Whether it reports at least once a day. */
  readonly speaksDaily: boolean
  /** Since when the gateway has listened. */
  readonly sinceMs: number
  readonly heardAtMs: number | null
}

/** Reports locks with a driver that have not been heard from; nothing without such locks. */
export const driverFindings = (locks: readonly DrivenLock[], nowMs: number): readonly Finding[] => {
  if (locks.length === 0) return []
  const found = locks.flatMap((lock) => findingOf(lock, nowMs) ?? [])
  return found.length > 0
    ? found
    : [{ check: 'locks', state: 'ok', says: 'Every lock with a driver has been heard from' }]
}

const findingOf = (lock: DrivenLock, nowMs: number): Finding | undefined => {
  const { label, isConnected, isOnline, speaksDaily, sinceMs, heardAtMs } = lock
  const warning = {
    check: 'locks',
    state: 'warning',
    page: '/manual/doors#the-lock-itself',
    id: idAbout('lock-unheard', label),
  } as const
  if (!isConnected)
    return {
      ...warning,
      says: `The gateway cannot reach the lock ${label}: MQTT_URL is not set`,
      fix: 'Set MQTT_URL, or remove the driver of the lock',
    }
  if (isOnline === false)
    return {
      ...warning,
      says: `The lock ${label} is offline`,
      fix: 'Check its battery, and its bridge or hub',
    }
  if (!speaksDaily || nowMs - (heardAtMs ?? sinceMs) < DAY_MS) return undefined
  return {
    ...warning,
    says: `The lock ${label} has sent nothing for a day`,
    fix: 'Check its battery, its bridge or hub, and the settings of its driver',
  }
}
