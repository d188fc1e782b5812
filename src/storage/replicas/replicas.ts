/** What a replica says about itself when it starts. */
export type ReplicaSelf = {
  readonly name: string
  readonly version: string
  /** Hashes of the settings that all replicas share, by name. */
  readonly settings: Readonly<Record<string, string>>
  /** A hash of the token with which Prometheus reads metrics, if there is one. */
  readonly metricsToken?: string | undefined
}

/** A replica with different settings, and the names of these settings. */
export type Dissenter = { readonly name: string; readonly settings: readonly string[] }

/** The replicas of a home on a server. */
export type Replicas = {
  /** Registers this process as a replica, unless running replicas have different settings; then it returns those. If
   * the others stop counting this process because it was frozen, it registers again, and calls `onDissent` instead. */
  readonly join: (
    self: ReplicaSelf,
    onDissent: (others: readonly Dissenter[]) => void,
  ) => Promise<readonly Dissenter[]>
}
