import type { Static } from '@sinclair/typebox'
import type { UnitsAnswer } from '../../../accounts/people/schema.ts'
import { api } from './client.ts'
import { useLoad } from './load.ts'

/** Loads the units that accounts belong to, in the order people expect: Flat 2 before Flat 10. Members do
 * not see them. */
export const useUnits = (isMember = false): readonly string[] => {
  const { data } = useLoad(`units ${isMember}`, async (signal) =>
    isMember ? [] : (await api.get<Static<typeof UnitsAnswer>>('/v1/units', { signal })).units,
  )
  return (data ?? []).map(({ unit }) => unit).sort(byNumber)
}

const byNumber = new Intl.Collator(undefined, { numeric: true }).compare
