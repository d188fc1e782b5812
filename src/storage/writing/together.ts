/** Waits for statements of a transaction that were sent together, in one round trip. Rejects if one fails, but only
 * once all have ended, so that none runs after what follows. */
export const together = async <const Sent extends readonly Promise<unknown>[]>(
  sent: Sent,
): Promise<{ -readonly [At in keyof Sent]: Awaited<Sent[At]> }> => {
  await Promise.allSettled(sent)
  return Promise.all(sent)
}
