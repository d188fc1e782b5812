import { DAY_MS } from '../../domain/duration.ts'
import { type Finding, idAbout } from '../finding.ts'

/** A lock that the gateway drives. */
export type DrivenLock = {
  readonly label: string
  /** False if it needs an MQTT broker and none is set. */
  readonly isConnected: boolean
  /** Null if it does not say. */
  readonly isOnline: boolean | null
  /** Whether it says something every day. */
  readonly speaksDaily: boolean
  /** Since when we listen. */
  readonly sinceMs: number
  readonly heardAtMs: number | null
}

/** Reports locks that the gateway drives and does not hear. Without such locks it says nothing. */
export const driverFindings = (locks: readonly DrivenLock[], nowMs: number): readonly Finding[] => {
  if (locks.length === 0) return []
  const found = locks.flatMap((lock) => findingOf(lock, nowMs) ?? [])
  return found.length > 0
    ? found
    : [{ check: 'locks', state: 'ok', says: 'Every lock that the gateway drives was heard' }]
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
      fix: 'Check its battery and the bridge or hub behind it',
    }
  if (!speaksDaily || nowMs - (heardAtMs ?? sinceMs) < DAY_MS) return undefined
  return {
    ...warning,
    says: `The lock ${label} has not been heard for a day`,
    fix: 'Check its battery, the bridge or hub behind it, and the settings of its driver',
  }
}
