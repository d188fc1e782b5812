import type { Config } from '../config/config.ts'

/** The names of the gateway's topics. */
export type Topics = ReturnType<typeof topicsOf>

/** Returns the topics of a gateway; `gid` tells gateways at one broker apart. */
export const topicsOf = ({ mqttTopic: prefix, mqttDiscovery: discovery, gid }: Naming) => {
  const base = `${prefix}/${gid}`
  const at = (label: string) => `${base}/locks/${label}`
  return {
    gid,
    /** Everything that the gateway says. */
    all: `${base}/#`,
    /** `online` or `offline`. */
    status: `${base}/status`,
    log: `${base}/log`,
    unlocks: (label: string) => `${at(label)}/unlocks`,
    denials: (label: string) => `${at(label)}/denials`,
    last: (label: string) => `${at(label)}/last`,
    state: (label: string) => `${at(label)}/state`,
    commands: (label: string) => `${at(label)}/set`,
    anyCommand: `${base}/locks/+/set`,
    /** The device of a lock in Home Assistant. Labels have hyphens and no underscores, so two of them never have
     * the same. */
    device: (label: string) => `secure_lock_${gid}_${label.replaceAll('-', '_')}`,
    config: (label: string) =>
      `${discovery}/device/secure_lock_${gid}_${label.replaceAll('-', '_')}/config`,
    /** Asks the gateway to announce everything again. */
    announce: `${base}/announce`,
    /** Where Home Assistant says that it is there. */
    birth: `${discovery}/status`,
    /** Returns the lock whose commands come on a topic. */
    lockOf: (topic: string): string => topic.slice(base.length + '/locks/'.length, -'/set'.length),
  }
}

type Naming = Pick<Config, 'mqttTopic' | 'mqttDiscovery'> & { readonly gid: string }

/** Whether a topic matches a filter (section 4.7 of MQTT 5). */
export const isMatch = (filter: string, topic: string): boolean => {
  const [levels, names] = [filter.split('/'), topic.split('/')]
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const end = levels.at(-1) === '#' ? levels.length - 1 : undefined
  if (end === undefined ? levels.length !== names.length : names.length < end) return false
  return levels.slice(0, end).every((level, at) => level === '+' || level === names[at])
}
