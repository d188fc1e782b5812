import { BoundedMap } from '../../domain/bounded-map.ts'
import { type Counter, type Counters, LOCKOUT_KINDS } from './rules.ts'
import type { Subjects } from './store.ts'

const COUNTERS_MAX = 20_000

/** Counters of failed logins while the disk is too full to store them. They are lost with the process,
 * which is better than a stranger's guesses taking the space in which an owner logs in. */
export const unsavedCounters = () => {
  const counters = new BoundedMap<string, Counter>(COUNTERS_MAX)
  const keyOf = (subject: Buffer): string => subject.toString('base64')
  return {
    /** Returns the stored counters, with those in memory in their place. */
    over: (stored: Counters, subjects: Subjects): Counters => {
      if (counters.size === 0) return stored
      const counterOf = (kind: keyof Counters) =>
        counters.get(keyOf(subjects[kind])) ?? stored[kind]
      return {
        client: counterOf('client'),
        name: counterOf('name'),
        client_at_name: counterOf('client_at_name'),
      }
    },

    save: (subjects: Subjects, after: Counters): void => {
      for (const kind of LOCKOUT_KINDS) counters.set(keyOf(subjects[kind]), after[kind])
    },

    /** Called once all three are stored. */
    remove: (subjects: Subjects): void => {
      for (const kind of LOCKOUT_KINDS) counters.delete(keyOf(subjects[kind]))
    },

    /** Forgets the failures at a name, and of one client there. */
    forgive: ({ name, client_at_name: clientAtName }: Subjects): void => {
      for (const subject of [name, clientAtName]) counters.delete(keyOf(subject))
    },
  }
}
