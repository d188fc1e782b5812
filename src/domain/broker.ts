/** What arrives on a topic of the broker. */
export type BrokerMessage = {
  readonly topic: string
  readonly payload: string
  /** Whether the broker had kept it, so that it may be old. A message that was sent with the retain flag while we
   * listened arrives without it. */
  readonly isRetained: boolean
  /** When it arrived. */
  readonly atMs: number
}

/** What became of a message: `heard` by the broker and, with MQTT 5, by a listener; `unheard` because nobody
 * listens or there is no connection; `unknown` if the connection broke before the broker answered, or it said that
 * it did not take it. */
export type Published = 'heard' | 'unheard' | 'unknown'

/** The MQTT broker of the home, as one connection. */
export type Broker = {
  /** Publishes to a topic; without a connection nothing is sent, and nothing kept. Never rejects. With QoS 0, or
   * MQTT 3.1.1, nobody says whether anyone listens, and it counts as heard. */
  readonly publish: (
    topic: string,
    payload: string,
    options?: { readonly retain?: boolean; readonly qos?: 0 | 1 },
  ) => Promise<Published>
  /** Calls `listener` with the messages that match `filter`, after each connection too. Returns how to end it. */
  readonly subscribe: (filter: string, listener: (message: BrokerMessage) => void) => () => void
  /** Calls `listener` after each connection, and at once if there is one. Returns how to end it. */
  readonly onConnect: (listener: () => void) => () => void
  readonly isConnected: () => boolean
}
