type Bounds<Item> = {
  readonly clientOf: (item: Item) => string
  /** The most of all clients together. */
  readonly max: number
  /** The most of one client. */
  readonly maxOf: (client: string) => number
  /** Sorts those to give up first to the front. */
  readonly order: (left: Item, right: Item) => number
}

/** Returns the items to give up until each client, and all together, are within their bounds. If all
 * together have too many, the clients with the most give up theirs until all have equally many, and
 * then those first in order: a client with few loses nothing while another has more. */
export const excess = <Item>(
  items: readonly Item[],
  { clientOf, max, maxOf, order }: Bounds<Item>,
): ReadonlySet<Item> => {
  const clients = [...Map.groupBy(items, clientOf)].map(([client, held]) => ({
    held: held.toSorted(order),
    max: Math.min(held.length, maxOf(client)),
  }))
  const sizes = clients.map((client) => client.max)
  const share = Math.max(fairShare(sizes, max), 1)
  const kept = clients.flatMap(({ held, max: own }) => held.slice(-Math.min(own, share)))
  const keptAtLast = new Set(kept.toSorted(order).slice(-max))
  return new Set(items.filter((item) => !keptAtLast.has(item)))
}

/** Returns the highest number to which all sizes must be cut, so that their sum is within `max`. */
const fairShare = (sizes: readonly number[], max: number): number => {
  let remaining = max
  for (const [at, size] of sizes.toSorted((left, right) => left - right).entries()) {
    const share = Math.floor(remaining / (sizes.length - at))
    if (size > share) return share
    remaining -= size
  }
  return Number.POSITIVE_INFINITY
}
