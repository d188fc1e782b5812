/** The first and last number of each run. */
type Runs = readonly (readonly number[])[]

const NAMED_MAX = 3

/** Says which reports of a controller never arrived: `Reports 17 to 19 and 23 never arrived.` */
export const missingWords = (missing: Runs): string => {
  const runs = missing.map(([first = 0, last = first]) =>
    first === last ? `${first}` : `${first} to ${last}`,
  )
  const more = runs.length - NAMED_MAX
  const named = more > 1 ? [...runs.slice(0, NAMED_MAX), `${more} more gaps`] : runs
  const last = named.at(-1) ?? ''
  const isOne = missing.length === 1 && missing[0]?.[0] === missing[0]?.[1]
  const list = named.length < 2 ? last : `${named.slice(0, -1).join(', ')} and ${last}`
  return `${isOne ? 'Report' : 'Reports'} ${list} never arrived.`
}
