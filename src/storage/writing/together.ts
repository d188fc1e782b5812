/** Waits for statements of a transaction that were sent together, so that a server is waited for once. If one fails, it
 * rejects, but only once all have ended: none runs after what follows. */
export const together = async <const Sent extends readonly Promise<unknown>[]>(
  sent: Sent,
): Promise<{ -readonly [At in keyof Sent]: Awaited<Sent[At]> }> => {
  await Promise.allSettled(sent)
  return Promise.all(sent)
}
