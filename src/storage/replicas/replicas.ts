/** What a replica says about itself when it starts. */
export type ReplicaSelf = {
  readonly name: string
  readonly version: string
  /** Hashes of the settings that all replicas share, by name. */
  readonly settings: Readonly<Record<string, string>>
}

/** A replica with other settings, and the names of those. */
export type Dissenter = { readonly name: string; readonly settings: readonly string[] }

/** The replicas of a home on a server. */
export type Replicas = {
  /** Counts this process among the replicas from now on, unless others that run have different settings, which it
   * returns then. Called again after a freeze that lasted so long that others no longer counted it, and `onDissent` then
   * tells of those. */
  readonly join: (
    self: ReplicaSelf,
    onDissent: (others: readonly Dissenter[]) => void,
  ) => Promise<readonly Dissenter[]>
}
