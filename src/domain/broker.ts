/** A message received from the broker. */
export type BrokerMessage = {
  readonly topic: string
  readonly payload: string
  /** Whether it is a retained message, and so may be old. A message that is published with the retain flag while we
   * are subscribed arrives without the flag. */
  readonly isRetained: boolean
  /** When it was received. */
  readonly atMs: number
}

/** The result of publishing: `heard` if the broker acknowledged the message and, with MQTT 5, has a subscriber for it;
 * `unheard` without a subscriber or a connection; `unknown` if the broker refused it, or the connection broke
 * before the acknowledgement. */
export type Published = 'heard' | 'unheard' | 'unknown'

/** A connection to the MQTT broker of the home. */
export type Broker = {
  /** Publishes to a topic. Without a connection, nothing is sent or queued. Never rejects. With QoS 0 or MQTT 3.1.1
   * the broker does not report subscribers, and the message counts as heard. */
  readonly publish: (
    topic: string,
    payload: string,
    options?: { readonly retain?: boolean; readonly qos?: 0 | 1 },
  ) => Promise<Published>
  /** Calls `listener` with each message that matches `filter`; survives reconnections. Returns a function that
   * unsubscribes. */
  readonly subscribe: (filter: string, listener: (message: BrokerMessage) => void) => () => void
  /** Calls `listener` after each connection, and at once if connected. Returns a function that removes it. */
  readonly onConnect: (listener: () => void) => () => void
  readonly isConnected: () => boolean
}
