import type { Finding } from '../finding.ts'

/** What is known about the MQTT broker. */
export type BrokerCheck = {
  /** Without its password. */
  readonly address: string
  readonly protocol: string | undefined
  /** Why there is no connection; undefined if there is one. */
  readonly fault: string | undefined
  /** Whether it accepts clients without a password. */
  readonly isOpen: boolean
  /** The labels of the locks that have an operator. */
  readonly operated: readonly string[]
}

const CLOSE_IT =
  'Set a password_file and allow_anonymous false in mosquitto.conf, and a name and password in MQTT_URL'

/** Checks the broker: anyone who can publish to it can open the locks that have an operator. */
export const brokerFindings = (check: BrokerCheck | undefined): readonly Finding[] => {
  if (!check) return []
  const { address, protocol, fault, isOpen, operated } = check
  const about = { check: 'mqtt' } as const
  if (isOpen && operated.length > 0)
    return [
      {
        ...about,
        state: 'fault',
        says: `Anyone on the network of the broker ${address} can open ${operated.join(', ')}: it accepts clients without a password`,
        fix: `${CLOSE_IT}; until then, remove the operator of each lock: secure-lock-server lock operator ${operated[0] ?? ''} --remove`,
        page: '/manual/home-assistant#open-a-door-from-home-assistant',
      },
    ]
  if (fault !== undefined)
    return [
      {
        ...about,
        state: 'warning',
        says: fault,
        fix: 'Check the broker, and MQTT_URL and MQTT_CA_FILE',
        page: '/manual/home-assistant#connect-it',
        id: 'mqtt-no-connection',
      },
    ]
  if (isOpen)
    return [
      {
        ...about,
        state: 'warning',
        says: `Anyone on the network of the broker ${address} can read who opened the door: it accepts clients without a password`,
        fix: CLOSE_IT,
        page: '/manual/home-assistant#connect-it',
        id: 'mqtt-open',
      },
    ]
  return [
    { ...about, state: 'ok', says: `The broker ${address} answers, by MQTT ${protocol ?? '5'}` },
  ]
}
