import type { Config } from '../config/config.ts'

/** The names of the gateway's topics. */
export type Topics = ReturnType<typeof topicsOf>

/** Returns the topics of a gateway; `gid` distinguishes gateways at the same broker. */
export const topicsOf = ({ mqttTopic: prefix, mqttDiscovery: discovery, gid }: Naming) => {
  const base = `${prefix}/${gid}`
  const at = (label: string) => `${base}/locks/${label}`
  return {
    gid,
    /** Everything that the gateway publishes. */
    all: `${base}/#`,
    /** `online` or `offline`. */
    status: `${base}/status`,
    log: `${base}/log`,
    /** What people of the home may have to do something about. */
    notices: `${base}/notices`,
    unlocks: (label: string) => `${at(label)}/unlocks`,
    denials: (label: string) => `${at(label)}/denials`,
    guests: (label: string) => `${at(label)}/guests`,
    last: (label: string) => `${at(label)}/last`,
    state: (label: string) => `${at(label)}/state`,
    commands: (label: string) => `${at(label)}/set`,
    anyCommand: `${base}/locks/+/set`,
    /** The id of a lock’s device in Home Assistant. Unique, since labels contain hyphens but no underscores. */
    device: (label: string) => `secure_lock_${gid}_${label.replaceAll('-', '_')}`,
    config: (label: string) =>
      `${discovery}/device/secure_lock_${gid}_${label.replaceAll('-', '_')}/config`,
    /** Makes the gateway announce everything again. */
    announce: `${base}/announce`,
    /** Home Assistant’s birth message. */
    birth: `${discovery}/status`,
    /** Returns the label of the lock that a command topic belongs to. */
    lockOf: (topic: string): string => topic.slice(base.length + '/locks/'.length, -'/set'.length),
  }
}

type Naming = Pick<Config, 'mqttTopic' | 'mqttDiscovery'> & { readonly gid: string }

/** Returns whether a topic matches a filter (section 4.7 of MQTT 5). */
export const isMatch = (filter: string, topic: string): boolean => {
  const [levels, names] = [filter.split('/'), topic.split('/')]
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const end = levels.at(-1) === '#' ? levels.length - 1 : undefined
  if (end === undefined ? levels.length !== names.length : names.length < end) return false
  return levels.slice(0, end).every((level, at) => level === '+' || level === names[at])
}
